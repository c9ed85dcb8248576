//! Paths to fields: `payload.MediaBasicInfo.Name`, `event.keys["order.id"]`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The names that operators of a `match` have. A field of such a name is written in brackets, `a["prefix"]`, so that a
/// slip in nesting an operator is an error and not a field that never exists.
pub const RESERVED: [&str; 13] = [
    "$or",
    "prefix",
    "suffix",
    "equals-ignore-case",
    "wildcard",
    "regex",
    "numeric",
    "anything-but",
    "not-in",
    "exists",
    "present",
    "empty",
    "cidr",
];

/// The longest path that is taken, in bytes.
pub const LENGTH_LIMIT: usize = 4096;

/// A path to a field: one or more names, from the outermost map inwards. Lists have no place in a path. A clone is cheap.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Arc<[Arc<str>]>);

/// A text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} in the path {path:?}")]
pub struct PathError {
    path: String,
    /// Where in the text, in bytes.
    pub offset: usize,
    /// What is wrong.
    pub problem: PathProblem,
}

/// What can be wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    /// Nothing stands before, between or after dots.
    #[error("an empty segment")]
    EmptySegment,
    /// A bare name that an operator has.
    #[error("the operator name {0} as a field")]
    OperatorName(&'static str),
    /// `[` without `"…"]`.
    #[error("a bracket that does not hold a quoted name")]
    Bracket,
    /// `a[0]`.
    #[error("a list index")]
    Index,
    /// `a.["b"]`.
    #[error("a dot before a bracket")]
    DotBeforeBracket,
    /// A `]` of its own, or something other than `.` and `[` after one.
    #[error("a misplaced closing bracket")]
    AfterBracket,
    /// A backslash in a quoted name that escapes neither `"` nor `\`.
    #[error("an unknown escape")]
    Escape,
    /// Longer than [`LENGTH_LIMIT`].
    #[error("more than {LENGTH_LIMIT} bytes")]
    TooLong,
}

impl PathError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self.problem {
            PathProblem::EmptySegment => {
                "separate names by single dots; a field whose name is empty is written `[\"\"]`".to_owned()
            }
            PathProblem::OperatorName("$or") => "write `$or` as a key of its own, with a list of mappings".to_owned(),
            PathProblem::OperatorName(name) => {
                format!(
                    "put the operator under a field, `field: {{ {name}: … }}`; a field of this name is written `[\"{name}\"]`"
                )
            }
            PathProblem::Bracket => "write the name in double quotes: `a[\"b.c\"]`".to_owned(),
            PathProblem::Index => "leave the index out: any element of a list may match".to_owned(),
            PathProblem::DotBeforeBracket => "leave the dot before the bracket out: `a[\"b.c\"]`".to_owned(),
            PathProblem::AfterBracket => {
                "a bracketed name ends with `\"]`, and a dot or another bracket may follow: `a[\"b.c\"].d`".to_owned()
            }
            PathProblem::Escape => "in a quoted name write `\\\"` for a quote and `\\\\` for a backslash".to_owned(),
            PathProblem::TooLong => "shorten the path".to_owned(),
        }
    }
}

impl FieldPath {
    /// Reads a path: names joined by dots, or in brackets and double quotes where a name is empty, holds a dot or a
    /// bracket, or is one of [`RESERVED`]. Within quotes, `\"` and `\\` stand for `"` and `\`.
    ///
    /// # Errors
    ///
    /// When the text is no path; the error says where and why.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let fail = |offset, problem| Err(PathError { path: shortened(text), offset, problem });
        if text.len() > LENGTH_LIMIT {
            return fail(LENGTH_LIMIT, PathProblem::TooLong);
        }
        let mut names = Vec::new();
        let mut at = 0;
        loop {
            let rest = &text[at..];
            if rest.starts_with('[') && (at == 0 || !text[..at].ends_with('.')) {
                let (name, length) = match quoted_name(rest) {
                    Ok(found) => found,
                    Err((offset, problem)) => return fail(at + offset, problem),
                };
                names.push(name.into());
                at += length;
            } else {
                if rest.starts_with('[') {
                    return fail(at, PathProblem::DotBeforeBracket);
                }
                let length = rest.find(['.', '[', ']']).unwrap_or(rest.len());
                let name = &rest[..length];
                if rest[length..].starts_with(']') {
                    return fail(at + length, PathProblem::AfterBracket);
                }
                if name.is_empty() {
                    return fail(at, PathProblem::EmptySegment);
                }
                if let Some(operator) = RESERVED.iter().find(|operator| **operator == name) {
                    return fail(at, PathProblem::OperatorName(operator));
                }
                names.push(name.into());
                at += length;
            }
            match text[at..].chars().next() {
                None => return Ok(Self(names.into())),
                Some('.') => at += 1,
                Some('[') => {}
                Some(_) => return fail(at, PathProblem::AfterBracket),
            }
        }
    }

    /// The path of one name, whatever it holds.
    pub(crate) fn literal(name: &str) -> Self {
        Self([name.into()].into())
    }

    /// The path of `inner` within the map at this path.
    #[must_use]
    pub fn join(&self, inner: &Self) -> Self {
        Self(self.0.iter().chain(inner.0.iter()).cloned().collect())
    }

    /// The names, outermost first; never none.
    #[must_use]
    pub fn segments(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }

    /// The outermost name.
    #[must_use]
    pub fn root(&self) -> &str {
        self.0.first().map_or("", |name| name)
    }

    /// How many names there are.
    pub(crate) fn depth(&self) -> usize {
        self.0.len()
    }

    /// The name at this depth, from 0.
    pub(crate) fn segment(&self, depth: usize) -> Option<&str> {
        self.0.get(depth).map(|name| &**name)
    }
}

