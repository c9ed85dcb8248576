//! Expressions at their places in a file.

use crate::decode::Field;
use crate::diagnostic::{Severity, Span};
use crate::expression::{Expression, ExpressionError, Names};
use crate::node::NodeKind;
use crate::value::Value;
use crate::yaml::place_in_scalar;

/// The expression that a field is: a text without `${{ }}`, or `true` or `false`.
pub(super) fn read(field: &Field<'_>, names: &Names) -> Option<Expression> {
    if let NodeKind::Scalar(Value::Bool(boolean)) = field.node().kind {
        return Expression::compile(if boolean { "true" } else { "false" }, names).ok();
    }
    let NodeKind::Scalar(Value::Text(text)) = &field.node().kind else {
        field.mismatch("an expression", "write an expression, such as `event.depth == 0`");
        return None;
    };
    if let Some(inner) = text.trim().strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")) {
        let message = format!("`{}` is an expression as it stands, and needs no `${{{{ }}}}`", field.name());
        field.error(message, format!("write `{}`", inner.trim()));
        return None;
    }
    match Expression::compile(text, names) {
        Ok(expression) => Some(expression),
        Err(error) => {
            report(field, text, &error);
            None
        }
    }
}

/// Reports what is wrong with an expression within the text of a field.
pub(super) fn report(field: &Field<'_>, text: &str, error: &ExpressionError) {
    let findings = field.findings();
    let span: Span = place_in_scalar(findings.file(), field.span(), text, error.offset, error.length);
    let hint = error.hint.as_deref().unwrap_or("an expression is one value, such as `event.depth == 0`");
    findings.push(Severity::Error, span, error.message.clone(), Some(hint.to_owned()));
}
