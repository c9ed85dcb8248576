//! The scripts of one plugin, compiled, and a call of one of their functions.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use oncue_rules::diagnostic::{Diagnostics, SourceFile, Span};
use oncue_rules::value::{Map, Value};
use rhai::{AST, CallFnOptions, Dynamic, Engine, FnAccess, Position, Scope};
use tokio::runtime::Handle;

use super::context::{Current, within};
use super::grants::Grants;
use super::imports::{Imports, Resolver};
use super::{HINT, failure, outside, problem, sealed, seen};
use crate::action::{ActionError, Call};
use crate::plugin::manifest::ActionManifest;
use crate::plugin::{Folder, error};
use crate::script::budget::Budget;
use crate::script::error as errors;
use crate::script::{convert, engine, limits, pool};

/// The most modules of one call, counted each time that one is imported.
const MODULES: usize = 64;
/// How long the statements outside of functions may take when a plugin is loaded.
const LOADING: Duration = Duration::from_secs(5);

/// A main script on an engine that knows the others.
pub(super) struct Program {
    engine: Engine,
    main: AST,
    /// How messages call the main script.
    name: String,
}

impl Program {
    /// Compiles every script of a plugin, and runs what the main one has outside of functions once, so that what is wrong
    /// with it is found now.
    pub(super) fn compile(name: &str, folder: &Folder, grants: Grants) -> Result<Self, Diagnostics> {
        let mut engine = engine::limited();
        engine.set_max_modules(MODULES);
        let grants = Arc::new(grants);
        outside::register(&mut engine, &grants);
        let mut found = Diagnostics::default();
        let mut imports = Imports::default();
        for (path, file) in &folder.scripts {
            match compile(&engine, path, file) {
                Ok(script) => {
                    for missing in seen::missing(&grants, &script, file) {
                        found.push(missing);
                    }
                    imports.add(path, script);
                }
                Err(problems) => found.extend(problems),
            }
        }
        let main = folder.scripts.get(name).map(|file| (file, compile(&engine, name, file)));
        let (file, main) = match main {
            Some((file, Ok(main))) if !found.has_errors() => (file, main),
            _ => return Err(found),
        };
        engine.set_module_resolver(Resolver(Arc::new(imports)));
        let program = Self { engine, main, name: name.to_owned() };
        match program.start() {
            Ok(()) => Ok(program),
            Err(failed) => Err(placed(folder, file, &failed.message)),
        }
    }

    /// Whether there is a function for an action.
    pub(super) fn function(&self, name: &str) -> Result<(), String> {
        let named: Vec<_> = self.main.iter_functions().filter(|function| function.name == name).collect();
        if named.iter().any(|function| {
            function.access == FnAccess::Public && function.params.len() <= 2 && !function.params.is_empty()
        }) {
            return Ok(());
        }
        let main = &self.name;
        Err(match named.first() {
            None => format!("`{main}` has no function `{name}`"),
            Some(function) if function.access != FnAccess::Public => format!("`{name}` of `{main}` is private"),
            Some(function) => {
                let count = function.params.len();
                format!("`{name}` of `{main}` takes {count} parameters, and it is given one: `params`")
            }
        })
    }

    /// Runs the statements outside of functions, on a thread with the room that scripts need.
    fn start(&self) -> Result<(), ActionError> {
        let budget = Budget {
            until: Instant::now() + LOADING,
            origin: format!("loading {}", self.name),
            unwanted: Arc::<AtomicBool>::default(),
        };
        let run = || {
            let (result, stopped) =
                budget.spend(|| self.engine.eval_ast_with_scope::<Dynamic>(&mut Scope::new(), &self.main));
            match (result, stopped) {
                (Ok(_), None) => Ok(()),
                (Ok(_), Some(_)) => Err(errors::of_engine(errors::fault(""), stopped, &self.name)),
                (Err(fault), _) => Err(errors::of_engine(fault, stopped, &self.name)),
            }
        };
        let failed = |what: &str| ActionError::fatal("script_error", what);
        thread::scope(|scope| {
            let builder = thread::Builder::new().stack_size(pool::STACK);
            let thread = builder.spawn_scoped(scope, run).map_err(|_| failed("no thread could be started for it"))?;
            thread.join().unwrap_or_else(|_| Err(failed("the engine for scripts failed")))
        })
    }

