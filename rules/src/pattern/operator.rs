//! The operators: their names and the arguments that they take.

use regex::{Regex, RegexBuilder};

use super::PatternError;
use super::address::Block;
use super::condition::{Absence, Range, Scalars, Test};
use super::text::{Shape, Wildcard, Written};
use crate::diagnostic::Span;
use crate::node::{Key, Node, NodeKind};
use crate::path;
use crate::value::{Number, Value};

/// The longest regex, in bytes.
pub const REGEX_LENGTH_LIMIT: usize = 1024;

/// The most memory, in bytes, that a compiled regex may take, and again its cache.
pub const REGEX_SIZE_LIMIT: usize = 256 * 1024;

const IGNORE_CASE: &str = "equals-ignore-case";

/// What an operator asks for.
pub(super) enum Alternative {
    Test(Test),
    Absence(Absence),
}

/// Whether an operator is called so.
pub(super) fn is_name(name: &str) -> bool {
    !name.starts_with('$') && path::RESERVED.contains(&name)
}

/// The message and the hint for a name that no operator has.
pub(super) fn unknown(name: &str) -> (String, String) {
    let shown: String = name.chars().take(60).collect();
    let names = || path::RESERVED.into_iter().filter(|known| is_name(known));
    let lower = name.to_lowercase().replace('_', "-");
    let near = names()
        .map(|known| (strsim::damerau_levenshtein(&lower.chars().take(60).collect::<String>(), known), known))
        .min()
        .filter(|(distance, known)| *distance <= known.len() / 3);
    let hint = match near {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None => format!("the operators are {}", names().collect::<Vec<_>>().join(", ")),
    };
    (format!("unknown operator {shown:?}"), hint)
}

/// What an operator with its argument asks for; problems go to `errors`.
pub(super) fn parse(name: &Key, argument: &Node, errors: &mut Vec<PatternError>) -> Option<Alternative> {
    let mut reader = Reader { name: &name.text, errors };
    let test = match name.text.as_str() {
        "prefix" | "suffix" | "wildcard" => Test::Text(reader.text_shape(argument)?),
        IGNORE_CASE => Test::Text(Shape::equal_ignoring_case(reader.text(argument)?)),
        "regex" => Test::Regex(reader.regex(argument)?),
        "numeric" => Test::Numeric(reader.range(argument)?),
        "anything-but" => reader.anything_but(argument)?,
        "cidr" => Test::Cidr(reader.block(argument)?),
        "not-in" => return reader.not_in(argument).map(Alternative::Absence),
        "exists" => return reader.either(argument, Test::Exists, Absence::NotExists),
        "present" => return reader.either(argument, Test::Present, Absence::NotPresent),
        "empty" => {
            let boolean = reader.boolean(argument)?;
            return Some(if boolean {
                Alternative::Absence(Absence::Empty)
            } else {
                Alternative::Test(Test::NotEmpty)
            });
        }
        _ => return None,
    };
    Some(Alternative::Test(test))
}

struct Reader<'a> {
    name: &'a str,
    errors: &'a mut Vec<PatternError>,
}

