//! Running again what has run.

use async_trait::async_trait;
use oncue_rules::ids::RunId;
use serde_json::json;

use super::Rig;
use crate::http::admin::{Consent, RepeatView, Reruns, RetriedView};
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
