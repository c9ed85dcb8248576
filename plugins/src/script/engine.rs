//! The engine that compiles and runs all scripts: the whole language, without files, modules, clock and `eval`.

use std::sync::LazyLock;

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage, BasicMathPackage,
    BasicStringPackage, BitFieldPackage, LanguageCorePackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{Dynamic, Engine, EvalAltResult, EvalContext, OptimizationLevel, Position};

use super::{budget, functions, limits};

/// What would let other code in, at any time of a run.
const DISABLED: [&str; 2] = ["import", "export"];

pub(crate) static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut engine = limited();
    engine.set_max_modules(0);
    for symbol in DISABLED {
        engine.disable_symbol(symbol);
    }
    engine
});

/// An engine with the functions and within the limits of every script; it has no other code to import.
pub(crate) fn limited() -> Engine {
    let mut engine = Engine::new_raw();
    packages(&mut engine);
    // Folding constants would build their values when the rules are loaded, outside of all limits.
    engine.set_optimization_level(OptimizationLevel::None);
    // A variable that is not there is found when the rules are loaded.
    engine.set_strict_variables(true);
    engine.set_max_expr_depths(limits::NESTING, limits::NESTING / 2);
    engine.set_max_call_levels(limits::CALLS);
    engine.set_max_string_size(limits::TEXT);
    engine.set_max_array_size(limits::ITEMS);
    engine.set_max_map_size(limits::ITEMS);
    engine.set_max_variables(limits::VARIABLES);
    engine.disable_symbol("eval");
    engine.on_progress(|_| budget::take(1).map(Dynamic::from));
    engine.on_print(budget::print);
    engine.on_debug(|text, _, _| budget::print(text));
    weigh_variables(&mut engine);
    functions::register(&mut engine);
    engine
}

/// All of the standard library but its clock and its lists of bytes.
fn packages(engine: &mut Engine) {
    LanguageCorePackage::new().register_into_engine(engine);
    ArithmeticPackage::new().register_into_engine(engine);
    BasicStringPackage::new().register_into_engine(engine);
    BasicIteratorPackage::new().register_into_engine(engine);
    BasicFnPackage::new().register_into_engine(engine);
    BitFieldPackage::new().register_into_engine(engine);
    LogicPackage::new().register_into_engine(engine);
    BasicMathPackage::new().register_into_engine(engine);
    BasicArrayPackage::new().register_into_engine(engine);
    BasicMapPackage::new().register_into_engine(engine);
    MoreStringPackage::new().register_into_engine(engine);
}

/// The engine limits each value, and not what all variables hold together.
#[expect(deprecated, reason = "not deprecated, only marked as likely to change with a release")]
fn weigh_variables(engine: &mut Engine) {
    engine.on_var(|_, _, context: EvalContext<'_, '_, '_, '_, '_, '_>| match budget::weigh(&context) {
        None => Ok(None),
        Some(stop) => Err(Box::new(EvalAltResult::ErrorTerminated(Dynamic::from(stop), Position::NONE))),
    });
}
