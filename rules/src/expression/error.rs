//! What is wrong with an expression, in the words of the one who wrote it.

use std::fmt;
use std::sync::Arc;

use rhai::{EvalAltResult, ParseError, ParseErrorType, Position};

use super::limits;
use super::rewrite::Rewritten;

/// An expression or a template that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong.
    pub message: String,
    /// Where it begins, in bytes of the text that was given.
    pub offset: usize,
    /// How long the wrong part is, in bytes.
    pub length: usize,
    /// How to put it right.
    pub hint: Option<String>,
}

impl ExpressionError {
    pub(crate) fn new(message: impl Into<String>, offset: usize, length: usize) -> Self {
        Self { message: message.into(), offset, length, hint: None }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error in a text in which the expression begins at `start`.
    pub(crate) fn shifted(mut self, start: usize) -> Self {
        self.offset += start;
        self
    }

    pub(super) fn from_parser(error: &ParseError, rewritten: &Rewritten, text: &str) -> Self {
        let (offset, length) = rewritten.origin(error.position()).unwrap_or((text.len(), 0));
        let part = text.get(offset..offset + length).unwrap_or_default();
        match error.err_type() {
            ParseErrorType::ExprTooDeep => Self::new("the expression is nested too deep", offset, length)
                .with_hint("take a part of it into a `set` step"),
            ParseErrorType::MismatchedType(_, actual) => Self::new(needs_boolean(actual), offset, length),
            ParseErrorType::LiteralTooLarge(..) => Self::new("this value is too large", offset, length),
            ParseErrorType::DuplicatedProperty(name) => {
                Self::new(format!("the map has `{name}` twice"), offset, length)
            }
            ParseErrorType::FnDuplicatedParam(..) => Self::new("the closure has this name twice", offset, length),
            _ if part.is_empty() => {
                Self::new("the expression ends where a value or a bracket is missing", offset, length)
            }
            _ => Self::new(format!("`{part}` is not expected here"), offset, length)
                .with_hint("an operator, a value or a bracket may be missing before it"),
        }
    }
}

/// An expression that could not be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct EvaluationError {
    /// What is wrong.
    pub message: String,
    /// The expression.
    pub expression: Arc<str>,
    /// The part of it that could not be answered, where that is known: where it begins and how long it is, in bytes.
    pub part: Option<(usize, usize)>,
}

impl fmt::Display for EvaluationError {
    /// The message and the expression, cut after 120 characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.expression.chars().take(120).collect();
        let cut = if shown.len() < self.expression.len() { "…" } else { "" };
        write!(f, "{} in `{shown}{cut}`", self.message)
    }
}

impl EvaluationError {
    pub(super) fn new(message: impl Into<String>, expression: &Arc<str>) -> Self {
        Self { message: message.into(), expression: expression.clone(), part: None }
    }

    pub(super) fn from_engine(error: &EvalAltResult, rewritten: &Rewritten, expression: &Arc<str>) -> Self {
        let mut inner = error;
        while let EvalAltResult::ErrorInFunctionCall(_, _, cause, _) = inner {
            inner = cause;
        }
        let part = rewritten.origin(inner.position());
        Self { message: message(inner), expression: expression.clone(), part }
    }
}

/// The engine names its own types; a person hears of numbers, texts, lists and maps instead.
pub(super) fn message(error: &EvalAltResult) -> String {
    match error {
        EvalAltResult::ErrorRuntime(message, _) => message.to_string(),
        EvalAltResult::ErrorTerminated(..) | EvalAltResult::ErrorTooManyOperations(_) => {
            format!("more than {} operations", limits::OPERATIONS)
        }
        EvalAltResult::ErrorStackOverflow(_) => format!("calls nested deeper than {}", limits::CALLS),
        EvalAltResult::ErrorDataTooLarge(..) => limits::too_large(),
        EvalAltResult::ErrorMismatchDataType(expected, actual, _) if expected.ends_with("bool") => {
            needs_boolean(actual)
        }
        EvalAltResult::ErrorMismatchDataType(_, actual, _) | EvalAltResult::ErrorMismatchOutputType(_, actual, _) => {
            format!("{} does not fit here", kind(actual))
        }
        EvalAltResult::ErrorIndexingType(..) | EvalAltResult::ErrorDotExpr(..) => "this value has no members".into(),
        EvalAltResult::ErrorFunctionNotFound(call, _) => {
            format!("`{}` does not take this", call.split(' ').next().unwrap_or_default())
        }
        EvalAltResult::ErrorVariableNotFound(..) => "a name that is not known here".into(),
        EvalAltResult::ErrorStringBounds(..) | EvalAltResult::ErrorBitFieldBounds(..) => {
            "there is nothing at this index".into()
        }
        _ => "the expression cannot be answered".into(),
    }
}

fn needs_boolean(type_name: &str) -> String {
    format!("`if`, `and` and `or` need true or false, not {}", kind(type_name))
}

fn kind(type_name: &str) -> &'static str {
    match type_name {
        "()" => "null",
        "bool" => "a boolean",
        "i64" | "f64" | "a number" | "a floating-point number" => "a number",
        "array" => "a list",
        "map" => "a map",
        "Fn" => "a closure",
        _ if type_name.contains("tring") || type_name == "char" => "a text",
        _ => "a number, a text, a list or a map",
    }
}

/// An error that a function or an operator raises, in words for the user.
pub(super) type Fault = Box<EvalAltResult>;

pub(super) fn fault(message: impl Into<String>) -> Fault {
    Box::new(EvalAltResult::ErrorRuntime(message.into().into(), Position::NONE))
}
