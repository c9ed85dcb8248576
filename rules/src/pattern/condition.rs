//! The compiled form of a match: a tree of conditions whose leaves test the values at one path.

use std::cmp::Ordering;
use std::collections::HashSet;

use regex::Regex;

use super::address::Block;
use super::text::Shape;
use crate::diagnostic::Span;
use crate::path::FieldPath;
use crate::value::{Number, Value};

/// One part of a conjunction.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// A condition on one field.
    Field(Condition),
    /// `$or`.
    Either(Either),
}

/// The alternatives of one field; one of them is enough.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// From the root of the document.
    pub(crate) path: FieldPath,
    /// The outermost key that the path is written in.
    pub(crate) span: Span,
    /// The alternatives, as written.
    pub(crate) written: Box<str>,
    /// Alternatives that one value at the path can fulfil.
    pub(crate) tests: Vec<Test>,
    /// Alternatives that all values at the path together fulfil, or none at all.
    pub(crate) absences: Vec<Absence>,
}

/// `$or`: all parts of one branch must hold.
#[derive(Debug, Clone)]
pub(crate) struct Either {
    /// The mapping that it is written in, from the root; `None` for the root.
    pub(crate) path: Option<FieldPath>,
    /// How many leading names the paths of all its conditions share.
    pub(crate) shared: usize,
    /// How many names the shortest of these paths has.
    pub(crate) shortest: usize,
    /// Never fewer than two.
    pub(crate) branches: Vec<Vec<Part>>,
}

impl Part {
    /// The same, one name farther from the root.
    pub(crate) fn within(&self, outer: &FieldPath) -> Self {
        match self {
            Self::Field(condition) => Self::Field(Condition { path: outer.join(&condition.path), ..condition.clone() }),
            Self::Either(either) => {
                let branch = |parts: &Vec<Self>| parts.iter().map(|part| part.within(outer)).collect();
                Self::Either(Either {
                    path: Some(either.path.as_ref().map_or_else(|| outer.clone(), |path| outer.join(path))),
                    shared: either.shared + 1,
                    shortest: either.shortest + 1,
                    branches: either.branches.iter().map(branch).collect(),
                })
            }
        }
    }

    /// The conditions of the part, in written order.
    pub(crate) fn conditions(&self) -> Box<dyn Iterator<Item = &Condition> + '_> {
        match self {
            Self::Field(condition) => Box::new(std::iter::once(condition)),
            Self::Either(either) => Box::new(either.branches.iter().flatten().flat_map(Self::conditions)),
        }
    }
}

impl Either {
    /// The name at this depth, when all conditions go through it.
    pub(crate) fn segment(&self, depth: usize) -> Option<&str> {
        let mut part = self.branches.first()?.first()?;
        while let Part::Either(inner) = part {
            part = inner.branches.first()?.first()?;
        }
        match part {
            Part::Field(condition) if depth < self.shared => condition.path.segment(depth),
            _ => None,
        }
    }
}

/// An alternative that asks for a value.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    /// One of these very scalars.
    OneOf(Scalars),
    /// A text of this shape.
    Text(Shape),
    /// A text in which this is found.
    Regex(Regex),
    /// A number between bounds.
    Numeric(Range),
    /// A scalar that is none of these.
    AnythingBut(Scalars),
    /// A scalar that is no text of these shapes.
    NoneOf(Vec<Shape>),
    /// A text that is an address in the block.
    Cidr(Block),
    /// `exists: true`.
    Exists,
    /// `present: true`.
    Present,
    /// `empty: false`.
    NotEmpty,
}

/// An alternative that asks for the absence of values.
#[derive(Debug, Clone)]
pub(crate) enum Absence {
    /// `exists: false`.
    NotExists,
    /// `present: false`.
    NotPresent,
    /// `empty: true`.
    Empty,
    /// `not-in`.
    NotIn(Scalars),
}

/// Scalars that a value is compared with.
#[derive(Debug, Clone)]
pub(crate) enum Scalars {
    /// So few that looking at each is quickest.
    Few(Vec<Value>),
    /// Any number.
    Many(HashSet<Value>),
}

impl Scalars {
    /// These scalars.
    pub(crate) fn new(scalars: Vec<Value>) -> Self {
        if scalars.len() <= 8 { Self::Few(scalars) } else { Self::Many(scalars.into_iter().collect()) }
    }

