//! From a written mapping to conditions: paths, nesting, lists of alternatives and `$or`.

use foldhash::fast::RandomState;
use hashbrown::HashSet;

use super::PatternError;
use super::condition::{Condition, Either, Part, Scalars, Test};
use super::operator::{self, Alternative};
use crate::diagnostic::Span;
use crate::node::{Key, Node, NodeKind};
use crate::path::{FieldPath, PathProblem};
use crate::value::{DEPTH_LIMIT, Value};

/// The longest text, in characters, that a report quotes of what was written.
const QUOTE_LIMIT: usize = 200;

const OR: &str = "$or";

/// In how many ways the `$or`s of one match may be combined, one branch of each. As many as can be tried within
/// [`super::STEP_LIMIT`] for one list element, when a match has 200 conditions.
pub const OR_LIMIT: u64 = 10_000;

/// The parts of a match in written order.
pub(super) fn compile(node: &Node) -> Result<Vec<Part>, Vec<PatternError>> {
    let mut compiler = Compiler { errors: Vec::new(), depth: 0 };
    let mut parts = Vec::new();
    if let NodeKind::Map(entries) = &node.kind {
        (parts, _) = compiler.scope(node.span, entries, None, None);
    } else {
        let hint = "write each condition as `field: value`, for example `payload.Status: FINISH`";
        compiler.error(node.span, "a match must be a mapping of fields to values", hint);
    }
    if compiler.errors.is_empty() { Ok(parts) } else { Err(compiler.errors) }
}

struct Compiler {
    errors: Vec<PatternError>,
    depth: usize,
}

/// The mapping that is being read.
struct Place<'a> {
    /// Where it lies in the document; `None` for the root.
    path: Option<&'a FieldPath>,
    /// The outermost key of its path.
    root: Option<Span>,
    /// The conjunction that it belongs to.
    all: &'a mut Conjunction,
}

/// What must hold together, so far.
struct Conjunction {
    /// All paths that it has written.
    seen: HashSet<FieldPath, RandomState>,
    /// In how many ways the branches of its `$or`s combine.
    ways: u64,
}

impl Compiler {
    fn error(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.errors.push(PatternError { span, message: message.into(), hint: Some(hint.into()) });
    }

    /// A mapping that is a conjunction of its own, with in how many ways its `$or`s combine.
    fn scope(
        &mut self,
        span: Span,
        entries: &[(Key, Node)],
        path: Option<&FieldPath>,
        root: Option<Span>,
    ) -> (Vec<Part>, u64) {
        let (mut parts, mut all) = (Vec::new(), Conjunction { seen: HashSet::default(), ways: 1 });
        self.mapping(span, entries, &mut Place { path, root, all: &mut all }, &mut parts);
        parts.shrink_to_fit();
        (parts, all.ways)
    }

    fn mapping(&mut self, span: Span, entries: &[(Key, Node)], place: &mut Place, parts: &mut Vec<Part>) {
        if entries.is_empty() {
            return self.error(span, "an empty mapping", "name at least one field in it, or leave it out");
        }
        if self.depth >= DEPTH_LIMIT {
            return self.error(
                span,
                format!("mappings nested deeper than {DEPTH_LIMIT} levels"),
                "join names with dots",
            );
        }
        self.depth += 1;
        let mut seen_or = false;
        for (key, node) in entries {
            let root = place.root.unwrap_or(key.span);
            if key.text == OR {
                if seen_or {
                    self.error(
                        key.span,
                        "a second `$or` in one mapping",
                        "nest one of them in the other, or write out their branches",
                    );
                }
                seen_or = true;
                if let Some((either, ways)) = self.either(node, place.path, place.root) {
                    self.combine(key.span, place.all, ways);
                    parts.push(either);
                }
                continue;
            }
            let Some(inner) = self.path(key) else { continue };
            let path = place.path.map_or_else(|| inner.clone(), |outer| outer.join(&inner));
            if !place.all.seen.insert(path.clone()) {
                self.error(
                    key.span,
                    format!("the path {path} is written twice"),
                    "write it once: a list of values means any of them, and `$or` holds alternatives of several fields",
                );
            }
            match &node.kind {
                NodeKind::Map(entries) if !is_operator(entries) => {
                    let place = &mut Place { path: Some(&path), root: Some(root), all: &mut *place.all };
                    self.mapping(node.span, entries, place, parts);
                }
                _ => parts.push(Part::Field(self.condition(path, root, node))),
            }
        }
        self.depth -= 1;
    }

    fn path(&mut self, key: &Key) -> Option<FieldPath> {
        match FieldPath::parse(&key.text) {
            Ok(path) => Some(path),
            Err(error) => {
                self.error(key.span, error.to_string(), error.hint());
                // What stands under a misplaced operator is no alternative; under a misspelt field it is, and is checked.
                let is_operator = matches!(error.problem, PathProblem::OperatorName(_));
                (!is_operator).then(|| FieldPath::literal(&key.text))
            }
        }
    }

