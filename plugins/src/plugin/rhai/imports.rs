//! What a script can import: the scripts of its own plugin, as they were read when it was loaded.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{AST, Engine, EvalAltResult, Module, ModuleResolver, Position, Scope};

use crate::script::error::{Fault, fault};

/// How deep imports may lead from one to the next.
const DEPTH: usize = 16;

thread_local! {
    /// The imports that are under way on this thread, the outermost first.
    static UNDER_WAY: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// The compiled scripts of a plugin, by their path without the extension. A module is made once, by the first import.
#[derive(Default)]
pub(super) struct Imports {
    scripts: BTreeMap<String, AST>,
    made: Mutex<BTreeMap<String, Arc<Module>>>,
}

impl Imports {
    pub(super) fn add(&mut self, path: &str, script: AST) {
        self.scripts.insert(key(path).to_owned(), script);
    }

    fn make(&self, engine: &Engine, name: &str, place: Position) -> Result<Arc<Module>, Fault> {
        let Some(script) = self.scripts.get(name) else {
            let message = format!("there is no file `{name}.rhai` in the folder of the plugin");
            return Err(Box::new(EvalAltResult::ErrorRuntime(message.into(), place)));
        };
        let mut module = Module::eval_ast_as_new(Scope::new(), script, engine)?;
        module.build_index();
        let module = Arc::new(module);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(made.entry(name.to_owned()).or_insert(module)))
    }
}

/// Resolves imports; the engine wants a value of its own.
pub(super) struct Resolver(pub(super) Arc<Imports>);

impl ModuleResolver for Resolver {
    fn resolve(
        &self,
        engine: &Engine,
        _source: Option<&str>,
        path: &str,
        place: Position,
    ) -> Result<Arc<Module>, Box<EvalAltResult>> {
        let name = key(path);
        let made = self.0.made.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(module) = made {
            return Ok(module);
        }
        let is_circle = UNDER_WAY.with_borrow(|names| names.iter().any(|known| known == name) || names.len() >= DEPTH);
        if is_circle {
            return Err(fault(format!("imports lead in a circle, or deeper than {DEPTH}: `{name}`")));
        }
        UNDER_WAY.with_borrow_mut(|names| names.push(name.to_owned()));
        let module = self.0.make(engine, name, place);
        UNDER_WAY.with_borrow_mut(Vec::pop);
        module
    }
}

/// `lib/sign`, `./lib/sign` and `lib/sign.rhai` are one script.
fn key(path: &str) -> &str {
    let path = path.strip_prefix("./").unwrap_or(path);
    path.strip_suffix(".rhai").unwrap_or(path)
}
