//! `oncue match`: whether a pattern matches an event, for one pair or a stream of them.

mod stream;

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;
use std::sync::Arc;

use oncue_rules::diagnostic::{Diagnostic, Diagnostics, Severity, SourceFile};
use oncue_rules::matcher::Single;
use oncue_rules::pattern::{Pattern, PatternError};
use oncue_rules::value;
use oncue_rules::yaml;
use serde_json::{Value, json};

use super::lines::SIZE_LIMIT;
use super::output::{Output, cell};
use super::{Exit, Failure};

const EXAMPLES: &str = r#"Examples:
  oncue match --pattern '{"Size": {"numeric": [">", 10]}}' --event '{"Size": 11}'
  oncue match --pattern pattern.yaml --event event.json
  curl -s https://… | oncue match --pattern '{"Status": "FINISH"}' --event -
  oncue match < pairs.jsonl

A pattern or an event that begins with { is JSON text; - is standard input; anything else names a file (write ./{a for
one that begins so). Pattern files that end in .yaml or .yml are YAML, all others JSON. The pattern looks at the event as
it is given: for the `match` of a rule, whose paths begin with event, payload or body, see `oncue explain`.

Without --pattern and --event, each line of standard input is a pair, as JSON texts inside of JSON:
  {"id": "a", "pattern": "{\"Size\": 11}", "event": "{\"Size\": 11}"}
and for each there is a line, in this order, at once:
  {"id": "a", "matched": true}
  {"id": "b", "error": "invalid-pattern", "message": "…"}     or invalid-event, too-costly
  {"line": 3, "error": "invalid-line", "message": "…"}        for what is no such pair
`id` may be anything or be left out; empty lines are passed over; a line has at most 16 MiB.

Exit codes: 0 matched, 8 not matched, 2 the event is invalid, 3 the pattern is invalid, 4 no such file, 7 it was not found
out within the limit of steps (docs/matching.md).
For a stream: 0 every line was a pair, whatever came of it; 2 some line was not."#;

/// Say whether a pattern matches an event, as `match` in a rule would; no server is needed
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The pattern: JSON text that begins with {, a file, or - for standard input
    #[arg(long, value_name = "TEXT|FILE", requires = "event")]
    pattern: Option<String>,
    /// The event: JSON text that begins with {, a file, or - for standard input
    #[arg(long, value_name = "TEXT|FILE", requires = "pattern")]
    event: Option<String>,
}

pub(super) fn run(args: &Args, output: Output<'_>) -> Result<(), Failure> {
    let (Some(pattern), Some(event)) = (&args.pattern, &args.event) else {
        return match_stream();
    };
    if pattern == "-" && event == "-" {
        return Err(Failure::new(
            Exit::Usage,
            "standard input is either the pattern or the event: name a file for one",
        ));
    }
    let pattern = compile(Given::read(pattern, "--pattern")?)?;
    let text = Given::read(event, "--event")?;
    let event = document(&text)?;
    let single = Single::new(pattern);
    let is_match = single
        .decide(&text.bytes, &event)
        .map_err(|too_costly| Failure::new(Exit::Refused, format!("{too_costly}: give less")))?;
    let mismatch = if is_match { None } else { single.pattern().mismatch(&event) };
    let mismatch = mismatch.map(|why| json!({ "path": why.path, "expected": why.expected, "actual": why.actual }));
    output.answer(&json!({ "matched": is_match, "mismatch": mismatch }), describe);
    if is_match { Ok(()) } else { Err(Failure::said(Exit::NoMatch)) }
}

fn match_stream() -> Result<(), Failure> {
    if io::stdin().is_terminal() {
        let message =
            "nothing to match: give --pattern and --event, or lines with pairs on standard input (see --help)";
        return Err(Failure::new(Exit::Usage, message));
    }
    match stream::answer(io::stdin().lock(), io::stdout().lock()) {
        Ok(0) => Ok(()),
        Ok(lines) => {
            let (s, are) = if lines == 1 { ("", "is") } else { ("s", "are") };
            Err(Failure::new(
                Exit::Usage,
                format!("{lines} line{s} of standard input {are} no pair of pattern and event"),
            ))
        }
        // Whoever reads the answers has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::internal("the stream ended early", error)),
    }
}

/// A text that was given on the command line or is named there.
struct Given {
    name: Arc<str>,
    bytes: Vec<u8>,
    is_yaml: bool,
}

impl Given {
    fn read(given: &str, option: &str) -> Result<Self, Failure> {
        if given.trim_start().starts_with('{') {
            return Ok(Self { name: option.into(), bytes: given.as_bytes().to_vec(), is_yaml: false });
        }
        if given == "-" {
            let bytes = limited(io::stdin().lock(), "standard input")?;
            return Ok(Self { name: "standard input".into(), bytes, is_yaml: false });
        }
        let file = File::open(given).map_err(|error| {
            Failure::caused(Exit::NotFound, format!("cannot read {given} (JSON text begins with {{)"), error)
        })?;
        let extension = Path::new(given).extension().unwrap_or_default();
        let is_yaml = extension == "yaml" || extension == "yml";
        Ok(Self { name: given.into(), bytes: limited(file, given)?, is_yaml })
    }
}

fn limited(from: impl Read, name: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = from.take(SIZE_LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::caused(Exit::NotFound, format!("cannot read {name}"), error))?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(Failure::new(Exit::Usage, format!("{name} has more than {SIZE_LIMIT} bytes: give less")));
    }
    Ok(bytes)
}

fn compile(given: Given) -> Result<Pattern, Failure> {
    let text = String::from_utf8(given.bytes)
        .map_err(|error| Failure::caused(Exit::Invalid, format!("the pattern in {} is no text", given.name), error))?;
    let file = SourceFile { name: given.name, text: text.into() };
    let mut found = Diagnostics::default();
    let compiled = if given.is_yaml {
        yaml::read(&file, &mut found).map(|node| Pattern::compile(&node))
    } else {
        Some(Pattern::from_json(&file.text))
    };
    let errors = match compiled {
        Some(Ok(pattern)) if !found.has_errors() => return Ok(pattern),
        Some(Err(errors)) => errors,
        _ => Vec::new(),
    };
    for PatternError { span, message, hint } in errors {
        found.push(Diagnostic { severity: Severity::Error, file: file.clone(), span, message, hint });
    }
    Err(Failure::new(Exit::Invalid, found.sorted().to_string()))
}

fn document(given: &Given) -> Result<value::Value, Failure> {
    event(&given.bytes).map_err(|why| Failure::new(Exit::Usage, format!("the event in {}: {why}", given.name)))
}

/// The document that an event's text means.
fn event(text: &[u8]) -> Result<value::Value, String> {
    match value::Value::from_json(text) {
        Ok(document @ value::Value::Map(_)) => Ok(document),
        Ok(other) => Err(format!("it is {}: give a JSON object", other.kind())),
        Err(error) => Err(format!("it is not JSON: {error}")),
    }
}

fn describe(answer: &Value) -> String {
    let why = &answer["mismatch"];
    if why.is_null() {
        return "matched".to_owned();
    }
    format!("not matched: {}: expected {}, found {}", cell(why, "path"), cell(why, "expected"), cell(why, "actual"))
}
