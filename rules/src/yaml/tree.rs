//! From the parser's events to the tree of a file.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, ScalarStyle, Tag};

use super::{DEPTH_LIMIT, NODE_LIMIT, Offsets, scalar};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, SourceFile, Span};
use crate::node::{Key, Node, NodeKind};
use crate::value::Value;

/// Whom the items of a list go to.
pub(super) struct Items<'a> {
    pub(super) list: &'a str,
    pub(super) each: &'a mut dyn FnMut(Node),
}

/// What ends the reading of a file.
pub(super) struct Stop {
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Stop {
    fn new(span: Span, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: Some(hint.into()) }
    }
}

/// A list or mapping that has begun and not ended.
struct Open {
    start: usize,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, seen: Seen, key: PendingKey },
}

/// The keys of a mapping with their places.
#[derive(Default)]
struct Seen(HashMap<String, usize>);

/// So many keys are compared one by one.
const FEW_KEYS: usize = 16;

impl Seen {
    /// Where a key was last written before, all of whose earlier keys are those of `entries`.
    fn note(&mut self, key: &Key, entries: &[(Key, Node)]) -> Option<usize> {
        if entries.len() < FEW_KEYS {
            return entries.iter().rfind(|(other, _)| other.text == key.text).map(|(other, _)| other.span.start);
        }
        if self.0.is_empty() {
            self.0 = entries.iter().map(|(key, _)| (key.text.clone(), key.span.start)).collect();
        }
        self.0.insert(key.text.clone(), key.span.start)
    }
}

enum PendingKey {
    /// The next node is a key.
    Awaited,
    /// The next node is the value of this key.
    Read(Key),
    /// The next node is the value of a key that was refused.
    Refused,
}

/// What was read so far.
pub(super) struct Builder<'a> {
    file: &'a SourceFile,
    pub(super) offsets: Offsets,
    diagnostics: &'a mut Diagnostics,
    open: Vec<Open>,
    /// What each anchor names, with its number of nodes.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    root: Option<Node>,
    items: Option<Items<'a>>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        file: &'a SourceFile,
        offsets: Offsets,
        items: Option<Items<'a>>,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        let (open, anchors) = (Vec::new(), HashMap::new());
        Self { file, offsets, diagnostics, open, anchors, nodes: 0, root: None, items }
    }
}

