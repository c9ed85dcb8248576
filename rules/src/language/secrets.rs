//! `${{ secrets.NAME }}`: where a reference to a secret may stand, which is as a whole parameter of an action.
//!
//! An expression that names a secret is refused where expressions are compiled.

use std::collections::BTreeSet;

use crate::decode::{Field, Identifier, did_you_mean};
use crate::ids::SecretName;
use crate::node::{Node, NodeKind};
use crate::template::{secret_reference, written_expressions};
use crate::value::Value;
use crate::yaml::place_in_scalar;

/// Whether references may stand here.
#[derive(Debug, Clone, Copy)]
pub(super) enum Allowed<'s> {
    /// Nowhere in this value.
    Nowhere,
    /// As a whole text at any depth; those of these names, when the names are known.
    Whole(Option<&'s BTreeSet<String>>),
}

/// What a text is.
pub(super) enum Found {
    /// No reference to a secret.
    Other,
    /// The reference to this secret.
    Reference(SecretName),
    /// One that cannot be taken, which is reported.
    Broken,
}

pub(super) fn read(field: &Field<'_>, text: &str, allowed: Allowed<'_>) -> Found {
    let Some(name) = secret_reference(text) else {
        return if refuse_within(field, text) { Found::Broken } else { Found::Other };
    };
    match allowed {
        Allowed::Nowhere => {
            refuse_here(field, name);
            Found::Broken
        }
        Allowed::Whole(known) if is_known(field, name, known) => Found::Reference(SecretName::from(name)),
        Allowed::Whole(_) => Found::Broken,
    }
}

/// Reports every text in a value without templates, such as a `match`, that is meant as a reference; whether there was
/// none.
pub(super) fn refuse_in(field: &Field<'_>, node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scalar(Value::Text(text)) => {
            let place = Field::new(field.findings(), field.name(), node);
            if let Some(name) = secret_reference(text) {
                refuse_here(&place, name);
                return false;
            }
            !refuse_within(&place, text)
        }
        NodeKind::Scalar(_) => true,
        // Every part is asked before the answers are put together: each is to report its own problem.
        NodeKind::List(items) => items.iter().filter(|item| !refuse_in(field, item)).count() == 0,
        NodeKind::Map(entries) => entries.iter().filter(|(_, value)| !refuse_in(field, value)).count() == 0,
    }
}

fn refuse_here(field: &Field<'_>, name: &str) {
    let message = "a secret cannot stand here: only a parameter of an action can be one";
    field.error(message, format!("write `${{{{ secrets.{name} }}}}` in the `with` of the step that needs it"));
}

/// Reports a reference among other letters.
fn refuse_within(field: &Field<'_>, text: &str) -> bool {
    let within = written_expressions(text).into_iter().find_map(|(start, inner)| {
        let name = secret_reference(&format!("${{{{{inner}}}}}"))?.to_owned();
        Some((start + inner.len() - inner.trim_start().len(), inner.trim().len(), name))
    });
    let Some((offset, length, name)) = within else { return false };
    let findings = field.findings();
    let span = place_in_scalar(findings.file(), field.span(), text, offset, length);
    let hint =
        format!("let `${{{{ secrets.{name} }}}}` be the whole value, and put what stands around it into the secret");
    findings.error(span, "a secret cannot be part of a longer text", hint);
    true
}

fn is_known(field: &Field<'_>, name: &str, known: Option<&BTreeSet<String>>) -> bool {
    let is_there = known.map_or_else(|| Identifier::Variable.fits(name), |known| known.contains(name));
    if !is_there {
        let hint = match known {
            Some(known) if !known.is_empty() => did_you_mean(name, "secrets", known.iter().map(String::as_str)),
            _ => format!("add it to oncue.yaml: `secrets: {{ name: \"${{env:{}}}\" }}`", name.to_uppercase()),
        };
        field.error(format!("there is no secret `{name}`"), hint);
    }
    is_there
}
