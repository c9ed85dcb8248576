//! Programs within a rule: files are read and become text of the rule, so that a run pins them, and all are checked.

use crate::catalog::CheckCode;
use crate::decode::{Field, Findings};
use crate::diagnostic::{Diagnostic, Severity, SourceFile, Span};
use crate::node::{Key, Node, NodeKind};
use crate::value::Value;
use crate::yaml::place_in_scalar;

use super::{Surroundings, is_template};

/// The parameter that holds a program.
pub(super) const CODE: &str = "code";
const FILE: &str = "file";
const HINT: &str = "a program is written in rhai: see docs/scripts.md";

/// What is data and not steps, whatever it looks like.
const DATA: [&str; 3] = ["with", "match", "set"];

/// The rule with the text of each file that a step names as `code` beside the name; `None` when it names none. A stored
/// rule has its texts already.
pub(super) fn embed(rule: &Field<'_>, surroundings: Surroundings<'_>) -> Option<Node> {
    surroundings.apps?;
    let pass = Pass { surroundings, findings: rule.findings() };
    if !pass.is_needed(rule.node()) {
        return None;
    }
    let mut node = rule.node().clone();
    pass.visit(&mut node).then_some(node)
}

struct Pass<'a> {
    surroundings: Surroundings<'a>,
    findings: &'a Findings<'a>,
}

impl Pass<'_> {
    /// How the program of a step is checked; none where these are the entries of no step that takes one.
    fn check_of(&self, entries: &[(Key, Node)]) -> Option<CheckCode> {
        match &entry(entries, "uses")?.1.kind {
            NodeKind::Scalar(Value::Text(action)) => self.surroundings.actions.check_code(action),
            _ => None,
        }
    }

    /// Whether any step below a node takes a program: very many rules have none, and need not be copied.
    fn is_needed(&self, node: &Node) -> bool {
        match &node.kind {
            NodeKind::Scalar(_) => false,
            NodeKind::List(items) => items.iter().any(|item| self.is_needed(item)),
            NodeKind::Map(entries) => {
                let inner = entries.iter().filter(|(key, _)| !DATA.contains(&key.text.as_str()));
                self.check_of(entries).is_some() || inner.map(|(_, value)| value).any(|value| self.is_needed(value))
            }
        }
    }

    /// Goes through all steps below a node, wherever they are; whether a text was added.
    fn visit(&self, node: &mut Node) -> bool {
        match &mut node.kind {
            NodeKind::Scalar(_) => false,
            NodeKind::List(items) => items.iter_mut().fold(false, |added, item| self.visit(item) | added),
            NodeKind::Map(entries) => {
                let check = self.check_of(entries);
                let mut added = check.is_some_and(|check| self.step(check, entries));
                for (key, value) in entries.iter_mut() {
                    if !DATA.contains(&key.text.as_str()) {
                        added |= self.visit(value);
                    }
                }
                added
            }
        }
    }

    /// One step that takes a program.
    fn step(&self, check: CheckCode, step: &mut [(Key, Node)]) -> bool {
        let uses = entry(step, "uses").map_or(Span::default(), |(_, uses)| uses.span);
        let Some((_, with)) = step.iter_mut().find(|(key, _)| key.text == "with") else {
            self.missing(uses);
            return false;
        };
        // Anything else is refused where parameters are read.
        let NodeKind::Map(parameters) = &mut with.kind else { return false };
        match (entry(parameters, CODE), entry(parameters, FILE)) {
            (None, None) => {
                self.missing(uses);
                false
            }
            (Some(_), Some((file, _))) => {
                let message = "`code` and `file` both give the program";
                self.findings.error(file.span, message, "keep one of the two");
                false
            }
            (Some((_, code)), None) => {
                self.check_inline(check, code);
                false
            }
            (None, Some((_, file))) => match self.read(check, file) {
                Some(entry) => {
                    parameters.push(entry);
                    true
                }
                None => false,
            },
        }
    }

    fn missing(&self, uses: Span) {
        self.findings.error(
            uses,
            "this step has no program",
            "write it as `code`, or its place as `file`, below `with`",
        );
    }

    fn check_inline(&self, check: CheckCode, node: &Node) {
        let NodeKind::Scalar(Value::Text(code)) = &node.kind else { return };
        let place = |offset, length| place_in_scalar(self.findings.file(), node.span, code, offset, length);
        if let Some(at) = code.find("${{") {
            let hint =
                "pass the value in `args`, as in `args: { file: \"${{ event.file_id }}\" }`, and write `args.file`";
            self.findings.error(place(at, 3), "a program holds no `${{ }}`", hint);
        } else if let Err(problem) = check(code) {
            self.findings.error(place(problem.offset, problem.length), problem.message, HINT);
        }
    }

    /// The entry that holds the text of a file.
    fn read(&self, check: CheckCode, node: &Node) -> Option<(Key, Node)> {
        let NodeKind::Scalar(Value::Text(path)) = &node.kind else { return None };
        if is_template(path) {
            let hint = "write the name out: a run keeps the programs that it began with";
            self.findings.error(node.span, "the file of a program must be known when rules are loaded", hint);
            return None;
        }
        let file = match self.surroundings.files.read(self.findings.file(), path) {
            Ok(file) => file,
            Err(problem) => {
                self.findings.error(node.span, problem.message, problem.hint);
                return None;
            }
        };
        if let Err(problem) = check(&file.text) {
            self.report(&file, problem.message, Span { start: problem.offset, end: problem.offset + problem.length });
            return None;
        }
        let text = Node { span: node.span, kind: NodeKind::Scalar(Value::text(file.text)) };
        Some((Key { span: node.span, text: CODE.to_owned() }, text))
    }

    fn report(&self, file: &SourceFile, message: String, span: Span) {
        let hint = Some(HINT.to_owned());
        self.findings.add(Diagnostic { severity: Severity::Error, file: file.clone(), span, message, hint });
    }
}

fn entry<'n>(entries: &'n [(Key, Node)], name: &str) -> Option<&'n (Key, Node)> {
    entries.iter().find(|(key, _)| key.text == name)
}