/// The name in `["…"]` at the start of the text, and the length of the whole bracket.
fn quoted_name(text: &str) -> Result<(String, usize), (usize, PathProblem)> {
    let Some(quoted) = text.strip_prefix("[\"") else {
        let is_index =
            text[1..].find(']').is_some_and(|end| text[1..=end].bytes().all(|b| b.is_ascii_digit() || b == b'*'));
        return Err((0, if is_index { PathProblem::Index } else { PathProblem::Bracket }));
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' if quoted[at..].starts_with("\"]") => return Ok((name, at + 4)),
            '"' => return Err((at + 3, PathProblem::AfterBracket)),
            '\\' => match chars.next() {
                Some((_, escaped @ ('"' | '\\'))) => name.push(escaped),
                _ => return Err((at + 2, PathProblem::Escape)),
            },
            plain => name.push(plain),
        }
    }
    Err((0, PathProblem::Bracket))
}

fn shortened(text: &str) -> String {
    let mut start: String = text.chars().take(100).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

impl FromStr for FieldPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

impl fmt::Display for FieldPath {
    /// The path as [`FieldPath::parse`] reads it, in its shortest spelling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.segments().enumerate() {
            if name.is_empty() || name.contains(['.', '[', ']']) || RESERVED.contains(&name) {
                write!(f, "[\"{}\"]", name.replace('\\', "\\\\").replace('"', "\\\""))?;
            } else {
                write!(f, "{}{name}", if index > 0 { "." } else { "" })?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(text: &str) -> Vec<String> {
        FieldPath::parse(text).unwrap().segments().map(str::to_owned).collect()
    }

    fn problem(text: &str) -> (usize, PathProblem) {
        let error = FieldPath::parse(text).unwrap_err();
        (error.offset, error.problem)
    }

    #[test]
    fn dots_and_brackets_separate_names() {
        assert_eq!(names("a"), ["a"]);
        assert_eq!(names("a.b.c"), ["a", "b", "c"]);
        assert_eq!(names("a[\"b.c\"].d"), ["a", "b.c", "d"]);
        assert_eq!(names("[\"\"]"), [""]);
        assert_eq!(names("[\"prefix\"][\"x\"].y"), ["prefix", "x", "y"]);
        assert_eq!(names("a[\"q\\\"b\\\\\"]"), ["a", "q\"b\\"]);
        assert_eq!(names("键.名 字"), ["键", "名 字"]);
    }

    #[test]
    fn every_problem_says_where_it_is() {
        assert_eq!(problem(""), (0, PathProblem::EmptySegment));
        assert_eq!(problem(".a"), (0, PathProblem::EmptySegment));
        assert_eq!(problem("a..b"), (2, PathProblem::EmptySegment));
        assert_eq!(problem("a."), (2, PathProblem::EmptySegment));
        assert_eq!(problem("a.prefix"), (2, PathProblem::OperatorName("prefix")));
        assert_eq!(problem("a.$or"), (2, PathProblem::OperatorName("$or")));
        assert_eq!(problem("a[0].b"), (1, PathProblem::Index));
        assert_eq!(problem("a[*]"), (1, PathProblem::Index));
        assert_eq!(problem("a[b]"), (1, PathProblem::Bracket));
        assert_eq!(problem("a["), (1, PathProblem::Bracket));
        assert_eq!(problem("a[\"b"), (1, PathProblem::Bracket));
        assert_eq!(problem("a[\"b\"c"), (5, PathProblem::AfterBracket));
        assert_eq!(problem("a[\"b\"]c"), (6, PathProblem::AfterBracket));
        assert_eq!(problem("a]"), (1, PathProblem::AfterBracket));
        assert_eq!(problem("a.[\"b\"]"), (2, PathProblem::DotBeforeBracket));
        assert_eq!(problem("a[\"\\n\"]"), (3, PathProblem::Escape));
        assert_eq!(problem(&"a".repeat(5000)), (LENGTH_LIMIT, PathProblem::TooLong));
    }

    #[test]
    fn an_error_reads_as_a_sentence_with_its_remedy() {
        let error = FieldPath::parse("a..b").unwrap_err();
        assert_eq!(error.to_string(), "an empty segment in the path \"a..b\"");
        assert!(error.hint().contains("single dots"));
    }

    proptest! {
        #[test]
        fn a_displayed_path_reads_back_as_itself(names in prop::collection::vec("([a.\"\\\\\\[\\]é]|prefix|\\$or){0,3}", 1..5)) {
            let path = FieldPath(names.into_iter().map(Arc::from).collect());
            prop_assert_eq!(FieldPath::parse(&path.to_string()), Ok(path));
        }

        #[test]
        fn any_text_gives_a_path_or_an_error_inside_of_it(text in "\\PC{0,12}|[a.\\[\\]\"\\\\0]{0,10}") {
            if let Err(error) = FieldPath::parse(&text) {
                prop_assert!(error.offset <= text.len());
            }
        }
    }
}
