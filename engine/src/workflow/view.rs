//! What the expressions of a run see: built once, extended as steps end.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use oncue_rules::event::Event;
use oncue_rules::expression::Scope;
use oncue_rules::ids::StepId;
use oncue_rules::rule::Step;
use oncue_rules::time::Timestamp;
use oncue_rules::value::{Map, Value};

use super::record::ErrorRecord;
use super::{Facts, Program};

/// The names that expressions see, and the results of the loops that are under way.
#[derive(Debug, Clone)]
pub(super) struct View {
    scope: Scope,
    steps: Arc<Map>,
    loops: Vec<Loop>,
    marks: Marks,
    /// What only the strands see that are not in focus, by where they begin.
    aside: HashMap<String, Aside>,
}

/// What only one strand sees.
#[derive(Debug, Clone, Default)]
struct Aside {
    steps: Map,
    marks: Marks,
    loops: Vec<Loop>,
}

/// What is known of an ended step besides its result.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) path: String,
    pub(super) generation: u32,
    pub(super) ended_at: Timestamp,
}

type Marks = BTreeMap<String, Mark>;

#[derive(Debug, Clone)]
struct Loop {
    binding: String,
    items: Value,
    at: usize,
    results: Vec<Value>,
}

impl View {
    pub(super) fn new(program: &Program, facts: &Facts) -> Self {
        let event = &facts.event;
        let mut scope = Scope::default();
        let envelope = event.envelope();
        scope.set("trigger", envelope.clone());
        scope.set("event", envelope);
        scope.set("payload", event.body.payload().clone());
        scope.set("body", event.body.value().clone());
        scope.set("app", facts.app(&program.vars));
        scope.set("apps", facts.apps(&program.vars));
        if program.rule.collect.is_some() {
            scope.set("events", facts.events());
        }
        scope.set("run", facts.run(&program.rule));
        let mut view =
            Self { scope, steps: Arc::default(), loops: Vec::new(), marks: Marks::new(), aside: HashMap::new() };
        view.edit(|_| ());
        view
    }

    pub(super) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Makes the root `error` known, for `on_failure`.
    pub(super) fn set_error(&mut self, error: &ErrorRecord) {
        self.scope.set("error", error_value(Some(error)));
    }

    /// Makes the result of an ended step known.
    pub(super) fn record(&mut self, id: Option<&StepId>, result: Value, mark: impl FnOnce() -> Mark) {
        if let Some(id) = id {
            self.edit(|steps| {
                steps.insert(id.to_string(), result);
            });
            self.marks.insert(id.to_string(), mark());
        }
    }

    /// A step that has ended: what `steps.ID` is, and what is known besides.
    pub(super) fn ended(&self, id: &StepId) -> Option<(&Value, &Mark)> {
        Some((self.steps.get(id.as_str())?, self.marks.get(id.as_str())?))
    }

    /// The results of the steps within a step that ran for one item, by id; they are not known by their ids any more, so
    /// that one item never sees those of another.
    pub(super) fn take_inner(&mut self, step: &Step) -> Value {
        let (steps, _) = self.take_ids(step, false);
        Value::map(steps)
    }

    fn take_ids(&mut self, step: &Step, loops_too: bool) -> (Map, Marks) {
        let mut ids = Vec::new();
        step.lists().for_each(|steps| collect_ids(steps, loops_too, &mut ids));
        let (mut taken, mut marks) = (Map::new(), Marks::new());
        if !ids.is_empty() {
            marks.extend(ids.iter().filter_map(|id| self.marks.remove_entry(*id)));
            self.edit(|steps| taken.extend(ids.into_iter().filter_map(|id| steps.remove_entry(id))));
        }
        (taken, marks)
    }

    pub(super) fn open_loop(&mut self, binding: &str, items: Value) {
        self.loops.push(Loop { binding: binding.to_owned(), items, at: 0, results: Vec::new() });
    }

    /// Gives the name of the innermost loop to its item `index`.
    pub(super) fn bind(&mut self, index: usize) {
        if let Some(innermost) = self.loops.last_mut() {
            innermost.at = index;
        }
        self.bind_last();
    }

    /// The result of the item that the innermost loop is at.
    pub(super) fn put_result(&mut self, result: Value) {
        let Some(Loop { at, results, .. }) = self.loops.last_mut() else { return };
        if results.len() <= *at {
            results.resize(*at + 1, Value::Null);
        }
        if let Some(place) = results.get_mut(*at) {
            *place = result;
        }
    }

    /// How many loops are under way.
    pub(super) fn loops(&self) -> usize {
        self.loops.len()
    }

