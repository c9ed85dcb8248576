//! Templates: values with expressions in them.
//!
//! A text without `${{` is itself. `${{ e }}` as the whole text is the value of `e`, with its type; among other
//! letters, or beside white space, it becomes text: a text as it is, null as nothing, numbers and booleans as written
//! in JSON, lists and maps as JSON. `$${{` writes `${{`. What an expression gives is never read as a template again.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::decode::Field;
use crate::expression::{EvaluationError, Expression, ExpressionError, Names, Scope, closing_braces};
use crate::ids::SecretName;
use crate::value::{Map, Value};

/// What begins an expression in a text.
const OPEN: &str = "${{";

/// A value that may have expressions in it.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// A value without expressions.
    Value(Value),
    /// An expression, whose value keeps its type.
    Expression(Expression),
    /// A reference to a secret, which is looked up when an action is called and not before.
    Secret(SecretName),
    /// A text with expressions among its letters.
    Text(Vec<Piece>),
    /// A list of templates.
    List(Vec<Template>),
    /// A map of templates; of a repeated name the last counts.
    Map(Vec<(String, Template)>),
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Letters as they are.
    Letters(Arc<str>),
    /// An expression, whose value becomes letters.
    Expression(Expression),
}

impl Template {
    /// The template that one written text is. An expression that names nothing is answered at once.
    ///
    /// # Errors
    ///
    /// When an expression is not closed with `}}` or does not compile; offsets are into the whole text.
    pub fn text(text: &str, names: &Names) -> Result<Self, ExpressionError> {
        let mut pieces = Vec::new();
        let mut letters = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(OPEN) {
            let (before, from_open) = rest.split_at(at);
            let inside = from_open.get(OPEN.len()..).unwrap_or_default();
            if let Some(before) = before.strip_suffix('$') {
                letters.push_str(before);
                letters.push_str(OPEN);
                rest = inside;
                continue;
            }
            letters.push_str(before);
            let start = text.len() - inside.len();
            let Some(end) = closing_braces(inside) else {
                let error = ExpressionError::new("this `${{` is never closed", start - OPEN.len(), OPEN.len());
                return Err(error.with_hint("close it with `}}`, or write `$${{` for the letters themselves"));
            };
            let (expression, after) = inside.split_at(end);
            rest = after.get("}}".len()..).unwrap_or_default();
            let piece = compile(expression, names).map_err(|error| error.shifted(start))?;
            if start == OPEN.len() && rest.is_empty() {
                return Ok(piece);
            }
            match piece {
                Self::Expression(expression) => {
                    if !letters.is_empty() {
                        pieces.push(Piece::Letters(std::mem::take(&mut letters).into()));
                    }
                    pieces.push(Piece::Expression(expression));
                }
                constant => letters.push_str(&constant_letters(&constant, expression).map_err(|e| e.shifted(start))?),
            }
        }
        letters.push_str(rest);
        if pieces.is_empty() {
            return Ok(Self::Value(Value::text(letters)));
        }
        if !letters.is_empty() {
            pieces.push(Piece::Letters(letters.into()));
        }
        Ok(Self::Text(pieces))
    }

    /// The template that a field of a file is, with all that lies in it. Every problem is reported at its place.
    #[must_use]
    pub fn read(field: &Field<'_>, names: &Names) -> Option<Self> {
        crate::language::read_template(field, names)
    }

    /// A list; a value when every item is one.
    #[must_use]
    pub fn list(items: Vec<Self>) -> Self {
        let values: Option<Vec<_>> = items.iter().map(|item| item.constant().cloned()).collect();
        values.map_or(Self::List(items), |values| Self::Value(Value::list(values)))
    }

    /// A map; a value when every entry is one.
    #[must_use]
    pub fn map(entries: Vec<(String, Self)>) -> Self {
        let values: Option<Map> =
            entries.iter().map(|(name, entry)| Some((name.clone(), entry.constant()?.clone()))).collect();
        values.map_or(Self::Map(entries), |values| Self::Value(Value::map(values)))
    }

