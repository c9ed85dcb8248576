//! `subappid` and `apps`: the applications of a rule, resolved against the configured ones.

use std::collections::BTreeSet;

use crate::decode::{Field, Fields, all, did_you_mean};
use crate::ids::SubAppId;
use crate::node::NodeKind;
use crate::rule::{AppSelection, Subscription};
use crate::rule_set::AppFacts;
use crate::template::Template;
use crate::value::Value;

use super::selected::Configured;
use super::step::Workflow;
use super::{templates, variables};

/// Larger than any id that the vendor gives (protocol section 2), so that a slip is found.
const LARGEST_ID: u64 = 999_999_999_999;

pub(super) fn read(fields: &mut Fields<'_>, known: Option<&Configured<'_>>) -> Option<AppSelection> {
    let ids = fields.optional("subappid");
    let apps = fields.optional("apps");
    match (ids, apps) {
        (None, None) => Some(AppSelection::All),
        (Some(_), Some(apps)) => {
            let span = fields.key_span("apps").unwrap_or(apps.span());
            let message = "`subappid` and `apps` both select applications";
            fields.findings().error(span, message, "keep one of the two");
            None
        }
        (Some(ids), None) => by_id(&ids, known),
        (None, Some(apps)) => by_name(&apps, known),
    }
}

/// Whether events can be for the applications that are selected: those of a schedule are for none, unless each has its own.
pub(super) fn reached(fields: &Fields<'_>, on: &Subscription) -> bool {
    let Subscription::Schedule(schedule) = on else { return true };
    if schedule.per_app {
        return true;
    }
    let Some((name, span)) = ["subappid", "apps"].iter().find_map(|name| Some((name, fields.key_span(name)?))) else {
        return true;
    };
    let hint = format!("add `per: app` to `on` for a run for each of them, or leave `{name}` out");
    fields.findings().error(span, format!("a schedule is for no application, and `{name}` selects some"), hint);
    false
}

fn by_id(field: &Field<'_>, known: Option<&Configured<'_>>) -> Option<AppSelection> {
    let ids = field.one_or_list_of(|item| {
        let id = SubAppId(item.integer(1..=LARGEST_ID)?);
        if let Some(known) = known.filter(|known| !known.all().is_empty() && known.with_id(id).is_none()) {
            let list = known.all().iter().map(|app| format!("{} (`{}`)", app.subappid, app.name)).collect::<Vec<_>>();
            let hint = format!("configured applications: {}", list.join(", "));
            item.findings().warning(item.span(), format!("no configured application has the id {id}"), hint);
        }
        Some(id)
    })?;
    // A closure has the ids that its rule came to, and a label may have come to none.
    if ids.is_empty() && known.is_some() {
        field.error("`subappid` lists no application", "leave it out to mean all applications");
        return None;
    }
    Some(AppSelection::Only(ids.into_iter().collect()))
}

fn by_name(field: &Field<'_>, known: Option<&Configured<'_>>) -> Option<AppSelection> {
    let items = field.one_or_many();
    if items.is_empty() {
        field.error("`apps` lists no application", "leave it out to mean all applications");
        return None;
    }
    let selected = all(items.iter().map(|item| select(item, known)))?;
    Some(AppSelection::Only(selected.into_iter().flatten().collect()))
}

fn select(field: &Field<'_>, known: Option<&Configured<'_>>) -> Option<BTreeSet<SubAppId>> {
    let text = field.some_text()?;
    if let Some(label) = text.strip_prefix("label:") {
        return by_label(field, label, all_of(known));
    }
    if text == "*" {
        field.error("`*` is no application", "leave `apps` out to mean all applications");
        return None;
    }
    let Some(found) = known.and_then(|known| known.with_name(text)) else {
        let hint = if text.parse::<u64>().is_ok() {
            format!("select by id with `subappid: {text}`")
        } else {
            did_you_mean(text, "configured applications", all_of(known).iter().map(|app| app.name.as_str()))
        };
        field.error(format!("there is no application `{text}`"), hint);
        return None;
    };
    Some([found.subappid].into())
}

fn all_of<'k>(known: Option<&Configured<'k>>) -> &'k [AppFacts] {
    known.map_or(&[], Configured::all)
}

fn by_label(field: &Field<'_>, label: &str, known: &[AppFacts]) -> Option<BTreeSet<SubAppId>> {
    let Some((name, value)) = label.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        field.error(format!("`label:{label}` does not say which value the label has"), "write `label:NAME=VALUE`");
        return None;
    };
    let holds = |app: &&AppFacts| app.labels.get(name).is_some_and(|found| found == value);
    let found: BTreeSet<SubAppId> = known.iter().filter(holds).map(|app| app.subappid).collect();
    if found.is_empty() {
        let labels: BTreeSet<String> =
            known.iter().flat_map(|app| &app.labels).map(|(name, value)| format!("label:{name}={value}")).collect();
        let hint = did_you_mean(&format!("label:{label}"), "labels in use", labels.iter().map(String::as_str));
        field.findings().warning(field.span(), format!("no application has the label `{name}={value}`"), hint);
    }
    Some(found)
}

/// `app`: the application that a step acts for, where that is not the one of the event.
pub(super) fn of_step(workflow: &Workflow<'_>, field: &Field<'_>) -> Option<Template> {
    let NodeKind::Scalar(Value::Text(_) | Value::Number(_)) = &field.node().kind else {
        field.mismatch(
            "the name of an application",
            "write it, or a template that gives it, such as `\"${{ item.name }}\"`",
        );
        return None;
    };
    let variables_are_there = variables::check(field, workflow.selected());
    let app = templates::read(field, workflow.names())?;
    if let (Some(written), Some(known)) = (app.constant(), workflow.surroundings.apps)
        && named(&app, Some(known)).is_none()
    {
        let written = letters(written);
        let hint = did_you_mean(&written, "configured applications", known.all().iter().map(|app| app.name.as_str()));
        field.error(format!("there is no application `{written}`"), hint);
        return None;
    }
    variables_are_there.then_some(app)
}

/// The configured application that a step names, where that is known before it runs.
pub(super) fn named<'k>(app: &Template, known: Option<&Configured<'k>>) -> Option<&'k AppFacts> {
    let written = letters(app.constant()?);
    let by_id =
        |known: &Configured<'k>| known.with_id(written.parse().ok()?).filter(|app| app.subappid.to_string() == written);
    known.and_then(|known| known.with_name(&written).or_else(|| by_id(known)))
}

fn letters(value: &Value) -> String {
    value.as_text().map_or_else(|| value.to_json(), str::to_owned)
}
