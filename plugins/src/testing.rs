//! What the tests of actions stand on: a call, and a server to call.

pub(crate) mod captured;
pub(crate) mod stand_in;

use std::sync::Arc;
use std::time::{Duration, Instant};

use oncue_rules::event::{Body, CorrelationKey, Event, key};
use oncue_rules::ids::{EventId, EventType, RuleName, RunId, SourceName, StepPath, SubAppId};
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;

use crate::action::{App, Call};
use crate::vod::Credentials;

pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef01234567";
pub(crate) const FILE: &str = "5000000000000000001";

/// The body of the event, with what no parser keeps.
pub(crate) const RAW: &[u8] = b"{ \"EventType\" : \"NewFileUpload\", \"n\": 1.0e0 }\n";

/// A first attempt with these parameters, of a run that an upload of [`FILE`] to application 1500000001 started.
pub(crate) fn call(params: &str) -> Call {
    let subappid = SubAppId(1_500_000_001);
    let event = Event {
        id: EventId::from_bytes([1; 16]),
        source: SourceName::from("vod"),
        kind: EventType::from("NewFileUpload"),
        subappid: Some(subappid),
        dedupe_key: "NewFileUpload:5000000000000000001".to_owned(),
        received_at: Timestamp(1_700_000_000_000),
        depth: 0,
        cause: None,
        keys: vec![CorrelationKey { name: key::FILE_ID.to_owned(), value: FILE.to_owned() }],
        context: Value::Null,
        body: Body::read(RAW).unwrap(),
    };
    let credentials = Some(Credentials::fixed("AKIDEXAMPLE", "the-secret-key", None));
    Call {
        params: Value::from_json(params.as_bytes()).unwrap(),
        run: RunId::from_bytes([2; 16]),
        rule: RuleName::from("hd"),
        step: StepPath::from("first"),
        attempt: 1,
        key: KEY.into(),
        deadline: Instant::now() + Duration::from_secs(30),
        event: Arc::new(event),
        raw: RAW.into(),
        app: Some(Arc::new(App { subappid, send_subappid: true, name: "short-video".into(), credentials })),
    }
}
