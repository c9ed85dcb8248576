//! Expressions: what a rule asks and computes.
//!
//! An expression is one value in the syntax of rhai, without statements, side effects, clock or chance:
//! `payload.MediaBasicInfo.Category == 'Video' and payload.Duration / 60 > 5`.
//!
//! **Values** are null, booleans, numbers, texts, lists and maps. Numbers are exact: `1 == 1.0`, and integers of any
//! length compare by their digits. Calculating with a number that neither an `i64` nor a float holds is an error, as is
//! a result that is too large. `/` always gives the whole quotient (`7 / 2` is 3.5): whether a duration came as `90` or
//! `90.5` must not decide if its fraction is dropped.
//!
//! **Literals**: `null`, `true`, `12`, `1.5e3`, `'text'` or `"text"` (`''` is the empty text, a doubled quote is the
//! quote, escapes as in `\n`, `\u4e2d`), `[1, 2]`, `#{ name: 1, 'other name': 2 }`.
//!
//! **Operators**: `and or not == != < <= > >= in`, `not in`, `+ - * / % **`, `??` (another value for null), `if a { b }
//! else { c }`. `not` covers a whole comparison (`not a == b`), `!` only the value after it. Nothing is converted:
//! values of different kinds are unequal, ordering them is an error, and so is any calculation with null. `+` also
//! joins texts (and texts with numbers), lists, and maps (the right one wins).
//!
//! **Members**: `a.b`, `a['b-c']`, `list[0]`, `list[-1]`. Any name may follow a dot. A member of null is null, and so
//! is one that a map does not have or an index that is outside the list. A text, a number, a boolean and a list have no
//! members: asking for one is an error, since it is a misunderstanding of the data and not its absence.
//!
//! **Functions**, as `f(a, b)` or `a.f(b)`; there are no others:
//!
//! - `text.starts_with(part)`: does it begin so
//! - `text.ends_with(part)`: does it end so
//! - `text.sub_string(start, length)`: this part, or up to the end; a start below 0 counts from the end
//! - `text.replace(old, new)`: with every old part replaced
//! - `text.split(separator)`: the list of the parts between
//! - `text.trim()`: without white space at both ends
//! - `text.to_upper()`: in capital letters
//! - `text.to_lower()`: in small letters
//! - `text.index_of(part)`: where the part begins first, or -1
//! - `x.to_string()`: as a template writes it: lists and maps as JSON, null as nothing
//! - `x.to_json()`: as JSON text
//! - `text.parse_json()`: the value that the JSON text means
//! - `x.to_number()`: the number that the text says
//! - `x.to_int()`: the whole number that the text says, or the number without its fraction
//! - `x.len()`: how many characters, items or entries it has
//! - `x.is_empty()`: is it null, or a text, list or map with nothing in it
//! - `x.contains(y), y in x`: has the text this part, the list this item, the map this name
//! - `list.first()`: the first item, or null
//! - `list.last()`: the last item, or null
//! - `list.take(count)`: the first items, at most so many
//! - `list.reversed()`: the items, last first
//! - `list.sorted()`: the items in order, all numbers or all texts
//! - `list.unique()`: the items, each once, in their first order
//! - `list.flatten()`: the items of the lists in the list, one level deep
//! - `list.sum()`: the numbers added up, 0 for none
//! - `list.join(separator)`: the texts and numbers as one text
//! - `map.keys()`: its names, in their order
//! - `map.values()`: its values, in the order of their names
//! - `list.filter(|x| condition)`: the items for which it holds
//! - `list.map(|x| value)`: what each item becomes
//! - `list.all(|x| condition)`: does it hold for every item (true for an empty list)
//! - `list.some(|x| condition)`: does it hold for an item (false for an empty list)
//! - `list.find(|x| condition)`: the first item for which it holds, or null
//! - `list.sort_by(|x| key)`: the items in the order of their keys, numbers or texts
//! - `number.abs()`: without its sign
//! - `number.floor()`: the whole number at or below
//! - `number.ceil()`: the whole number at or above
//! - `number.round()`: the nearest whole number, halves away from 0
//! - `min(a, b), list.min()`: the smallest; null for an empty list
//! - `max(a, b), list.max()`: the largest; null for an empty list
//! - `time.add(moment, '-1d')`: the moment so much later or earlier, in UTC (ms, s, m, h, d)
//! - `time.format(moment, '%Y-%m-%d %H:%M', 'Asia/Shanghai')`: the moment as a text, in UTC without a zone
//! - `time.day(moment, -1, 'Asia/Shanghai')`: the date so many days from the moment's own, as '2024-05-01'
//!
//! A moment is a text as in RFC 3339 or a number of milliseconds since 1970. All limits are in [`limits`].

