use std::sync::Arc;

use super::*;
use crate::action::{App, ErrorClass};
use crate::testing::call;
use crate::testing::stand_in::{Answer, StandIn};

const RETRY: ErrorClass = ErrorClass::Retry { after: None };

fn action(vod: &str, plain_loopback: bool) -> TencentCall {
    TencentCall::new(vod::Client::new(vod.parse().unwrap(), Some("ap-guangzhou")).unwrap(), plain_loopback)
}

/// A step that calls this API of VOD.
fn params(action: &str, more: &str) -> String {
    format!(r#"{{"service":"vod","version":"2018-07-17","action":"{action}"{more}}}"#)
}

async fn answered(answer: Answer, params: &str) -> Result<Value, ActionError> {
    let stand_in = StandIn::start([answer]).await;
    action(&format!("http://{}", stand_in.address), false).call(call(params)).await
}

fn refused(params: &str) -> ActionError {
    let action = action("vod.tencentcloudapi.com", false);
    let call = call(params);
    let params: CallParams = params::decode(&call.params).unwrap();
    check(&params).and_then(|()| action.endpoint(&params).map(|_| ())).unwrap_err()
}

#[tokio::test]
async fn parameters_are_sent_as_they_are_written_and_the_members_of_the_response_come_back() {
    let body = r#"{"Response":{"MediaInfoSet":[{"Size":18446744073709551617}],"RequestId":"r-1"}}"#;
    let stand_in = StandIn::start([Answer::http("200 OK", "", body)]).await;
    let more = r#","params":{"SubAppId":1500000001,"Big":18446744073709551617,"Fraction":1.50}"#;
    let action = action(&format!("http://{}", stand_in.address), false);
    let outputs = action.call(call(&params("DescribeMediaInfos", more))).await.unwrap();
    assert_eq!(outputs.to_json(), r#"{"MediaInfoSet":[{"Size":18446744073709551617}],"RequestId":"r-1"}"#);
    let requests = stand_in.requests();
    let sent = String::from_utf8_lossy(&requests[0].body);
    assert_eq!(sent, r#"{"Big":18446744073709551617,"Fraction":1.5,"SubAppId":1500000001}"#);
    let header = |name: &str| requests[0].header(name).unwrap().to_owned();
    assert_eq!(header("x-tc-action"), "DescribeMediaInfos");
    assert_eq!(header("x-tc-region"), "ap-guangzhou");
    assert!(header("authorization").contains("/vod/tc3_request"));
}

#[tokio::test]
async fn nothing_is_filled_in() {
    let stand_in = StandIn::start([Answer::task()]).await;
    let action = action(&format!("http://{}", stand_in.address), false);
    action.call(call(&params("CreateSubAppId", ""))).await.unwrap();
    assert_eq!(stand_in.requests()[0].body, b"{}");
}

#[tokio::test]
async fn another_service_goes_to_the_endpoint_that_is_written_and_is_signed_with_its_name() {
    let stand_in = StandIn::start([Answer::task()]).await;
    let written = format!(
        r#"{{"service":"cdn","version":"2018-06-06","action":"PurgeUrlsCache","endpoint":"http://{}"}}"#,
        stand_in.address
    );
    action("vod.tencentcloudapi.com", true).call(call(&written)).await.unwrap();
    let requests = stand_in.requests();
    assert!(requests[0].header("authorization").unwrap().contains("/cdn/tc3_request"));
    assert_eq!(requests[0].header("x-tc-version"), Some("2018-06-06"));
    assert_eq!(requests[0].header("x-tc-region"), None);
    let error = action("vod.tencentcloudapi.com", false).call(call(&written)).await.unwrap_err();
    assert!(error.message.contains("plain_loopback: true"), "{error}");
    assert_eq!(stand_in.requests().len(), 1);
}

#[test]
fn an_endpoint_is_the_written_one_or_that_of_the_service() {
    let action = action("http://127.0.0.1:9000", false);
    let url = |service: &str, endpoint: Option<&str>| {
        let params = CallParams {
            service: service.to_owned(),
            version: String::new(),
            action: String::new(),
            _params: None,
            region: None,
            endpoint: endpoint.map(str::to_owned),
            _repeatable: None,
        };
        action.endpoint(&params).unwrap().url().to_owned()
    };
    assert_eq!(url("vod", None), "http://127.0.0.1:9000/");
    assert_eq!(url("cdn", None), "https://cdn.tencentcloudapi.com/");
    assert_eq!(url("cdn", Some("cdn.intl.tencentcloudapi.com")), "https://cdn.intl.tencentcloudapi.com/");
}

#[test]
fn what_is_no_request_is_refused_by_its_field() {
    for (params, field) in [
        (r#"{"service":"vod.evil.example/","version":"1","action":"A"}"#, "service: "),
        (r#"{"service":"VOD","version":"1","action":"A"}"#, "service: "),
        (r#"{"service":"vod","version":"1\n","action":"A"}"#, "version: "),
        (r#"{"service":"vod","version":"1","action":"A B"}"#, "action: "),
        (r#"{"service":"vod","version":"1","action":"A","region":""}"#, "region: "),
        (r#"{"service":"vod","version":"1","action":"A","endpoint":"http://vod.example"}"#, "endpoint: "),
        (r#"{"service":"vod","version":"1","action":"A","endpoint":"https://vod.example/path"}"#, "endpoint: "),
        (r#"{"service":"vod","version":"1","action":"A","endpoint":"http://127.0.0.1:1"}"#, "endpoint: "),
    ] {
        let error = refused(params);
        assert_eq!(error.class, ErrorClass::Fatal);
        assert!(error.message.starts_with(field), "{error}");
    }
}

#[tokio::test]
async fn an_error_of_the_api_fails_with_its_class_and_code() {
    for (code, class) in [
        ("RequestLimitExceeded.UinLimitExceeded", RETRY),
        ("InternalError", RETRY),
        ("AuthFailure.SignatureFailure", ErrorClass::Fatal),
        ("InvalidParameterValue.FileId", ErrorClass::Fatal),
        ("InvalidParameterValue.SessionId", ErrorClass::Fatal),
    ] {
        let error = answered(Answer::error(code), &params("DeleteMedia", "")).await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (class, code), "{error}");
    }
}

#[tokio::test]
async fn what_was_sent_without_an_answer_is_unknown_unless_it_only_reads_or_the_rule_says_so() {
    for (params, class) in [
        (params("WeChatMiniProgramPublish", ""), ErrorClass::Unknown),
        (params("WeChatMiniProgramPublish", r#","repeatable":true"#), RETRY),
        (params("DescribeMediaInfos", ""), RETRY),
        (params("DescribeMediaInfos", r#","repeatable":false"#), ErrorClass::Unknown),
        (params("DescribeMediaInfos", r#","repeatable":null"#), RETRY),
    ] {
        let error = answered(Answer::Last(String::new()), &params).await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (class, "NoAnswer"), "{params}");
    }
}

#[test]
fn only_a_verb_that_reads_makes_a_call_repeatable() {
    for action in ["DescribeMediaInfos", "SearchMedia", "GetX", "ListY", "QueryZ", "InquiryPriceX"] {
        assert!(only_reads(action), "{action}");
    }
    for action in ["DeleteMedia", "Describe", "Getaway", "Listen", "ModifyDescribe", "describeMedia", ""] {
        assert!(!only_reads(action), "{action}");
    }
}

#[tokio::test]
async fn an_application_without_credentials_sends_nothing() {
    let stand_in = StandIn::start([Answer::task()]).await;
    let mut nobody = call(&params("DescribeMediaInfos", ""));
    nobody.app = nobody.app.map(|app| Arc::new(App { credentials: None, ..(*app).clone() }));
    let error = action(&format!("http://{}", stand_in.address), false).call(nobody).await.unwrap_err();
    assert_eq!(error.code, "NoCredentials");
    assert!(stand_in.requests().is_empty());
}
