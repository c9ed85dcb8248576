//! Why rules match, and what they said.

use std::collections::BTreeMap;

use async_trait::async_trait;
use oncue_rules::ids::{EventId, EventType, RuleName, SubAppId};

use super::Rig;
use crate::http::admin::{ExplainAsk, ExplainedView, Explains, Unstored};
use crate::http::reply::Error;

/// Tells what it was asked for.
pub(super) struct Fake;

#[async_trait]
impl Explains for Fake {
    async fn explain_stored(&self, event: EventId, ask: ExplainAsk) -> Result<ExplainedView, Error> {
        Ok(asked(format!("{event} {ask:?}")))
    }

    async fn explain_unstored(&self, event: Unstored, ask: ExplainAsk) -> Result<ExplainedView, Error> {
        let body = String::from_utf8(event.raw).unwrap();
        Ok(asked(format!("{:?} {:?} {body} {ask:?}", event.app, event.kind)))
    }
}

fn asked(what: String) -> ExplainedView {
    ExplainedView {
        event: Some(what),
        kind: String::new(),
        source: String::new(),
        subappid: None,
        items: Vec::new(),
        counts: BTreeMap::new(),
        omitted: 0,
    }
}

#[tokio::test]
async fn what_is_asked_for_is_passed_on() {
    let rig = Rig::new().await;
    let id = EventId::from_bytes([1; 16]);
    let plain = rig.get(&format!("/events/{id}/explain")).await.json();
    let ask = |rule: Option<&str>, all, limit| ExplainAsk { rule: rule.map(RuleName::from), all, limit };
    assert_eq!(plain["event"], format!("{id} {:?}", ask(None, false, 50)));
    let full = rig.get(&format!("/events/{id}/explain?rule=r&all=true&limit=3")).await.json();
    assert_eq!(full["event"], format!("{id} {:?}", ask(Some("r"), true, 3)));
    let body = r#"{"subappid":7,"type":"T","body":{"b":1,"a":2}}"#;
    let unstored = rig.call("POST", "/explain?limit=1", body).await.json();
    let (app, kind) = (Some(SubAppId(7)), Some(EventType::from("T")));
    assert_eq!(unstored["event"], format!("{app:?} {kind:?} {{\"a\":2,\"b\":1}} {:?}", ask(None, false, 1)));
    for (method, path, body, status) in [
        ("GET", "/events/evt_1/explain", "", 400),
        ("GET", "/events/evt_1/verdicts", "", 400),
        ("GET", "/explain", "", 405),
        ("POST", "/explain", "", 400),
        ("POST", "/explain", r#"{"body":1}"#, 400),
        ("POST", "/explain", r#"{"body":{},"app":1}"#, 400),
        ("POST", "/explain?all=yes", r#"{"body":{}}"#, 400),
    ] {
        assert_eq!(rig.call(method, path, body).await.status, status, "{method} {path} {body}");
    }
    let absent = rig.get(&format!("/events/{}/verdicts", EventId::from_bytes([9; 16]))).await;
    assert_eq!(absent.status, 404);
}