    /// Adds an `$or` to a conjunction. Where others are in it, each branch goes with each of theirs. Alone, an `$or` may be
    /// as long as it likes: its branches are tried one after the other.
    fn combine(&mut self, span: Span, all: &mut Conjunction, ways: u64) {
        let combined = all.ways.saturating_mul(ways);
        if all.ways == 1 || ways == 1 || combined <= OR_LIMIT {
            all.ways = combined;
            return;
        }
        let message = format!("with this `$or`, those of the match combine in more than {OR_LIMIT} ways");
        let hint = "write alternatives of one field as a list, alternatives that belong together as one `$or`, or several rules";
        self.error(span, message, hint);
        // It is said once.
        all.ways = 1;
    }

    /// An `$or`, with in how many ways it can hold.
    fn either(&mut self, node: &Node, path: Option<&FieldPath>, root: Option<Span>) -> Option<(Part, u64)> {
        const HINT: &str = "write `$or: [{ field: value }, { other: value }]`";
        let NodeKind::List(items) = &node.kind else {
            self.error(node.span, "`$or` must be a list of mappings", HINT);
            return None;
        };
        if items.len() < 2 {
            self.error(
                node.span,
                "`$or` needs two or more mappings",
                "add an alternative, or write the fields without `$or`",
            );
        }
        let (mut branches, mut all_ways) = (Vec::with_capacity(items.len()), 0_u64);
        for item in items {
            match &item.kind {
                NodeKind::Map(entries) => {
                    let (branch, ways) = self.scope(item.span, entries, path, root);
                    branches.push(branch);
                    all_ways = all_ways.saturating_add(ways);
                }
                _ => self.error(item.span, "an alternative of `$or` must be a mapping", HINT),
            }
        }
        let (shared, shortest) = depths(&branches);
        Some((Part::Either(Either { path: path.cloned(), shared, shortest, branches }), all_ways))
    }

    fn condition(&mut self, path: FieldPath, span: Span, node: &Node) -> Condition {
        let (mut scalars, mut tests, mut absences) = (Vec::new(), Vec::new(), Vec::new());
        let items = match &node.kind {
            NodeKind::List(items) => {
                if items.is_empty() {
                    self.error(node.span, "an empty list", "list at least one value, or leave the field out");
                }
                items.as_slice()
            }
            _ => std::slice::from_ref(node),
        };
        for item in items {
            match &item.kind {
                NodeKind::Scalar(value) => scalars.push(value.clone()),
                NodeKind::List(_) => self.error(
                    item.span,
                    "a list in a list",
                    "list the values themselves: any element of a list in the event may match",
                ),
                NodeKind::Map(entries) => match self.operator(item.span, entries) {
                    Some(Alternative::Test(test)) => tests.push(test),
                    Some(Alternative::Absence(absence)) => absences.push(absence),
                    None => {}
                },
            }
        }
        if !scalars.is_empty() {
            scalars.shrink_to_fit();
            tests.insert(0, Test::OneOf(Scalars::new(scalars)));
        }
        // There may be a million rules: what is never added to is kept without room for more.
        tests.shrink_to_fit();
        absences.shrink_to_fit();
        Condition { path, span, written: shortened(node.to_json()).into(), tests, absences }
    }

    fn operator(&mut self, span: Span, entries: &[(Key, Node)]) -> Option<Alternative> {
        let [(key, argument)] = entries else {
            if entries.is_empty() {
                self.error(span, "an empty mapping", "write an operator in it, such as `{ prefix: raw- }`");
            } else if entries.iter().any(|(key, _)| operator::is_name(&key.text)) {
                self.error(
                    span,
                    "more than one operator in a mapping",
                    "give each its own mapping in the list; a list means any of them",
                );
            } else {
                self.error(
                    span,
                    "fields in a list of values",
                    "nest fields in a mapping, and write alternatives of fields with `$or`",
                );
            }
            return None;
        };
        if !operator::is_name(&key.text) {
            let (message, hint) = operator::unknown(&key.text);
            self.error(key.span, message, hint);
            return None;
        }
        operator::parse(key, argument, &mut self.errors)
    }
}

/// Whether a mapping under a field is an operator, or a failed attempt at one, rather than nested fields.
fn is_operator(entries: &[(Key, Node)]) -> bool {
    !entries.is_empty() && entries.iter().all(|(key, _)| operator::is_name(&key.text))
}

/// How many leading names the paths of all conditions share, and how many names the shortest has.
fn depths(branches: &[Vec<Part>]) -> (usize, usize) {
    let mut paths = branches.iter().flatten().flat_map(Part::conditions).map(|condition| &condition.path);
    let Some(first) = paths.next() else { return (0, 0) };
    paths.fold((first.depth(), first.depth()), |(shared, shortest), path| {
        let alike = first.segments().zip(path.segments()).take(shared).take_while(|(a, b)| a == b).count();
        (alike, shortest.min(path.depth()))
    })
}

/// JSON text of a value, cut at [`QUOTE_LIMIT`].
pub(super) fn quoted(value: &Value) -> String {
    match value {
        // What is cut off anyway need not be written.
        Value::Text(text) => {
            let start = text.char_indices().nth(QUOTE_LIMIT).map_or(&**text, |(end, _)| &text[..end]);
            shortened(Value::text(start).to_json())
        }
        _ => shortened(value.to_json()),
    }
}

fn shortened(json: String) -> String {
    if json.len() <= QUOTE_LIMIT {
        return json;
    }
    match json.char_indices().nth(QUOTE_LIMIT) {
        Some((end, _)) => format!("{}…", &json[..end]),
        None => json,
    }
}
