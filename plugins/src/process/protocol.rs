//! The lines of the protocol. `docs/plugin-protocol.md` says what they mean.

use std::time::Duration;

use oncue_rules::value::{Map, Value};
use tracing::Level;

use super::events;
use super::failure::{Failure, FailureKind};
use super::limits;
use crate::action::{ActionError, ErrorClass};
use crate::emit::Emitted;
use crate::text::printable;

/// The version that is spoken here.
pub const VERSION: u64 = 1;

/// The code of errors in what a process gave as outputs.
pub(super) const OUTPUT_CODE: &str = "process_output";

/// What Oncue writes before it closes the pipe.
pub(super) const STOP: &str = "{\"type\":\"stop\"}\n";

/// What a process says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The version that it speaks.
    pub protocol: u64,
    /// The actions that it has, by their own names.
    pub actions: Vec<String>,
}

/// A line of a process.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    Hello(Hello),
    Result { id: u64, result: Result<Value, Failure> },
    Log { level: Level, message: String, id: Option<u64> },
    Event { id: String, event: Value },
}

pub(super) fn hello(plugin: &str, version: &str, calls: usize, line: usize, events: usize) -> String {
    let (plugin, version) = (Value::text(plugin).to_json(), Value::text(version).to_json());
    format!(
        "{{\"type\":\"hello\",\"protocols\":[{VERSION}],\"plugin\":{plugin},\"version\":{version},\"calls\":{calls},\
         \"line\":{line},\"events\":{events}}}\n"
    )
}

/// A call; `members` are further ones, with the brace that ends them. Small programs rely on the order.
pub(super) fn call(id: u64, action: &str, left: Duration, members: &str) -> String {
    let (action, left) = (Value::text(action).to_json(), left.as_millis());
    format!("{{\"type\":\"call\",\"id\":{id},\"action\":{action},\"deadline_ms\":{left},{members}\n")
}

pub(super) fn cancel(id: u64) -> String {
    format!("{{\"type\":\"cancel\",\"id\":{id}}}\n")
}

/// An event is stored, and so are the runs that it starts.
pub(super) fn ack(id: &str, Emitted { event, duplicate }: Emitted) -> String {
    let id = Value::text(id).to_json();
    format!("{{\"type\":\"ack\",\"id\":{id},\"event\":\"{event}\",\"duplicate\":{duplicate}}}\n")
}

/// An event is not stored.
pub(super) fn refused(id: &str, error: &ActionError) -> String {
    let text = |text: &str| Value::text(text).to_json();
    let (class, code, message) = (events::class(error.class), text(&error.code), text(&error.message));
    let after = match error.class {
        ErrorClass::Retry { after: Some(after) } | ErrorClass::Held { after } => {
            format!(",\"after_ms\":{}", after.as_millis())
        }
        _ => String::new(),
    };
    let error = format!("{{\"class\":\"{class}\",\"code\":{code},\"message\":{message}{after}}}");
    format!("{{\"type\":\"refused\",\"id\":{},\"error\":{error}}}\n", text(id))
}

/// What a line says.
///
/// # Errors
///
/// Why it is none of the protocol, to follow "a line that".
pub(super) fn read(line: &[u8]) -> Result<Said, String> {
    let line = Value::from_json(line).map_err(|error| format!("is no JSON: {error}"))?;
    match line.get("type").as_text() {
        Some("hello") => read_hello(&line).map(Said::Hello),
        Some("result") => {
            let id = number(line.get("id")).ok_or("is a result without the `id` of its call")?;
            Ok(Said::Result { id, result: result(&line) })
        }
        Some("log") => Ok(read_log(&line)),
        Some("event") => match line.get("id").as_text() {
            Some(id) if (1..=limits::EVENT_ID).contains(&id.len()) => {
                Ok(Said::Event { id: id.to_owned(), event: line.get("event").clone() })
            }
            _ => Err(format!("is an event without `id`, a text of at most {} bytes", limits::EVENT_ID)),
        },
        Some(other) => Err(format!("has the type {:?}, which the protocol does not know", printable(other, 40))),
        None => Err("has no `type`".to_owned()),
    }
}

