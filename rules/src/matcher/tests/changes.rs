//! A matcher that was changed says what one says that was made anew.

use super::Came;
use super::dice::Dice;
use super::differential::{came, pattern};
use super::matcher;
use crate::matcher::{Builder, Matcher, Subject};
use crate::pattern::Pattern;

/// Rules as a set of them has them: in some order, each with a name of its own.
struct Rules(Vec<(usize, Pattern)>);

impl Rules {
    /// A matcher of them, after one of rules with these names.
    fn changed(&self, before: &Matcher, names: &[usize]) -> Matcher {
        let mut builder = Builder::after(before);
        for (number, (name, pattern)) in (0..).zip(&self.0) {
            let old = names.iter().position(|other| other == name).and_then(|old| u32::try_from(old).ok());
            if !old.is_some_and(|old| builder.keep(old, number)) {
                builder.add(number, Subject::new(None, None, Some(pattern)));
            }
        }
        builder.finish(|builder| {
            for (number, (_, pattern)) in (0..).zip(&self.0) {
                builder.add(number, Subject::new(None, None, Some(pattern)));
            }
        })
    }

    fn anew(&self) -> Matcher {
        let patterns: Vec<Pattern> = self.0.iter().map(|(_, pattern)| pattern.clone()).collect();
        matcher(&patterns)
    }

    fn find(&self, matcher: &Matcher, event: &Came) -> Vec<u32> {
        event.find(matcher, |rule, document, steps| self.0[rule as usize].1.decide(document, steps)).unwrap().matched
    }
}

#[test]
fn after_any_changes_every_rule_is_found_as_if_all_were_new() {
    let mut dice = Dice(5);
    for _ in 0..20 {
        let mut rules = Rules((0..40).map(|name| (name, pattern(&mut dice).1)).collect());
        let (mut matcher, mut next) = (rules.anew(), 40);
        for _ in 0..8 {
            let before: Vec<usize> = rules.0.iter().map(|(name, _)| *name).collect();
            for _ in 0..dice.below(6) {
                let at = dice.below(rules.0.len());
                match dice.below(3) {
                    0 => drop(rules.0.remove(at)),
                    1 => rules.0[at] = (next, pattern(&mut dice).1),
                    _ => rules.0.insert(at, (next, pattern(&mut dice).1)),
                }
                next += 1;
            }
            matcher = rules.changed(&matcher, &before);
            let anew = rules.anew();
            for _ in 0..20 {
                let event = came(&mut dice);
                assert_eq!(rules.find(&matcher, &event), rules.find(&anew, &event), "{event:?}");
            }
        }
    }
}
