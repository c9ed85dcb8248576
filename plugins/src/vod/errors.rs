//! The error codes of VOD (protocol section 6) besides those of every service, as data.

use crate::tencent::error::Verdict::{Done, Fatal, Retry};
use crate::tencent::error::{Entry, Errors};

/// All that VOD answers.
pub const ERRORS: Errors = Errors { own: OWN };

const OWN: &[Entry] = &[
    // Passing.
    ("FailedOperation.NetWorkError", Retry, "the service failed"),
    ("FailedOperation.DBError", Retry, "the service failed"),
    // Already done.
    ("InvalidParameterValue.SessionId", Done, "a request with this SessionId was taken before"),
    ("InvalidParameterValue.UniqueIdentifier", Done, "a request with this identifier was taken before"),
    ("FailedOperation.TaskDuplicate", Done, "this task was taken before"),
    // The operator must act.
    (
        "FailedOperation.InvalidVodUser",
        Fatal,
        "VOD is not activated for this account, or SubAppId is missing, which accounts since 2023-12-25 must send",
    ),
    ("FailedOperation.InvalidAccount", Fatal, "the account is not valid: check it in the console"),
    ("FailedOperation.UserStatusInavlid", Fatal, "the account is suspended: check its balance in the console"),
    ("FailedOperation.NoPrivileges", Fatal, "the account may not use this feature: ask the vendor to enable it"),
    ("ResourceNotFound.ServiceNotExist", Fatal, "VOD is not activated for this account: activate it in the console"),
    ("ResourceNotFound.UserNotExist", Fatal, "the account is not known to VOD: activate VOD in the console"),
    (
        "InvalidParameterValue.SubAppId",
        Fatal,
        "no such application for this key: SubAppId is wrong, or is the account's APPID",
    ),
    ("InvalidParameterValue.AppId", Fatal, "no such application for this key: correct SubAppId"),
    // The rule or the event is wrong.
    (
        "InvalidParameter.ProcedureNameNotExist",
        Fatal,
        "no such procedure in this application: create it or correct ProcedureName",
    ),
    (
        "InvalidParameterValue.FileId",
        Fatal,
        "no such file in this application: check FileId, and that SubAppId is the file's own",
    ),
    (
        "InvalidParameterValue.Definition",
        Fatal,
        "no such template in this application: apart from presets, a definition belongs to one application",
    ),
    (
        "InvalidParameterValue.AiAnalysisTaskDefinition",
        Fatal,
        "no such analysis template in this application: correct Definition",
    ),
    (
        "InvalidParameterValue.AiContentReviewTaskDefinition",
        Fatal,
        "no such review template in this application: correct Definition",
    ),
    (
        "InvalidParameterValue.AiRecognitionTaskDefinition",
        Fatal,
        "no such recognition template in this application: correct Definition",
    ),
    (
        "InvalidParameterValue.ProcedureName",
        Fatal,
        "no such procedure in this application: create it or correct ProcedureName",
    ),
    ("InvalidParameterValue.SessionIdTooLong", Fatal, "SessionId is longer than 50 characters: shorten it"),
    ("InvalidParameterValue.SessionContextTooLong", Fatal, "SessionContext is longer than 1000 characters: shorten it"),
    (
        "ResourceNotFound.FileNotExist",
        Fatal,
        "no such file in this application: deleted meanwhile, or SubAppId is not the file's own",
    ),
    (
        "ResourceNotFound.TemplateNotExist",
        Fatal,
        "no such template in this application: apart from presets, a definition belongs to one application",
    ),
    ("ResourceNotFound.*", Fatal, "something that the request names does not exist in this application"),
    (
        "FailedOperation.MediaType",
        Fatal,
        "the file is not of a kind that this task takes: filter on Category in the rule",
    ),
    ("FailedOperation.MediaForbidedBySystem", Fatal, "the vendor has forbidden this file: see it in the console"),
];
