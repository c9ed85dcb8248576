//! Values that may hold templates, at their places in a file.

use crate::decode::{Field, all};
use crate::expression::Names;
use crate::node::NodeKind;
use crate::template::Template;
use crate::value::Value;

use super::secrets::{self, Allowed, Found};
use super::{expressions, is_template};

/// The template that a value is, with all that lies in it.
pub(super) fn read(field: &Field<'_>, names: &Names) -> Option<Template> {
    read_with(field, names, Allowed::Nowhere)
}

/// As [`read`], for the parameters of an action, which may be secrets.
pub(super) fn read_with(field: &Field<'_>, names: &Names, secrets: Allowed<'_>) -> Option<Template> {
    match &field.node().kind {
        NodeKind::Scalar(Value::Text(text)) => match secrets::read(field, text, secrets) {
            Found::Reference(name) => Some(Template::Secret(name)),
            Found::Broken => None,
            Found::Other => match Template::text(text, names) {
                Ok(template) => Some(template),
                Err(error) => {
                    expressions::report(field, text, &error);
                    None
                }
            },
        },
        NodeKind::Scalar(value) => Some(Template::Value(value.clone())),
        NodeKind::List(_) => {
            let items = field.one_or_many();
            all(items.iter().map(|item| read_with(item, names, secrets))).map(Template::list)
        }
        NodeKind::Map(_) => {
            let entries = field.entries("write a mapping")?;
            let decoded = all(entries.iter().map(|(key, value)| {
                let template = read_with(value, names, secrets);
                if is_template(&key.text) {
                    let hint = "write the name out: only values can hold `${{ }}`";
                    field.findings().error(key.span, "a name cannot hold a template", hint);
                    return None;
                }
                Some((key.text.clone(), template?))
            }))?;
            Some(Template::map(decoded))
        }
    }
}
