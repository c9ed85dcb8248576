//! The functions by which a script reaches out of itself.

use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use oncue_rules::ids::ActionName;
use oncue_rules::value::Value;
use rhai::{Dynamic, Engine, Map, Module};
use sha2::{Digest, Sha256};

use super::context::{Current, at_depth, current};
use super::failure::{self, thrown};
use super::grants::{Grants, need};
use super::{requests, sealed};
use crate::action::{ActionError, Call};
use crate::script::convert::{fits, from_value, to_value};
use crate::script::error::{Fault, fault, too_large};
use crate::script::{budget, functions};

/// The longest key of a kept value, and the longest value as JSON, in bytes.
const KEY: usize = 128;
const KEPT: usize = 16 * 1024;
/// How many plugins may call each other, the first one included.
const DEPTH: u32 = 3;

/// Registers all of them.
pub(super) fn register(engine: &mut Engine, grants: &Arc<Grants>) {
    sealed::register(engine);
    failure::register(engine);
    engine.register_fn("log", |text: &str| budget::print(text));
    engine.register_fn("log", |value: Dynamic| -> Result<(), Fault> {
        budget::print(&to_value(&value)?.to_json());
        Ok(())
    });
    engine.register_fn("url_encode", |text: &str| functions::charged(sealed::percent_encoded(text)));
    let known = Arc::clone(grants);
    engine.register_fn("secret", move |name: &str| secret(&known, name));
    let modules = [("http", http(grants)), ("store", store(grants)), ("action", action(grants)), ("time", time())];
    for (name, module) in modules {
        engine.register_static_module(name, module.into());
    }
}

fn secret(grants: &Grants, name: &str) -> Result<Dynamic, Fault> {
    need(grants.lacks_secret(name))?;
    current()?;
    let secret = grants.host.around.secret(name).ok_or_else(|| {
        let message = format!("there is no secret `{name}`: add it to `secrets` in oncue.yaml");
        thrown(&ActionError::retry("unknown_secret", message))
    })?;
    Ok(Dynamic::from(sealed::Secret::new(secret)))
}

fn http(grants: &Arc<Grants>) -> Module {
    let mut module = Module::new();
    let known = Arc::clone(grants);
    module.set_native_fn("request", move |options: Map| requests::request(&known, &options));
    module
}

fn time() -> Module {
    let mut module = Module::new();
    module.set_native_fn("now", || Ok::<_, Fault>(format!("{:.3}", Timestamp::now())));
    module.set_native_fn("unix", || Ok::<_, Fault>(Timestamp::now().as_second()));
    module.set_native_fn("unix_ms", || Ok::<_, Fault>(Timestamp::now().as_millisecond()));
    module.set_native_fn("add", |moment: Dynamic, duration: Dynamic| {
        functions::bridge("time.add", &[&moment, &duration])
    });
    module.set_native_fn("format", |moment: Dynamic, pattern: Dynamic| {
        functions::bridge("time.format", &[&moment, &pattern])
    });
    module.set_native_fn("format", |moment: Dynamic, pattern: Dynamic, zone: Dynamic| {
        functions::bridge("time.format", &[&moment, &pattern, &zone])
    });
    module.set_native_fn("day", |moment: Dynamic, days: Dynamic| functions::bridge("time.day", &[&moment, &days]));
    module.set_native_fn("day", |moment: Dynamic, days: Dynamic, zone: Dynamic| {
        functions::bridge("time.day", &[&moment, &days, &zone])
    });
    module
}

fn store(grants: &Arc<Grants>) -> Module {
    let mut module = Module::new();
    let known = Arc::clone(grants);
    module.set_native_fn("get", move |key: &str| -> Result<Dynamic, Fault> {
        let current = may_keep(&known, key)?;
        let kept = current.runtime.block_on(known.host.around.kept(&known.plugin, key));
        let kept = kept.map_err(|error| thrown(&error))?;
        let value = kept.map_or(Ok(Value::Null), |kept| Value::from_json(kept.as_bytes()));
        value.map(|value| from_value(&value)).map_err(|_| fault("what is kept is not JSON"))
    });
    let known = Arc::clone(grants);
    module.set_native_fn("put", move |key: &str, value: Dynamic| -> Result<(), Fault> {
        let current = may_keep(&known, key)?;
        let value = to_value(&value)?.to_json();
        if value.len() > KEPT {
            return Err(fault(format!("a kept value has at most {KEPT} bytes as JSON, and this has {}", value.len())));
        }
        keep(&known, &current, key, Some(value))
    });
    let known = Arc::clone(grants);
    module.set_native_fn("remove", move |key: &str| -> Result<(), Fault> {
        let current = may_keep(&known, key)?;
        keep(&known, &current, key, None)
    });
    module
}

fn keep(grants: &Grants, current: &Current, key: &str, value: Option<String>) -> Result<(), Fault> {
    let kept = current.runtime.block_on(grants.host.around.keep(&grants.plugin, key, value));
    kept.map_err(|error| thrown(&error))
}

fn may_keep(grants: &Grants, key: &str) -> Result<Rc<Current>, Fault> {
    need(grants.lacks_store())?;
    if key.is_empty() || key.len() > KEY {
        return Err(fault(format!("a key has 1 to {KEY} bytes")));
    }
    let current = current()?;
    current.count_use()?;
    Ok(current)
}

fn action(grants: &Arc<Grants>) -> Module {
    let mut module = Module::new();
    let known = Arc::clone(grants);
    module.set_native_fn("run", move |name: &str, params: Map| call(&known, name, params));
    module
}

/// Calls another action as a part of this attempt.
fn call(grants: &Grants, name: &str, params: Map) -> Result<Dynamic, Fault> {
    need(grants.lacks_action(name))?;
    let current = current()?;
    let number = current.count_use()?;
    let depth = current.depth + 1;
    if depth >= DEPTH {
        return Err(fault(format!("plugins call each other at most {DEPTH} deep")));
    }
    let Some(action) = grants.host.around.action(&ActionName::from(name)) else {
        return Err(thrown(&ActionError::fatal("unknown_action", format!("there is no action {name}"))));
    };
    let call = Call {
        params: sealed::revealed(&Dynamic::from_map(params))?,
        key: key(&current.call.key, number).into(),
        deadline: current.until,
        ..current.call.clone()
    };
    match current.runtime.block_on(at_depth(depth, action.call(call))) {
        Ok(outputs) if fits(&outputs) => Ok(from_value(&outputs)),
        Ok(_) => Err(too_large("size of outputs")),
        Err(error) => Err(thrown(&error)),
    }
}

/// The key of a call within a call: the same at each attempt, as long as calls come in the same order.
fn key(outer: &str, number: u32) -> String {
    let mut digits = hex::encode(Sha256::digest(format!("{outer}:{number}")));
    digits.truncate(40);
    digits
}
