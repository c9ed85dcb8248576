//! Scalars that rules compare with, each with a number of its own for each field: an event's value is looked up once, and
//! then compared by its number.

use std::hash::{BuildHasher as _, Hash, Hasher as _};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::fields::FieldId;
use super::scaled::Exact;
use super::sightings::{NONE, Seen, Sighting};
use crate::value::Value;

/// In the place of a number that was not looked up yet.
pub(super) const UNKNOWN: u32 = NONE - 1;

/// All scalars of a set of rules. Those who write rules choose what is in it, so its hash needs no secret.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    table: HashTable<(u32, u32)>,
    entries: Vec<(FieldId, Entry)>,
    texts: String,
}

#[derive(Debug)]
enum Entry {
    Null,
    Bool(bool),
    Number(Exact),
    Text { start: usize, len: u32 },
}

/// A scalar, wherever it is kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(&'a Exact),
    Text(&'a str),
}

impl<'a> Scalar<'a> {
    /// The scalar that was seen; none for a list or map.
    #[inline]
    fn of(seen: &'a Seen<'_>) -> Option<Self> {
        match seen {
            Seen::Null => Some(Self::Null),
            Seen::Bool(bool) => Some(Self::Bool(*bool)),
            Seen::Number(number) => Some(Self::Number(number)),
            Seen::Text(text) => Some(Self::Text(text)),
            Seen::Map { .. } | Seen::List => None,
        }
    }

    fn hash(self, field: FieldId) -> u32 {
        let mut hasher = FixedState::with_seed(0).build_hasher();
        hasher.write_u32(field.0);
        match self {
            Self::Null => hasher.write_u8(0),
            Self::Bool(bool) => hasher.write_u8(1 + u8::from(bool)),
            Self::Number(Exact::Scaled(number)) => {
                hasher.write_u64(number.digits.cast_unsigned() ^ u64::from(number.scale) << 56);
            }
            Self::Number(number) => number.hash(&mut hasher),
            Self::Text(text) => hasher.write(text.as_bytes()),
        }
        let hash = hasher.finish();
        u32::try_from((hash ^ hash >> 32) & u64::from(u32::MAX)).unwrap_or_default()
    }
}

impl Symbols {
    /// The number of a scalar at a field, given when it is new. None for what is no scalar.
    pub(super) fn intern(&mut self, field: FieldId, value: &Value) -> Option<u32> {
        let number;
        let scalar = match value {
            Value::Null => Scalar::Null,
            Value::Bool(bool) => Scalar::Bool(*bool),
            Value::Number(exact) => {
                number = Exact::of(exact);
                Scalar::Number(&number)
            }
            Value::Text(text) => Scalar::Text(text),
            Value::List(_) | Value::Map(_) | Value::Secret(_) => return None,
        };
        Some(self.intern_scalar(field, scalar))
    }

    pub(super) fn intern_scalar(&mut self, field: FieldId, scalar: Scalar<'_>) -> u32 {
        if let Some(known) = self.find(field, scalar) {
            return known;
        }
        let id = u32::try_from(self.entries.len()).unwrap_or(NONE);
        let entry = match scalar {
            Scalar::Null => Entry::Null,
            Scalar::Bool(bool) => Entry::Bool(bool),
            Scalar::Number(number) => Entry::Number(number.clone()),
            Scalar::Text(text) => {
                let start = self.texts.len();
                self.texts.push_str(text);
                Entry::Text { start, len: u32::try_from(text.len()).unwrap_or(NONE) }
            }
        };
        self.entries.push((field, entry));
        let hash = scalar.hash(field);
        self.table.insert_unique(spread(hash), (hash, id), |(hash, _)| spread(*hash));
        id
    }

    /// The number of what was seen; [`NONE`] when no rule compares with it.
    #[inline]
    pub(super) fn of(&self, sighting: &Sighting<'_>) -> u32 {
        Scalar::of(&sighting.value).and_then(|scalar| self.find(sighting.field, scalar)).unwrap_or(NONE)
    }

    /// The number of a scalar at a field.
    #[inline]
    fn find(&self, field: FieldId, scalar: Scalar<'_>) -> Option<u32> {
        let wanted = scalar.hash(field);
        let found = self.table.find(spread(wanted), |(hash, id)| *hash == wanted && self.is(*id, field, scalar));
        found.map(|(_, id)| *id)
    }

    fn is(&self, id: u32, field: FieldId, scalar: Scalar<'_>) -> bool {
        let Some((at, entry)) = self.entries.get(id as usize) else { return false };
        *at == field
            && match (entry, scalar) {
                (Entry::Null, Scalar::Null) => true,
                (Entry::Bool(a), Scalar::Bool(b)) => *a == b,
                (Entry::Number(a), Scalar::Number(b)) => a == b,
                (Entry::Text { start, len }, Scalar::Text(text)) => {
                    self.texts.get(*start..*start + *len as usize) == Some(text)
                }
                _ => false,
            }
    }

    /// How many there are; their numbers are less.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The field that one is at.
    pub(super) fn field(&self, symbol: u32) -> Option<FieldId> {
        self.entries.get(symbol as usize).map(|(field, _)| *field)
    }

    /// The bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        self.table.allocation_size() + self.entries.capacity() * size_of::<(FieldId, Entry)>() + self.texts.capacity()
    }

    pub(super) fn shrink(&mut self) {
        self.entries.shrink_to_fit();
        self.texts.shrink_to_fit();
    }
}

/// The table wants 64 bits, of which the upper ones matter too.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