impl Builder<'_> {
    pub(super) fn report(&mut self, severity: Severity, span: Span, message: impl Into<String>, hint: Option<String>) {
        let message = message.into();
        self.diagnostics.push(Diagnostic { severity, file: self.file.clone(), span, message, hint });
    }

    pub(super) fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => Err(Stop::new(
                span,
                "a second document starts here, and a file holds one",
                "remove the `---`, or move what follows it to a file of its own",
            )),
            Event::Alias(anchor) => self.alias(anchor, span),
            // What most keys are, without a value between.
            Event::Scalar(text, ScalarStyle::Plain, 0, None) if self.awaits_key() && scalar::is_word(&text) => {
                self.count(1, span)?;
                self.add_key(Ok(Key { span, text: text.into_owned() }));
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, span)?;
                let node = self.scalar(&text, style, tag.as_deref(), span)?;
                self.add(node, anchor, 1);
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => self.start(Content::List(Vec::new()), anchor, tag, span),
            Event::MappingStart(anchor, tag) => {
                let content = Content::Map { entries: Vec::new(), seen: Seen::default(), key: PendingKey::Awaited };
                self.start(content, anchor, tag, span)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.end(span);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, more: usize, span: Span) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes <= NODE_LIMIT {
            return Ok(());
        }
        let message = format!("the file means more than {NODE_LIMIT} values");
        Err(Stop::new(span, message, "split it into several files, and use fewer aliases (`*name`)"))
    }

    fn start(&mut self, content: Content, anchor: usize, tag: Option<Cow<'_, Tag>>, span: Span) -> Result<(), Stop> {
        self.count(1, span)?;
        if self.open.len() >= DEPTH_LIMIT {
            let message = format!("lists and mappings lie deeper in each other than {DEPTH_LIMIT} levels");
            return Err(Stop::new(span, message, "use fewer levels"));
        }
        if let Some(tag) = tag {
            self.refuse_tag(&tag, span);
        }
        self.open.push(Open { start: span.start, anchor, content });
        Ok(())
    }

    fn end(&mut self, span: Span) {
        let Some(open) = self.open.pop() else { return };
        // A block collection is only seen to end where the next thing begins: it ends with its last part instead.
        let last = match &open.content {
            Content::List(items) => items.last().map(|node| node.span.end),
            Content::Map { entries, .. } => entries.last().map(|(_, node)| node.span.end),
        };
        let closed_by_bracket = self.file.text.get(span.start..span.end).is_some_and(|text| matches!(text, "]" | "}"));
        let end = if closed_by_bracket { span.end } else { last.unwrap_or(open.start) };
        let kind = match open.content {
            Content::List(items) => NodeKind::List(items),
            Content::Map { entries, .. } => NodeKind::Map(entries),
        };
        let node = Node { span: Span { start: open.start, end: end.max(open.start) }, kind };
        let size = if open.anchor == 0 { 0 } else { size_of(&node) };
        self.add(node, open.anchor, size);
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Stop> {
        let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
            let hint = "write the value out: a value cannot hold itself";
            return Err(Stop::new(span, "this alias stands inside the value that it names", hint));
        };
        self.count(size, span)?;
        if self.open.len() + depth_of(&node) > DEPTH_LIMIT {
            let message = format!("lists and mappings lie deeper in each other than {DEPTH_LIMIT} levels");
            return Err(Stop::new(span, message, "use fewer levels"));
        }
        self.add(node, 0, size);
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<Node, Stop> {
        let content = self.without_properties(span);
        let content = Span { end: content.start + quoted_length(self.file, content, style), ..content };
        let value = if let Some(tag) = tag {
            self.refuse_tag(tag, span);
            // What stands there with its `!` is closest to what was meant: nothing else is reported about it then.
            let written = self.file.text.get(span.start..span.end).filter(|_| !tag.is_yaml_core_schema());
            Value::text(written.unwrap_or(text))
        } else if style == ScalarStyle::Plain {
            self.plain(text, content)?
        } else {
            Value::text(text)
        };
        Ok(Node { span: if tag.is_some() { span } else { content }, kind: NodeKind::Scalar(value) })
    }

    /// The parser counts an anchor or a tag before a scalar as part of it.
    fn without_properties(&mut self, span: Span) -> Span {
        let mut start = span.start;
        while let Some(written) = self.file.text.get(start..span.end) {
            if !written.starts_with(['&', '!']) {
                break;
            }
            let name = written.split(char::is_whitespace).next().unwrap_or(written);
            if name.starts_with("&&") {
                let span = Span { start, end: start + name.len() };
                let hint = "a leading `&` names an anchor in YAML: quote the expression or use `and`";
                self.report(Severity::Error, span, "`&&` cannot start a value", Some(hint.to_owned()));
            }
            let rest = written.get(name.len()..).unwrap_or_default();
            start += name.len() + rest.len() - rest.trim_start().len();
        }
        Span { start, end: span.end }
    }

    fn plain(&mut self, text: &str, span: Span) -> Result<Value, Stop> {
        if let Some(start) = self.cut_off_by_comment(text, span) {
            self.report(
                Severity::Warning,
                Span { start, end: start + 2 },
                "` #` starts a comment: the value ends before it",
                Some("quote the whole value when `#{` belongs to it".to_owned()),
            );
        }
        match scalar::resolve(text) {
            Some(value) => Ok(value),
            None => Err(Stop::new(
                span,
                format!("`{text}` is not a number that can be calculated with"),
                "leave the field out, or quote the text",
            )),
        }
    }

    /// Where ` #{` cuts off what is probably meant to be one value.
    fn cut_off_by_comment(&self, text: &str, span: Span) -> Option<usize> {
        if text.is_empty() {
            // An empty value is placed at its colon, or at the end of its line.
            let line_start = self.file.text.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
            let at = self.file.text.get(line_start..)?.lines().next()?.find(" #{")?;
            let before = self.file.text.get(line_start..line_start + at)?.trim_end();
            return before.ends_with([':', '-']).then_some(line_start + at + 1);
        }
        let rest = self.file.text.get(span.end..)?;
        let comment = rest.trim_start_matches([' ', '\t']);
        (comment.starts_with("#{") && comment.len() < rest.len()).then(|| span.end + rest.len() - comment.len())
    }

    fn refuse_tag(&mut self, tag: &Tag, span: Span) {
        let hint = if tag.is_yaml_core_schema() {
            "leave the tag out: quote what is to be a text"
        } else {
            "a leading `!` is a YAML tag: quote the expression or write `not x`"
        };
        let message = "a YAML tag is not allowed here";
        self.report(Severity::Error, span, message, Some(hint.to_owned()));
    }

    fn add(&mut self, node: Node, anchor: usize, size: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let node = self.hand_over(node);
        let Some(Open { content, .. }) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match content {
            Content::List(items) => items.push(node),
            Content::Map { entries, key, .. } => match std::mem::replace(key, PendingKey::Awaited) {
                PendingKey::Read(key) => entries.push((key, node)),
                PendingKey::Refused => {}
                PendingKey::Awaited => {
                    let key = self.key(&node);
                    self.add_key(key);
                }
            },
        }
    }

    /// What is kept of a node: nothing but its place when it is an item of the list that goes to somebody else.
    fn hand_over(&mut self, node: Node) -> Node {
        let Some(Items { list, each }) = &mut self.items else { return node };
        let [Open { content: Content::Map { key: PendingKey::Read(key), .. }, .. }, Open { content, .. }] =
            &self.open[..]
        else {
            return node;
        };
        if key.text != *list || !matches!(content, Content::List(_)) {
            return node;
        }
        let span = node.span;
        each(node);
        Node { span, kind: NodeKind::Scalar(Value::Null) }
    }

    fn awaits_key(&self) -> bool {
        let last = self.open.last().map(|open| &open.content);
        matches!(last, Some(Content::Map { key: PendingKey::Awaited, .. }))
    }

    fn add_key(&mut self, key: Result<Key, Stop>) {
        let pending = match key {
            Ok(key) => PendingKey::Read(key),
            Err(stop) => {
                self.report(Severity::Error, stop.span, stop.message, stop.hint);
                PendingKey::Refused
            }
        };
        let Some(Open { content: Content::Map { entries, seen, key }, .. }) = self.open.last_mut() else { return };
        let mut repeated = None;
        if let PendingKey::Read(read) = &pending {
            repeated = seen.note(read, entries).map(|first| (first, read.clone()));
        }
        *key = pending;
        if let Some((first, key)) = repeated {
            let line = self.file.text.get(..first).unwrap_or_default().matches('\n').count() + 1;
            let message = format!("`{}` is written twice: it is already in line {line}", key.text);
            self.report(Severity::Error, key.span, message, Some("keep one of the two".to_owned()));
        }
    }

    fn key(&self, node: &Node) -> Result<Key, Stop> {
        let NodeKind::Scalar(value) = &node.kind else {
            let hint = if self.file.text.get(..node.span.start).is_some_and(|text| text.ends_with('{')) {
                "quote the text when `{{` belongs to it, as in `\"${{ event.id }}\"`"
            } else {
                "write a text before the `:`"
            };
            let found = if matches!(node.kind, NodeKind::List(_)) { "a list" } else { "a mapping" };
            let message = format!("a key must be a text, and this is {found}");
            return Err(Stop::new(node.span, message, hint));
        };
        match value {
            Value::Text(text) if &**text == "<<" => Err(Stop::new(
                node.span,
                "merge keys (`<<`) are not supported",
                "write the fields out, or use an alias (`*name`) for a whole value",
            )),
            Value::Text(text) => Ok(Key { span: node.span, text: text.to_string() }),
            Value::Null => Err(Stop::new(node.span, "a key is missing here", "write a text before the `:`")),
            other => {
                let written = self.file.text.get(node.span.start..node.span.end).unwrap_or_default();
                let message = format!("a key must be a text, and `{written}` is {}", other.kind());
                Err(Stop::new(node.span, message, format!("quote it: `\"{written}\"`")))
            }
        }
    }

    pub(super) fn finish(mut self) -> Option<Node> {
        let is_empty = match &self.root {
            None => true,
            Some(node) => node.span.start == node.span.end && node.kind == NodeKind::Scalar(Value::Null),
        };
        if is_empty {
            let hint = Some("write its content, or remove the file".to_owned());
            self.report(Severity::Error, Span::default(), "the file is empty", hint);
            return None;
        }
        self.root
    }
}

