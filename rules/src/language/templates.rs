//! Values that may hold templates, at their places in a file.

use crate::decode::{Field, all};
use crate::expression::Names;
use crate::node::NodeKind;
use crate::template::Template;
use crate::value::Value;

use super::{expressions, is_template};

/// The template that a value is, with all that lies in it.
pub(super) fn read(field: &Field<'_>, names: &Names) -> Option<Template> {
    match &field.node().kind {
        NodeKind::Scalar(Value::Text(text)) => {
            if expressions::refuse_secrets(field, text) {
                return None;
            }
            match Template::text(text, names) {
                Ok(template) => Some(template),
                Err(error) => {
                    expressions::report(field, text, &error);
                    None
                }
            }
        }
        NodeKind::Scalar(value) => Some(Template::Value(value.clone())),
        NodeKind::List(_) => {
            let items = field.one_or_many();
            all(items.iter().map(|item| read(item, names))).map(Template::list)
        }
        NodeKind::Map(_) => {
            let entries = field.entries("write a mapping")?;
            let decoded = all(entries.iter().map(|(key, value)| {
                let template = read(value, names);
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