fn read_hello(line: &Value) -> Result<Hello, String> {
    let protocol = number(line.get("protocol")).ok_or("is a hello without the number `protocol`")?;
    let actions = line.get("actions").as_list().unwrap_or_default().iter();
    let actions: Option<Vec<_>> = actions.map(|name| name.as_text().map(str::to_owned)).collect();
    // Another version may say them otherwise, and is refused for its number.
    match actions.filter(|actions| !actions.is_empty() || protocol != VERSION) {
        Some(actions) => Ok(Hello { protocol, actions }),
        None => Err("is a hello without `actions`, a list of names".to_owned()),
    }
}

fn result(line: &Value) -> Result<Value, Failure> {
    match line.get("error") {
        Value::Null => outputs(line.get("outputs")),
        error => Err(failure(error)),
    }
}

fn outputs(outputs: &Value) -> Result<Value, Failure> {
    match outputs {
        Value::Null => Ok(Value::map(Map::new())),
        Value::Map(_) => match outputs.to_json().len() {
            ..=limits::OUTPUT => Ok(outputs.clone()),
            bytes => {
                let message = format!("the outputs have {bytes} bytes, and at most {} are kept", limits::OUTPUT);
                Err(Failure::fatal(OUTPUT_CODE, message))
            }
        },
        other => {
            let message = format!("the outputs are {}: give a map", other.kind());
            Err(Failure::fatal(OUTPUT_CODE, message))
        }
    }
}

fn failure(error: &Value) -> Failure {
    let text =
        |name, limit| error.get(name).as_text().map(|text| printable(text, limit)).filter(|text| !text.is_empty());
    let message = text("message", limits::MESSAGE).unwrap_or_else(|| "it does not say why".to_owned());
    let code = text("code", limits::CODE).unwrap_or_else(|| "failed".to_owned());
    let kind = match error.get("class").as_text() {
        Some("retry") => {
            let after = number(error.get("after_ms")).map(Duration::from_millis);
            FailureKind::Retry { after: after.map(|after| after.min(limits::LONGEST_AFTER)) }
        }
        Some("fatal") => FailureKind::Fatal,
        // Without a class nothing is known of what it did.
        _ => FailureKind::InDoubt,
    };
    Failure { kind, code, message }
}

fn read_log(line: &Value) -> Said {
    let level = match line.get("level").as_text() {
        Some("trace") => Level::TRACE,
        Some("debug") => Level::DEBUG,
        Some("warn") => Level::WARN,
        Some("error") => Level::ERROR,
        _ => Level::INFO,
    };
    let message = match line.get("message") {
        Value::Text(text) => text.to_string(),
        other => other.to_json(),
    };
    Said::Log { level, message, id: number(line.get("id")) }
}

pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result_of(line: &str) -> Result<String, Failure> {
        match read(line.as_bytes()).unwrap() {
            Said::Result { id: 7, result } => result.map(|outputs| outputs.to_json()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_oncue_writes_is_json_with_its_type_and_id_first() {
        assert_eq!(
            hello("a", "1.0", 4, 1024, 0),
            "{\"type\":\"hello\",\"protocols\":[1],\"plugin\":\"a\",\"version\":\"1.0\",\"calls\":4,\"line\":1024,\"events\":0}\n"
        );
        assert_eq!(
            call(7, "probe", Duration::from_secs(2), "\"params\":{}}"),
            "{\"type\":\"call\",\"id\":7,\"action\":\"probe\",\"deadline_ms\":2000,\"params\":{}}\n"
        );
        assert_eq!(cancel(7), "{\"type\":\"cancel\",\"id\":7}\n");
        let after = Some(Duration::from_secs(2));
        let error =
            ActionError { class: ErrorClass::Retry { after }, code: "c".to_owned(), message: "\"m\"".to_owned() };
        assert_eq!(
            refused("a\nb", &error),
            "{\"type\":\"refused\",\"id\":\"a\\nb\",\"error\":{\"class\":\"retry\",\"code\":\"c\",\"message\":\"\\\"m\\\"\",\
             \"after_ms\":2000}}\n"
        );
    }

    #[test]
    fn a_hello_says_version_and_actions() {
        let hello = |protocol, actions: &[&str]| {
            Ok(Said::Hello(Hello { protocol, actions: actions.iter().map(ToString::to_string).collect() }))
        };
        assert_eq!(read(br#"{"type":"hello","protocol":1,"actions":["a","b"],"new":1}"#), hello(1, &["a", "b"]));
        assert_eq!(read(br#"{"type":"hello","protocol":2,"offers":{}}"#), hello(2, &[]));
    }

    #[test]
    fn a_line_that_is_not_of_the_protocol_says_what_is_wrong() {
        for (line, problem) in [
            (r#"{"type":"hello","protocol":1}"#, "is a hello without `actions`, a list of names"),
            (r#"{"type":"hello","protocol":1,"actions":[1]}"#, "is a hello without `actions`, a list of names"),
            (r#"{"type":"hello","actions":["a"]}"#, "is a hello without the number `protocol`"),
            (r#"{"type":"result","outputs":{}}"#, "is a result without the `id` of its call"),
            (r#"{"type":"answer"}"#, "has the type \"answer\", which the protocol does not know"),
            (r#"{"id":7}"#, "has no `type`"),
            ("7", "has no `type`"),
            (r#"{"type":"event","event":{}}"#, "is an event without `id`, a text of at most 200 bytes"),
            (r#"{"type":"event","id":""}"#, "is an event without `id`, a text of at most 200 bytes"),
        ] {
            assert_eq!(read(line.as_bytes()), Err(problem.to_owned()), "{line}");
        }
        assert!(read(b"starting up").unwrap_err().starts_with("is no JSON: "));
        assert!(read("[".repeat(100_000).as_bytes()).unwrap_err().starts_with("is no JSON: "));
    }

    #[test]
    fn a_result_has_outputs_with_exact_numbers_or_an_error_with_its_class() {
        let big = r#"{"n":50000000000000000011}"#;
        assert_eq!(result_of(&format!(r#"{{"type":"result","id":7,"outputs":{big}}}"#)), Ok(big.to_owned()));
        assert_eq!(result_of(r#"{"type":"result","id":7}"#), Ok("{}".to_owned()));
        let error = |error: &str| result_of(&format!(r#"{{"type":"result","id":7,"error":{error}}}"#)).unwrap_err();
        let after = Some(Duration::from_millis(1500));
        assert_eq!(
            error(r#"{"class":"retry","code":"busy","message":"later\n","after_ms":1500}"#),
            Failure::new(FailureKind::Retry { after }, "busy", "later")
        );
        assert_eq!(error(r#"{"class":"fatal","code":"c","message":"m"}"#), Failure::fatal("c", "m"));
        assert_eq!(error(r#"{"class":"unknown","code":"c","message":"m"}"#), Failure::in_doubt("c", "m"));
        assert_eq!(error("{}"), Failure::in_doubt("failed", "it does not say why"));
        let long = error(&format!(r#"{{"class":"retry","after_ms":{},"message":"{}"}}"#, u64::MAX, "x".repeat(5_000)));
        assert_eq!(long.kind, FailureKind::Retry { after: Some(limits::LONGEST_AFTER) });
        assert_eq!(long.message.chars().count(), limits::MESSAGE + 1);
    }

    #[test]
    fn outputs_are_a_map_of_a_limited_size() {
        let outputs = |outputs: &str| result_of(&format!(r#"{{"type":"result","id":7,"outputs":{outputs}}}"#));
        let sized = |bytes: usize| format!(r#"{{"x":"{}"}}"#, "x".repeat(bytes - 8));
        assert!(outputs(&sized(limits::OUTPUT)).is_ok());
        let error = outputs(&sized(limits::OUTPUT + 1)).unwrap_err();
        assert_eq!(error, Failure::fatal(OUTPUT_CODE, "the outputs have 65537 bytes, and at most 65536 are kept"));
        assert_eq!(outputs("[1]").unwrap_err().message, "the outputs are a list: give a map");
    }

    #[test]
    fn a_line_of_the_log_may_belong_to_a_call() {
        let log = |level, message: &str, id| Ok(Said::Log { level, message: message.to_owned(), id });
        assert_eq!(read(br#"{"type":"log","level":"warn","message":"m","id":7}"#), log(Level::WARN, "m", Some(7)));
        assert_eq!(read(br#"{"type":"log","message":{"a":1}}"#), log(Level::INFO, r#"{"a":1}"#, None));
    }
}
