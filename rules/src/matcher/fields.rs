//! The fields that rules name, as a tree of names: what an event holds beside them is checked and passed over.

use crate::path::FieldPath;

/// A name in the tree; its number is never reused while the tree lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct FieldId(pub(super) u32);

/// The tree. The root is the event itself.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone)]
struct Node {
    name: Box<str>,
    parent: FieldId,
    depth: u16,
    /// Whether a condition is about this very field.
    is_named: bool,
    /// An open table of a power of two of places, at most half of them taken.
    children: Box<[Option<Child>]>,
    count: usize,
}

#[derive(Debug, Clone, Copy)]
struct Child {
    sign: Sign,
    field: FieldId,
}

/// A name as two words and its length: names of up to 16 bytes are equal when their signs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sign {
    first: u64,
    last: u64,
    length: usize,
}

impl Sign {
    #[inline]
    fn of(name: &[u8]) -> Self {
        let length = name.len();
        let wide = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let narrow = |bytes: Option<&[u8; 4]>| bytes.map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)));
        let (first, last) = match length {
            8.. => (wide(name.first_chunk()), wide(name.last_chunk())),
            4.. => (narrow(name.first_chunk()), narrow(name.last_chunk())),
            _ => (name.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte)), 0),
        };
        Self { first, last, length }
    }

    /// Quick and good enough: names come from rules, so nobody can choose them to collide in anger.
    #[inline]
    fn place(self, mask: usize) -> usize {
        let mixed = (self.first ^ self.last.rotate_left(29) ^ self.length as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        usize::try_from(mixed >> 32).unwrap_or_default() & mask
    }

    fn says_all(self) -> bool {
        self.length <= 16
    }
}

impl Node {
    fn new(name: &str, parent: FieldId, depth: u16) -> Self {
        Self { name: name.into(), parent, depth, is_named: false, children: Box::default(), count: 0 }
    }

    fn insert(&mut self, child: Child) {
        self.count += 1;
        if self.count * 2 > self.children.len() {
            let wider = vec![None; (self.count * 4).next_power_of_two()].into_boxed_slice();
            for child in std::mem::replace(&mut self.children, wider).into_iter().flatten() {
                self.place(child);
            }
        }
        self.place(child);
    }

    fn place(&mut self, child: Child) {
        let mask = self.children.len() - 1;
        let mut at = child.sign.place(mask);
        while self.children[at].is_some() {
            at = (at + 1) & mask;
        }
        self.children[at] = Some(child);
    }
}

impl Fields {
    pub(super) const ROOT: FieldId = FieldId(0);

    pub(super) fn new() -> Self {
        Self { nodes: vec![Node::new("", Self::ROOT, 0)] }
    }

    /// How many there are; their numbers are less.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The field at a path, made when it is new.
    pub(super) fn name(&mut self, path: &FieldPath) -> FieldId {
        let field = path.segments().fold(Self::ROOT, |at, name| self.child_or_new(at, name));
        self.nodes[field.0 as usize].is_named = true;
        field
    }

    /// A field that no event can hold by itself.
    pub(super) fn hidden(&mut self, name: &str) -> FieldId {
        let field = FieldId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node { is_named: true, ..Node::new(name, Self::ROOT, 1) });
        field
    }

    fn child_or_new(&mut self, parent: FieldId, name: &str) -> FieldId {
        if let Some(child) = self.child(parent, name) {
            return child;
        }
        // A path has fewer names than 4,096, and there is memory for fewer than 2^32 of them.
        let child = FieldId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let depth = self.nodes[parent.0 as usize].depth.saturating_add(1);
        self.nodes.push(Node::new(name, parent, depth));
        self.nodes[parent.0 as usize].insert(Child { sign: Sign::of(name.as_bytes()), field: child });
        child
    }

    /// The field of this name in a map at `parent`.
    #[inline]
    pub(super) fn child(&self, parent: FieldId, name: &str) -> Option<FieldId> {
        let children = &self.nodes[parent.0 as usize].children;
        let mask = children.len().checked_sub(1)?;
        let sign = Sign::of(name.as_bytes());
        let mut at = sign.place(mask);
        while let Some(child) = children[at] {
            if child.sign == sign && (sign.says_all() || *self.nodes[child.field.0 as usize].name == *name) {
                return Some(child.field);
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// Whether a condition is about this very field.
    #[inline]
    pub(super) fn is_named(&self, field: FieldId) -> bool {
        self.nodes[field.0 as usize].is_named
    }

    /// Whether something inside the field is named.
    #[inline]
    pub(super) fn has_inner(&self, field: FieldId) -> bool {
        self.nodes[field.0 as usize].count > 0
    }

    /// Whether `outer` is the field, or holds it.
    pub(super) fn is_within(&self, field: FieldId, outer: FieldId) -> bool {
        let depth = self.nodes[outer.0 as usize].depth;
        let mut at = field;
        while self.nodes[at.0 as usize].depth > depth {
            at = self.nodes[at.0 as usize].parent;
        }
        at == outer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_names_and_lies_within_those_above() {
        let mut fields = Fields::new();
        let path = |text: &str| FieldPath::parse(text).unwrap();
        let paths: Vec<String> = (0..1_000).map(|n| format!("a.name{n}.c")).collect();
        let ids: Vec<FieldId> = paths.iter().map(|text| fields.name(&path(text))).collect();
        assert_eq!(fields.len(), 2 + 2_000);
        let a = fields.child(Fields::ROOT, "a").unwrap();
        for (n, id) in ids.iter().enumerate() {
            let inner = fields.child(a, &format!("name{n}")).unwrap();
            assert_eq!(fields.child(inner, "c"), Some(*id));
            assert!(fields.is_named(*id) && !fields.is_named(inner));
            assert!(fields.is_within(*id, inner) && fields.is_within(*id, a) && fields.is_within(*id, *id));
            assert!(!fields.is_within(inner, *id) && !fields.is_within(*id, ids[(n + 1) % 1_000]));
        }
        assert_eq!((fields.child(a, "name1000"), fields.child(ids[0], "c"), fields.child(a, "")), (None, None, None));
        assert_eq!(fields.name(&path("a.name7.c")), ids[7]);
    }

    #[test]
    fn names_that_differ_anywhere_are_different_fields() {
        let mut fields = Fields::new();
        let name =
            |length: usize, odd: usize| (0..length).map(|at| if at == odd { 'x' } else { 'a' }).collect::<String>();
        let names: Vec<String> = (1..40).flat_map(|length| (0..=length).map(move |odd| name(length, odd))).collect();
        let ids: Vec<FieldId> = names.iter().map(|name| fields.name(&FieldPath::literal(name))).collect();
        for (name, id) in names.iter().zip(&ids) {
            assert_eq!(fields.child(Fields::ROOT, name), Some(*id), "{name}");
        }
        assert_eq!(fields.len(), 1 + names.len());
    }
}