    /// Each of them.
    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = &Value> + '_> {
        match self {
            Self::Few(scalars) => Box::new(scalars.iter()),
            Self::Many(scalars) => Box::new(scalars.iter()),
        }
    }

    fn contains(&self, value: &Value) -> bool {
        match self {
            Self::Few(scalars) => scalars.contains(value),
            Self::Many(scalars) => scalars.contains(value),
        }
    }
}

/// Bounds of a number; `None` is no bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Range {
    /// The least number, and whether it belongs to the range.
    pub(crate) low: Option<(Number, bool)>,
    /// The greatest number, and whether it belongs to the range.
    pub(crate) high: Option<(Number, bool)>,
}

impl Range {
    fn contains(&self, number: &Number) -> bool {
        let within = |bound: &Option<(Number, bool)>, side: Ordering| {
            bound.as_ref().is_none_or(|(limit, included)| match number.cmp(limit) {
                Ordering::Equal => *included,
                other => other == side,
            })
        };
        within(&self.low, Ordering::Greater) && within(&self.high, Ordering::Less)
    }

    /// Whether no number is in the range.
    pub(crate) fn is_empty(&self) -> bool {
        match (&self.low, &self.high) {
            (Some((low, low_in)), Some((high, high_in))) => match low.cmp(high) {
                Ordering::Less => false,
                Ordering::Equal => !(*low_in && *high_in),
                Ordering::Greater => true,
            },
            _ => false,
        }
    }
}

/// So many bytes of a text are looked through for one step.
pub(crate) const TEXT_STEP: usize = 16;

impl Test {
    /// Whether a scalar or a map at the path fulfils it. A list does not count: its elements do.
    pub(crate) fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::NotEmpty, _) => !is_empty(value),
            (Self::Present, _) => *value != Value::Null,
            (_, Value::Map(_) | Value::List(_)) => false,
            (Self::OneOf(scalars), _) => scalars.contains(value),
            (Self::AnythingBut(excluded), _) => !excluded.contains(value),
            (Self::NoneOf(_) | Self::Text(_) | Self::Regex(_) | Self::Cidr(_), Value::Text(text)) => {
                self.holds_for_text(text)
            }
            (Self::Exists | Self::NoneOf(_), _) => true,
            (Self::Numeric(range), Value::Number(number)) => range.contains(number),
            (Self::Text(_) | Self::Regex(_) | Self::Cidr(_) | Self::Numeric(_), _) => false,
        }
    }

    /// As [`Test::holds`], of a text, for tests that look into texts.
    pub(crate) fn holds_for_text(&self, text: &str) -> bool {
        match self {
            Self::Text(shape) => shape.fits(text),
            Self::NoneOf(shapes) => !shapes.iter().any(|shape| shape.fits(text)),
            Self::Regex(regex) => regex.is_match(text),
            Self::Cidr(block) => block.contains(text),
            _ => false,
        }
    }

    /// How many steps it takes to look through a text of so many bytes, beside the one that any value takes.
    pub(crate) fn text_steps(&self, bytes: usize) -> usize {
        let looks = match self {
            Self::Text(Shape::Wildcard(_)) | Self::Regex(_) => 1,
            Self::NoneOf(shapes) => shapes.len(),
            _ => 0,
        };
        looks * (bytes / TEXT_STEP)
    }

    /// Whether a list at the path fulfils it, whatever its elements are.
    pub(crate) fn holds_for_list(&self) -> bool {
        matches!(self, Self::Present)
    }
}

impl Absence {
    /// Whether a scalar or a map may be at the path.
    pub(crate) fn allows(&self, value: &Value) -> bool {
        match self {
            Self::NotExists => matches!(value, Value::Map(_)),
            Self::NotPresent => *value == Value::Null,
            Self::Empty => is_empty(value),
            Self::NotIn(list) => !list.contains(value),
        }
    }

    /// Whether a list may be at the path, given that it allows what is in the list.
    pub(crate) fn allows_list(&self) -> bool {
        !matches!(self, Self::NotPresent)
    }
}

/// Whether a scalar or a map is one of the ways in which the vendor writes "none".
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Secret(_) => false,
    }
}