    /// The value, when there is no expression in it.
    #[must_use]
    pub fn constant(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The value that the template gives for these names.
    ///
    /// # Errors
    ///
    /// When an expression cannot be answered, or a text becomes longer than
    /// [`limits::TEXT`](crate::expression::limits::TEXT).
    pub fn render(&self, scope: &Scope) -> Result<Value, EvaluationError> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Expression(expression) => expression.evaluate(scope),
            Self::Secret(name) => Ok(Value::Secret(name.clone())),
            Self::Text(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Letters(letters) => text.push_str(letters),
                        Piece::Expression(expression) => expression.write(scope, &mut text)?,
                    }
                }
                Ok(Value::text(text))
            }
            Self::List(items) => items.iter().map(|item| item.render(scope)).collect::<Result<_, _>>().map(Value::list),
            Self::Map(entries) => {
                let rendered = entries.iter().map(|(name, entry)| Ok((name.clone(), entry.render(scope)?)));
                rendered.collect::<Result<Map, _>>().map(Value::map)
            }
        }
    }

    /// The expressions in it, in the order they are written.
    #[must_use]
    pub fn expressions(&self) -> Vec<&Expression> {
        match self {
            Self::Value(_) | Self::Secret(_) => Vec::new(),
            Self::Expression(expression) => vec![expression],
            Self::Text(pieces) => pieces.iter().filter_map(Piece::expression).collect(),
            Self::List(items) => items.iter().flat_map(Self::expressions).collect(),
            Self::Map(entries) => entries.iter().flat_map(|(_, entry)| entry.expressions()).collect(),
        }
    }
}

impl Piece {
    fn expression(&self) -> Option<&Expression> {
        match self {
            Self::Letters(_) => None,
            Self::Expression(expression) => Some(expression),
        }
    }
}

/// The name in a text that is `${{ secrets.NAME }}` and nothing else. Whether there is such a secret, and whether the name
/// is one, is for the caller to say.
#[must_use]
pub fn secret_reference(text: &str) -> Option<&str> {
    let inner = text.strip_prefix(OPEN)?.strip_suffix("}}")?.trim();
    let name = inner.strip_prefix("secrets")?.trim_start().strip_prefix('.')?.trim_start();
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    is_name.then_some(name)
}

/// The texts between `${{` and `}}`, each with the offset at which it begins. What is not closed is left out.
pub(crate) fn written_expressions(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(OPEN)) {
        let (open, start) = (from + at, from + at + OPEN.len());
        from = start;
        if text.get(..open).is_some_and(|before| before.ends_with('$')) {
            continue;
        }
        let inside = text.get(start..).unwrap_or_default();
        let Some(end) = closing_braces(inside) else { break };
        found.push((start, inside.get(..end).unwrap_or_default()));
        from = start + end;
    }
    found
}

/// The expression between the braces, or its value when it names nothing.
fn compile(text: &str, names: &Names) -> Result<Template, ExpressionError> {
    let start = text.len() - text.trim_start().len();
    let expression = Expression::compile(text.trim(), names).map_err(|error| error.shifted(start))?;
    if expression.roots().next().is_some() {
        return Ok(Template::Expression(expression));
    }
    expression.evaluate(&Scope::default()).map(Template::Value).map_err(|error| {
        let (offset, length) = error.part.unwrap_or((0, expression.text().len()));
        ExpressionError::new(error.message, start + offset, length)
    })
}

fn constant_letters(constant: &Template, text: &str) -> Result<String, ExpressionError> {
    let mut letters = String::new();
    if let Template::Value(value) = constant {
        crate::expression::write_value(value, &mut letters)
            .map_err(|message| ExpressionError::new(message, 0, text.len()))?;
    }
    Ok(letters)
}
