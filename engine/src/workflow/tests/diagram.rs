//! The diagrams of states in `engine/README.md` are those of the code.

use std::collections::BTreeSet;
use std::sync::Arc;

use oncue_plugins::action::ActionError;
use oncue_rules::rule::Step;
use serde_json::json;

use super::support::{Simulation, With, act, group, parallel, program, set, sleep};
use crate::workflow::record::RunStatus;
use crate::workflow::{Input, StepOutcome};

type Moves = BTreeSet<(String, String)>;

const README: &str = include_str!("../../../README.md");

/// The arrows of the diagram that follows a heading.
fn drawn(heading: &str) -> Moves {
    let (_, after) = README.split_once(heading).expect("the heading is there");
    let (_, diagram) = after.split_once("stateDiagram-v2").expect("a diagram follows it");
    let (diagram, _) = diagram.split_once("```").unwrap();
    let arrow = |line: &str| {
        let (from, to) = line.split_once("-->")?;
        let to = to.split_once(':').map_or(to, |(to, _)| to);
        Some((from.trim().to_owned(), to.trim().to_owned()))
    };
    diagram.lines().filter_map(arrow).collect()
}

/// All that runs of different kinds do, from their beginning or after a wait for room, each cancelled at every moment too,
/// and each that is dead retried.
fn seen() -> (Moves, Moves) {
    let no = || Err(ActionError::fatal("no", "never"));
    let busy = || Err(ActionError::retry("busy", "later"));
    let broken = || act("a", &json!({})).when("payload.list > 'x'");
    let tell = || vec![act("tell", &json!({})), sleep("", 5)];
    let kinds: Vec<(Vec<Step>, Vec<Step>)> = vec![
        (vec![set("b", &[]).when("false"), set("c", &[])], Vec::new()),
        (vec![sleep("b", 5)], Vec::new()),
        (vec![sleep("b", 5), act("a", &json!({}))], tell()),
        (vec![sleep("b", 5).within(1)], Vec::new()),
        (vec![sleep("b", 5).within(1)], tell()),
        (vec![broken()], Vec::new()),
        (vec![broken()], tell()),
        (vec![act("a", &json!({}))], Vec::new()),
        (vec![act("a", &json!({})).tries(1)], tell()),
        (vec![group("grp", vec![act("a", &json!({})).tries(1)])], Vec::new()),
        (vec![parallel("grp", vec![("one", vec![act("a", &json!({}))]), ("two", vec![sleep("b", 5)])])], Vec::new()),
    ];
    // What gathers does nothing but wait; after that it is a run like others.
    let (mut runs, mut steps) = (Moves::from([("[*]".to_owned(), "waiting".to_owned())]), Moves::new());
    for (kind, on_failure) in &kinds {
        for (deferred, reply, cancelled_at) in (0..128).map(|bits| (bits % 2 == 0, bits / 2 % 4, bits / 8)) {
            let (cancelled_at, retried) = (cancelled_at % 8, cancelled_at >= 8);
            let rule = program(kind.clone(), on_failure.clone());
            let begin = if deferred { Simulation::defer } else { Simulation::begin };
            let replies = match reply {
                0 => vec![],
                1 => vec![no()],
                2 => vec![busy(), busy(), no()],
                _ => vec![busy()],
            };
            let mut run = begin(&Arc::clone(&rule)).replies("a", replies);
            for at in 0..64 {
                if at == cancelled_at {
                    run.give(Input::Cancel { reason: "test".to_owned() });
                }
                if !run.step() {
                    break;
                }
            }
            if retried && run.status() == RunStatus::Dead {
                run.retry(false);
                while run.step() {}
            }
            runs.extend(run.db.moves);
            steps.extend(run.db.step_moves);
        }
    }
    (runs, steps)
}

#[test]
fn the_diagrams_show_what_runs_and_steps_do_and_nothing_else() {
    let (runs, steps) = seen();
    let mut diagram = drawn("## States of a run");
    // That is not for a workflow to decide.
    diagram.retain(|(from, to)| from != "paused" && to != "paused");
    assert_eq!(runs, diagram);
    assert_eq!(steps, drawn("## States of a step"));
}

#[test]
fn every_state_is_in_its_diagram() {
    let names = |moves: Moves| -> BTreeSet<String> { moves.into_iter().flat_map(|(from, to)| [from, to]).collect() };
    let runs = names(drawn("## States of a run"));
    assert!(RunStatus::ALL.iter().all(|status| runs.contains(status.as_str())), "{runs:?}");
    let steps = names(drawn("## States of a step"));
    assert!(steps.iter().all(|step| step == "[*]" || StepOutcome::from_word(step).is_some()), "{steps:?}");
    assert_eq!(steps.len(), 6);
}
