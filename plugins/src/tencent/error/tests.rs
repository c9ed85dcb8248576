use super::Verdict::{Done, Fatal, Limited, Retry, RetryUpTo};
use super::*;
use crate::vod::ERRORS;

/// Every code that protocol section 6 names, with what it says there.
const PROTOCOL: &[(&str, Verdict)] = &[
    ("RequestLimitExceeded", Limited),
    ("RequestLimitExceeded.UinLimitExceeded", Limited),
    ("RequestLimitExceeded.GlobalRegionUinLimitExceeded", Limited),
    ("RequestLimitExceeded.IPLimitExceeded", Limited),
    ("InternalError", Retry),
    ("InternalError.DBError", Retry),
    ("InternalError.SomethingNew", Retry),
    ("FailedOperation.NetWorkError", Retry),
    ("FailedOperation.DBError", Retry),
    ("ServiceUnavailable", Retry),
    ("ResourceUnavailable", RetryUpTo(3)),
    ("FailedOperation", RetryUpTo(3)),
    ("AuthFailure.SignatureExpire", RetryUpTo(1)),
    ("AuthFailure.TokenFailure", RetryUpTo(1)),
    ("InvalidParameterValue.SessionId", Done),
    ("InvalidParameterValue.UniqueIdentifier", Done),
    ("FailedOperation.TaskDuplicate", Done),
    ("UnauthorizedOperation", Fatal),
    ("AuthFailure.UnauthorizedOperation", Fatal),
    ("AuthFailure.SecretIdNotFound", Fatal),
    ("AuthFailure.SignatureFailure", Fatal),
    ("AuthFailure.InvalidSecretId", Fatal),
    ("AuthFailure.InvalidAuthorization", Fatal),
    ("AuthFailure.MFAFailure", Fatal),
    ("FailedOperation.InvalidVodUser", Fatal),
    ("FailedOperation.InvalidAccount", Fatal),
    ("FailedOperation.UserStatusInavlid", Fatal),
    ("FailedOperation.NoPrivileges", Fatal),
    ("ResourceNotFound.ServiceNotExist", Fatal),
    ("ResourceNotFound.UserNotExist", Fatal),
    ("InvalidParameterValue.SubAppId", Fatal),
    ("InvalidParameterValue.AppId", Fatal),
    ("InvalidParameter", Fatal),
    ("InvalidParameter.Labels", Fatal),
    ("InvalidParameterValue", Fatal),
    ("InvalidParameterValue.Watermarks", Fatal),
    ("MissingParameter", Fatal),
    ("UnknownParameter", Fatal),
    ("InvalidParameterValue.FileId", Fatal),
    ("InvalidParameterValue.Definition", Fatal),
    ("InvalidParameterValue.AiAnalysisTaskDefinition", Fatal),
    ("InvalidParameterValue.AiContentReviewTaskDefinition", Fatal),
    ("InvalidParameterValue.AiRecognitionTaskDefinition", Fatal),
    ("InvalidParameterValue.ProcedureName", Fatal),
    ("InvalidParameterValue.SessionIdTooLong", Fatal),
    ("InvalidParameterValue.SessionContextTooLong", Fatal),
    ("ResourceNotFound.FileNotExist", Fatal),
    ("ResourceNotFound.TemplateNotExist", Fatal),
    ("FailedOperation.MediaType", Fatal),
    ("FailedOperation.MediaForbidedBySystem", Fatal),
    ("LimitExceeded", Fatal),
    ("LimitExceeded.Quota", Fatal),
    ("UnsupportedOperation", Fatal),
    ("InvalidAction", Fatal),
    ("NoSuchVersion", Fatal),
    ("UnsupportedRegion", Fatal),
];

fn api(code: &str) -> CallError {
    let error = ApiError { code: code.to_owned(), message: "no".to_owned(), request_id: "r-1".to_owned() };
    CallError::Api { error, after: None }
}

const RETRY: ErrorClass = ErrorClass::Retry { after: None };

