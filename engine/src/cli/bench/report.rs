//! What was measured, for people and for programs.

#![expect(clippy::cast_precision_loss, reason = "counts are far from 2^52")]

use std::cmp::Reverse;

use oncue_rules::diagnostic::SourceFile;
use serde_json::{Value, json};

use super::super::output::{cell, table};
use super::measure::{Found, Loading, Rates};
use super::samples::Sample;
use crate::app::trial::Trial;

/// How many of the rules that match most are listed.
const MOST: usize = 10;

pub(super) fn value(
    trial: &Trial,
    files: &[SourceFile],
    samples: &[Sample],
    loading: &Loading,
    found: &Found,
    rates: &Rates,
) -> Value {
    let rules = trial.rules().rules().len();
    let memory = trial.rules().matcher().bytes();
    let bytes: usize = samples.iter().map(|sample| sample.raw.len()).sum();
    let mut most: Vec<_> = found.matches.iter().collect();
    most.sort_unstable_by_key(|(rule, events)| (Reverse(**events), rule.as_str()));
    let most: Vec<_> =
        most.into_iter().take(MOST).map(|(rule, events)| json!({ "rule": rule.as_str(), "events": events })).collect();
    json!({
        "rules": rules,
        "rule_files": files.len(),
        "load_seconds": loading.seconds,
        "load_to_yaml_parser": loading.of_yaml,
        "events": samples.len(),
        "event_bytes": bytes,
        "events_measured": rates.measured,
        "events_per_second": rates.names,
        "json_parser_events_per_second": rates.parser,
        "ratio_to_json_parser": rates.ratio,
        "part_of_time_reading": rates.reading,
        "matches_per_event": found.all() as f64 / samples.len() as f64,
        "events_without_match": found.unmatched,
        "rules_that_match": found.matches.len(),
        "rules_that_match_most": most,
        "errors": found.errors,
        "first_error": found.first_error,
        "matcher_bytes": memory,
        "matcher_bytes_per_rule": memory as f64 / rules.max(1) as f64,
    })
}

pub(super) fn describe(value: &Value) -> String {
    let number = |name: &str| value[name].as_f64().unwrap_or(f64::NAN);
    let mut lines = vec![
        format!(
            "rules       {} (files: {}), loaded in {:.3} s: {:.1} times what the YAML parser alone takes",
            cell(value, "rules"),
            cell(value, "rule_files"),
            number("load_seconds"),
            number("load_to_yaml_parser")
        ),
        format!(
            "matcher     {:.1} kB, {:.2} kB a rule",
            number("matcher_bytes") / 1e3,
            number("matcher_bytes_per_rule") / 1e3
        ),
        format!("events      {}, {:.2} kB each", cell(value, "events"), number("event_bytes") / 1e3 / number("events")),
        format!(
            "events/s    {:.0} from bytes to rule names; a JSON parser that builds nothing: {:.0}; ratio {:.3}",
            number("events_per_second"),
            number("json_parser_events_per_second"),
            number("ratio_to_json_parser")
        ),
        format!(
            "            {:.0} % of the time the event is read, {:.0} % its rules are found",
            number("part_of_time_reading") * 100.0,
            (1.0 - number("part_of_time_reading")) * 100.0
        ),
        format!(
            "matches     {:.2} an event; {} of {} events match no rule",
            number("matches_per_event"),
            cell(value, "events_without_match"),
            cell(value, "events")
        ),
    ];
    if value["events_measured"] != value["events"] {
        lines.push(format!(
            "            measured with {} of the events: more take too long",
            cell(value, "events_measured")
        ));
    }
    if value["errors"].as_u64().unwrap_or(0) > 0 {
        lines.push(format!("errors      {}, the first of {}", cell(value, "errors"), cell(value, "first_error")));
    }
    lines.push(String::new());
    lines.push(most(value));
    lines.join("\n")
}

fn most(value: &Value) -> String {
    let items = value["rules_that_match_most"].as_array().map_or(&[][..], Vec::as_slice);
    if items.is_empty() {
        return "no rule matches any of them".to_owned();
    }
    let rows: Vec<_> = items.iter().map(|item| [cell(item, "events"), cell(item, "rule")]).collect();
    let listed = table(["EVENTS", "RULE"], &rows);
    match value["rules_that_match"].as_u64().unwrap_or(0).saturating_sub(items.len() as u64) {
        0 => listed,
        others => format!("{listed}\nand {others} more match some"),
    }
}
