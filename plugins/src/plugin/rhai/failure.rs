//! Errors that a script throws on purpose, and errors of what it called: maps that say what to do about them.

use std::time::Duration;

use oncue_rules::decode::{parse_duration, write_duration};
use rhai::{Dynamic, Engine, EvalAltResult, Map, Position};

use crate::action::{ActionError, ErrorClass};
use crate::script::budget::Stop;
use crate::script::error::{Fault, fault, of_engine};

/// The most bytes of a code, and of a message.
const CODE: usize = 100;
const MESSAGE: usize = 2000;

/// `throw retry("busy", "the other side is busy")`, and so on.
pub(super) fn register(engine: &mut Engine) {
    for class in ["retry", "fatal", "unknown"] {
        engine.register_fn(class, move |code: &str, message: &str| -> Map { map(class, code, message, None) });
    }
    engine.register_fn("retry", |code: &str, message: &str, after: &str| -> Result<Map, Fault> {
        let after = parse_duration(after).ok_or_else(|| fault("the pause must be a duration such as \"30s\""))?;
        Ok(map("retry", code, message, Some(after)))
    });
}

fn map(class: &str, code: &str, message: &str, after: Option<Duration>) -> Map {
    let mut map = Map::new();
    let fields = [("class", class), ("code", code), ("message", message)];
    map.extend(fields.map(|(name, text)| (name.into(), Dynamic::from(text.to_owned()))));
    map.extend(after.map(|after| ("after".into(), Dynamic::from(write_duration(after)))));
    map
}

/// What a script can catch in place of an error of an action.
pub(super) fn thrown(error: &ActionError) -> Fault {
    let (class, after) = match error.class {
        ErrorClass::Retry { after } => ("retry", after),
        ErrorClass::Held { after } => ("retry", Some(after)),
        ErrorClass::Fatal => ("fatal", None),
        ErrorClass::Unknown => ("unknown", None),
    };
    let map = map(class, &error.code, &error.message, after);
    Box::new(EvalAltResult::ErrorRuntime(Dynamic::from_map(map), Position::NONE))
}

/// The error of an attempt that a script ended with.
pub(super) fn of_script(error: Fault, stopped: Option<Stop>, name: &str) -> ActionError {
    match stopped {
        None => meant(&error).unwrap_or_else(|| of_engine(error, None, name)),
        Some(_) => of_engine(error, stopped, name),
    }
}

/// The error that a thrown map describes.
fn meant(error: &EvalAltResult) -> Option<ActionError> {
    let mut inner = error;
    while let EvalAltResult::ErrorInFunctionCall(_, _, cause, _) = inner {
        inner = cause;
    }
    let EvalAltResult::ErrorRuntime(thrown, _) = inner else { return None };
    let map = thrown.as_map_ref().ok()?;
    let text = |name: &str, limit: usize| {
        let text = map.get(name)?.to_string();
        let end = text.floor_char_boundary(limit);
        text.get(..end).map(str::to_owned)
    };
    let code = text("code", CODE).filter(|code| !code.is_empty())?;
    let message = text("message", MESSAGE).unwrap_or_default();
    let after = text("after", CODE).and_then(|after| parse_duration(&after));
    let class = match text("class", CODE).as_deref() {
        Some("retry") => ErrorClass::Retry { after },
        Some("unknown") => ErrorClass::Unknown,
        _ => ErrorClass::Fatal,
    };
    Some(ActionError { class, code, message })
}
