//! Random rules and events: whatever the indexes do, each rule says what its own match says.
//!
//! Values are few and near to each other, so that events nearly match. `ONCUE_PAIRS` says how many pairs of a rule and an
//! event are tried, `ONCUE_SEED` from which number they are drawn.

use std::fmt::Write as _;

use super::agreement::{Came, Rules};
use super::dice::Dice;
use crate::event::Payload;
use crate::pattern::Pattern;
use crate::value::Value;

const PAIRS: u64 = 20_000;

const NAMES: [&str; 5] = ["a", "b", "c", "long name", "d"];
const TEXTS: [&str; 22] = [
    "",
    "a",
    "ab",
    "abc",
    "abd",
    "b",
    "ba",
    "A",
    "AB",
    "k",
    "\u{212a}",
    "σ",
    "ς",
    "é",
    "e\u{301}",
    "a*b",
    "x.mp4",
    "x.MP4",
    "10.1.2.3",
    "::ffff:10.1.2.3",
    "2001:db8::1",
    "1",
];
const NUMBERS: [&str; 26] = [
    "0",
    "-0",
    "0.0",
    "1",
    "1.0",
    "1e0",
    "10e-1",
    "-1",
    "10",
    "1e1",
    "0.1",
    "1e-1",
    "9007199254740992",
    "9007199254740993",
    "9007199254740993.0",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "1e18",
    "1e19",
    "1e-18",
    "1e-19",
    "0.30000000000000004",
    "0.3",
    "123456789012345678901234567890",
    "1e400",
];

fn text(dice: &mut Dice) -> String {
    Value::text(*dice.of(&TEXTS)).to_json()
}

fn scalar(dice: &mut Dice) -> String {
    match dice.below(8) {
        0..=3 => text(dice),
        4..=5 => (*dice.of(&NUMBERS)).to_owned(),
        _ => (*dice.of(&["true", "false", "null"])).to_owned(),
    }
}

fn some(dice: &mut Dice, most: usize, mut one: impl FnMut(&mut Dice) -> String) -> String {
    let count = 1 + dice.below(most);
    let items: Vec<String> = (0..count).map(|_| one(dice)).collect();
    items.join(",")
}

fn wildcard(dice: &mut Dice) -> String {
    let pieces = ["a", "b", "ab", "k", "", "\\\\*", "."];
    let count = 1 + dice.below(3);
    let mut wildcard = String::new();
    for at in 0..count {
        if at > 0 && (!wildcard.ends_with('*') || wildcard.ends_with("\\*")) {
            wildcard.push('*');
        }
        wildcard.push_str(dice.of::<&str>(&pieces));
    }
    format!("\"{wildcard}\"")
}

fn shape(dice: &mut Dice) -> String {
    let operator = *dice.of(&["prefix", "suffix", "wildcard", "equals-ignore-case"]);
    let argument = if operator == "wildcard" { wildcard(dice) } else { text(dice) };
    if dice.one_in(3) && operator != "equals-ignore-case" {
        format!("{{\"{operator}\":{{\"equals-ignore-case\":{argument}}}}}")
    } else {
        format!("{{\"{operator}\":{argument}}}")
    }
}

fn numeric(dice: &mut Dice) -> String {
    let (a, b) = (*dice.of(&NUMBERS), *dice.of(&NUMBERS));
    match dice.below(3) {
        0 => format!("{{\"numeric\":[\"{}\",{a}]}}", dice.of(&["=", "<", "<=", ">", ">="])),
        _ => format!("{{\"numeric\":[\"{}\",{a},\"{}\",{b}]}}", dice.of(&[">", ">="]), dice.of(&["<", "<="])),
    }
}

