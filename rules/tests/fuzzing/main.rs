//! The fuzz targets without a fuzzer: their seeds, and seeds that were damaged in ways that a number tells.
//!
//! `ONCUE_MUTATIONS` says how many times each seed is damaged, `ONCUE_SEED` from which number the damage is drawn. With
//! `ONCUE_FUZZ_SEEDS=FOLDER` the seeds are also written to files, for a fuzzer to begin with.

#![cfg(test)]
#![expect(unreachable_pub, reason = "what is shared with fuzz targets is public to them")]

mod agreement;
#[path = "../../src/matcher/tests/dice.rs"]
mod dice;
mod targets;

use std::path::Path;

use agreement::Said;
use dice::Dice;
use serde_json::Value as Json;
use targets::{event_bytes, paired, pattern_and_event};

/// The least that is tried each time; a fuzzer goes on from there.
const MUTATIONS: usize = 40;

/// Pieces that the language knows, for damage that a parser does not see at once.
const PIECES: [&str; 28] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0061",
    "\\ud800",
    "null",
    "true",
    "-0",
    "1e400",
    "0.1",
    "$or",
    "exists",
    "not-in",
    "prefix",
    "wildcard",
    "numeric",
    "\"a\":",
    "{\"a\":1},",
    "[[",
    "\n",
    ".",
    "*",
    "\u{212a}",
];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Pattern and event of every vector.
fn vectors() -> Vec<(String, String)> {
    let text = |vector: &Json, name: &str| vector[name].as_str().expect("a text").to_owned();
    let vectors = read("tests/fixtures/matching/vectors.jsonl");
    let vectors = vectors.lines().map(|line| serde_json::from_str::<Json>(line).expect("a vector"));
    vectors.map(|vector| (text(&vector, "pattern"), text(&vector, "event"))).collect()
}

/// The bodies of the vendor that the project knows.
fn bodies() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/protocol/events");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("bodies").map(|entry| entry.expect("a body").path()).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a body")).collect()
}

fn event_seeds() -> Vec<Vec<u8>> {
    bodies().into_iter().chain(vectors().into_iter().map(|(_, event)| event.into_bytes())).collect()
}

/// Every vector, and the match of the documentation that a person would write, as YAML.
fn pattern_seeds() -> Vec<Vec<u8>> {
    let upload = bodies().into_iter().next().expect("an upload");
    let written = "# either\nFileUploadEvent:\n  MediaBasicInfo: { Category: Video, Name: [{ prefix: raw- }, { suffix: .mp4 }] }\n  \
                   ProcedureTaskId: { empty: true }\n$or: [{ EventType: NewFileUpload }, { EventType: &x [A, 1.50] }]";
    let yaml = paired(written, &String::from_utf8_lossy(&upload));
    vectors().iter().map(|(pattern, event)| paired(pattern, event)).chain([yaml]).collect()
}

/// Keeps the seeds as files, when that is asked for.
fn keep(target: &str, seeds: &[Vec<u8>]) {
    let Some(folder) = std::env::var_os("ONCUE_FUZZ_SEEDS") else { return };
    let folder = Path::new(&folder).join(target);
    std::fs::create_dir_all(&folder).expect("a folder for seeds");
    for (number, seed) in seeds.iter().enumerate() {
        std::fs::write(folder.join(format!("{number:04}")), seed).expect("a seed");
    }
}

/// A seed with one to four wounds.
fn damaged(seed: &[u8], others: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let longest = if dice.one_in(4) { 60 } else { 6 };
        let end = (at + 1 + dice.below(longest)).min(bytes.len());
        let part = bytes.get(at..end).unwrap_or_default().to_vec();
        match dice.below(6) {
            0 => drop(bytes.splice(at..end, [])),
            1 => drop(bytes.splice(at..at, part)),
            2 => drop(bytes.splice(at..at, dice.of(&PIECES).bytes())),
            3 => drop(bytes.splice(at..end, dice.of(&PIECES).bytes())),
            4 => {
                let other = dice.of(others);
                let from = dice.below(other.len() + 1);
                let to = (from + dice.below(40)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
        }
    }
    bytes
}

/// Replays the seeds and damages them; how many inputs were understood, and how many rules matched.
fn replay(seeds: &[Vec<u8>], target: fn(&[u8]) -> Option<Said>) -> (usize, usize) {
    let mutations = usize::try_from(number("ONCUE_MUTATIONS", MUTATIONS as u64)).expect("a number");
    let mut dice = Dice(number("ONCUE_SEED", 1));
    let mut said = Vec::new();
    for seed in seeds {
        said.extend(target(seed));
        for _ in 0..mutations {
            said.extend(target(&damaged(seed, seeds, &mut dice)));
        }
    }
    assert!(said.iter().all(|said| said.undecided == 0), "what is small is decided");
    (said.len(), said.iter().map(|said| said.matched).sum())
}

#[test]
fn all_ways_to_ask_say_the_same_of_any_bytes() {
    let seeds = event_seeds();
    keep("event_bytes", &seeds);
    let (understood, matched) = replay(&seeds, event_bytes);
    assert!(understood > seeds.len() && matched > seeds.len(), "{understood} understood, {matched} matched");
}

#[test]
fn all_ways_to_ask_say_the_same_of_any_pattern_that_compiles() {
    let seeds = pattern_seeds();
    keep("patterns", &seeds);
    let (understood, matched) = replay(&seeds, pattern_and_event);
    assert!(understood > seeds.len() && matched > seeds.len() / 4, "{understood} understood, {matched} matched");
}

#[test]
fn a_fuzz_target_finds_what_the_seeds_are_made_for() {
    assert_eq!(event_bytes(b"{\"a\":"), None);
    assert_eq!(pattern_and_event(b"{\"a\":{\"numeric\":[]}}\n---\n{}"), None);
    let found = |pattern: &str| pattern_and_event(&paired(pattern, r#"{"a":{"b":1}}"#)).map(|said| said.matched);
    assert_eq!([found(r#"{"a.b":1}"#), found("a: { b: 1 }"), found("a.b: [2]")], [Some(1), Some(1), Some(0)]);
}
