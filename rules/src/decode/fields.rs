//! The fields of a mapping.

use crate::diagnostic::Span;
use crate::node::{Key, Node};

use super::{Field, Findings, did_you_mean};

/// Hands out the fields of a mapping, and reports those that nobody asked for.
#[derive(Debug)]
pub struct Fields<'a> {
    findings: &'a Findings<'a>,
    what: &'static str,
    span: Span,
    entries: &'a [(Key, Node)],
    known: Vec<&'static str>,
    hidden: Vec<&'static str>,
}

/// How many fields most mappings may have.
const KNOWN: usize = 16;

impl<'a> Fields<'a> {
    pub(super) fn new(findings: &'a Findings<'a>, what: &'static str, span: Span, entries: &'a [(Key, Node)]) -> Self {
        Self { findings, what, span, entries, known: Vec::with_capacity(KNOWN), hidden: Vec::new() }
    }

    /// Where findings about the mapping go.
    #[must_use]
    pub fn findings(&self) -> &'a Findings<'a> {
        self.findings
    }

    /// Where the mapping is written.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// Where a finding about the mapping as a whole points: its first key.
    #[must_use]
    pub fn place(&self) -> Span {
        self.entries.first().map_or(self.span, |(key, _)| key.span)
    }

    /// The field of this name, when it is written. A repeated field counts once: the YAML reader has reported it.
    pub fn optional(&mut self, name: &'static str) -> Option<Field<'a>> {
        self.known.push(name);
        self.find(name).map(|(_, node)| Field::new(self.findings, name, node))
    }

    /// The field of this name; reports when it is not written. `hint` says what to write.
    pub fn required(&mut self, name: &'static str, hint: &str) -> Option<Field<'a>> {
        let field = self.optional(name);
        if field.is_none() {
            self.findings.error(self.place(), format!("{} needs `{name}`", self.what), hint);
        }
        field
    }

    /// Where the key of a field is written.
    #[must_use]
    pub fn key_span(&self, name: &str) -> Option<Span> {
        self.find(name).map(|(key, _)| key.span)
    }

    /// Reports that a field is written that cannot be taken. It is not listed among the allowed ones.
    pub fn refuse(&mut self, name: &'static str, message: &str, hint: &str) {
        self.hidden.push(name);
        if let Some(span) = self.key_span(name) {
            self.findings.error(span, message, hint);
        }
    }

    /// Reports every field that was not asked for.
    pub fn finish(self) {
        for (key, _) in self.entries {
            let name = key.text.as_str();
            if self.known.contains(&name) || self.hidden.contains(&name) {
                continue;
            }
            let what = format!("fields of {}", self.what);
            let hint = did_you_mean(name, &what, self.known.iter().copied());
            self.findings.error(key.span, format!("{} has no field `{name}`", self.what), hint);
        }
    }

    fn find(&self, name: &str) -> Option<&'a (Key, Node)> {
        self.entries.iter().find(|(key, _)| key.text == name)
    }
}
