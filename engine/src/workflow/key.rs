//! What is the same each time a step is tried: its idempotency key, and how its waits are spread.

use oncue_rules::event::Event;
use oncue_rules::ids::{RuleName, StepPath};
use sha2::{Digest, Sha256};

/// The idempotency key of a step: 40 hexadecimal digits, the same for every attempt of one generation (DESIGN
/// section 6). It fits a `SessionId` (50 characters at most) and a `webhook-id`.
///
/// It is made of the event's identity (application, source and dedupe key), the rule, the path and the generation.
/// Each part is preceded by its length, so that no two different lists of parts read the same.
#[must_use]
pub fn idempotency_key(event: &Event, rule: &RuleName, path: &StepPath, generation: u32) -> String {
    let app = event.subappid.map_or_else(String::new, |id| id.to_string());
    let generation = generation.to_string();
    let parts =
        [app.as_str(), event.source.as_str(), &event.dedupe_key, rule.as_str(), path.as_str(), generation.as_str()];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut digits = hex::encode(hash.finalize());
    digits.truncate(40);
    digits
}

/// A fraction from 0 (included) to 1 (not included) that looks random across keys and attempts and is the same for the
/// same ones, so that deciding a wait needs no random number.
#[must_use]
pub fn jitter(key: &str, attempt: u32) -> f64 {
    let mut hash = Sha256::new();
    hash.update(key.as_bytes());
    hash.update(attempt.to_be_bytes());
    let first = hash.finalize().iter().take(4).fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    f64::from(first) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::tests::support::event;

    fn key(dedupe: &str, rule: &str, path: &str, generation: u32) -> String {
        let event = Event { dedupe_key: dedupe.to_owned(), ..event() };
        idempotency_key(&event, &RuleName::from(rule), &StepPath::from(path), generation)
    }

    #[test]
    fn a_key_is_forty_hexadecimal_digits_and_does_not_change_between_releases() {
        assert_eq!(key("d", "r", "s", 0), "03d2989d3ddae9b8f8a5c2376a436f2be73d0111");
    }

    #[test]
    fn every_part_counts_and_no_two_parts_run_together() {
        let keys = [
            key("d", "r", "s", 0),
            key("dr", "", "s", 0),
            key("", "dr", "s", 0),
            key("d", "rs", "", 0),
            key("d", "r", "s", 1),
            key("d", "r", "s0", 0),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn jitter_is_a_fraction_that_spreads_over_attempts_and_keys() {
        let fractions: Vec<f64> = (0..1_000).map(|attempt| jitter("k", attempt)).collect();
        assert!(fractions.iter().all(|fraction| (0.0..1.0).contains(fraction)));
        let low = fractions.iter().filter(|fraction| **fraction < 0.5).count();
        assert!((400..600).contains(&low), "{low} of 1000 are below a half");
        assert_eq!(jitter("k", 3).to_bits(), jitter("k", 3).to_bits());
    }
}