#![expect(clippy::unnecessary_box_returns, reason = "the engine has its errors boxed everywhere")]

mod alive;
mod convert;
mod engine;
mod error;
mod functions;
mod lexer;
pub mod limits;
mod names;
mod operators;
mod rewrite;
mod scope;
#[cfg(test)]
mod tests;
mod variables;
mod written;

use std::fmt;
use std::sync::Arc;

use rhai::{AST, Dynamic};

pub use error::{EvaluationError, ExpressionError};
pub(crate) use lexer::closing_braces;
pub use names::Names;
pub use scope::Scope;
pub(crate) use variables::{Variable, needed_variables};
pub(crate) use written::write_value;

use crate::value::Value;
use rewrite::Rewritten;

/// Calls a function of expressions that takes no closure, by its name, as in `time.add`.
///
/// # Errors
///
/// When there is none of this name for so many values, when it cannot take these, or when a limit of [`limits`] is
/// passed.
pub fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let function = functions::find(name).filter(|function| function.arguments.contains(&arguments.len()));
    let Some(functions::Call::Values(call)) = function.map(|function| &function.call) else {
        return Err(format!("there is no function `{name}` of {} values", arguments.len()));
    };
    limits::begin();
    call(arguments).map_err(|fault| error::message(&fault))
}

/// A compiled expression. A clone is cheap.
#[derive(Clone)]
pub struct Expression(Arc<Compiled>);

struct Compiled {
    text: Arc<str>,
    rewritten: Rewritten,
    ast: AST,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.0.text).finish()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Expression {}

impl Expression {
    /// Compiles a text that may use these names.
    ///
    /// # Errors
    ///
    /// When it is no expression, calls what is no function, names what is not known, or passes a limit of [`limits`].
    pub fn compile(text: &str, names: &Names) -> Result<Self, ExpressionError> {
        if text.len() > limits::EXPRESSION_TEXT {
            let message = format!("an expression of more than {} KiB", limits::EXPRESSION_TEXT / 1024);
            return Err(ExpressionError::new(message, 0, text.len()));
        }
        let tokens = lexer::tokens(text)?;
        if tokens.is_empty() {
            return Err(ExpressionError::new("an expression is missing", 0, text.len()));
        }
        let rewritten = rewrite::rewrite(&tokens, names)?;
        alive::shared(text, rewritten, |rewritten| {
            let ast = engine::ENGINE
                .compile_expression(&rewritten.code)
                .map_err(|error| ExpressionError::from_parser(&error, &rewritten, text))?;
            Ok(Compiled { text: text.into(), rewritten, ast })
        })
        .map(Self)
    }

    /// The text that was compiled.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The roots that the expression names, each once, in the order of the alphabet.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        self.0.rewritten.roots.iter().map(String::as_str)
    }

    /// The value of the expression. A name that the scope does not bind is null.
    ///
    /// # Errors
    ///
    /// When a value is of a kind that an operator or a function does not take, or a limit of [`limits`] is passed.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, EvaluationError> {
        let Compiled { text, rewritten, ast } = &*self.0;
        let mut bound = rhai::Scope::new();
        for root in &rewritten.roots {
            let value = scope.get(root).cloned().unwrap_or_default();
            bound.push_dynamic(rewrite::variable(root), convert::from_value(value));
        }
        limits::begin();
        engine::ENGINE
            .eval_ast_with_scope::<Dynamic>(&mut bound, ast)
            .and_then(|answer| convert::to_value(&answer))
            .map_err(|error| EvaluationError::from_engine(&error, rewritten, text))
    }

    /// Does the condition hold?
    ///
    /// # Errors
    ///
    /// As for [`Expression::evaluate`], and when the value is not a boolean.
    pub fn holds(&self, scope: &Scope) -> Result<bool, EvaluationError> {
        match self.evaluate(scope)? {
            Value::Bool(holds) => Ok(holds),
            other => Err(EvaluationError::new(
                format!("a condition must be true or false, not {}", other.kind()),
                &self.0.text,
            )),
        }
    }

    /// Writes the value of the expression into a text, as [`write_value`] does.
    pub(crate) fn write(&self, scope: &Scope, text: &mut String) -> Result<(), EvaluationError> {
        let value = self.evaluate(scope)?;
        write_value(&value, text).map_err(|message| EvaluationError::new(message, &self.0.text))
    }
}
