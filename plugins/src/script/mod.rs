//! The action `script`: a program in rhai, for what expressions cannot say.
//!
//! A script computes and does nothing else: it reads no file, opens no connection, knows neither clock nor chance, and
//! loads no other code. Its limits are in [`limits`]; each ends it with an error of its own. Scripts run on threads of
//! their own, which the system serves last, and never on those that take events.

#![expect(clippy::unnecessary_box_returns, reason = "the engine has its errors boxed everywhere")]

pub(crate) mod budget;
pub(crate) mod convert;
pub(crate) mod engine;
pub(crate) mod error;
pub(crate) mod functions;
pub mod limits;
pub(crate) mod pool;
mod programs;
mod queue;

use std::sync::Arc;

use async_trait::async_trait;
use oncue_rules::catalog::CheckCode;
use oncue_rules::ids::{ActionName, SubAppId};
use oncue_rules::value::{Map, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use self::pool::{Pool, Ticket};
use self::programs::Programs;
use crate::action::{Action, ActionError, Call, Repeatable, Spec};
use crate::params::{self, invalid};

/// The target of what scripts `print`, for filters of the log.
pub const TARGET: &str = "oncue::script";

const SAMPLE: &str = "\
- id: verdict
  uses: script
  with:
    args: { results: \"${{ payload.MediaProcessResultSet }}\" }
    code: |
      let failed = args.results.filter(|r| r.Type == \"Transcode\" && r.TranscodeTask.Status != \"SUCCESS\");
      #{ ok: failed.is_empty(), failed: failed.len() }
";

/// The program, and what it is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScriptParams {
    /// The program. Values come in through `args`, never through `${{ }}`.
    #[schemars(length(max = 65536))]
    code: Option<String>,
    /// Instead of `code`: a file of it, relative to the folder of the rule file and not outside the folder of the rules.
    /// Read when the rules are loaded, so a run finishes with the text that it began with.
    file: Option<String>,
    /// What the program sees as `args`: usually a map. Left out: an empty map.
    #[serde(rename = "args")]
    _args: Option<serde_json::Value>,
}

/// What the program gave.
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "only its schema is used: outputs are built as values")]
struct ScriptOutputs {
    /// What the program gave when that is no map. The entries of a map are outputs themselves.
    value: serde_json::Value,
}

/// Runs a program in rhai.
pub struct Script {
    pool: Pool<Option<SubAppId>>,
    programs: Arc<Programs>,
    spec: Spec,
}

impl Script {
    /// The action. Its threads start with the first call.
    #[must_use]
    pub fn new() -> Self {
        let spec = Spec {
            name: ActionName::from("script"),
            summary: "Runs a program in rhai, which computes and does nothing else.".into(),
            parameters: params::schema::<ScriptParams>(),
            outputs: params::schema::<ScriptOutputs>(),
            sample: SAMPLE.into(),
            repeatable: Repeatable::Yes,
            needs_credentials: false,
        };
        let pool = Pool::new("script", limits::THREADS, limits::THREADS / 2);
        Self { pool, programs: Arc::default(), spec }
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Action for Script {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn check_code(&self) -> Option<CheckCode> {
        Some(programs::check)
    }

    async fn call(&self, call: Call) -> Result<Value, ActionError> {
        let params: ScriptParams = params::decode_without(&call.params, "args")?;
        // A file is read at load, and its text then comes as `code` beside its name.
        let code = params.code.ok_or_else(|| invalid("code", "write the program here, or its place as `file`"))?;
        let name = params.file.unwrap_or_else(|| "code".to_owned());
        let args = match call.params.get("args") {
            Value::Null => Value::map(Map::new()),
            args => args.clone(),
        };
        let ticket = Ticket {
            lane: call.app.as_ref().map(|app| app.subappid),
            origin: format!("run={} rule={} step={}", call.run, call.rule, call.step),
            deadline: call.deadline,
            time: limits::TIME,
        };
        let programs = Arc::clone(&self.programs);
        self.pool.run(ticket, move |budget| programs.run((&code, &name), &args, budget)).await
    }
}

#[cfg(test)]
mod tests;
