use std::sync::Mutex;

use super::*;
use crate::action::{App, ErrorClass};
use crate::testing::{FILE, KEY, call};

/// Keeps what is emitted; a dedupe key is new once.
#[derive(Default)]
pub(crate) struct Emissions(pub(crate) Mutex<Vec<Emission>>);

#[async_trait]
impl Emitter for Emissions {
    async fn emit(&self, emission: Emission) -> Result<Emitted, ActionError> {
        let mut kept = self.0.lock().unwrap();
        let duplicate = kept.iter().any(|known| known.dedupe_key == emission.dedupe_key);
        kept.push(emission);
        Ok(Emitted { event: EventId::from_bytes([9; 16]), duplicate })
    }
}

async fn emitted(call: Call) -> (Result<Value, ActionError>, Vec<Emission>) {
    let emissions = Arc::new(Emissions::default());
    let result = Emit::new(Arc::clone(&emissions) as _).call(call).await;
    let kept = emissions.0.lock().unwrap().clone();
    (result, kept)
}

#[tokio::test]
async fn an_event_is_of_the_application_that_the_step_acts_for() {
    let mut given = call(r#"{"type":"OriginalDue"}"#);
    let other = App { subappid: SubAppId(2), send_subappid: true, name: "other".into(), credentials: None };
    given.app = Some(Arc::new(other));
    let (_, kept) = emitted(given).await;
    assert_eq!(kept[0].app, Some(SubAppId(2)));
    let (_, kept) = emitted(Call { app: None, ..call(r#"{"type":"OriginalDue"}"#) }).await;
    assert_eq!(kept[0].app, Some(SubAppId(1_500_000_001)));
}

#[tokio::test]
async fn an_event_belongs_to_the_run_and_its_application_and_is_one_deeper() {
    let params = format!(
        r#"{{"type":"OriginalDue","body":{{"n":18446744073709551617}},"keys":{{"file_id":"{FILE}","none":null,"empty":""}}}}"#
    );
    let given = call(&params);
    let (run, app, deadline) = (given.run, given.event.subappid, given.deadline);
    let (result, kept) = emitted(given).await;
    let outputs = result.unwrap();
    assert_eq!(outputs.get("duplicate"), &Value::Bool(false));
    assert!(outputs.get("event").as_text().unwrap().starts_with("evt_"), "{}", outputs.to_json());
    let expected = Emission {
        kind: EventType::from("OriginalDue"),
        body: Value::from_json(br#"{"n":18446744073709551617}"#).unwrap(),
        keys: vec![CorrelationKey { name: "file_id".to_owned(), value: FILE.to_owned() }],
        app,
        cause: run,
        rule: RuleName::from("hd"),
        depth: 1,
        dedupe_key: format!("emit:{KEY}"),
        deadline,
    };
    assert_eq!(kept, [expected]);
}

#[tokio::test]
async fn a_repeated_attempt_tells_of_the_same_event() {
    let emissions = Arc::new(Emissions::default());
    let emit = Emit::new(Arc::clone(&emissions) as _);
    for duplicate in [false, true] {
        let outputs = emit.call(call(r#"{"type":"A"}"#)).await.unwrap();
        assert_eq!(outputs.get("duplicate"), &Value::Bool(duplicate));
    }
    assert_eq!(emissions.0.lock().unwrap()[0].body.to_json(), "{}");
}

#[tokio::test]
async fn a_chain_of_more_than_three_runs_is_refused_for_good() {
    let at_depth = |depth| {
        let mut call = call(r#"{"type":"A"}"#);
        call.event = Arc::new(oncue_rules::event::Event { depth, ..(*call.event).clone() });
        call
    };
    assert_eq!(emitted(at_depth(2)).await.1[0].depth, DEPTH_LIMIT);
    let (result, kept) = emitted(at_depth(3)).await;
    let error = result.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Fatal, "emit_too_deep"));
    assert!(kept.is_empty());
}

#[tokio::test]
async fn what_makes_no_event_is_refused_by_its_field() {
    let long = "x".repeat(600);
    let many: Vec<_> = (0..17).map(|number| format!(r#""k{number}":"v""#)).collect();
    for (params, field) in [
        (r#"{"type":""}"#.to_owned(), "type: "),
        (r#"{"type":"RunDead"}"#.to_owned(), "type: only Oncue itself raises RunDead"),
        (r#"{"type":"OncueProbe"}"#.to_owned(), "type: only Oncue itself raises OncueProbe"),
        (r#"{"type":"A\nB"}"#.to_owned(), "type: "),
        (r#"{"type":"A","keys":{"Bad-Name":"v"}}"#.to_owned(), "keys.Bad-Name: "),
        (r#"{"type":"A","keys":{"n":7}}"#.to_owned(), "keys.n: "),
        (format!(r#"{{"type":"A","keys":{{"n":"{long}"}}}}"#), "keys.n: "),
        (format!(r#"{{"type":"A","keys":{{{}}}}}"#, many.join(",")), "keys: "),
    ] {
        let (result, kept) = emitted(call(&params)).await;
        let error = result.unwrap_err();
        assert_eq!((error.class, kept.len()), (ErrorClass::Fatal, 0));
        assert!(error.message.starts_with(field), "{error}");
    }
}