    /// Calls a function with the parameters of an action, within the budget.
    pub(super) fn run(
        &self,
        action: &ActionManifest,
        call: Call,
        (runtime, depth): (Handle, u32),
        budget: Budget,
    ) -> Result<Value, ActionError> {
        let function = action.own_name.as_str();
        if !convert::fits(&call.params) {
            let message = format!(
                "the parameters have more than {} MiB of text, or more than {} items",
                limits::TEXT >> 20,
                limits::ITEMS
            );
            return Err(ActionError::fatal("script_size", message));
        }
        let takes_call = self.main.iter_functions().any(|known| known.name == function && known.params.len() == 2);
        let mut arguments = vec![parameters(action, &call.params)];
        if takes_call {
            arguments.push(convert::from_value(&described(&call)));
        }
        let current = Current {
            repeatable: action.repeatable,
            until: budget.until,
            runtime,
            depth,
            requests: Cell::default(),
            uses: Cell::default(),
            call,
        };
        let script = || {
            let options = CallFnOptions::new().eval_ast(true);
            let mut scope = Scope::new();
            let given =
                self.engine.call_fn_with_options::<Dynamic>(options, &mut scope, &self.main, function, arguments)?;
            Ok(convert::to_value(&given)?)
        };
        let (result, stopped) = budget.spend(|| within(current, script));
        // A stop that the script caught is one nevertheless.
        match (result, stopped) {
            (Ok(given), None) => Ok(given),
            (Ok(_), Some(_)) => Err(errors::of_engine(errors::fault(""), stopped, &self.name)),
            (Err(fault), _) => Err(failure::of_script(fault, stopped, &self.name)),
        }
    }
}

/// A problem that a script met while it was loaded, at the place that its message begins with.
fn placed(folder: &Folder, main: &SourceFile, message: &str) -> Diagnostics {
    let at = folder.scripts.iter().find_map(|(path, file)| {
        let rest = message.strip_prefix(path.as_str())?.strip_prefix(':')?;
        let (place, message) = rest.split_once(": ")?;
        let (line, column) = place.split_once(':').unwrap_or((place, "1"));
        let place = Position::new(line.parse().ok()?, column.parse().ok()?);
        let start = errors::offset(&file.text, place);
        Some((file, Span { start, end: start }, message))
    });
    let (file, span, message) = at.unwrap_or((main, Span::default(), message));
    problem(file, span, message)
}

fn compile(engine: &Engine, path: &str, file: &SourceFile) -> Result<AST, Diagnostics> {
    if file.text.len() > limits::CODE {
        let message = format!("a script of {} bytes, and {} are the limit", file.text.len(), limits::CODE);
        return Err(problem(file, Span::default(), message));
    }
    match engine.compile(&*file.text) {
        Ok(mut script) => {
            script.set_source(path);
            Ok(script)
        }
        Err(wrong) => {
            let wrong = errors::of_parser(&wrong, &file.text);
            let span = Span { start: wrong.offset, end: wrong.offset + wrong.length };
            let mut found = Diagnostics::default();
            found.push(error(file, span, wrong.message, HINT));
            Err(found)
        }
    }
}

/// The parameters as a script sees them: those that are secrets are sealed.
fn parameters(action: &ActionManifest, params: &Value) -> Dynamic {
    let secret: Vec<&str> = action.secret_parameters().collect();
    let Some(members) = params.as_map().filter(|_| !secret.is_empty()) else { return convert::from_value(params) };
    let entries = members.iter().map(|(name, value)| {
        let is_secret = secret.contains(&name.as_str());
        (name.as_str().into(), if is_secret { sealed::sealed(value) } else { convert::from_value(value) })
    });
    Dynamic::from_map(entries.collect())
}

/// What a function may know of the call: its second parameter.
fn described(call: &Call) -> Value {
    let app = call.app.as_ref().map_or(Value::Null, |app| {
        let fields = [("subappid", Value::Number(app.subappid.0.into())), ("name", Value::text(Arc::clone(&app.name)))];
        map(fields)
    });
    map([
        ("key", Value::text(Arc::clone(&call.key))),
        ("attempt", Value::Number(u64::from(call.attempt).into())),
        ("run", Value::text(call.run.to_string())),
        ("rule", Value::text(call.rule.as_str())),
        ("step", Value::text(call.step.as_str())),
        ("app", app),
    ])
}

fn map<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map>())
}
