//! What must hold of any rules and any event: the matcher, the plain evaluator and the explanation say the same.
//!
//! Random tests, the replay of the seeds and the fuzz targets all check this, and nothing else checks it again.

use std::cell::OnceCell;

use oncue_rules::event::Payload;
use oncue_rules::matcher::{Builder, Document, Found, Matcher, Subject};
use oncue_rules::pattern::{Pattern, STEP_LIMIT, TooCostly};
use oncue_rules::value::{JsonError, Value};

/// A matcher of these matches alone.
pub fn matcher(patterns: &[Pattern]) -> Matcher {
    let mut builder = Builder::new();
    for (number, pattern) in (0..).zip(patterns) {
        builder.add(number, Subject::new(None, None, Some(pattern)));
    }
    builder.finish(|_| unreachable!("there was none before"))
}

/// An event as it came.
#[derive(Debug)]
pub struct Came {
    pub envelope: Value,
    pub body: Vec<u8>,
    pub payload: Payload,
}

impl Came {
    /// What a match looks at, when its body is this value.
    pub fn document(&self, body: &Value) -> Value {
        let roots = [("event", &self.envelope), ("payload", self.payload.of(body)), ("body", body)];
        Value::map(roots.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect())
    }

    /// What a matcher finds, when `ask` gives the answer of a rule on the whole document.
    pub fn find(
        &self,
        matcher: &Matcher,
        mut ask: impl FnMut(u32, &Value, &mut u64) -> Result<bool, TooCostly>,
    ) -> Result<Found, JsonError> {
        let (value, whole) = (OnceCell::new(), OnceCell::new());
        let tree = || value.get_or_init(|| Value::from_json(&self.body)).as_ref().map_err(JsonError::clone);
        let document = Document {
            kind: None,
            app: None,
            event: Some(&self.envelope),
            body: &self.body,
            payload: Some(&self.payload),
        };
        matcher.find(document, tree, |rule, steps| {
            ask(rule, whole.get_or_init(|| self.document(tree().expect("a body that was scanned"))), steps)
        })
    }

    fn shown(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        format!("{body}, of which the payload is {:?}, of {}", self.payload, self.envelope.to_json())
    }
}

/// Matches that are asked together and one by one.
pub struct Rules {
    texts: Vec<String>,
    patterns: Vec<Pattern>,
    matcher: Matcher,
}

/// How many of the rules match an event, and of how many that was not found out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Said {
    pub matched: usize,
    pub undecided: usize,
}

impl Rules {
    /// These matches, with the texts by which they are named when something is wrong.
    pub fn new(texts: Vec<String>, patterns: Vec<Pattern>) -> Self {
        let matcher = matcher(&patterns);
        Self { texts, patterns, matcher }
    }

    /// Asks about an event in every way, and panics where two ways say different things. `None` when its body is no JSON, on
    /// which all ways agree too.
    pub fn agree(&self, event: &Came) -> Option<Said> {
        let ask = |rule: u32, document: &Value, steps: &mut u64| self.patterns[rule as usize].decide(document, steps);
        let found = event.find(&self.matcher, ask);
        let (body, found) = match (Value::from_json(&event.body), found) {
            (Ok(body), Ok(found)) => (body, found),
            (Err(error), found) => {
                assert_eq!(found, Err(error), "{}", event.shown());
                return None;
            }
            (Ok(_), Err(error)) => panic!("{}: {error}", event.shown()),
        };
        let again = Value::from_json(body.to_json().as_bytes());
        assert_eq!(again.as_ref(), Ok(&body), "what is written is read back");
        self.compare(event, &event.document(&body), &found);
        Some(Said { matched: found.matched.len(), undecided: found.undecided.len() })
    }

    /// Compares what was found with what each match says alone, and why.
    fn compare(&self, event: &Came, document: &Value, found: &Found) {
        for ((rule, pattern), text) in (0..).zip(&self.patterns).zip(&self.texts) {
            let Ok(alone) = pattern.decide(document, &mut { STEP_LIMIT }) else { continue };
            let why = pattern.mismatch(document);
            assert_eq!(why.is_none(), alone, "{text} and {}: {why:?}", event.shown());
            if let Ok(together) = found.says(rule) {
                assert_eq!(together, alone, "{text} and {}", event.shown());
            }
            let conditions = pattern.paths().len();
            assert!(why.is_none_or(|why| why.position <= conditions), "{text} and {}", event.shown());
        }
    }
}
