//! The vectors, each alone and all patterns at once.

use super::{find, in_body, matcher};
use crate::pattern::Pattern;
use crate::pattern::tests::vectors::vectors;
use crate::value::Value;

#[test]
fn every_vector_gets_the_verdict_that_it_expects() {
    let mut count = 0;
    for vector in vectors() {
        let (Ok(_), Ok(pattern)) = (Pattern::from_json(&vector.pattern), in_body(&vector.pattern)) else { continue };
        if vector.expected == "invalid-event" {
            continue;
        }
        let patterns = [pattern];
        let found = find(&matcher(&patterns), &patterns, &vector.event);
        assert_eq!(serde_json::Value::from(found.matched == [0]), vector.expected, "{}", vector.id);
        count += 1;
    }
    assert!(count > 250, "{count}");
}

#[test]
fn all_patterns_at_once_say_to_every_event_what_each_says_alone() {
    let vectors = vectors();
    let valid = vectors
        .iter()
        .filter_map(|vector| Some((Pattern::from_json(&vector.pattern).ok()?, in_body(&vector.pattern).ok()?)));
    let (plain, patterns): (Vec<Pattern>, Vec<Pattern>) = valid.unzip();
    let matcher = matcher(&patterns);
    for vector in &vectors {
        let Ok(document @ Value::Map(_)) = Value::from_json(vector.event.as_bytes()) else { continue };
        let alone: Vec<u32> = (0..).zip(&plain).filter(|(_, p)| p.matches(&document)).map(|(n, _)| n).collect();
        assert_eq!(find(&matcher, &patterns, &vector.event).matched, alone, "{}", vector.id);
    }
}
