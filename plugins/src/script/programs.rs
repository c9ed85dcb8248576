//! Programs: checked when rules are loaded, compiled once for all calls.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use oncue_rules::catalog::CodeError;
use oncue_rules::value::{Map, Value};
use rhai::{AST, Dynamic, Scope};
use sha2::{Digest, Sha256};

use super::budget::Budget;
use super::engine::ENGINE;
use super::functions::Time;
use super::{convert, error, limits};
use crate::action::ActionError;

/// Compiled programs that are kept.
const KEPT: usize = 256;

/// Whether a text is a program.
pub(crate) fn check(code: &str) -> Result<(), CodeError> {
    compile(code).map(|_| ())
}

fn compile(code: &str) -> Result<AST, CodeError> {
    if code.len() > limits::CODE {
        let message = format!("a script of {} bytes, and {} are the limit", code.len(), limits::CODE);
        return Err(CodeError { message, offset: 0, length: 0 });
    }
    let scope = scope(Dynamic::UNIT);
    ENGINE.compile_with_scope(&scope, code).map_err(|problem| error::of_parser(&problem, code))
}

/// What a program sees.
fn scope(args: Dynamic) -> Scope<'static> {
    let mut scope = Scope::new();
    scope.push_constant("time", Time);
    scope.push_dynamic("args", args);
    scope
}

/// Compiled programs by their text.
#[derive(Default)]
pub(crate) struct Programs(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_hash: HashMap<[u8; 32], Arc<AST>>,
    /// The one compiled first goes first.
    order: VecDeque<[u8; 32]>,
}

impl Programs {
    /// Runs a program on this thread, within the budget.
    pub(crate) fn run(&self, (code, name): (&str, &str), args: &Value, budget: Budget) -> Result<Value, ActionError> {
        let program = self.program(code).map_err(|problem| {
            let line = code.get(..problem.offset).unwrap_or_default().matches('\n').count() + 1;
            ActionError::fatal("script_error", format!("{name}:{line}: {}", problem.message))
        })?;
        if !convert::fits(args) {
            let message = format!(
                "`args` has more than {} MiB of text, or more than {} items: pass what the script needs",
                limits::TEXT >> 20,
                limits::ITEMS
            );
            return Err(ActionError::fatal("script_size", message));
        }
        let (result, stopped) = budget.spend(|| {
            let mut scope = scope(convert::from_value(args));
            let given = ENGINE.eval_ast_with_scope::<Dynamic>(&mut scope, &program)?;
            Ok(convert::to_value(&given)?)
        });
        // A stop that the script caught is one nevertheless.
        match (result, stopped) {
            (Ok(given), None) => outputs(given),
            (Ok(_), Some(_)) => Err(error::of_engine(error::fault(""), stopped, name)),
            (Err(problem), _) => Err(error::of_engine(problem, stopped, name)),
        }
    }

    fn program(&self, code: &str) -> Result<Arc<AST>, CodeError> {
        let hash: [u8; 32] = Sha256::digest(code.as_bytes()).into();
        if let Some(program) = self.kept().by_hash.get(&hash) {
            return Ok(Arc::clone(program));
        }
        let program = Arc::new(compile(code)?);
        let mut kept = self.kept();
        if kept.by_hash.insert(hash, Arc::clone(&program)).is_none() {
            kept.order.push_back(hash);
        }
        while kept.order.len() > KEPT {
            if let Some(oldest) = kept.order.pop_front() {
                kept.by_hash.remove(&oldest);
            }
        }
        Ok(program)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn outputs(given: Value) -> Result<Value, ActionError> {
    let outputs = match given {
        Value::Map(_) => given,
        other => Value::map(Map::from([("value".to_owned(), other)])),
    };
    let length = outputs.to_json().len();
    if length > limits::OUTPUT {
        let message = format!("what the script gives has {length} bytes as JSON, and {} are the limit", limits::OUTPUT);
        return Err(ActionError::fatal("script_size", message));
    }
    Ok(outputs)
}
