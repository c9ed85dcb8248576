//! Runs that gather events before they begin.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use oncue_plugins::action::Repeatable;
use oncue_rules::event::{Body, Event};
use oncue_rules::expression::Names;
use oncue_rules::ids::{ActionName, EventId};
use oncue_rules::rule::{Collect, Rule, Step, StepKind};
use oncue_rules::template::Template;
use oncue_rules::value::Value;
use serde_json::json;

use super::support::{START, Simulation, act, event, facts, rule};
use crate::workflow::record::{RunStatus, TimerKind};
use crate::workflow::{Gathered, Input, Next, Program, Run};

fn gathers(steps: Vec<Step>) -> Arc<Program> {
    let collect = Collect {
        key: Template::Value(Value::text("all")),
        quiet: Duration::from_secs(1),
        max: Duration::from_mins(1),
        max_events: 10,
    };
    let rule = Rule { collect: Some(collect.into()), ..rule(steps, Vec::new()) };
    let known = |_: &ActionName| Some(Repeatable::Keyed.into());
    Arc::new(Program::bind(Arc::new(rule), Value::Null, known).unwrap())
}

/// A step that is told what a rule that collects sees.
fn tells() -> Step {
    let mut step = act("tell", &json!({}));
    let names = Names::workflow().with_root("events");
    let texts = [
        ("files", "${{ events.map(|e| e.payload.n) }}"),
        ("ids", "${{ events.map(|e| e.id) }}"),
        ("last", "${{ event.id }}"),
        ("payload", "${{ payload.n }}"),
        ("started_at", "${{ run.started_at }}"),
    ];
    let entry = |(name, text): (&str, &str)| (name.to_owned(), Template::text(text, &names).unwrap());
    if let StepKind::Uses { with, .. } = &mut step.kind {
        *with = Template::map(texts.into_iter().map(entry).collect());
    }
    step
}

fn numbered(number: u8) -> Arc<Event> {
    let body = Body::read(format!("{{\"n\":{number}}}").as_bytes()).unwrap();
    Arc::new(Event { id: EventId::from_bytes([number; 16]), dedupe_key: number.to_string(), body, ..event() })
}

fn gathered() -> Gathered {
    Gathered { events: vec![numbered(1), numbered(2), numbered(3)], raw: b"{\"n\":3}".as_slice().into() }
}

fn collecting(program: &Arc<Program>) -> Simulation {
    let first = crate::workflow::Facts { event: numbered(1), ..facts() };
    Simulation::with(Run::collect(Arc::clone(program), first, START))
}

#[test]
fn a_run_that_gathers_waits_and_is_told_once_what_it_has() {
    let mut run = collecting(&gathers(vec![tells()]));
    assert_eq!((run.status(), &run.next), (RunStatus::Waiting, &Next::Park));
    run.now = START.after(Duration::from_mins(40));
    run.give(Input::Collected(gathered()));
    let call = run.call();
    let expected = json!({
        "files": [1, 2, 3],
        "ids": gathered().events.iter().map(|event| event.id.to_string()).collect::<Vec<_>>(),
        "last": numbered(3).id.to_string(),
        "payload": 3,
        "started_at": run.now.to_string(),
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&call.params.to_json()).unwrap(), expected);
    assert_eq!(&*run.run.facts().raw, b"{\"n\":3}");
    run.give(Input::Collected(Gathered::default()));
    assert_eq!(run.call(), call, "a second word of it changes nothing");
    run.answer(&call, Ok(json!({})));
    assert_eq!(run.status(), RunStatus::Succeeded);
}

#[test]
fn a_run_that_was_taken_up_again_sees_what_it_saw() {
    let program = gathers(vec![tells()]);
    let mut run = collecting(&program);
    run.now = START.after(Duration::from_mins(40));
    run.give(Input::Collected(gathered()));
    let before = run.call();
    assert!(Run::has_gathered(&program.rule, &run.db.state));
    let whole = facts().gathering(gathered());
    let mut again = Run::restore(program, whole, &run.db.state, &run.db.rows(), &run.events).unwrap();
    let Next::Call(calls) = again.transition(Input::Resume, run.now).next else { panic!("no call") };
    assert_eq!((&calls[0].params, &calls[0].key), (&before.params, &before.key));
}

#[test]
fn a_run_that_is_taken_up_before_it_is_told_asks_to_be_told() {
    let program = gathers(vec![tells()]);
    let mut run = collecting(&program);
    assert!(!Run::has_gathered(&program.rule, &run.db.state));
    run.restart();
    assert_eq!(run.db.timers.keys().collect::<Vec<_>>(), [&(String::new(), TimerKind::Quiet)]);
    assert_eq!((run.status(), &run.next), (RunStatus::Waiting, &Next::Park));
    run.give(Input::Collected(gathered()));
    assert_eq!(run.db.timers.len(), 0);
    assert_eq!(run.call().path.as_str(), "tell");
}

#[test]
fn a_run_that_gathers_can_be_cancelled_and_minds_nothing_else() {
    let mut run = collecting(&gathers(vec![tells()]));
    let state = run.db.state.clone();
    run.give(Input::Continue);
    run.give(Input::Timer { path: "tell".into(), kind: TimerKind::Timeout });
    run.give(Input::Event { path: "tell".into(), event: numbered(9) });
    assert_eq!(run.db.state, state);
    run.give(Input::Cancel { reason: "no".to_owned() });
    assert_eq!((run.status(), &run.next), (RunStatus::Cancelled, &Next::End));
}

#[test]
fn the_keys_of_its_steps_are_those_of_its_first_event() {
    let key = |gathered: Gathered| {
        let mut run = collecting(&gathers(vec![tells()]));
        run.give(Input::Collected(gathered));
        run.call().key
    };
    let alone = key(Gathered { events: vec![numbered(1)], ..gathered() });
    assert_eq!(key(gathered()), alone);
    let others = [1, 2].map(|number| key(Gathered { events: vec![numbered(number)], ..gathered() }));
    assert_eq!(BTreeSet::from(others).len(), 2);
}
