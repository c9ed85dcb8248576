//! Reading [`Node`]s by hand: every problem is collected with its place, in words for the person who wrote the file.
//!
//! A [`Fields`] hands out the [`Field`]s of a mapping; each decodes itself or reports why it cannot. Decoders return `None`
//! when they have reported an error, so callers go on and find the next problem.

mod fields;
mod scalars;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::RefCell;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, SourceFile, Span};
use crate::node::{Node, NodeKind};
use crate::value::Value;

pub use fields::Fields;
pub use scalars::{Identifier, parse_duration, write_duration};

/// Collects what is found in one file.
#[derive(Debug)]
pub struct Findings<'a> {
    file: &'a SourceFile,
    found: RefCell<Diagnostics>,
}

impl<'a> Findings<'a> {
    /// No findings yet.
    #[must_use]
    pub fn new(file: &'a SourceFile) -> Self {
        Self { file, found: RefCell::default() }
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &'a SourceFile {
        self.file
    }

    /// Adds an error.
    pub fn error(&self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Severity::Error, span, message.into(), Some(hint.into()));
    }

    /// Adds a warning.
    pub fn warning(&self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Severity::Warning, span, message.into(), Some(hint.into()));
    }

    /// Adds a finding that may have no hint.
    pub fn push(&self, severity: Severity, span: Span, message: String, hint: Option<String>) {
        self.found.borrow_mut().push(Diagnostic { severity, file: self.file.clone(), span, message, hint });
    }

    /// Adds a finding of another file, such as one that this file names.
    pub fn add(&self, finding: Diagnostic) {
        self.found.borrow_mut().push(finding);
    }

    /// What was found.
    #[must_use]
    pub fn into_diagnostics(self) -> Diagnostics {
        self.found.into_inner()
    }
}

/// A value with the name by which messages call it.
#[derive(Debug, Clone)]
pub struct Field<'a> {
    findings: &'a Findings<'a>,
    name: Cow<'a, str>,
    node: &'a Node,
}

impl<'a> Field<'a> {
    /// The value `node`, called `name`.
    pub fn new(findings: &'a Findings<'a>, name: impl Into<Cow<'a, str>>, node: &'a Node) -> Self {
        Self { findings, name: name.into(), node }
    }

    /// How messages call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is written.
    #[must_use]
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// Where it is written.
    #[must_use]
    pub fn span(&self) -> Span {
        self.node.span
    }

    /// Where findings about it go.
    #[must_use]
    pub fn findings(&self) -> &'a Findings<'a> {
        self.findings
    }

    /// Reports an error about it.
    pub fn error(&self, message: impl Into<String>, hint: impl Into<String>) {
        self.findings.error(self.span(), message, hint);
    }

    /// Reports that it is not of the kind that it should be, as in "`max_attempts` must be a number from 1 to 1000, and
    /// this is a text".
    pub fn mismatch(&self, expected: &str, hint: impl Into<String>) {
        self.error(format!("`{}` must be {expected}, and {}", self.name, self.found()), hint);
    }

    /// What is written, as the end of a sentence.
    fn found(&self) -> String {
        match &self.node.kind {
            NodeKind::Scalar(Value::Null) => "it is empty".to_owned(),
            NodeKind::Scalar(value) => format!("this is {}", value.kind()),
            NodeKind::List(_) => "this is a list".to_owned(),
            NodeKind::Map(_) => "this is a mapping".to_owned(),
        }
    }

    /// Whether nothing, or `null`, is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.node.kind == NodeKind::Scalar(Value::Null)
    }

    /// The mapping that it must be; `what` names it with its article, as in "a rule".
    #[must_use]
    pub fn fields(&self, what: &'static str) -> Option<Fields<'a>> {
        if let NodeKind::Map(entries) = &self.node.kind {
            return Some(Fields::new(self.findings, what, self.node.span, entries));
        }
        let hint = format!("write the fields of {what} as `name: value`");
        self.error(format!("{what} must be a mapping, and {}", self.found()), hint);
        None
    }

    /// The entries of a mapping whose keys are free.
    #[must_use]
    pub fn entries(&self, hint: &str) -> Option<Vec<(&'a crate::node::Key, Field<'a>)>> {
        let NodeKind::Map(entries) = &self.node.kind else {
            self.mismatch("a mapping", hint);
            return None;
        };
        let child = |name: &str| Cow::Owned(format!("{}.{name}", self.name));
        Some(entries.iter().map(|(key, node)| (key, Self::new(self.findings, child(&key.text), node))).collect())
    }

    /// The items of the list that it must be.
    #[must_use]
    pub fn items(&self, hint: &str) -> Option<Vec<Field<'a>>> {
        if let NodeKind::List(items) = &self.node.kind {
            return Some(self.number(items));
        }
        self.mismatch("a list", hint);
        None
    }

    /// The items when it is a list, else itself alone.
    #[must_use]
    pub fn one_or_many(&self) -> Vec<Field<'a>> {
        match &self.node.kind {
            NodeKind::List(items) => self.number(items),
            _ => vec![self.clone()],
        }
    }

    fn number(&self, items: &'a [Node]) -> Vec<Field<'a>> {
        let child = |index: usize| Cow::Owned(format!("{}[{index}]", self.name));
        items.iter().enumerate().map(|(index, node)| Self::new(self.findings, child(index), node)).collect()
    }

    /// Decodes every item of the list that it must be; `None` when it is no list or any item is wrong.
    pub fn list_of<T>(&self, hint: &str, decode: impl FnMut(&Field<'a>) -> Option<T>) -> Option<Vec<T>> {
        all(self.items(hint)?.iter().map(decode))
    }

    /// Decodes one value or every item of a list; `None` when any is wrong.
    pub fn one_or_list_of<T>(&self, decode: impl FnMut(&Field<'a>) -> Option<T>) -> Option<Vec<T>> {
        all(self.one_or_many().iter().map(decode))
    }
}

/// All of the values, or `None` when one is missing; unlike `collect`, it asks for every one, so each is reported.
pub fn all<T>(decoded: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    let decoded: Vec<Option<T>> = decoded.collect();
    decoded.into_iter().collect()
}

/// What a person may have meant: the known name that is nearest to a written one, when it is near enough.
#[must_use]
pub fn nearest<'n>(written: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let limit = (written.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|name| (strsim::osa_distance(&plain(written), &plain(name)), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// A hint that names the nearest of the known names, or all of them.
#[must_use]
pub fn did_you_mean<'n>(written: &str, what: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let list = match known.as_slice() {
        [] => format!("there are no {what}"),
        names => format!("{what}: {}", list_names(names)),
    };
    match nearest(written, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`? {list}"),
        None => list,
    }
}

/// How many names a hint lists at most.
const LISTED: usize = 40;

fn list_names(names: &[&str]) -> String {
    let listed: Vec<String> = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(LISTED);
    if more == 0 { listed.join(", ") } else { format!("{} and {more} more", listed.join(", ")) }
}
