//! Tests of a text against a written one: prefix, suffix, wildcard, with and without regard to case.

use super::fold::{fold, folded};

/// What a text must look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// It begins so.
    Prefix(Written),
    /// It ends so.
    Suffix(Written),
    /// It equals this when case is ignored.
    Equal(Box<str>),
    /// It fits this wildcard.
    Wildcard(Wildcard),
}

/// A written text, and whether case matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Written {
    /// Case matters.
    Exact(Box<str>),
    /// Case is ignored; the text is folded.
    Folded(Box<str>),
}

impl Shape {
    /// Equality without regard to case.
    pub(crate) fn equal_ignoring_case(text: &str) -> Self {
        Self::Equal(folded(text).into())
    }

    /// Whether a text has this shape.
    pub(crate) fn fits(&self, text: &str) -> bool {
        match self {
            Self::Prefix(Written::Exact(start)) => text.starts_with(&**start),
            Self::Prefix(Written::Folded(start)) => begins(text.chars().map(fold), start.chars()).is_some(),
            Self::Suffix(Written::Exact(end)) => text.ends_with(&**end),
            Self::Suffix(Written::Folded(end)) => begins(text.chars().rev().map(fold), end.chars().rev()).is_some(),
            Self::Equal(whole) => {
                begins(text.chars().map(fold), whole.chars()).is_some_and(|mut rest| rest.next().is_none())
            }
            Self::Wildcard(wildcard) => wildcard.fits(text),
        }
    }
}

impl Written {
    /// The written text, with or without regard to case.
    pub(crate) fn new(text: &str, ignore_case: bool) -> Self {
        if ignore_case { Self::Folded(folded(text).into()) } else { Self::Exact(text.into()) }
    }
}

/// What follows `start` in `text`; `None` when it does not begin so.
fn begins<T: Iterator<Item = char>>(mut text: T, mut start: impl Iterator<Item = char>) -> Option<T> {
    start.all(|c| text.next() == Some(c)).then_some(text)
}

/// Literal pieces with any run of characters between two of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wildcard {
    ignore_case: bool,
    first: Box<str>,
    middle: Box<[Box<str>]>,
    /// What the text ends with; `None` when there is no `*` and `first` is the whole text.
    last: Option<Box<str>>,
}

impl Wildcard {
    /// Reads a wildcard: `*` is any run, `\*` and `\\` are an asterisk and a backslash. The error says what is wrong.
    pub(crate) fn parse(text: &str, ignore_case: bool) -> Result<Self, &'static str> {
        let mut pieces = Vec::new();
        let mut piece = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '*' if chars.peek() == Some(&'*') => return Err("two asterisks in a row"),
                '*' => pieces.push(std::mem::take(&mut piece)),
                '\\' => match chars.next() {
                    Some(escaped @ ('*' | '\\')) => piece.push(escaped),
                    Some(_) => return Err("a backslash before something other than `*` and `\\`"),
                    None => return Err("a backslash at the end"),
                },
                plain => piece.push(if ignore_case { fold(plain) } else { plain }),
            }
        }
        pieces.push(piece);
        let mut pieces = pieces.into_iter().map(String::into_boxed_str);
        let first = pieces.next().unwrap_or_default();
        let last = pieces.next_back();
        Ok(Self { ignore_case, first, middle: pieces.collect(), last })
    }

    /// What every text that fits begins with and ends with, and whether case is ignored in them.
    pub(crate) fn ends(&self) -> (&str, &str, bool) {
        (&self.first, self.last.as_deref().unwrap_or(&self.first), self.ignore_case)
    }

    /// Linear in the text: each piece is taken where it is found first, which leaves the most for those after it.
    fn fits(&self, text: &str) -> bool {
        if self.ignore_case { self.fits_exactly(&folded(text)) } else { self.fits_exactly(text) }
    }

    fn fits_exactly(&self, text: &str) -> bool {
        let Some(last) = &self.last else { return text == &*self.first };
        let inner = text.strip_prefix(&*self.first).and_then(|rest| rest.strip_suffix(&**last));
        let Some(mut rest) = inner else { return false };
        for piece in &self.middle {
            let Some(at) = rest.find(&**piece) else { return false };
            rest = &rest[at + piece.len()..];
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fits(wildcard: &str, text: &str) -> bool {
        Wildcard::parse(wildcard, false).unwrap().fits(text)
    }

    #[test]
    fn pieces_may_touch_but_never_overlap() {
        assert!(fits("ab*ba", "abba"));
        assert!(!fits("ab*ba", "aba"));
        assert!(fits("*a*", "a"));
        assert!(fits("*", ""));
        assert!(fits("a*b*c", "a\nbb\nc"));
        assert!(!fits("*ab*ab*", "aab"));
        assert!(fits("", ""));
        assert!(!fits("", "x"));
    }

    #[test]
    fn only_asterisks_and_backslashes_are_escaped() {
        assert!(fits("a\\*b", "a*b"));
        assert!(!fits("a\\*b", "axb"));
        assert!(fits("\\\\*", "\\x"));
        assert!(fits("*\\**", "x*y"));
        assert_eq!(Wildcard::parse("a**", false), Err("two asterisks in a row"));
        assert_eq!(Wildcard::parse("a\\n", false), Err("a backslash before something other than `*` and `\\`"));
        assert_eq!(Wildcard::parse("a\\", false), Err("a backslash at the end"));
    }

    #[test]
    fn a_thousand_asterisks_against_a_long_text_end_soon() {
        let wildcard = "a*".repeat(1000) + "b";
        assert!(!fits(&wildcard, &"a".repeat(1_000_000)));
        assert!(fits(&wildcard, &("a".repeat(1_000_000) + "b")));
        let unlucky = format!("*{}b*", "a".repeat(500));
        assert!(!fits(&unlucky, &"a".repeat(1_000_000)));
    }

    /// By trying every way.
    fn fits_by_definition(wildcard: &[char], text: &[char]) -> bool {
        match wildcard.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|taken| fits_by_definition(rest, &text[taken..])),
            Some((c, rest)) => text.first() == Some(c) && fits_by_definition(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn a_wildcard_fits_what_its_definition_says(wildcard in "([ab]{0,2}\\*){0,4}[ab]{0,2}", text in "[ab]{0,8}") {
            prop_assume!(!wildcard.contains("**"));
            let chars: Vec<char> = wildcard.chars().collect();
            let text_chars: Vec<char> = text.chars().collect();
            prop_assert_eq!(fits(&wildcard, &text), fits_by_definition(&chars, &text_chars));
        }

        #[test]
        fn ignoring_case_is_symmetric(a in "[kK\u{212a}σςΣßẞéÉ]{0,3}", b in "[kK\u{212a}σςΣßẞéÉ]{0,3}") {
            let equal = |a: &str, b: &str| Shape::equal_ignoring_case(a).fits(b);
            prop_assert_eq!(equal(&a, &b), equal(&b, &a));
            prop_assert_eq!(equal(&a, &b), folded(&a) == folded(&b));
            let prefix = Shape::Prefix(Written::new(&a, true));
            let suffix = Shape::Suffix(Written::new(&a, true));
            prop_assert_eq!(prefix.fits(&b), folded(&b).starts_with(&folded(&a)));
            prop_assert_eq!(suffix.fits(&b), folded(&b).ends_with(&folded(&a)));
        }
    }
}