/// How long a scalar is as written: the parser counts a comment behind a quoted one as part of it.
fn quoted_length(file: &SourceFile, span: Span, style: ScalarStyle) -> usize {
    let written = file.text.get(span.start..span.end).unwrap_or_default();
    let quote = match style {
        ScalarStyle::SingleQuoted => b'\'',
        ScalarStyle::DoubleQuoted => b'"',
        _ => return written.len(),
    };
    let bytes = written.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        let doubled = quote == b'\'' && *byte == quote && bytes.get(at + 1) == Some(&quote);
        if doubled || (quote == b'"' && *byte == b'\\') {
            at += 2;
        } else if *byte == quote {
            return at + 1;
        } else {
            at += 1;
        }
    }
    written.len()
}

fn size_of(node: &Node) -> usize {
    match &node.kind {
        NodeKind::Scalar(_) => 1,
        NodeKind::List(items) => 1 + items.iter().map(size_of).sum::<usize>(),
        NodeKind::Map(entries) => 1 + entries.iter().map(|(_, node)| size_of(node)).sum::<usize>(),
    }
}

fn depth_of(node: &Node) -> usize {
    match &node.kind {
        NodeKind::Scalar(_) => 0,
        NodeKind::List(items) => 1 + items.iter().map(depth_of).max().unwrap_or(0),
        NodeKind::Map(entries) => 1 + entries.iter().map(|(_, node)| depth_of(node)).max().unwrap_or(0),
    }
}
