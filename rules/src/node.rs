//! A tree of what a person wrote, with the place of every part: what rule files, patterns and configuration are read from.

use crate::diagnostic::Span;
use crate::value::{Value, write_list, write_map};

/// One part of a written text.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: NodeKind,
}

/// What a part of a written text is.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind {
    /// `null`, a boolean, a number or a text.
    Scalar(Value),
    /// A list.
    List(Vec<Node>),
    /// A mapping in written order; a repeated key is still there twice.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Where it stands.
    pub span: Span,
    /// Its text.
    pub text: String,
}

impl Node {
    /// JSON text (RFC 8259) of the node, keys in the order in which they were written; a repeated one is there twice.
    #[must_use]
    pub fn to_json(&self) -> String {
        // JSON is about as long as what was written.
        let mut text = String::with_capacity(self.span.end.saturating_sub(self.span.start) + 16);
        self.write_json(&mut text);
        text
    }

    fn write_json(&self, out: &mut String) {
        match &self.kind {
            NodeKind::Scalar(value) => value.write_json(out),
            NodeKind::List(items) => write_list(items.iter(), out, Self::write_json),
            NodeKind::Map(entries) => {
                write_map(entries.iter().map(|(key, node)| (key.text.as_str(), node)), out, Self::write_json);
            }
        }
    }

    /// The tree of a value that nobody wrote: its places do not matter.
    #[must_use]
    pub fn from_value(value: &Value) -> Self {
        let span = Span::default();
        let kind = match value {
            Value::List(items) => NodeKind::List(items.iter().map(Self::from_value).collect()),
            Value::Map(entries) => {
                let entry =
                    |(name, value): (&String, &Value)| (Key { span, text: name.clone() }, Self::from_value(value));
                NodeKind::Map(entries.iter().map(entry).collect())
            }
            scalar => NodeKind::Scalar(scalar.clone()),
        };
        Self { span, kind }
    }

    /// The value of the node without its places; of a repeated key the last value counts.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match &self.kind {
            NodeKind::Scalar(value) => value.clone(),
            NodeKind::List(items) => Value::list(items.iter().map(Self::to_value).collect()),
            NodeKind::Map(entries) => {
                Value::map(entries.iter().map(|(key, node)| (key.text.clone(), node.to_value())).collect())
            }
        }
    }
}