#[test]
fn every_code_of_the_protocol_has_the_verdict_that_it_says() {
    for (code, expected) in PROTOCOL {
        assert_eq!(ERRORS.verdict(code).0, *expected, "{code}");
    }
}

#[test]
fn no_code_is_listed_twice_and_every_advice_is_a_fragment() {
    let all: Vec<_> =
        ERRORS.own.iter().chain(GENERAL.iter().filter(|(code, ..)| *code != "ResourceNotFound.*")).collect();
    for (at, (code, _, advice)) in all.iter().enumerate() {
        assert!(all.iter().skip(at + 1).all(|(other, ..)| other != code), "{code}");
        assert!(!advice.is_empty() && !advice.ends_with('.'), "{code}: {advice}");
    }
}

#[test]
fn a_detail_that_is_not_known_takes_the_verdict_of_its_category() {
    assert_eq!(ERRORS.verdict("AuthFailure.SomethingNew").0, Fatal);
    assert_eq!(ERRORS.verdict("FailedOperation.SomethingNew").0, RetryUpTo(3));
    assert_eq!(ERRORS.verdict("UnauthorizedOperation.DomainRecordNotVerified").0, Fatal);
    assert_eq!(ERRORS.verdict("InternalErrors").0, RetryUpTo(3), "a category that only starts alike is another one");
    assert_eq!(ERRORS.verdict("").0, RetryUpTo(3));
}

#[test]
fn a_few_attempts_then_fatal() {
    let class = |code, attempt| api(code).into_action_error(ERRORS, attempt, true).class;
    assert_eq!(class("FailedOperation", 3), RETRY);
    assert_eq!(class("FailedOperation", 4), ErrorClass::Fatal);
    assert_eq!(class("AuthFailure.SignatureExpire", 1), RETRY);
    assert_eq!(class("AuthFailure.SignatureExpire", 2), ErrorClass::Fatal);
    assert_eq!(class("InternalError", 1_000), RETRY);
}

#[test]
fn a_message_says_what_to_do_what_the_vendor_said_and_the_request() {
    let error = api("InvalidParameterValue.FileId").into_action_error(ERRORS, 1, true);
    assert_eq!(error.class, ErrorClass::Fatal);
    assert_eq!(
        error.to_string(),
        "InvalidParameterValue.FileId: no such file in this application: check FileId, and that SubAppId is the \
         file's own; the vendor says \"no\" (request r-1)"
    );
}

#[test]
fn what_a_server_says_is_cut_and_put_on_one_line() {
    let error =
        ApiError {
            code: "X\n".repeat(200), message: format!("a\r\nb{}", "长".repeat(400)), request_id: String::new()
        };
    let error = CallError::Api { error, after: None }.into_action_error(ERRORS, 1, true);
    assert!(error.message.contains("\"a  b长") && error.message.ends_with("长…\""), "{}", error.message);
    assert!(error.message.chars().count() < MESSAGE_LIMIT + 60);
    assert!(error.code.chars().count() == 101 && !error.code.contains('\n'));
}

#[test]
fn only_duplicates_are_duplicates() {
    assert!(api("InvalidParameterValue.SessionId").is_duplicate(ERRORS));
    assert!(!api("InvalidParameterValue.SessionIdTooLong").is_duplicate(ERRORS));
    assert!(!CallError::Status { status: 409, after: None }.is_duplicate(ERRORS));
}

#[test]
fn an_attempt_that_may_have_taken_effect_is_repeated_only_with_a_session_id() {
    let lost = || CallError::NoAnswer { reason: "time-out".to_owned() };
    assert_eq!(lost().into_action_error(ERRORS, 1, true).class, RETRY);
    assert_eq!(lost().into_action_error(ERRORS, 1, false).class, ErrorClass::Unknown);
    let unsent = CallError::NotSent { reason: "refused".to_owned() };
    assert_eq!(unsent.into_action_error(ERRORS, 1, false).class, RETRY);
}

