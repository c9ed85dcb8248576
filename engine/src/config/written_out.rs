//! Secrets that are written out in a configuration: no report quotes them.

use std::cell::RefCell;

use oncue_rules::decode::nearest;
use oncue_rules::diagnostic::{Diagnostics, SourceFile, Span};
use oncue_rules::node::{Node, NodeKind};
use oncue_rules::value::Value;

/// Keys whose values are secrets, and those that look like them.
const KEYS: [&str; 7] = ["token", "admin_token", "sign_key", "secret_key", "secret", "secrets", "password"];
/// Keys whose values may hold secrets: the key of a chat bot is part of its URL.
const HOLDERS: [&str; 2] = ["url", "headers"];
/// Keys that look like them and are none.
const SHOWN: [&str; 1] = ["secret_id"];

/// Where in the text of a configuration secrets are written out.
#[derive(Debug, Default)]
pub(super) struct WrittenOut(RefCell<Vec<Span>>);

impl WrittenOut {
    pub(super) fn add(&self, span: Span) {
        self.0.borrow_mut().push(span);
    }

    /// Takes in what stands behind keys that look like those of secrets: a misspelt or repeated one is reported and never
    /// read.
    pub(super) fn add_by_keys(&self, node: &Node) {
        match &node.kind {
            NodeKind::Scalar(_) => {}
            NodeKind::List(items) => items.iter().for_each(|item| self.add_by_keys(item)),
            NodeKind::Map(entries) => {
                for (key, value) in entries {
                    if is_of_secret(&key.text) { self.add_scalars(value) } else { self.add_by_keys(value) }
                }
            }
        }
    }

    fn add_scalars(&self, node: &Node) {
        match &node.kind {
            NodeKind::Scalar(Value::Text(text)) if text.starts_with("${") => {}
            NodeKind::Scalar(_) => self.add(node.span),
            NodeKind::List(items) => items.iter().for_each(|item| self.add_scalars(item)),
            NodeKind::Map(entries) => entries.iter().for_each(|(_, value)| self.add_scalars(value)),
        }
    }

    /// Takes in what stands behind such keys in a text that is no YAML: the rest of their lines, and of `secrets` the lines
    /// that are indented more.
    pub(super) fn add_by_lines(&self, text: &str) {
        let mut at = 0;
        let mut within = None;
        for line in text.split_inclusive('\n') {
            let indent = line.len() - line.trim_start().len();
            within = within.filter(|outer| indent > *outer || line.trim().is_empty());
            let begins = match within {
                Some(_) => line.find(':').map(|colon| colon + 1).or(Some(indent)),
                None => line
                    .match_indices(':')
                    .find(|(colon, _)| is_of_secret(word_before(line, *colon)))
                    .map(|(c, _)| c + 1),
            };
            if within.is_none() && line.trim_start().starts_with("secrets") {
                within = Some(indent);
            }
            if let Some(begins) = begins {
                self.add(Span { start: at + begins, end: at + line.len() });
            }
            at += line.len();
        }
    }

    /// The file, with every letter of a secret replaced by `*`.
    pub(super) fn hidden(&self, file: &SourceFile) -> SourceFile {
        let mut text = file.text.as_bytes().to_vec();
        for span in &*self.0.borrow() {
            let letters = text.get_mut(span.start..span.end).unwrap_or_default();
            letters.iter_mut().filter(|letter| !b" \r\n".contains(letter)).for_each(|letter| *letter = b'*');
        }
        // Whole characters were replaced, each byte of them by an ASCII letter, so everything else is in its place.
        let text = String::from_utf8_lossy(&text);
        SourceFile { name: file.name.clone(), text: text.as_ref().into() }
    }

    /// The findings, with every letter of a secret in the lines that they quote replaced by `*`.
    pub(super) fn hide_in(&self, diagnostics: &Diagnostics, file: &SourceFile) -> Diagnostics {
        let hidden = self.hidden(file);
        let mut out = Diagnostics::default();
        for diagnostic in diagnostics.iter() {
            let mut diagnostic = diagnostic.clone();
            if diagnostic.file == *file {
                diagnostic.file = hidden.clone();
            }
            out.push(diagnostic);
        }
        out
    }
}

fn is_of_secret(key: &str) -> bool {
    HOLDERS.contains(&key) || (!SHOWN.contains(&key) && nearest(key, KEYS).is_some())
}

/// The word that ends at `end`.
fn word_before(line: &str, end: usize) -> &str {
    let before = line.get(..end).unwrap_or_default().trim_end_matches(['"', '\'', ' ']);
    let start = before
        .rfind(|c: char| !(c.is_alphanumeric() || "_-".contains(c)))
        .map_or(0, |at| at + before.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8));
    before.get(start..).unwrap_or_default()
}
