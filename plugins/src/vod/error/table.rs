//! The error codes of the API (protocol section 6), as data.

use Verdict::{Done, Fatal, Retry, RetryUpTo};

/// What an error code means for the attempt that met it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Another attempt may succeed.
    Retry,
    /// Another attempt may succeed, up to and including the one after this attempt; then it is fatal.
    RetryUpTo(u32),
    /// The vendor has this request already.
    Done,
    /// No attempt can succeed until a person acts.
    Fatal,
}

/// How often an error that the vendor does not explain is repeated.
const FEW: u32 = 3;

const OTHER: (Verdict, &str) = (RetryUpTo(FEW), "an error that is not known here");

/// Code, verdict, advice. A code that ends in `.*` stands for itself without that and for all its details; the longest
/// one that fits counts.
pub const TABLE: &[(&str, Verdict, &str)] = &[
    // Passing.
    ("RequestLimitExceeded.*", Retry, "the limit of requests per second is reached"),
    ("InternalError.*", Retry, "the service failed"),
    ("ServiceUnavailable.*", Retry, "the service is not available"),
    ("FailedOperation.NetWorkError", Retry, "the service failed"),
    ("FailedOperation.DBError", Retry, "the service failed"),
    ("FailedOperation.*", RetryUpTo(FEW), "the operation failed and the vendor gives no further reason"),
    ("ResourceUnavailable.*", RetryUpTo(FEW), "the resource is not available at the moment"),
    // Each attempt signs anew and resolves its key anew.
    (
        "AuthFailure.SignatureExpire",
        RetryUpTo(1),
        "the clock of this machine is off by more than 5 minutes: set it (NTP)",
    ),
    ("AuthFailure.TokenFailure", RetryUpTo(1), "the temporary key is no longer valid: renew it"),
    // Already done.
    ("InvalidParameterValue.SessionId", Done, "a request with this SessionId was taken before"),
    ("InvalidParameterValue.UniqueIdentifier", Done, "a request with this identifier was taken before"),
    ("FailedOperation.TaskDuplicate", Done, "this task was taken before"),
    // The operator must act.
    ("UnauthorizedOperation.*", Fatal, "the key may not do this: grant the vod action on this application in CAM"),
    (
        "AuthFailure.UnauthorizedOperation",
        Fatal,
        "the key may not do this: grant the vod action on this application in CAM",
    ),
    ("AuthFailure.SecretIdNotFound", Fatal, "no such SecretId: correct the application's credentials"),
    ("AuthFailure.InvalidSecretId", Fatal, "not a SecretId of this kind of API: correct the application's credentials"),
    ("AuthFailure.SignatureFailure", Fatal, "the SecretKey does not belong to the SecretId: correct the credentials"),
    (
        "AuthFailure.InvalidAuthorization",
        Fatal,
        "the signature was not understood: check the SecretId and the endpoint",
    ),
    ("AuthFailure.MFAFailure", Fatal, "the account asks for a second factor: use the key of a CAM user without one"),
    ("AuthFailure.*", Fatal, "the key was not accepted: correct the application's credentials"),
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
    ("InvalidParameter.*", Fatal, "a parameter is wrong"),
    (
        "InvalidParameter.ProcedureNameNotExist",
        Fatal,
        "no such procedure in this application: create it or correct ProcedureName",
    ),
    ("InvalidParameterValue.*", Fatal, "the value of a parameter is wrong"),
    ("MissingParameter.*", Fatal, "a parameter is missing"),
    ("UnknownParameter.*", Fatal, "a parameter is not known to the API"),
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
    ("LimitExceeded.*", Fatal, "a quota of the account or the application is used up: raise it with the vendor"),
    ("UnsupportedOperation.*", Fatal, "the API does not support this for this file or application"),
    ("InvalidAction.*", Fatal, "the endpoint does not know this API: correct the endpoint"),
    ("NoSuchVersion.*", Fatal, "the endpoint does not know this version of the API: correct the endpoint"),
    ("UnsupportedRegion.*", Fatal, "the service is not offered in this region: correct or drop the region"),
];

/// What a code means, and what a person can do about it.
#[must_use]
pub fn verdict(code: &str) -> (Verdict, &'static str) {
    let exact = TABLE.iter().find(|(known, ..)| *known == code);
    let found = exact.or_else(|| {
        let fits = |known: &str| {
            known
                .strip_suffix(".*")
                .and_then(|stem| code.strip_prefix(stem))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        TABLE.iter().filter(|(known, ..)| fits(known)).max_by_key(|(known, ..)| known.len())
    });
    found.map_or(OTHER, |(_, verdict, advice)| (*verdict, *advice))
}
