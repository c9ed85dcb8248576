//! YAML text to a [`Node`] tree, every part with its place.
//!
//! YAML 1.2 with the core schema and exact numbers: `on`, `yes`, `no` and `off` are texts, and so is a number with leading
//! zeros. Refused are what makes files hard to read or costly: tags, merge keys, keys that are no texts, several documents
//! in one file, more than [`NODE_LIMIT`] nodes after aliases are followed, nesting past [`DEPTH_LIMIT`].

mod place;
mod scalar;
mod syntax;
#[cfg(test)]
mod tests;
mod tree;
mod write;

use saphyr_parser::Parser;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, SourceFile, Span};
use crate::node::Node;

use tree::{Builder, Items, Stop};

pub use place::place_in_scalar;
pub use write::{to_text, value_to_text};

/// The largest file that is read, in bytes.
pub const SIZE_LIMIT: usize = 4 * 1024 * 1024;
/// The most nodes that a file may mean, those that aliases repeat included.
pub const NODE_LIMIT: usize = 200_000;
/// How deep lists and mappings may lie in each other.
pub const DEPTH_LIMIT: usize = 64;

/// How many parts the YAML parser finds in a text, of which nothing is kept: the least that reading it can take. `None` when
/// it is no YAML.
#[must_use]
pub fn skim(text: &str) -> Option<usize> {
    Parser::new_from_str(text).try_fold(0, |parts, next| next.ok().map(|_| parts + 1))
}

/// The tree that a file means. Every problem is added to `diagnostics`; `None` when the text could not be read to its end.
///
/// A tree may come together with errors (a repeated key, a tag), so that a caller can go on and report everything at once.
pub fn read(file: &SourceFile, diagnostics: &mut Diagnostics) -> Option<Node> {
    read_with(file, None, diagnostics)
}

/// As [`read`], for a file whose outermost mapping holds a list of this name: its items are handed over one by one, each when it
/// is read to its end, and are null in the tree. A file of very many items is never in memory as a whole.
pub fn read_items<'a>(
    file: &'a SourceFile,
    list: &'a str,
    each: &'a mut dyn FnMut(Node),
    diagnostics: &'a mut Diagnostics,
) -> Option<Node> {
    read_with(file, Some(Items { list, each }), diagnostics)
}

fn read_with<'a>(file: &'a SourceFile, items: Option<Items<'a>>, diagnostics: &'a mut Diagnostics) -> Option<Node> {
    if file.text.len() > SIZE_LIMIT {
        diagnostics.push(Diagnostic {
            severity: Severity::Error,
            file: file.clone(),
            span: Span::default(),
            message: format!("the file has {} bytes, and the limit is {SIZE_LIMIT}", file.text.len()),
            hint: Some("split it into several files".to_owned()),
        });
        return None;
    }
    // A byte order mark is not part of the first text; its marker index would shift all others.
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
    let offsets = Offsets::of(text, file.text.len() - text.len());
    let mut builder = Builder::new(file, offsets, items, diagnostics);
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let outcome = match next {
            Ok((event, span)) => {
                let span = builder.offsets.span(span);
                builder.take(event, span)
            }
            Err(error) => {
                let at = syntax::visible(&file.text, builder.offsets.byte(error.marker().index()));
                let problem = syntax::describe(error.info(), &file.text, at);
                Err(Stop { span: Span { start: at, end: at }, message: problem.message, hint: Some(problem.hint) })
            }
        };
        if let Err(stop) = outcome {
            builder.report(Severity::Error, stop.span, stop.message, stop.hint);
            return None;
        }
    }
    builder.finish()
}

/// From the parser's character counts to byte offsets.
enum Offsets {
    /// Each character is one byte.
    Ascii { shift: usize, len: usize },
    /// The byte at which each character starts, and the end of the text.
    Table(Vec<usize>),
}

impl Offsets {
    fn of(text: &str, shift: usize) -> Self {
        if text.is_ascii() {
            return Self::Ascii { shift, len: text.len() };
        }
        let starts = text.char_indices().map(|(at, _)| at + shift);
        Self::Table(starts.chain(std::iter::once(text.len() + shift)).collect())
    }

    fn byte(&self, character: usize) -> usize {
        match self {
            Self::Ascii { shift, len } => character.min(*len) + shift,
            Self::Table(starts) => starts.get(character).or(starts.last()).copied().unwrap_or(0),
        }
    }

    fn span(&self, span: saphyr_parser::Span) -> Span {
        Span { start: self.byte(span.start.index()), end: self.byte(span.end.index()) }
    }
}
