//! A pass over a JSON text (RFC 8259) from its first byte to its last. What is passed over is checked as strictly as what is
//! read.

use std::borrow::Cow;

use super::{DEPTH_LIMIT, literal};

/// The text is no JSON, or nested deeper than [`DEPTH_LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A value that is neither a list nor a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scalar<'t> {
    Null,
    Bool(bool),
    /// As it is written.
    Number(&'t str),
    /// With its escapes resolved.
    Text(Cow<'t, str>),
}

/// A place in a JSON text. Who goes with it to the end of the text has read nothing that [`super::Value::from_json`] refuses.
#[derive(Debug)]
pub(crate) struct Cursor<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Cursor<'t> {
    /// Where the value of the text begins.
    pub(crate) fn new(text: &'t [u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(text).map_err(|_| Malformed)?;
        let mut cursor = Self { text, at: 0, depth: 0 };
        cursor.space();
        Ok(cursor)
    }

    /// Checks that nothing follows the value of the text.
    pub(crate) fn end(mut self) -> Result<(), Malformed> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(Malformed) }
    }

    #[inline]
    fn bytes(&self) -> &'t [u8] {
        self.text.as_bytes()
    }

    /// The byte that stands here; 0 at the end of the text.
    #[inline]
    pub(crate) fn peek(&self) -> u8 {
        self.bytes().get(self.at).copied().unwrap_or(0)
    }

    #[inline]
    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.peek() == byte {
            self.at += 1;
            return Ok(());
        }
        Err(Malformed)
    }

    /// This place, to come back to before the list or map ends in which it lies.
    pub(crate) fn place(&self) -> usize {
        self.at
    }

    /// Goes back to a place.
    pub(crate) fn go_back(&mut self, place: usize) {
        self.at = place;
    }

    /// Goes into the list or map that begins here and ends with `close`; says whether anything is in it.
    #[inline]
    pub(crate) fn enter(&mut self, close: u8) -> Result<bool, Malformed> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(Malformed);
        }
        self.at += 1;
        self.space();
        if self.peek() != close {
            return Ok(true);
        }
        self.at += 1;
        self.depth -= 1;
        Ok(false)
    }

    /// Goes on behind an element or a member; says whether another one follows or the list or map has ended with `close`.
    #[inline]
    pub(crate) fn more(&mut self, close: u8) -> Result<bool, Malformed> {
        self.space();
        match self.peek() {
            b',' => {
                self.at += 1;
                self.space();
                Ok(true)
            }
            byte if byte == close => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            _ => Err(Malformed),
        }
    }

    /// Reads the name of a member; behind it stands the value.
    #[inline]
    pub(crate) fn name(&mut self) -> Result<Cow<'t, str>, Malformed> {
        let name = self.text()?;
        self.space();
        self.take(b':')?;
        self.space();
        Ok(name)
    }

    #[inline]
    fn text(&mut self) -> Result<Cow<'t, str>, Malformed> {
        self.take(b'"')?;
        let start = self.at;
        let end = literal::plain_end(self.bytes(), start);
        if self.bytes().get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(Cow::Borrowed(&self.text[start..end]));
        }
        let (text, end) = literal::unescape(self.text, start).ok_or(Malformed)?;
        self.at = end;
        Ok(Cow::Owned(text))
    }

    /// Reads a value that is neither a list nor a map.
    #[inline]
    pub(crate) fn scalar(&mut self) -> Result<Scalar<'t>, Malformed> {
        let first = self.peek();
        if first == b'"' {
            return self.text().map(Scalar::Text);
        }
        let start = self.at;
        self.at = literal::scalar_end(self.bytes(), start).ok_or(Malformed)?;
        Ok(match first {
            b't' => Scalar::Bool(true),
            b'f' => Scalar::Bool(false),
            b'n' => Scalar::Null,
            _ => Scalar::Number(&self.text[start..self.at]),
        })
    }

    /// Passes over a value.
    #[inline]
    pub(crate) fn skip(&mut self) -> Result<(), Malformed> {
        let end = match self.peek() {
            b'{' | b'[' => literal::container_end(self.bytes(), self.at, DEPTH_LIMIT - self.depth),
            _ => literal::scalar_end(self.bytes(), self.at),
        };
        self.at = end.ok_or(Malformed)?;
        Ok(())
    }
}
