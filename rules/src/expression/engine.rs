//! The one engine that parses and answers all expressions: raw, with our operators and functions alone.

use std::any::TypeId;
use std::sync::LazyLock;

use rhai::{Dynamic, Engine, EvalContext, FnPtr, NativeCallContext, OptimizationLevel};

use super::convert::{from_value, kind, to_value};
use super::error::{Fault, fault};
use super::functions::{self, Call, Closure, Function};
use super::{limits, operators, rewrite};
use crate::value::{Number, Value};

pub(super) static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut engine = Engine::new_raw();
    // The engine's own operators answer `1 < 'a'` with false; ours are found first only without this short cut.
    engine.set_fast_operators(false);
    // Folding constants would use the engine's own operators too.
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_max_expr_depths(PARSER_DEPTH, PARSER_DEPTH);
    engine.set_max_call_levels(limits::CALLS);
    engine.set_max_string_size(limits::TEXT);
    engine.set_max_array_size(limits::ITEMS);
    engine.set_max_map_size(limits::ITEMS);
    engine.on_progress(|_| if limits::take(1) { None } else { Some(Dynamic::UNIT) });
    by_value(&mut engine);
    register_operators(&mut engine);
    for function in functions::all() {
        register(&mut engine, function);
    }
    engine
});

/// Above what [`limits::NESTING`] brackets need; a bracket is several levels of the parser.
const PARSER_DEPTH: usize = 128;

/// Makes closures capture copies. By default a captured variable becomes shared and is locked while a method of it
/// runs, so `x.list.filter(|y| y == x.id)` would fail.
#[expect(deprecated, reason = "not deprecated, only marked as likely to change with a release")]
fn by_value(engine: &mut Engine) {
    engine.on_var(|name, _, context: EvalContext<'_, '_, '_, '_, '_, '_>| Ok(context.scope().get(name).cloned()));
}

fn register_operators(engine: &mut Engine) {
    let any = TypeId::of::<Dynamic>();
    for (name, operator) in operators::BINARY {
        engine.register_raw_fn(name, [any, any], move |_, arguments: &mut [&mut Dynamic]| {
            let [a, b] = arguments else { return Err(fault("an operator needs two values")) };
            operator(&to_value(a)?, &to_value(b)?).map(from_value)
        });
    }
    let unary = [
        ("-", operators::negate as fn(&Value) -> Result<Value, Fault>),
        ("+", operators::affirm),
        ("!", operators::not),
    ];
    for (name, operator) in unary {
        engine.register_raw_fn(name, [any], move |_, arguments: &mut [&mut Dynamic]| {
            let [a] = arguments else { return Err(fault("an operator needs a value")) };
            operator(&to_value(a)?).map(from_value)
        });
    }
    engine.register_indexer_get(|value: &mut Value, key: Dynamic| {
        operators::member(value, &to_value(&key)?).map(from_value)
    });
    engine.register_indexer_get(|(): &mut (), _: Dynamic| Dynamic::UNIT);
    engine.register_indexer_get(|_: &mut bool, key: Dynamic| {
        operators::member(&Value::Bool(true), &to_value(&key)?).map(from_value)
    });
    engine.register_raw_fn(rewrite::VALUE, [any], |_, arguments: &mut [&mut Dynamic]| {
        let [made] = arguments else { return Err(fault("a list or a map is missing")) };
        to_value(made).map(from_value)
    });
    engine.register_fn(rewrite::EXACT, |literal: &str| -> Result<Dynamic, Fault> {
        Number::parse(literal).map(|number| from_value(Value::Number(number))).ok_or_else(|| fault("not a number"))
    });
}

fn register(engine: &mut Engine, function: &'static Function) {
    for count in function.arguments.clone() {
        let types = vec![TypeId::of::<Dynamic>(); count];
        engine.register_raw_fn(function.code(), types, move |context, arguments: &mut [&mut Dynamic]| {
            call(function, &context, arguments).map(from_value)
        });
    }
}

fn call(function: &Function, context: &NativeCallContext<'_>, arguments: &[&mut Dynamic]) -> Result<Value, Fault> {
    match function.call {
        Call::Values(call) => {
            let values = arguments.iter().map(|held| to_value(held)).collect::<Result<Vec<_>, _>>()?;
            call(&values)
        }
        Call::Closure(call) => {
            let [first, closure] = arguments else { return Err(fault(function.usage)) };
            let Some(closure) = closure.read_lock::<FnPtr>() else {
                return Err(fault(format!(
                    "`{}` takes a closure, not {}: {}",
                    function.name,
                    kind(closure),
                    function.usage
                )));
            };
            call(&to_value(first)?, &Closure::new(function.name, &closure, context))
        }
    }
}
