//! Pairs of pattern and event, a line each, answered line by line.

use std::io::{self, BufReader, BufWriter, Read, Write};

use oncue_rules::matcher::Single;
use oncue_rules::pattern::{Pattern, PatternError, TooCostly};
use oncue_rules::value::Value;

use super::super::lines::{Line, SIZE_LIMIT, next};
use super::event;

/// How many problems of a pattern an answer names.
const SHOWN: usize = 5;

/// The pattern of the line before: streams often have many events for one.
#[derive(Default)]
struct Compiled {
    text: String,
    outcome: Option<Result<Single, String>>,
}

/// What is wrong with a pair.
enum Wrong {
    /// The line is none.
    Line(String),
    /// Its pattern.
    Pattern(String),
    /// Its event.
    Event(String),
    /// Nothing, but whether it matches was not found out.
    TooCostly(TooCostly),
}

/// Answers every line; how many of them were no pairs.
///
/// At most one line is in memory, and no answer is held back while the next line is waited for.
///
/// # Errors
///
/// When the input cannot be read or the output not be written.
pub(super) fn answer(input: impl Read, output: impl Write) -> io::Result<u64> {
    let (mut input, mut output) = (BufReader::with_capacity(1 << 16, input), BufWriter::new(output));
    let (mut line, mut number, mut malformed) = (Vec::new(), 0_u64, 0_u64);
    let mut compiled = Compiled::default();
    loop {
        if !input.buffer().contains(&b'\n') {
            output.flush()?;
        }
        let read = next(&mut input, &mut line)?;
        number += 1;
        let (id, verdict) = match read {
            Line::End => break,
            Line::Whole if line.trim_ascii().is_empty() => continue,
            Line::Whole => judge(&line, &mut compiled),
            Line::TooLong => {
                (Value::Null, Err(Wrong::Line(format!("it has more than {SIZE_LIMIT} bytes: send smaller events"))))
            }
        };
        malformed += u64::from(matches!(verdict, Err(Wrong::Line(_))));
        writeln!(output, "{}", written(&id, number, verdict))?;
    }
    output.flush()?;
    Ok(malformed)
}

/// The `id` of a line and whether its pattern matches its event.
fn judge(line: &[u8], compiled: &mut Compiled) -> (Value, Result<bool, Wrong>) {
    let pair = match Value::from_json(line) {
        Ok(pair @ Value::Map(_)) => pair,
        Ok(other) => return (Value::Null, Err(Wrong::Line(format!("it is {}: write an object", other.kind())))),
        Err(error) => return (Value::Null, Err(Wrong::Line(format!("it is not JSON: {error}")))),
    };
    let verdict = text(&pair, "pattern").and_then(|pattern| {
        let document = text(&pair, "event")?;
        let pattern = compiled.of(pattern).map_err(Wrong::Pattern)?;
        let text = document.as_bytes();
        let document = event(text).map_err(Wrong::Event)?;
        pattern.decide(text, &document).map_err(Wrong::TooCostly)
    });
    (pair.get("id").clone(), verdict)
}

fn text<'p>(pair: &'p Value, name: &str) -> Result<&'p str, Wrong> {
    match pair.get(name) {
        Value::Text(text) => Ok(text),
        Value::Null => Err(Wrong::Line(format!("it has no {name}: write it as JSON text in a string"))),
        other => Err(Wrong::Line(format!("its {name} is {}: write it as JSON text in a string", other.kind()))),
    }
}

impl Compiled {
    fn of(&mut self, text: &str) -> Result<&Single, String> {
        if self.outcome.is_none() || self.text != text {
            text.clone_into(&mut self.text);
            self.outcome = None;
        }
        let compile = || Pattern::from_json(text).map(Single::new).map_err(|errors| described(&errors));
        let outcome = self.outcome.get_or_insert_with(compile);
        outcome.as_ref().map_err(String::clone)
    }
}

fn described(errors: &[PatternError]) -> String {
    let told = errors.iter().take(SHOWN).map(|error| {
        let hint = error.hint.as_ref().map(|hint| format!(": {hint}")).unwrap_or_default();
        format!("{} (at byte {}){hint}", error.message, error.span.start)
    });
    let more = errors.len().saturating_sub(SHOWN);
    let more = (more > 0).then(|| format!("{more} more"));
    told.chain(more).collect::<Vec<_>>().join("; ")
}

fn written(id: &Value, number: u64, verdict: Result<bool, Wrong>) -> String {
    let id = if *id == Value::Null { String::new() } else { format!("\"id\":{},", id.to_json()) };
    let (id, error, message) = match verdict {
        Ok(matched) => return format!("{{{id}\"matched\":{matched}}}"),
        Err(Wrong::Pattern(why)) => (id, "invalid-pattern", why),
        Err(Wrong::Event(why)) => (id, "invalid-event", why),
        Err(Wrong::TooCostly(why)) => (id, "too-costly", why.to_string()),
        Err(Wrong::Line(why)) => (format!("\"line\":{number},{id}"), "invalid-line", why),
    };
    format!("{{{id}\"error\":\"{error}\",\"message\":{}}}", Value::text(message).to_json())
}
