//! From the bytes of an event to what it holds at named fields. All else is checked and passed over: nothing is built.

use std::borrow::Cow;

use super::fields::{FieldId, Fields};
use super::literal;
use super::scaled::Exact;
use super::sightings::{NONE, Seen, Sightings};
use crate::value::DEPTH_LIMIT;

/// Why a text was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is not JSON, or nested too deep.
    Malformed,
    /// A name is repeated in a map in which it matters: the last value counts, and the first was seen already.
    Repeated,
}

/// Reads a JSON text whose value stands at `root`.
pub(super) fn scan<'e>(text: &'e [u8], fields: &Fields, root: FieldId, seen: &mut Sightings<'e>) -> Result<(), Stop> {
    let text = std::str::from_utf8(text).map_err(|_| Stop::Malformed)?;
    let mut scan = Scan { text, bytes: text.as_bytes(), at: 0, depth: 0, fields, seen, met: Vec::new() };
    scan.space();
    scan.value(root, NONE)?;
    scan.space();
    if scan.at == scan.bytes.len() { Ok(()) } else { Err(Stop::Malformed) }
}

struct Scan<'e, 'f, 's> {
    text: &'e str,
    bytes: &'e [u8],
    at: usize,
    depth: usize,
    fields: &'f Fields,
    seen: &'s mut Sightings<'e>,
    /// The fields met in the maps that are open, for each map from where it begins.
    met: Vec<FieldId>,
}

impl<'e> Scan<'e, '_, '_> {
    #[inline]
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    #[inline]
    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Result<(), Stop> {
        if self.peek() == byte {
            self.at += 1;
            return Ok(());
        }
        Err(Stop::Malformed)
    }

    fn word(&mut self, word: &str) -> Result<(), Stop> {
        let end = self.at + word.len();
        if self.bytes.get(self.at..end) == Some(word.as_bytes()) {
            self.at = end;
            return Ok(());
        }
        Err(Stop::Malformed)
    }

    /// The value at a field that is named or holds named ones. The scalars of a list lie in no element of their own.
    fn value(&mut self, field: FieldId, element: u32) -> Result<(), Stop> {
        let is_named = self.fields.is_named(field);
        match self.peek() {
            b'{' => {
                let sighting = self.seen.all.len();
                if is_named {
                    self.seen.add(field, element, Seen::Map { is_empty: false });
                }
                let is_empty = self.map(field, element)?;
                if is_named && let Some(sighting) = self.seen.all.get_mut(sighting) {
                    sighting.value = Seen::Map { is_empty };
                }
            }
            b'[' => {
                if is_named {
                    self.seen.add(field, element, Seen::List);
                }
                self.list(field, element)?;
            }
            _ if !is_named => self.skip()?,
            b'"' => {
                let text = self.text()?;
                self.seen.add(field, element, Seen::Text(text));
            }
            b't' => {
                self.word("true")?;
                self.seen.add(field, element, Seen::Bool(true));
            }
            b'f' => {
                self.word("false")?;
                self.seen.add(field, element, Seen::Bool(false));
            }
            b'n' => {
                self.word("null")?;
                self.seen.add(field, element, Seen::Null);
            }
            _ => {
                let end = literal::number_end(self.bytes, self.at).ok_or(Stop::Malformed)?;
                let number = Exact::parse(&self.text[self.at..end]).ok_or(Stop::Malformed)?;
                self.at = end;
                self.seen.add(field, element, Seen::Number(number));
            }
        }
        Ok(())
    }

    fn deeper(&mut self) -> Result<(), Stop> {
        self.depth += 1;
        self.at += 1;
        if self.depth > DEPTH_LIMIT { Err(Stop::Malformed) } else { Ok(()) }
    }

    /// Reads a map and says whether it is empty.
    fn map(&mut self, field: FieldId, element: u32) -> Result<bool, Stop> {
        self.deeper()?;
        let begin = self.met.len();
        self.space();
        if self.peek() == b'}' {
            self.at += 1;
            self.depth -= 1;
            return Ok(true);
        }
        loop {
            let name = self.text()?;
            self.space();
            self.take(b':')?;
            self.space();
            match self.fields.child(field, &name) {
                Some(inner) => {
                    if self.met[begin..].contains(&inner) {
                        return Err(Stop::Repeated);
                    }
                    self.met.push(inner);
                    self.value(inner, element)?;
                }
                None => self.skip()?,
            }
            self.space();
            match self.peek() {
                b',' => {
                    self.at += 1;
                    self.space();
                }
                b'}' => {
                    self.at += 1;
                    self.depth -= 1;
                    self.met.truncate(begin);
                    return Ok(false);
                }
                _ => return Err(Stop::Malformed),
            }
        }
    }

    fn list(&mut self, field: FieldId, element: u32) -> Result<(), Stop> {
        self.deeper()?;
        self.space();
        if self.peek() == b']' {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        let list = self.seen.begin_list();
        let mut containers = 0;
        loop {
            if matches!(self.peek(), b'{' | b'[') {
                let inner = self.seen.element(list, containers, element);
                containers += 1;
                self.value(field, inner)?;
            } else {
                self.value(field, element)?;
            }
            self.space();
            match self.peek() {
                b',' => {
                    self.at += 1;
                    self.space();
                }
                b']' => {
                    self.at += 1;
                    self.depth -= 1;
                    if containers > 1 {
                        self.seen.note_choice(field);
                    }
                    return Ok(());
                }
                _ => return Err(Stop::Malformed),
            }
        }
    }

    /// A text, with its escapes resolved.
    #[inline]
    fn text(&mut self) -> Result<Cow<'e, str>, Stop> {
        self.take(b'"')?;
        let start = self.at;
        let end = literal::plain_end(self.bytes, start);
        if self.bytes.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(Cow::Borrowed(&self.text[start..end]));
        }
        let (text, end) = literal::unescape(self.text, start).ok_or(Stop::Malformed)?;
        self.at = end;
        Ok(Cow::Owned(text))
    }

    /// Passes over a value that no rule looks at, and checks it.
    fn skip(&mut self) -> Result<(), Stop> {
        match self.peek() {
            b'{' | b'[' => {
                self.at =
                    literal::container_end(self.bytes, self.at, DEPTH_LIMIT - self.depth).ok_or(Stop::Malformed)?;
                Ok(())
            }
            _ => {
                self.at = literal::scalar_end(self.bytes, self.at).ok_or(Stop::Malformed)?;
                Ok(())
            }
        }
    }
}
