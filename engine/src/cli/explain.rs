//! `oncue explain`: why rules match an event, or do not.

use std::path::Path;

use serde_json::{Value, json};

use super::client::Client;
use super::output::{Output, cell, table};
use super::{Exit, Failure, emit};

const EXAMPLES: &str = "\
Examples:
  oncue explain evt_0198c0de5a7c7b3e9f0d1c2b3a495867
  oncue explain evt_0198c0de5a7c7b3e9f0d1c2b3a495867 --rule transcode-new-uploads
  oncue explain evt_0198c0de5a7c7b3e9f0d1c2b3a495867 --then
  oncue explain upload.json --app 1500000001
  oncue explain ticket.json --type TicketOpened

The running server is asked for what its live rules say. Rules that are nearest to a match come first: matched, error, a
false `if`, a condition that fails (the later it is written the nearer), another application, another type, mode off. Of a
match that fails, the first condition in written order is shown. Rules of other types are only counted, without --all.

--then shows what the store kept when the event was accepted: the rules that matched, with what came of it, and those that
failed. Of rules that did not match it keeps only how many there were.

A FILE is a body as the vendor sends it, or with --type one of an event that a step emits; - is standard input. Nothing is
stored or started.

Exit codes: 0 answered, whatever the rules say; 2 no event; 4 no such event, rule or file; 5 no server; 7 no rule is for it";

/// Say why rules match an event, or do not
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A stored event (evt_…), or a file with the body of one
    #[arg(value_name = "EVENT|FILE")]
    of: String,
    /// Only what this rule says
    #[arg(long)]
    rule: Option<String>,
    /// What the rules of then said, as far as the store keeps it, instead of what the live rules say
    #[arg(long, conflicts_with = "all")]
    then: bool,
    /// List rules of other event types too
    #[arg(long)]
    all: bool,
    /// How many rules
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Of a file: the application that the event is for; the only one when left out
    #[arg(long, visible_alias = "subappid", value_name = "SUBAPPID")]
    app: Option<u64>,
    /// Of a file that is no body of the vendor: the type of the event
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
}

pub(super) async fn run(args: Args, config: &Path, output: Output<'_>) -> Result<(), Failure> {
    let is_stored = args.of.starts_with("evt_");
    if is_stored && (args.app.is_some() || args.kind.is_some()) {
        return Err(Failure::new(Exit::Usage, "--app and --type are for files: a stored event has both"));
    }
    if !is_stored && args.then {
        return Err(Failure::new(Exit::Usage, "--then is for stored events: name one (evt_…)"));
    }
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(args.rule.iter().map(|rule| ("rule", rule.clone())));
    if args.all {
        query.push(("all", true.to_string()));
    }
    if args.then {
        let client = Client::from_config(config)?;
        let answer = client.get(&format!("/events/{}/verdicts", args.of), &query).await?;
        output.answer(&answer, |answer| describe_then(answer, args.rule.as_deref()));
        return Ok(());
    }
    let answer = if is_stored {
        Client::from_config(config)?.get(&format!("/events/{}/explain", args.of), &query).await?
    } else {
        let body = emit::read(Path::new(&args.of))?;
        let call = json!({ "subappid": args.app, "type": args.kind, "body": body });
        Client::from_config(config)?.post_with("/explain", &query, &call).await?
    };
    output.answer(&answer, describe);
    Ok(())
}

fn items(answer: &Value) -> &[Value] {
    answer["items"].as_array().map_or(&[], Vec::as_slice)
}

fn head(answer: &Value) -> String {
    let event = answer["event"].as_str().map(|event| format!("{event}, ")).unwrap_or_default();
    let app = match &answer["subappid"] {
        Value::Null => "no application".to_owned(),
        app => format!("application {app}"),
    };
    format!("{event}{} of {app}", cell(answer, "type"))
}

fn describe(answer: &Value) -> String {
    let rows: Vec<_> =
        items(answer).iter().map(|item| [cell(item, "verdict"), cell(item, "rule"), why(item)]).collect();
    let mut lines = vec![head(answer), String::new()];
    lines.push(if rows.is_empty() { "no rule is for it".to_owned() } else { table(["VERDICT", "RULE", "WHY"], &rows) });
    let is_listed = |why: &str| items(answer).iter().any(|item| item["why"] == why);
    let others = answer["counts"]["type"].as_u64().unwrap_or(0);
    if others > 0 && !is_listed("type") {
        lines.push(format!("and {} to other types (--all lists them)", rules(others, "listens", "listen")));
    }
    let omitted = answer["omitted"].as_u64().unwrap_or(0);
    if omitted > 0 {
        lines.push(format!("and {} farther from a match (--limit)", rules(omitted, "is", "are")));
    }
    lines.join("\n")
}

fn why(item: &Value) -> String {
    let condition = &item["condition"];
    let message = item["message"].as_str();
    match (item["verdict"].as_str(), item["why"].as_str()) {
        (Some("matched"), _) => match message {
            Some(message) => format!("and is refused: {message}"),
            None if item["mode"] == "shadow" => "in mode shadow: nothing is started".to_owned(),
            None => String::new(),
        },
        (_, Some("condition")) => format!(
            "{}: expected {}, found {}",
            cell(condition, "path"),
            cell(condition, "expected"),
            cell(condition, "actual")
        ),
        (_, Some("if")) => "its `if` is false".to_owned(),
        (_, Some("application")) => "it is for other applications".to_owned(),
        (_, Some("type")) => "it listens to other types".to_owned(),
        (_, Some("off")) => "its mode is off".to_owned(),
        _ => message.unwrap_or_default().to_owned(),
    }
}

fn describe_then(answer: &Value, only: Option<&str>) -> String {
    let rows: Vec<_> =
        items(answer).iter().map(|item| [cell(item, "verdict"), cell(item, "rule"), outcome(item)]).collect();
    let mut lines = vec![format!("{}, accepted at {}", head(answer), cell(answer, "received_at")), String::new()];
    let unmatched = answer["unmatched"].as_u64().unwrap_or(0);
    match only {
        _ if !rows.is_empty() => lines.push(table(["VERDICT", "RULE", "THEN"], &rows)),
        Some(rule) => lines.push(format!(
            "{rule} neither matched nor failed: it did not match, did not listen to the type, was off, or was not there"
        )),
        None => lines.push("no rule matched, and none failed".to_owned()),
    }
    let omitted = answer["omitted"].as_u64().unwrap_or(0);
    if omitted > 0 {
        lines.push(format!("and {} left out (--limit)", rules(omitted, "is", "are")));
    }
    if unmatched > 0 {
        lines.push(format!(
            "{} to this type and did not match; the store keeps neither which, nor why, nor the rules of then: without \
             --then, the live rules are asked",
            rules(unmatched, "listened", "listened")
        ));
    }
    lines.join("\n")
}

fn outcome(item: &Value) -> String {
    let message = item["message"].as_str().map(str::to_owned);
    let runs = item["runs"].as_array().into_iter().flatten();
    let runs = runs.map(|run| format!("{} {}", cell(run, "id"), cell(run, "status")));
    let since = match item["since"].as_str() {
        Some("same") => Some("the rule is the same now".to_owned()),
        Some("changed") => Some("the rule has changed since".to_owned()),
        Some("gone") => Some("the rule is gone".to_owned()),
        _ => None,
    };
    message.into_iter().chain(runs).chain(since).collect::<Vec<_>>().join("; ")
}

fn rules(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 rule {one}") } else { format!("{count} rules {many}") }
}