impl Reader<'_> {
    fn fail<T>(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) -> Option<T> {
        self.errors.push(PatternError { span, message: message.into(), hint: Some(hint.into()) });
        None
    }

    fn text<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        match &node.kind {
            NodeKind::Scalar(Value::Text(text)) => Some(text),
            kind => {
                let message = format!("`{}` takes a text, not {}", self.name, described(kind));
                let hint = match kind {
                    NodeKind::Scalar(_) => "put it in quotes",
                    NodeKind::List(_) => "write one mapping for each text; a list of mappings means any of them",
                    NodeKind::Map(_) => "write the text itself",
                };
                self.fail(node.span, message, hint)
            }
        }
    }

    fn boolean(&mut self, node: &Node) -> Option<bool> {
        match &node.kind {
            NodeKind::Scalar(Value::Bool(boolean)) => Some(*boolean),
            kind => {
                let message = format!("`{}` takes true or false, not {}", self.name, described(kind));
                self.fail(node.span, message, "write true or false, without quotes")
            }
        }
    }

    fn either(&mut self, node: &Node, test: Test, absence: Absence) -> Option<Alternative> {
        let boolean = self.boolean(node)?;
        Some(if boolean { Alternative::Test(test) } else { Alternative::Absence(absence) })
    }

    /// A text for `prefix`, `suffix` or `wildcard`, or `{ equals-ignore-case: text }`.
    fn text_shape(&mut self, node: &Node) -> Option<Shape> {
        let (text, span, ignore_case) = match &node.kind {
            NodeKind::Map(entries) => match entries.as_slice() {
                [(key, inner)] if key.text == IGNORE_CASE => (self.text(inner)?, inner.span, true),
                _ => {
                    let message = format!("`{}` takes a text or one `{IGNORE_CASE}`", self.name);
                    return self.fail(node.span, message, format!("write `{}: {{ {IGNORE_CASE}: text }}`", self.name));
                }
            },
            _ => (self.text(node)?, node.span, false),
        };
        match self.name {
            "prefix" => Some(Shape::Prefix(Written::new(text, ignore_case))),
            "suffix" => Some(Shape::Suffix(Written::new(text, ignore_case))),
            _ => match Wildcard::parse(text, ignore_case) {
                Ok(wildcard) => Some(Shape::Wildcard(wildcard)),
                Err(problem) => self.fail(
                    span,
                    format!("{problem} in a wildcard"),
                    "`*` is any run of characters; write `\\*` for an asterisk and `\\\\` for a backslash",
                ),
            },
        }
    }

    fn regex(&mut self, node: &Node) -> Option<Regex> {
        let text = self.text(node)?;
        if text.len() > REGEX_LENGTH_LIMIT {
            let message = format!("a regex of {} bytes; the limit is {REGEX_LENGTH_LIMIT}", text.len());
            return self.fail(node.span, message, "split it into alternatives, or list the values");
        }
        let built = RegexBuilder::new(text).size_limit(REGEX_SIZE_LIMIT).dfa_size_limit(REGEX_SIZE_LIMIT).build();
        match built {
            Ok(regex) => Some(regex),
            Err(regex::Error::CompiledTooBig(_)) => self.fail(
                node.span,
                format!("a regex that takes more than {} KiB when compiled", REGEX_SIZE_LIMIT / 1024),
                "use smaller repetition counts, or `[0-9A-Za-z_]` in place of `\\w`",
            ),
            Err(error) => {
                let report = error.to_string();
                let reason = report.rsplit("error: ").next().unwrap_or_default().trim();
                self.fail(
                    node.span,
                    format!("a regex that cannot be compiled: {reason}"),
                    "there is no look-around and no back-reference; a backslash stands before a literal `( ) [ ] { } . * + ? | ^ $`",
                )
            }
        }
    }

    fn range(&mut self, node: &Node) -> Option<Range> {
        const HINT: &str = "write `[\">=\", 1]` with one of = < <= > >=, or `[\">\", low, \"<=\", high]`";
        let NodeKind::List(items) = &node.kind else {
            return self.fail(node.span, format!("`numeric` takes a list, not {}", described(&node.kind)), HINT);
        };
        let mut bounds = Vec::new();
        for pair in items.chunks(2) {
            match pair {
                [operator, number] => bounds.push((self.comparison(operator), self.number(number))),
                _ => return self.fail(node.span, "a comparison without its number in `numeric`", HINT),
            }
        }
        let bounds: Option<Vec<_>> = bounds.into_iter().map(|(operator, number)| Some((operator?, number?))).collect();
        let range = match bounds?.as_slice() {
            [("=", number)] => {
                let bound = Some((number.clone(), true));
                Range { low: bound.clone(), high: bound }
            }
            [(low @ (">" | ">="), number)] => Range { low: Some((number.clone(), *low == ">=")), high: None },
            [(high @ ("<" | "<="), number)] => Range { low: None, high: Some((number.clone(), *high == "<=")) },
            [(low @ (">" | ">="), from), (high @ ("<" | "<="), to)] => {
                Range { low: Some((from.clone(), *low == ">=")), high: Some((to.clone(), *high == "<=")) }
            }
            [_, _] => return self.fail(node.span, "two bounds that are not a lower and then an upper one", HINT),
            _ => return self.fail(node.span, "`numeric` takes one bound or two", HINT),
        };
        if range.is_empty() {
            return self.fail(
                node.span,
                "a range that holds no number",
                "put the lower bound first; both ends of [\">=\", n, \"<=\", n] belong to it",
            );
        }
        Some(range)
    }

    fn comparison<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        match &node.kind {
            NodeKind::Scalar(Value::Text(text)) if ["=", "<", "<=", ">", ">="].contains(&&**text) => Some(text),
            _ => self.fail(node.span, "not a comparison in `numeric`", "write one of \"=\" \"<\" \"<=\" \">\" \">=\""),
        }
    }

    fn number(&mut self, node: &Node) -> Option<Number> {
        match &node.kind {
            NodeKind::Scalar(Value::Number(number)) => Some(number.clone()),
            kind => {
                let message = format!("`numeric` compares with a number, not {}", described(kind));
                self.fail(node.span, message, "write the number without quotes")
            }
        }
    }

    fn block(&mut self, node: &Node) -> Option<Block> {
        let text = self.text(node)?;
        match Block::parse(text) {
            Ok(block) => Some(block),
            Err(problem) => self.fail(
                node.span,
                format!("not a block of addresses: {problem}"),
                "write `10.0.0.0/8` or `2001:db8::/32`, and one address as `10.0.0.1/32`",
            ),
        }
    }

    fn not_in(&mut self, node: &Node) -> Option<Absence> {
        const HINT: &str = "write `not-in: [a, b]`";
        let NodeKind::List(items) = &node.kind else {
            return self.fail(node.span, format!("`not-in` takes a list, not {}", described(&node.kind)), HINT);
        };
        if items.is_empty() {
            return self.fail(node.span, "an empty list", HINT);
        }
        let mut scalars = Vec::with_capacity(items.len());
        for item in items {
            match &item.kind {
                NodeKind::Scalar(value) => scalars.push(value.clone()),
                kind => {
                    let message = format!("`not-in` lists texts, numbers, booleans and null, not {}", described(kind));
                    self.fail::<()>(item.span, message, HINT);
                }
            }
        }
        (scalars.len() == items.len()).then(|| Absence::NotIn(Scalars::new(scalars)))
    }

    fn anything_but(&mut self, node: &Node) -> Option<Test> {
        const HINT: &str = "write `anything-but: [a, b]`, or use `not-in` for lists of mixed types";
        let excluded = match &node.kind {
            NodeKind::Map(entries) => return self.none_of(node.span, entries).map(Test::NoneOf),
            NodeKind::List(items) if items.is_empty() => return self.fail(node.span, "an empty list", HINT),
            NodeKind::List(items) => items.as_slice(),
            NodeKind::Scalar(_) => std::slice::from_ref(node),
        };
        let mut scalars = Vec::with_capacity(excluded.len());
        for item in excluded {
            match &item.kind {
                NodeKind::Scalar(value @ (Value::Text(_) | Value::Number(_))) => scalars.push(value.clone()),
                kind => {
                    let message = format!("`anything-but` excludes texts or numbers, not {}", described(kind));
                    self.fail::<()>(item.span, message, HINT);
                }
            }
        }
        let texts = scalars.iter().filter(|value| value.as_text().is_some()).count();
        if texts != 0 && texts != scalars.len() {
            return self.fail(node.span, "texts and numbers in one `anything-but`", HINT);
        }
        (scalars.len() == excluded.len()).then(|| Test::AnythingBut(Scalars::new(scalars)))
    }

    /// `{ prefix | suffix | equals-ignore-case | wildcard: text or list }` in `anything-but`.
    fn none_of(&mut self, span: Span, entries: &[(Key, Node)]) -> Option<Vec<Shape>> {
        const HINT: &str = "write one of prefix, suffix, equals-ignore-case, wildcard with a text or a list of texts";
        let [(key, argument)] = entries else {
            return self.fail(span, "`anything-but` takes exactly one operator", HINT);
        };
        if !["prefix", "suffix", IGNORE_CASE, "wildcard"].contains(&key.text.as_str()) {
            return self.fail(key.span, format!("`anything-but` does not take {:?}", key.text), HINT);
        }
        let texts = match &argument.kind {
            NodeKind::List(items) if items.is_empty() => return self.fail(argument.span, "an empty list", HINT),
            NodeKind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(argument),
        };
        let mut inner = Reader { name: &key.text, errors: &mut *self.errors };
        let shapes: Vec<_> = texts.iter().filter_map(|text| inner.excluded_shape(text)).collect();
        (shapes.len() == texts.len()).then_some(shapes)
    }

    fn excluded_shape(&mut self, node: &Node) -> Option<Shape> {
        if self.name == IGNORE_CASE {
            return self.text(node).map(Shape::equal_ignoring_case);
        }
        let shape = self.text_shape(node)?;
        if shape.fits("") && matches!(shape, Shape::Prefix(_) | Shape::Suffix(_)) {
            let message = format!("an empty `{}` in `anything-but` excludes every text", self.name);
            return self.fail(node.span, message, "write at least one character");
        }
        Some(shape)
    }
}

fn described(kind: &NodeKind) -> &'static str {
    match kind {
        NodeKind::Scalar(value) => value.kind(),
        NodeKind::List(_) => "a list",
        NodeKind::Map(_) => "a mapping",
    }
}