#[test]
fn http_statuses_have_classes_and_a_retry_after_is_kept() {
    let after = Some(Duration::from_secs(7));
    let class = |status, keyed| CallError::Status { status, after }.into_action_error(ERRORS, 1, keyed).class;
    for status in [408, 429, 500, 502, 503, 504, 599] {
        assert_eq!(class(status, true), ErrorClass::Retry { after }, "{status}");
    }
    assert_eq!(class(429, false), ErrorClass::Retry { after });
    assert_eq!(class(503, false), ErrorClass::Retry { after });
    assert_eq!(class(502, false), ErrorClass::Unknown);
    for status in [301, 307, 400, 403, 404, 413] {
        assert_eq!(class(status, true), ErrorClass::Fatal, "{status}");
    }
}

#[test]
fn a_service_of_which_nothing_is_known_gets_the_general_advice_and_none_of_vod() {
    for (code, expected) in
        [("InternalError", Retry), ("RequestLimitExceeded.IPLimitExceeded", Limited), ("AuthFailure.MFAFailure", Fatal)]
    {
        assert_eq!(Errors::GENERAL.verdict(code).0, expected, "{code}");
    }
    assert_eq!(
        Errors::GENERAL.verdict("ResourceNotFound.FileNotExist").1,
        "something that the request names does not exist"
    );
    for (code, _, advice) in GENERAL {
        assert!(!advice.to_lowercase().contains("vod"), "{code}: {advice}");
    }
}

#[test]
fn an_error_tells_whether_the_api_is_well() {
    let status = |status| CallError::Status { status, after: None }.health(ERRORS);
    let said = |code: &str| {
        let error = ApiError { code: code.to_owned(), message: String::new(), request_id: String::new() };
        CallError::Api { error, after: Some(Duration::from_secs(7)) }.health(ERRORS)
    };
    let reason = || "gone".to_owned();
    assert_eq!(CallError::NotSent { reason: reason() }.health(ERRORS), Health::Troubled);
    assert_eq!(CallError::NoAnswer { reason: reason() }.health(ERRORS), Health::Troubled);
    assert_eq!(CallError::TooLarge { limit: 1 }.health(ERRORS), Health::Well);
    assert_eq!(CallError::Invalid { reason: reason() }.health(ERRORS), Health::Untold);
    assert_eq!([500, 502, 503, 408].map(status), [Health::Troubled; 4]);
    assert_eq!([429, 302, 404].map(status), [Health::Limited(None), Health::Untold, Health::Untold]);
    for code in ["InternalError", "InternalError.Timeout", "ServiceUnavailable", "FailedOperation.DBError"] {
        assert_eq!(said(code), Health::Troubled, "{code}");
    }
    for code in ["FailedOperation", "InvalidParameterValue.FileId", "InvalidParameterValue.SessionId", "Unheard.Of"] {
        assert_eq!(said(code), Health::Well, "{code}");
    }
    assert_eq!(said("RequestLimitExceeded.IPLimitExceeded"), Health::Limited(Some(Duration::from_secs(7))));
}

#[test]
fn what_was_held_back_names_its_api_and_the_time_of_the_next_try_and_is_no_attempt() {
    let held = CallError::Held { what: "the API Do of vod is left alone".to_owned(), held: Held::Open(Duration::ZERO) };
    let error = held.into_action_error(ERRORS, 1, false);
    assert_eq!((error.code.as_str(), error.class), ("BreakerOpen", ErrorClass::Held { after: Duration::ZERO }));
    let (what, when) = error.message.split_once(": not sent, tried again from ").unwrap();
    assert_eq!(what, "the API Do of vod is left alone");
    assert!(when.strip_suffix(" on").unwrap().parse::<jiff::Timestamp>().is_ok(), "{when}");
    let full = CallError::Held { what: String::new(), held: Held::Full(Duration::from_secs(1)) };
    assert_eq!(full.into_action_error(ERRORS, 1, false).code, "RateReached");
}
