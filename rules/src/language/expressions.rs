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
    if secret_in(text).is_some_and(|at| refuse_secret(field, text, at)) {
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

/// Reports a template of a text that names `secrets`; whether there was one.
pub(super) fn refuse_secrets(field: &Field<'_>, text: &str) -> bool {
    let mut from = 0;
    while let Some(open) = text.get(from..).and_then(|rest| rest.find("${{")) {
        let start = from + open + 3;
        let inner = text.get(start..).unwrap_or_default();
        let length = inner.find("}}").unwrap_or(inner.len());
        if let Some(at) = inner.get(..length).and_then(secret_in) {
            return refuse_secret(field, text, start + at);
        }
        from = start + length;
    }
    false
}

fn refuse_secret(field: &Field<'_>, text: &str, at: usize) -> bool {
    let findings = field.findings();
    let span = place_in_scalar(findings.file(), field.span(), text, at, "secrets".len());
    let hint = "keep the secret in `oncue.yaml`, on the target or the credentials that need it";
    findings.error(span, "`secrets` in rules are not yet supported in this version", hint);
    true
}

/// Where an expression names the root `secrets`.
fn secret_in(expression: &str) -> Option<usize> {
    let mut quote = None;
    let mut previous = ' ';
    for (at, character) in expression.char_indices() {
        match quote {
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if matches!(character, '\'' | '"' | '`') => quote = Some(character),
            None => {
                let begins = !(previous.is_alphanumeric() || matches!(previous, '_' | '.'));
                let rest = expression.get(at..).and_then(|rest| rest.strip_prefix("secrets"));
                if begins && rest.is_some_and(|rest| rest.trim_start().starts_with(['.', '['])) {
                    return Some(at);
                }
            }
        }
        previous = character;
    }
    None
}
