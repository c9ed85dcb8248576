//! Running again what has run.

use async_trait::async_trait;
use oncue_rules::ids::{EventId, RuleName, RunId};
use serde_json::json;

use super::Rig;
use crate::http::admin::{Consent, RepeatView, ReplayAsk, ReplayedView, Reruns, RetriedView, Rules};
use crate::http::reply::{Error, ErrorKind};

/// Tells what it was asked for.
pub(super) struct Fake;

#[async_trait]
impl Reruns for Fake {
    async fn retry(&self, run: RunId, consent: Consent, dry_run: bool) -> Result<RetriedView, Error> {
        if run == RunId::from_bytes([0; 16]) {
            return Err(Error::new(ErrorKind::Conflict, "not_dead", "it is alive"));
        }
        let repeats = vec![RepeatView { step: format!("{consent:?}"), doubt: dry_run.then(|| "unknown".to_owned()) }];
        Ok(RetriedView { run: run.to_string(), outcome: "asked".to_owned(), repeats })
    }

    async fn replay_run(
        &self,
        _: RunId,
        rules: Rules,
        from: Option<String>,
        ask: ReplayAsk,
    ) -> Result<ReplayedView, Error> {
        Ok(replayed(format!("{rules:?} {from:?} {} {} {}", ask.request, ask.new_key, ask.dry_run)))
    }

    async fn replay_event(&self, _: EventId, only: Option<RuleName>, ask: ReplayAsk) -> Result<ReplayedView, Error> {
        Ok(replayed(format!("{only:?} {} {} {}", ask.request, ask.new_key, ask.dry_run)))
    }
}

fn replayed(what: String) -> ReplayedView {
    ReplayedView { event: what, runs: Vec::new() }
}

#[tokio::test]
async fn a_retry_passes_on_what_a_person_agrees_to() {
    let rig = Rig::new().await;
    let run = RunId::generate();
    let path = format!("/runs/{run}/retry");
    let plain = rig.call("POST", &path, "").await;
    let expected = |step: &str, doubt: Option<&str>| json!({ "run": run.to_string(), "outcome": "asked", "repeats": [{ "step": step, "doubt": doubt }] });
    assert_eq!((plain.status, plain.json()), (202, expected("Consent { new_key: false, again: false }", None)));
    let all = rig.call("POST", &path, r#"{"new_key":true,"again":true,"dry_run":true}"#).await;
    assert_eq!(all.json(), expected("Consent { new_key: true, again: true }", Some("unknown")));
    let refused = rig.call("POST", &format!("/runs/{}/retry", RunId::from_bytes([0; 16])), "").await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "not_dead"));
    for (path, body, status) in [
        (path.as_str(), r#"{"new_key":1}"#, 400),
        (path.as_str(), r#"{"newkey":true}"#, 400),
        ("/runs/run_1/retry", "", 400),
    ] {
        assert_eq!(rig.call("POST", path, body).await.status, status, "{path} {body}");
    }
}

#[tokio::test]
async fn a_replay_passes_on_what_is_asked_for() {
    let rig = Rig::new().await;
    let (run, event) = (RunId::generate(), EventId::generate());
    let request = "0198c0de-5a7c-7b3e-9f0d-1c2b3a495867";
    let call = json!({ "request": request, "rules": "original", "from": "tell", "new_key": true, "dry_run": true });
    let answer = rig.call("POST", &format!("/runs/{run}/replay"), &call.to_string()).await;
    let asked = json!(format!("Original Some(\"tell\") {request} true true"));
    assert_eq!((answer.status, &answer.json()["event"]), (202, &asked));
    let plain = rig.call("POST", &format!("/runs/{run}/replay"), "").await.json();
    assert!(plain["event"].as_str().unwrap().starts_with("Current None 01"), "a request of its own: {plain}");
    let call = json!({ "request": request, "only": "r" });
    let answer = rig.call("POST", &format!("/events/{event}/replay"), &call.to_string()).await;
    assert_eq!(answer.json()["event"], json!(format!("Some(\"r\") {request} false false")));
    for (path, body) in [
        (format!("/runs/{run}/replay"), r#"{"rules":"old"}"#),
        (format!("/runs/{run}/replay"), r#"{"only":"r"}"#),
        (format!("/events/{event}/replay"), r#"{"request":"1"}"#),
        (format!("/events/{event}/replay"), r#"{"from":"a"}"#),
        ("/events/1/replay".to_owned(), ""),
    ] {
        assert_eq!(rig.call("POST", &path, body).await.status, 400, "{path} {body}");
    }
    assert_eq!(rig.get(&format!("/events/{event}/replay")).await.status, 405);
}