    /// Sees what the strand sees that begins at a path, besides what its trunk sees.
    pub(super) fn enter_strand(&mut self, begins_at: &str, item: Option<usize>) {
        let Aside { steps, marks, loops } = self.aside.remove(begins_at).unwrap_or_default();
        self.marks.extend(marks);
        if let (Some(index), Some(innermost)) = (item, self.loops.last_mut()) {
            innermost.at = index;
        }
        self.loops.extend(loops);
        if !steps.is_empty() {
            self.edit(|known| known.extend(steps));
        }
        self.bind_all();
    }

    /// Puts aside what only the strand sees: its loops beyond the first `loops` and, of an item, the steps within.
    pub(super) fn leave_strand(&mut self, begins_at: String, loops: usize, item_of: Option<&Step>) {
        let loops = self.loops.split_off(loops.min(self.loops.len()));
        if !loops.is_empty() {
            for inner in &loops {
                self.scope.set(&inner.binding, Value::Null);
            }
            self.bind_all();
        }
        let (steps, marks) = item_of.map(|step| self.take_ids(step, true)).unwrap_or_default();
        if !loops.is_empty() || !steps.is_empty() {
            self.aside.insert(begins_at, Aside { steps, marks, loops });
        }
    }

    /// Ends the innermost loop and returns the results of its items. The name of its item goes back to what it was.
    pub(super) fn close_loop(&mut self) -> Vec<Value> {
        let Some(closed) = self.loops.pop() else { return Vec::new() };
        self.scope.set(&closed.binding, Value::Null);
        self.bind_all();
        closed.results
    }

    fn bind_all(&mut self) {
        for Loop { binding, items, at, .. } in &self.loops {
            let item = items.as_list().and_then(|items| items.get(*at)).cloned().unwrap_or_default();
            self.scope.set(binding, item);
        }
    }

    fn bind_last(&mut self) {
        // Loops may share a name; the innermost one has it.
        if let Some(Loop { binding, items, at, .. }) = self.loops.last() {
            let item = items.as_list().and_then(|items| items.get(*at)).cloned().unwrap_or_default();
            self.scope.set(binding, item);
        }
    }

    fn edit(&mut self, change: impl FnOnce(&mut Map)) {
        // The scope lets go of the map first, so that it is changed in place.
        self.scope.set("steps", Value::Null);
        change(Arc::make_mut(&mut self.steps));
        self.scope.set("steps", Value::Map(Arc::clone(&self.steps)));
    }
}

/// The ids of steps and of those within them; those within a loop are taken as each of its items ends.
fn collect_ids<'p>(steps: &'p [Step], loops_too: bool, ids: &mut Vec<&'p str>) {
    for step in steps {
        ids.extend(step.id.as_ref().map(StepId::as_str));
        if loops_too || step.for_each.is_none() {
            step.lists().for_each(|steps| collect_ids(steps, loops_too, ids));
        } else {
            collect_ids(step.late(), loops_too, ids);
        }
    }
}

/// What `steps.ID` holds of the event that a wait ended with.
pub(super) fn awaited_value(event: &Event) -> Value {
    event.document()
}

/// `steps.ID`: the outputs beside `outcome` and `error`.
pub(super) fn step_value(outcome: &str, error: Option<&ErrorRecord>, outputs: Option<&Value>) -> Value {
    let mut fields = outputs.and_then(Value::as_map).cloned().unwrap_or_default();
    fields.insert("outcome".to_owned(), Value::text(outcome));
    fields.insert("error".to_owned(), error_value(error));
    Value::map(fields)
}

/// `steps.ID` of a `for_each`.
pub(super) fn loop_value(outcome: &str, error: Option<&ErrorRecord>, results: Vec<Value>) -> Value {
    let results = Value::map(Map::from([("results".to_owned(), Value::list(results))]));
    step_value(outcome, error, Some(&results))
}

/// `steps.ID.results[i]`.
pub(super) fn item_value(outcome: &str, error: Option<&ErrorRecord>, outputs: Value) -> Value {
    let fields = [("outcome", Value::text(outcome)), ("error", error_value(error)), ("outputs", outputs)];
    Value::map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn error_value(error: Option<&ErrorRecord>) -> Value {
    let Some(error) = error else { return Value::Null };
    let fields = [
        ("step", error.step.as_str()),
        ("code", error.code.as_str()),
        ("message", error.message.as_str()),
        ("class", error.class.as_str()),
    ];
    Value::map(fields.into_iter().map(|(name, text)| (name.to_owned(), Value::text(text))).collect())
}
