//! The JSON Schema that a body must fit.

use std::error::Error as StdError;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use boon::{Compiler, SchemaIndex, Schemas, UrlLoader, ValidationError};
use oncue_rules::value::Value;
use serde_json::Value as Json;

use super::Refusal;

/// What a schema is called while it is compiled.
const NAME: &str = "schema:/endpoint";
/// How many problems of a body are told.
const TOLD: usize = 5;
/// How long what is told may be, in characters.
const LONGEST: usize = 600;

/// A compiled JSON Schema (drafts 4 to 2020-12; the last where it does not say). A clone is cheap.
#[derive(Clone)]
pub struct Schema {
    schemas: Arc<Schemas>,
    index: SchemaIndex,
}

/// Nothing is read from elsewhere: a schema is all that there is.
struct NoOthers;

impl UrlLoader for NoOthers {
    fn load(&self, _: &str) -> Result<Json, Box<dyn StdError>> {
        Err("a schema cannot name another document: write what is needed into `$defs`".into())
    }
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn compile(schema: Json) -> Result<Self, String> {
        let mut compiler = Compiler::new();
        compiler.use_loader(Box::new(NoOthers));
        let mut schemas = Schemas::new();
        let told = |error: &dyn fmt::Display| one_line(&format!("{error:#}").replace(&format!("{NAME}#"), "it"));
        compiler.add_resource(NAME, schema).map_err(|error| told(&error))?;
        let index = compiler.compile(NAME, &mut schemas).map_err(|error| told(&error))?;
        Ok(Self { schemas: Arc::new(schemas), index })
    }

    /// Whether a value fits.
    pub(super) fn check(&self, value: &Value) -> Result<(), Refusal> {
        let refused = |problems: String| Refusal::Schema { problems };
        let json: Json = serde_json::from_str(&value.to_json()).map_err(|error| refused(error.to_string()))?;
        self.schemas.validate(&json, self.index).map_err(|error| {
            let mut problems = Vec::new();
            collect(&error, &mut problems);
            refused(one_line(&problems.join("; ")))
        })
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schema")
    }
}

/// The problems that have no further cause.
fn collect(error: &ValidationError<'_, '_>, problems: &mut Vec<String>) {
    if problems.len() == TOLD {
        return;
    }
    if error.causes.is_empty() {
        let mut problem = String::new();
        let place = error.instance_location.to_string();
        let place = if place.is_empty() { "/" } else { &place };
        // Writing into a text does not fail.
        let _written = write!(problem, "at {place}: {}", error.kind);
        problems.push(problem);
    }
    error.causes.iter().for_each(|cause| collect(cause, problems));
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}
