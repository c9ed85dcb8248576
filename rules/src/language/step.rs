//! The steps of a workflow: what every kind has, and `set` and `group`.

use std::collections::HashMap;
use std::time::Duration;

use crate::decode::{Field, Fields, Identifier, all, did_you_mean};
use crate::diagnostic::Span;
use crate::expression::{Expression, Names};
use crate::ids::StepId;
use crate::node::NodeKind;
use crate::rule::{OnError, OnTimeout, Step, StepKind};

use super::selected::Selected;
use super::{Surroundings, action, branch, expressions, parallel, pause, repetition, retry, templates, variables};

/// The most steps that a rule may have, those of groups and of `on_failure` included.
const STEP_LIMIT: usize = 1_000;
/// How deep groups may lie in each other.
const DEPTH_LIMIT: usize = 16;
pub(super) const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);
pub(super) const LONGEST_TIMEOUT: Duration = Duration::from_hours(90 * 24);
/// The kinds of steps, by the field that makes them.
const KINDS: [&str; 8] = ["uses", "set", "group", "sleep", "end", "switch", "wait_for", "parallel"];
/// What `steps.ID` always has, so that `set` cannot give it.
const ALWAYS_THERE: [&str; 3] = ["outcome", "error", "results"];

/// A step with an id.
struct Earlier {
    /// The `for_each` that it lies in.
    loops: Vec<usize>,
    /// Whether it starts work, once, whose end an event tells.
    submits: bool,
}

/// Reads the steps of one rule in their order, and knows what each can name.
pub(super) struct Workflow<'s> {
    pub(super) surroundings: Surroundings<'s>,
    /// The configured applications of the rule, where they are known.
    selected: Selected<'s>,
    names: Names,
    /// The ids so far, in order.
    ids: Vec<String>,
    places: HashMap<String, Span>,
    /// What further steps must know of those with an id.
    earlier: HashMap<String, Earlier>,
    /// What the items of the surrounding `for_each` are called, outermost first.
    bindings: Vec<String>,
    /// The surrounding `for_each`, each by its number.
    loops: Vec<usize>,
    loop_count: usize,
    count: usize,
    depth: usize,
    /// How many strands may run at the same time where the step lies that is read now.
    width: usize,
}

impl<'s> Workflow<'s> {
    pub(super) fn new(surroundings: Surroundings<'s>, selected: Selected<'s>) -> Self {
        Self {
            surroundings,
            selected,
            names: Names::workflow(),
            ids: Vec::new(),
            places: HashMap::new(),
            earlier: HashMap::new(),
            bindings: Vec::new(),
            loops: Vec::new(),
            loop_count: 0,
            count: 0,
            depth: 0,
            width: 1,
        }
    }

