//! The tokens of a JSON text with their places.

use std::ops::Range;

use json_event_parser::{JsonEvent, LowLevelJsonParser};

/// Something in a JSON text that must not stand where it does.
#[derive(Debug)]
pub(crate) struct Misplaced {
    /// Where it stands, in bytes.
    pub(crate) place: Range<usize>,
    /// What is wrong.
    pub(crate) message: String,
}

/// Reads a JSON text token by token; commas and colons are checked and left out.
pub(crate) struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
    parser: LowLevelJsonParser,
}

impl<'a> Tokens<'a> {
    /// The tokens of this text.
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, parser: LowLevelJsonParser::new() }
    }

    /// The next token and its place; `Eof` after the whole text. The first error is the end of the reading.
    pub(crate) fn next(&mut self) -> Result<(JsonEvent<'a>, Range<usize>), Misplaced> {
        let text = self.text;
        loop {
            let rest = text.get(self.at..).unwrap_or_default();
            let result = self.parser.parse_next(rest, true);
            let consumed = rest.get(..result.consumed_bytes).unwrap_or(rest);
            let is_between = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b',' | b':');
            let start = self.at + consumed.iter().position(|b| !is_between(b)).unwrap_or(consumed.len());
            self.at += consumed.len();
            match result.event {
                Some(Ok(event)) => return Ok((event, start..self.at)),
                Some(Err(error)) => {
                    let within = |offset| usize::try_from(offset).map_or(text.len(), |at: usize| at.min(text.len()));
                    let location = error.location();
                    let place = within(location.start.offset)..within(location.end.offset);
                    let message = match place.start {
                        start if start == text.len() => "the text ends before its value is complete".to_owned(),
                        _ => fragment(error.message()),
                    };
                    return Err(Misplaced { place, message });
                }
                None => {}
            }
        }
    }

    /// Checks that nothing follows.
    pub(crate) fn end(&mut self) -> Result<(), Misplaced> {
        match self.next()? {
            (JsonEvent::Eof, _) => Ok(()),
            (_, place) => Err(Misplaced { place, message: "something after the value".to_owned() }),
        }
    }
}

/// A sentence in the form of our own messages.
fn fragment(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().into_iter().flat_map(char::to_lowercase).chain(chars).collect()
}
