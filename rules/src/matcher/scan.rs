//! From the bytes of an event to what it holds at named fields. All else is checked and passed over: nothing is built.

use super::fields::{FieldId, Fields};
use super::scaled::Exact;
use super::sightings::{NONE, Seen, Sightings};
use crate::event::Payload;
use crate::value::cursor::{Cursor, Malformed, Scalar};

/// A text was not read to its end: it is no JSON, or a name is repeated in a map in which it matters. Then the last value counts,
/// and the first was seen already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unread;

impl From<Malformed> for Unread {
    fn from(_: Malformed) -> Self {
        Self
    }
}

/// Where the body of an event stands in its document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Roots<'p> {
    /// `body`, where a rule names something in it.
    pub(super) body: Option<FieldId>,
    /// `payload`, likewise, with the part of the body that it is.
    pub(super) payload: Option<(FieldId, &'p Payload)>,
}

/// Reads the JSON text of a body.
pub(super) fn scan<'e>(
    text: &'e [u8],
    fields: &Fields,
    roots: Roots<'_>,
    seen: &mut Sightings<'e>,
) -> Result<(), Unread> {
    let mut scan = Scan { cursor: Cursor::new(text)?, fields, seen, met: Vec::new() };
    scan.body(roots)?;
    Ok(scan.cursor.end()?)
}

struct Scan<'e, 'f, 's> {
    cursor: Cursor<'e>,
    fields: &'f Fields,
    seen: &'s mut Sightings<'e>,
    /// The fields met in the maps that are open, for each map from where it begins.
    met: Vec<FieldId>,
}

impl Scan<'_, '_, '_> {
    fn body(&mut self, roots: Roots<'_>) -> Result<(), Unread> {
        match roots.payload {
            Some((payload, Payload::Whole)) => self.value_at_both(roots.body, payload),
            Some((payload, Payload::Member(name))) if self.cursor.peek() == b'{' => {
                self.body_with_payload(roots.body, payload, name)
            }
            payload => {
                self.value_at(roots.body, NONE)?;
                if let Some((payload, _)) = payload {
                    self.see_nothing(payload);
                }
                Ok(())
            }
        }
    }

    fn body_with_payload(&mut self, body: Option<FieldId>, payload: FieldId, member: &str) -> Result<(), Unread> {
        let mut is_there = false;
        self.map(body, NONE, |scan, name, begin| {
            if name != member {
                return scan.member(body, NONE, name, begin);
            }
            is_there = true;
            scan.meet(payload, begin)?;
            scan.value_at_both(body.and_then(|body| scan.fields.child(body, name)), payload)
        })?;
        if !is_there {
            self.see_nothing(payload);
        }
        Ok(())
    }

    fn see_nothing(&mut self, field: FieldId) {
        if self.fields.is_named(field) {
            self.seen.add(field, NONE, Seen::Null);
        }
    }

    /// A value that stands at two places of the document. It is read for each: their lists do not concern each other.
    fn value_at_both(&mut self, one: Option<FieldId>, other: FieldId) -> Result<(), Unread> {
        if let Some(one) = one {
            let place = self.cursor.place();
            self.value(one, NONE)?;
            self.cursor.go_back(place);
        }
        self.value(other, NONE)
    }

    #[inline]
    fn value_at(&mut self, field: Option<FieldId>, element: u32) -> Result<(), Unread> {
        match field {
            Some(field) => self.value(field, element),
            None => Ok(self.cursor.skip()?),
        }
    }

    /// The value at a field that is named or holds named ones. The scalars of a list lie in no element of their own.
    fn value(&mut self, field: FieldId, element: u32) -> Result<(), Unread> {
        match self.cursor.peek() {
            b'{' => self.map(Some(field), element, |scan, name, begin| scan.member(Some(field), element, name, begin)),
            b'[' => self.list(field, element),
            _ if !self.fields.is_named(field) => Ok(self.cursor.skip()?),
            _ => {
                let value = match self.cursor.scalar()? {
                    Scalar::Null => Seen::Null,
                    Scalar::Bool(bool) => Seen::Bool(bool),
                    Scalar::Number(literal) => Seen::Number(Exact::parse(literal).ok_or(Unread)?),
                    Scalar::Text(text) => Seen::Text(text),
                };
                self.seen.add(field, element, value);
                Ok(())
            }
        }
    }

    /// Reads a map and, with `member`, each of its members. `member` is given the name, and from where on fields were met in
    /// this map.
    #[inline]
    fn map(
        &mut self,
        field: Option<FieldId>,
        element: u32,
        mut member: impl FnMut(&mut Self, &str, usize) -> Result<(), Unread>,
    ) -> Result<(), Unread> {
        let begin = self.met.len();
        let mut more = self.cursor.enter(b'}')?;
        if let Some(field) = field.filter(|field| self.fields.is_named(*field)) {
            self.seen.add(field, element, Seen::Map { is_empty: !more });
        }
        while more {
            let name = self.cursor.name()?;
            member(self, &name, begin)?;
            more = self.cursor.more(b'}')?;
        }
        self.met.truncate(begin);
        Ok(())
    }

    #[inline]
    fn member(&mut self, field: Option<FieldId>, element: u32, name: &str, begin: usize) -> Result<(), Unread> {
        let inner = field.and_then(|field| self.fields.child(field, name));
        if let Some(inner) = inner {
            self.meet(inner, begin)?;
        }
        self.value_at(inner, element)
    }

    #[inline]
    fn meet(&mut self, field: FieldId, begin: usize) -> Result<(), Unread> {
        if self.met[begin..].contains(&field) {
            return Err(Unread);
        }
        self.met.push(field);
        Ok(())
    }

    fn list(&mut self, field: FieldId, element: u32) -> Result<(), Unread> {
        if self.fields.is_named(field) {
            self.seen.add(field, element, Seen::List);
        }
        let (list, mut containers) = (self.seen.begin_list(), 0);
        let mut more = self.cursor.enter(b']')?;
        while more {
            if matches!(self.cursor.peek(), b'{' | b'[') {
                let inner = self.seen.element(list, containers, element);
                containers += 1;
                self.value(field, inner)?;
            } else {
                self.value(field, element)?;
            }
            more = self.cursor.more(b']')?;
        }
        if containers > 1 {
            self.seen.note_choice(field);
        }
        Ok(())
    }
}