    /// What the step that is read now can name.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// The configured applications of the rule, where they are known.
    pub(super) fn selected(&self) -> Selected<'s> {
        self.selected
    }

    /// What the items of the surrounding `for_each` are called.
    pub(super) fn bindings(&self) -> &[String] {
        &self.bindings
    }

    /// Lets all further steps name a root.
    pub(super) fn add_root(&mut self, name: &str) {
        self.names = self.names.clone().with_root(name);
    }

    /// The steps of a list that must have one.
    pub(super) fn read_steps(&mut self, field: &Field<'_>) -> Option<Vec<Step>> {
        let items = field.items("write each step as an item: `- uses: ...`")?;
        self.read_items(field, &items)
    }

    fn read_items(&mut self, field: &Field<'_>, items: &[Field<'_>]) -> Option<Vec<Step>> {
        if items.is_empty() {
            field.error(format!("`{}` has no step", field.name()), "write at least one, such as `- uses: log`");
            return None;
        }
        if self.depth >= DEPTH_LIMIT {
            field.error(format!("groups lie deeper in each other than {DEPTH_LIMIT} levels"), "use fewer levels");
            return None;
        }
        let within_limit = self.count <= STEP_LIMIT;
        self.count += items.len();
        if self.count > STEP_LIMIT {
            if within_limit {
                field.error(format!("a rule has at most {STEP_LIMIT} steps"), "split the rule, or use `for_each`");
            }
            return None;
        }
        self.depth += 1;
        let steps = all(items.iter().map(|item| self.read_step(item)));
        self.depth -= 1;
        steps
    }

    fn read_step(&mut self, field: &Field<'_>) -> Option<Step> {
        let mut fields = field.fields("a step")?;
        let id = self.read_id(&mut fields);
        let condition = match fields.optional("if") {
            Some(field) => self.read_condition(&field).map(Some),
            None => Some(None),
        };
        let outer = (self.names.clone(), self.ids.len(), self.bindings.len());
        let width = self.width;
        let for_each = repetition::read(&mut fields, self);
        let kind = self.read_kind(&mut fields, id.as_ref().is_some_and(Option::is_some));
        self.leave_loop(outer);
        self.width = width;
        let on_error = match fields.optional("on_error") {
            Some(word) => word.one_of(&[("fail", OnError::Fail), ("continue", OnError::Continue)]),
            None => Some(OnError::default()),
        };
        let timeout = match (fields.optional("timeout"), kind.as_ref().and_then(|(_, timeout)| *timeout)) {
            (Some(field), None) => field.duration(SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).map(Some),
            (Some(field), Some(_)) => {
                field.error(
                    "there is a `timeout` in what the step waits for and another beside it",
                    "keep one of the two",
                );
                None
            }
            (None, own) => Some(own),
        };
        if let Some(Some(id)) = &id {
            let submits = match &kind {
                Some((StepKind::Uses { action, .. }, _)) if matches!(for_each, Some(None)) => {
                    self.surroundings.actions.completes(action.as_str())
                }
                _ => false,
            };
            self.earlier.insert(id.to_string(), Earlier { loops: self.loops.clone(), submits });
            self.names = self.names.clone().with_step(id.as_str());
            self.ids.push(id.as_str().to_owned());
        }
        let on_timeout = self.read_on_timeout(&mut fields, timeout.is_some_and(|timeout| timeout.is_none()));
        let retry = retry::read(&mut fields);
        fields.finish();
        Some(Step {
            id: id?,
            condition: condition?,
            for_each: for_each?.map(Box::new),
            kind: kind?.0,
            on_error: on_error?,
            timeout: timeout?,
            on_timeout: on_timeout?,
            retry: retry?.map(Box::new),
        })
    }

    /// `Some(None)` when there is none. Its steps can name the step that was too late.
    #[expect(clippy::option_option, reason = "broken, absent and given are three answers, as for every optional field")]
    fn read_on_timeout(&mut self, fields: &mut Fields<'_>, never: bool) -> Option<Option<OnTimeout>> {
        let Some(field) = fields.optional("on_timeout") else { return Some(None) };
        if let NodeKind::Scalar(_) = field.node().kind {
            let goes_on = field.one_of(&[("fail", false), ("continue", true)])?;
            return Some(Some(if goes_on { OnTimeout::Continue } else { OnTimeout::Fail }));
        }
        let steps = self.read_one_or_many(&field)?;
        if never {
            let span = fields.key_span("on_timeout").unwrap_or(field.span());
            let message = "these steps never run: the step has no `timeout`";
            fields.findings().error(span, message, "add a `timeout`, or remove them");
            return None;
        }
        Some(Some(OnTimeout::Steps(steps)))
    }

    /// An `if` or a `where`.
    pub(super) fn read_condition(&self, field: &Field<'_>) -> Option<Expression> {
        let variables_are_there = variables::check_expression(field, self.selected);
        expressions::read(field, &self.names).filter(|_| variables_are_there)
    }

    /// `Some(None)` when there is none.
    #[expect(clippy::option_option, reason = "broken, absent and given are three answers, as for every optional field")]
    fn read_id(&mut self, fields: &mut Fields<'_>) -> Option<Option<StepId>> {
        let Some(field) = fields.optional("id") else { return Some(None) };
        let id = field.identifier(Identifier::Variable)?;
        if let Some(first) = self.places.insert(id.to_owned(), field.span()) {
            let text = &field.findings().file().text;
            let line = text.get(..first.start).unwrap_or_default().matches('\n').count() + 1;
            let message = format!("two steps of this rule have the id `{id}`: the other is in line {line}");
            field.error(message, "give each step an id of its own");
            return None;
        }
        Some(Some(StepId::from(id)))
    }

    /// Forgets the name of the item, and keeps the ids that were added since.
    fn leave_loop(&mut self, (names, ids_before, bindings_before): (Names, usize, usize)) {
        if self.bindings.len() == bindings_before {
            return;
        }
        self.bindings.truncate(bindings_before);
        self.loops.truncate(bindings_before);
        self.names = names;
        self.add_since(ids_before);
    }

    /// What can be named now, and how many ids there are.
    pub(super) fn mark(&self) -> (Names, usize) {
        (self.names.clone(), self.ids.len())
    }

    /// Lets further steps name what could be named at a mark.
    pub(super) fn back_to(&mut self, names: Names) {
        self.names = names;
    }

    /// Lets further steps name the steps that came after so many.
    pub(super) fn add_since(&mut self, ids: usize) {
        let added = self.ids.get(ids..).unwrap_or_default();
        self.names = added.iter().fold(self.names.clone(), |names, id| names.with_step(id));
    }

    /// Counts that so many steps run at the same time within the one that is read now; returns how many that makes.
    pub(super) fn widen(&mut self, width: usize) -> usize {
        self.width = self.width.saturating_mul(width);
        self.width
    }

    /// Lets the steps within a loop name its item, until the loop is left.
    pub(super) fn enter_loop(&mut self, binding: &str) {
        self.add_root(binding);
        self.bindings.push(binding.to_owned());
        self.loop_count += 1;
        self.loops.push(self.loop_count);
    }

    /// A step of which there is one where the step lies that is read now, and whether it submits work. Reports when there
    /// is none.
    pub(super) fn earlier_step(&self, field: &Field<'_>) -> Option<(StepId, bool)> {
        let id = field.some_text()?;
        let Some(earlier) = self.earlier.get(id).filter(|_| self.names.has_step(id)) else {
            let known = self.ids.iter().map(String::as_str).filter(|id| self.names.has_step(id));
            let hint = did_you_mean(id, "steps before this one", known);
            field.error(format!("no step before this one has the id `{id}`"), hint);
            return None;
        };
        if !self.loops.starts_with(&earlier.loops) {
            let hint = "name a step outside of the `for_each`, or its own step";
            field
                .error(format!("the step `{id}` runs once for each item of a `for_each`, and this one does not"), hint);
            return None;
        }
        Some((StepId::from(id), earlier.submits))
    }

    /// What a step does, and the `timeout` that its kind brings along.
    fn read_kind(&mut self, fields: &mut Fields<'_>, has_id: bool) -> Option<(StepKind, Option<Duration>)> {
        let beside = [("with", "uses"), ("wait", "uses"), ("app", "uses"), ("cases", "switch"), ("default", "switch")];
        let beside = beside.map(|(name, of)| (name, of, fields.optional(name)));
        let kinds = KINDS.map(|kind| (kind, fields.optional(kind)));
        let mut written = kinds.into_iter().filter_map(|(kind, field)| Some((kind, field?)));
        let (first, second) = (written.next(), written.next());
        for (name, of, field) in &beside {
            if field.is_some() && fields.key_span(of).is_none() {
                let span = fields.key_span(name).unwrap_or(fields.place());
                let (message, hint) = strayed(name, of);
                fields.findings().error(span, message, hint);
            }
        }
        let [(.., with), (.., wait), (.., app), (.., cases), (.., default)] = &beside;
        match (first, second) {
            (Some((first, _)), Some((second, _))) => {
                let span = fields.key_span(second).unwrap_or(fields.place());
                let message = format!("a step does one thing, and this has both `{first}` and `{second}`");
                fields.findings().error(span, message, "make two steps of it");
                None
            }
            (Some((kind, field)), None) => {
                let plain = |kind| (kind, None);
                match kind {
                    "uses" => action::read(self, &field, with.as_ref(), wait.as_ref(), app.as_ref()),
                    "set" => self.read_set(&field, has_id).map(plain),
                    "sleep" => pause::read(&field).map(plain),
                    "end" => field.identifier(Identifier::Variable).map(|word| plain(StepKind::End(word.to_owned()))),
                    "switch" => branch::read(self, &field, cases.as_ref(), default.as_ref()).map(plain),
                    "parallel" => parallel::read(self, &field).map(plain),
                    "wait_for" => super::wait::read(self, &field).map(|(kind, timeout)| (kind, Some(timeout))),
                    _ => self.read_one_or_many(&field).map(|steps| plain(StepKind::Group(steps))),
                }
            }
            (None, _) => {
                let hint = "name an action with `uses`, give names to values with `set`, hold steps with `group`, or \
                            see docs/workflows.md for the others";
                let message = format!("a step needs one of {}", listed(&KINDS));
                fields.findings().error(fields.place(), message, hint);
                None
            }
        }
    }

    /// The steps of a list that may be a single one.
    pub(super) fn read_one_or_many(&mut self, field: &Field<'_>) -> Option<Vec<Step>> {
        let items = field.one_or_many();
        self.read_items(field, &items)
    }

    fn read_set(&self, field: &Field<'_>, has_id: bool) -> Option<StepKind> {
        let hint = "write the names and their values, such as `set: { title: \"${{ payload.MediaBasicInfo.Name }}\" }`";
        let entries = field.entries(hint)?;
        if entries.is_empty() {
            field.error("`set` gives no name", hint);
            return None;
        }
        if !has_id {
            let hint = "give the step an `id`: its values are `steps.ID.NAME`";
            field.findings().warning(field.span(), "no later step can read what this `set` gives", hint);
        }
        let values = all(entries.iter().map(|(key, value)| {
            let variables_are_there = variables::check(value, self.selected);
            let value = templates::read(value, &self.names).filter(|_| variables_are_there);
            let problem = if ALWAYS_THERE.contains(&key.text.as_str()) {
                Some((
                    format!("`set` cannot give `{}`: every step has it already", key.text),
                    "use another name".to_owned(),
                ))
            } else if Identifier::Variable.fits(&key.text) {
                None
            } else {
                let hint = format!("use {}", Identifier::Variable.rule());
                Some((format!("`{}` cannot be a name of `set`", key.text), hint))
            };
            if let Some((message, hint)) = problem {
                field.findings().error(key.span, message, hint);
                return None;
            }
            Some((key.text.clone(), value?))
        }))?;
        Some(StepKind::Set(values))
    }
}

/// What is said of a field that stands without the one that it belongs to.
fn strayed(name: &str, of: &str) -> (String, String) {
    match name {
        "with" => (
            "`with` gives the parameters of `uses`, which is not there".to_owned(),
            "name an action with `uses`, or remove `with`".to_owned(),
        ),
        _ => (format!("`{name}` belongs to `{of}`, which is not there"), format!("add `{of}`, or remove `{name}`")),
    }
}

/// Names as a sentence lists them.
fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
