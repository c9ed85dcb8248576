//! From an offset in a scalar's value to the place in the file.

use crate::diagnostic::{SourceFile, Span};

/// Where `length` bytes from `offset` on of a scalar's text stand in its file.
///
/// `scalar` is where the scalar is written and `value` its text. When the two cannot be laid side by side, such as in a
/// double-quoted text with escaped line breaks, the answer is the first line of the scalar.
#[must_use]
pub fn place_in_scalar(file: &SourceFile, scalar: Span, value: &str, offset: usize, length: usize) -> Span {
    let written = file.text.get(scalar.start..scalar.end).unwrap_or_default();
    let before = file.text.get(..scalar.start).unwrap_or_default();
    let indent = before.rsplit('\n').next().unwrap_or_default().chars().take_while(|c| *c == ' ').count();
    let Some(starts) = starts(written, value, indent) else {
        return Span { start: scalar.start, end: scalar.start + written.lines().next().unwrap_or_default().len() };
    };
    let at = |offset: usize| starts.get(offset).or(starts.last()).map_or(scalar.start, |start| scalar.start + start);
    let start = at(offset);
    Span { start, end: at(offset.saturating_add(length)).max(start) }
}

/// For each byte of the value, and for its end, where it starts in the written text. `indent` is that of the scalar's
/// lines, when it is a block.
fn starts(written: &str, value: &str, indent: usize) -> Option<Vec<usize>> {
    let quote = written.chars().next().filter(|first| matches!(first, '\'' | '"') && written != value);
    let mut starts = Vec::with_capacity(value.len() + 1);
    let mut at = usize::from(quote.is_some());
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        let rest = written.get(at..)?;
        let first = match rest.chars().next() {
            // A block's last line break may lie outside of it.
            None if characters.peek().is_none() => break,
            first => first?,
        };
        starts.extend(std::iter::repeat_n(at, character.len_utf8()));
        at += match (quote, first) {
            (Some('\''), '\'') => 2,
            (Some('"'), '\\') => escape_length(rest)?,
            (_, '\r' | '\n') if matches!(character, ' ' | '\n') => line_break(rest, indent, characters.peek().copied()),
            _ if first == character => first.len_utf8(),
            _ => return None,
        };
    }
    starts.push(at.min(written.len()));
    Some(starts)
}

/// How long the escape at the start of the text is.
fn escape_length(text: &str) -> Option<usize> {
    let kind = text.chars().nth(1)?;
    let digits = match kind {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => 0,
    };
    Some(1 + kind.len_utf8() + digits)
}

/// How long the line break at the start of the text is, with the indentation that is no part of the value.
fn line_break(text: &str, indent: usize, next: Option<char>) -> usize {
    let ending = if text.starts_with("\r\n") { 2 } else { 1 };
    let spaces = text.bytes().skip(ending).take_while(|byte| *byte == b' ').count();
    ending + if next == Some(' ') { spaces.min(indent) } else { spaces }
}