fn alternative(dice: &mut Dice) -> String {
    match dice.below(24) {
        0..=7 => scalar(dice),
        8..=10 => shape(dice),
        11..=12 => numeric(dice),
        13 => format!("{{\"regex\":\"{}\"}}", dice.of(&["^a", "b$", "a.?b", "^$", "[0-9]"])),
        14 => format!("{{\"anything-but\":{}}}", text(dice)),
        15 => format!("{{\"anything-but\":[{}]}}", some(dice, 3, |dice| (*dice.of(&NUMBERS)).to_owned())),
        16 => format!("{{\"anything-but\":{}}}", shape(dice)),
        17 => format!("{{\"not-in\":[{}]}}", some(dice, 3, scalar)),
        18..=19 => format!("{{\"exists\":{}}}", dice.one_in(2)),
        20 => format!("{{\"present\":{}}}", dice.one_in(2)),
        21 => format!("{{\"empty\":{}}}", dice.one_in(2)),
        _ => format!(
            "{{\"cidr\":\"{}\"}}",
            dice.of(&["10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "::/0", "2001:db8::/32"])
        ),
    }
}

fn mapping(dice: &mut Dice, depth: usize) -> String {
    let count = 1 + dice.below(3);
    let mut entries: Vec<String> = Vec::new();
    let from = dice.below(NAMES.len());
    for at in 0..count {
        let name = NAMES[(from + at) % NAMES.len()];
        let value = if depth < 3 && dice.one_in(2) {
            mapping(dice, depth + 1)
        } else {
            format!("[{}]", some(dice, 3, alternative))
        };
        entries.push(format!("\"{name}\":{value}"));
    }
    if depth < 2 && dice.one_in(5) {
        entries.push(format!("\"$or\":[{},{}]", mapping(dice, depth + 1), mapping(dice, depth + 1)));
    }
    format!("{{{}}}", entries.join(","))
}

/// A mapping of one root or two, seldom of all that there are.
fn rooted(dice: &mut Dice) -> String {
    let roots = ["body", "payload", "event"];
    let (from, count) = (dice.below(5) % 3, *dice.of(&[1, 1, 1, 1, 2, 3]));
    let mut entries: Vec<String> = Vec::new();
    for at in 0..count {
        let root = roots[(from + at) % 3];
        let value = if dice.one_in(16) { format!("[{}]", some(dice, 3, alternative)) } else { mapping(dice, 1) };
        entries.push(format!("\"{root}\":{value}"));
    }
    if dice.one_in(12) {
        entries.push(format!("\"$or\":[{{\"body\":{}}},{{\"payload\":{}}}]", mapping(dice, 2), mapping(dice, 2)));
    }
    format!("{{{}}}", entries.join(","))
}

/// A pattern that compiles: not every draw does.
pub(super) fn pattern(dice: &mut Dice) -> (String, Pattern) {
    loop {
        let text = rooted(dice);
        if let Ok(pattern) = Pattern::from_json(&text) {
            return (text, pattern);
        }
    }
}

fn value(dice: &mut Dice, depth: usize) -> String {
    match dice.below(if depth < 5 { 10 } else { 4 }) {
        0..=3 => scalar(dice),
        4..=6 => map(dice, depth + 1),
        7 => (*dice.of(&["[]", "{}", " [ ] ", "{ }"])).to_owned(),
        _ => format!("[{}]", some(dice, 3, |dice| value(dice, depth + 1))),
    }
}

fn map(dice: &mut Dice, depth: usize) -> String {
    let count = dice.below(4) + usize::from(depth == 0);
    let from = dice.below(NAMES.len());
    let mut map = "{".to_owned();
    for at in 0..count {
        let separator = if at == 0 { "" } else { dice.of(&[",", " ,\n"]) };
        let name = match dice.below(30) {
            0 => "\\u0061",
            1 => "other",
            2 => "a",
            _ => NAMES[(from + at) % NAMES.len()],
        };
        write!(map, "{separator}\"{name}\"{}{}", dice.of(&[":", " : "]), value(dice, depth)).unwrap();
    }
    map + "}"
}

/// An event whose payload stands before the other members of its body, behind them, at both places, or nowhere.
pub(super) fn came(dice: &mut Dice) -> Came {
    let envelope = Value::from_json(map(dice, 1).as_bytes()).unwrap();
    let name = *dice.of(&NAMES);
    let payload = match dice.below(8) {
        0 => Payload::None,
        1 => Payload::Whole,
        _ => Payload::Member(name.to_owned()),
    };
    if dice.one_in(30) {
        return Came { envelope, body: value(dice, 0).into_bytes(), payload };
    }
    let others = map(dice, 0);
    let others = &others[1..others.len() - 1];
    let mut member = || {
        let name = if name == "a" && dice.one_in(4) { "\\u0061" } else { name };
        let value = match dice.below(6) {
            0 => value(dice, 1),
            1 => format!("[{},{}]", map(dice, 2), map(dice, 2)),
            _ => map(dice, 1),
        };
        format!("\"{name}\":{value}")
    };
    let (one, other) = (member(), member());
    let body = match dice.below(10) {
        0..=3 => format!("{{{one},{others}}}"),
        4..=7 => format!("{{{others} , {one}}}"),
        8 => format!(" {{{one},{others},{other}}} "),
        _ => format!("{{{others}}}"),
    };
    Came { envelope, body: body.into_bytes(), payload }
}

#[test]
fn every_rule_says_what_its_match_says_alone() {
    let number = |name, default| std::env::var(name).map_or(default, |text: String| text.parse().unwrap());
    let (pairs, seed) = (number("ONCUE_PAIRS", PAIRS), number("ONCUE_SEED", 1));
    let (mut dice, mut tried, mut matched) = (Dice(seed), 0, 0);
    while tried < pairs {
        let count = 1 + dice.below(16);
        let (texts, patterns): (Vec<String>, Vec<Pattern>) = (0..count).map(|_| pattern(&mut dice)).unzip();
        let rules = Rules::new(texts, patterns);
        for _ in 0..16 {
            let event = came(&mut dice);
            let Some(said) = rules.agree(&event) else { panic!("{event:?}, from the seed {seed}, is no JSON") };
            assert_eq!(said.undecided, 0, "{event:?}, from the seed {seed}");
            tried += count as u64;
            matched += said.matched;
        }
    }
    assert!(matched as u64 > tried / 30, "events match too rarely to tell anything: {matched} of {tried}");
}

#[test]
fn a_body_that_was_damaged_is_refused_as_by_the_reader_of_values() {
    let mut dice = Dice(9);
    let (mut refused, mut taken) = (0, 0);
    while refused < 1_000 || taken < 100 {
        let (texts, patterns) = (0..4).map(|_| pattern(&mut dice)).unzip();
        let mut event = came(&mut dice);
        let mut characters: Vec<char> = String::from_utf8(event.body).unwrap().chars().collect();
        let at = dice.below(characters.len());
        match dice.below(3) {
            0 => drop(characters.remove(at)),
            1 => characters[at] = *dice.of(&['"', '\\', '{', ']', ',', ':', '0', 'e', '\n']),
            _ => characters.truncate(at),
        }
        event.body = characters.into_iter().collect::<String>().into_bytes();
        match Rules::new(texts, patterns).agree(&event) {
            None => refused += 1,
            Some(_) => taken += 1,
        }
    }
}
