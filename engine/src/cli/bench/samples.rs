//! The events that rules are measured with: one on each line.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use oncue_rules::ids::{EventId, EventType, SubAppId};
use oncue_rules::value::Value;

use super::super::lines::{self, Line, SIZE_LIMIT};
use super::super::progress::Progress;
use super::super::{Exit, Failure};

/// How many bytes of events are kept: far more than what a processor holds near it, and no burden for a machine.
const ALL_LIMIT: usize = 256 << 20;
/// The source of what the vendor sent, in a stored event.
const VENDOR: &str = "vod";

/// One event, as its sender wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sample {
    /// Its body.
    pub(super) raw: Vec<u8>,
    /// Its type, where its body does not say.
    pub(super) kind: Option<EventType>,
    /// Its application, where that is known.
    pub(super) app: Option<SubAppId>,
    /// The line that it is on, from 1.
    pub(super) line: u64,
}

/// Reads a file of events, or standard input for `-`.
///
/// # Errors
///
/// [`Exit::NotFound`] when there is no such file, [`Exit::Usage`] when a line is no event or there is none.
pub(super) fn read(path: &Path) -> Result<Vec<Sample>, Failure> {
    if path == Path::new("-") {
        return read_from(io::stdin().lock(), "standard input");
    }
    let file = File::open(path)
        .map_err(|error| Failure::caused(Exit::NotFound, format!("cannot read {}", path.display()), error))?;
    read_from(file, &path.display().to_string())
}

fn read_from(input: impl Read, name: &str) -> Result<Vec<Sample>, Failure> {
    let mut progress = Progress::start("reading events");
    let mut input = BufReader::with_capacity(1 << 16, input);
    let (mut line, mut bytes, mut samples) = (Vec::new(), 0, Vec::new());
    for number in 1.. {
        let wrong = |why: String| Failure::new(Exit::Usage, format!("{name}:{number}: {why}"));
        let read = lines::next(&mut input, &mut line);
        match read.map_err(|error| Failure::caused(Exit::NotFound, format!("cannot read {name}"), error))? {
            Line::End => break,
            Line::TooLong => return Err(wrong(format!("it has more than {SIZE_LIMIT} bytes: give smaller events"))),
            Line::Whole => {}
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        let sample = Sample::read(text, number).map_err(wrong)?;
        bytes += sample.raw.len();
        if bytes > ALL_LIMIT {
            return Err(wrong(format!("the events up to here have more than {ALL_LIMIT} bytes: give fewer")));
        }
        samples.push(sample);
        progress.update(|| format!("{number} lines"));
    }
    if samples.is_empty() {
        return Err(Failure::new(Exit::Usage, format!("{name} holds no event: write one on each line, as JSON")));
    }
    Ok(samples)
}

impl Sample {
    /// A line is a body, or a stored event as `oncue events show` prints it with `--json`.
    fn read(text: &[u8], line: u64) -> Result<Self, String> {
        let document = match Value::from_json(text) {
            Ok(document @ Value::Map(_)) => document,
            Ok(other) => return Err(format!("it is {}: write the body of an event, a JSON object", other.kind())),
            Err(error) => return Err(format!("it is not JSON: {} in column {}", error.message, error.column)),
        };
        let event = document.get("event");
        let is_stored = event.get("id").as_text().is_some_and(|id| id.starts_with(EventId::PREFIX));
        let Some(body) = document.get("body").as_text().filter(|_| is_stored) else {
            return Ok(Self { raw: text.to_vec(), kind: None, app: None, line });
        };
        let is_of_vendor = event.get("source").as_text() == Some(VENDOR);
        let app = match event.get("subappid") {
            Value::Number(number) => number.as_u64().map(SubAppId),
            _ => None,
        };
        let kind = event.get("type").as_text().filter(|_| !is_of_vendor).map(EventType::from);
        Ok(Self { raw: body.as_bytes().to_vec(), kind, app, line })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(text: &str) -> Result<Vec<Sample>, String> {
        read_from(text.as_bytes(), "events.jsonl").map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_line_is_a_body_or_a_stored_event_with_its_type_and_application() {
        let body = r#"{"EventType":"NewFileUpload"}"#;
        let stored = |source: &str, app: &str| {
            let body = Value::text(body).to_json();
            format!(r#"{{"event":{{"id":"evt_1","type":"T","source":"{source}","subappid":{app}}},"body":{body}}}"#)
        };
        let text = format!("{body}\r\n\n  \n{}\n{}", stored("vod", "7"), stored("oncue", "null"));
        let expected = [(None, None, 1), (None, Some(SubAppId(7)), 4), (Some(EventType::from("T")), None, 5)];
        let samples = samples(&text).unwrap();
        assert!(samples.iter().all(|sample| sample.raw == body.as_bytes()));
        let read: Vec<_> = samples.into_iter().map(|sample| (sample.kind, sample.app, sample.line)).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn a_body_that_only_looks_like_a_stored_event_is_a_body() {
        for text in [r#"{"event":{"id":"evt_1"},"body":{}}"#, r#"{"event":{"id":"x"},"body":"{}"}"#] {
            assert_eq!(samples(text).unwrap()[0].raw, text.as_bytes());
        }
    }

    #[test]
    fn what_is_no_event_is_named_by_file_and_line() {
        let message = samples("{}\n\n{\"a\":\n{}").unwrap_err();
        assert!(message.starts_with("events.jsonl:3: it is not JSON: "), "{message}");
        assert!(samples("{}\n[1]").unwrap_err().starts_with("events.jsonl:2: it is a list: "));
        assert!(samples(" \n\n").unwrap_err().starts_with("events.jsonl holds no event: "));
    }
}
