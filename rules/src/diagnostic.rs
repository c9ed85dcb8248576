//! What is wrong with a file, where, and what to do about it.

use std::fmt;
use std::sync::Arc;

/// A text that rules or configuration were read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// How it is called in reports, usually its path as the user wrote it.
    pub name: Arc<str>,
    /// Its whole text.
    pub text: Arc<str>,
}

/// A stretch of a source file: byte offsets, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// Where it starts.
    pub start: usize,
    /// Where it has ended.
    pub end: usize,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// What was read is refused.
    Error,
    /// What was read is taken, and probably not what was meant.
    Warning,
}

/// One finding in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file.
    pub file: SourceFile,
    /// The place in it.
    pub span: Span,
    /// What is wrong, as a sentence fragment in lower case: it follows `error: `.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// All findings of one load, in the order of files and places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// The findings, sorted by file name, place and message.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.list.sort_by(|a, b| {
            let place = |d: &Diagnostic| (d.file.name.clone(), d.span.start, d.span.end);
            place(a).cmp(&place(b)).then_with(|| a.message.cmp(&b.message))
        });
        self.list.dedup();
        self
    }

    /// Whether any finding is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether there is no finding at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The findings.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// Takes over the findings of another load.
    pub fn extend(&mut self, other: Self) {
        self.list.extend(other.list);
    }
}

impl fmt::Display for Diagnostics {
    /// Every finding with `file:line:column`, its line, a caret and its hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.list.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl Diagnostic {
    /// The line and column of the finding, both from 1; columns count characters.
    #[must_use]
    pub fn position(&self) -> (usize, usize) {
        let text = &self.file.text;
        let mut start = self.span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let before = &text[..start];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let (line, column) = self.position();
        let line_text = self.file.text.lines().nth(line - 1).unwrap_or_default();
        let on_this_line = line_text.chars().count().saturating_sub(column - 1);
        let span_chars = self.file.text.get(self.span.start..self.span.end).map_or(1, |text| text.chars().count());
        let carets = span_chars.min(on_this_line).max(1);
        let gutter = line.to_string().len();
        writeln!(f, "{word}: {}", self.message)?;
        writeln!(f, "{:gutter$}--> {}:{line}:{column}", "", self.file.name)?;
        writeln!(f, "{:gutter$} |", "")?;
        writeln!(f, "{line} | {line_text}")?;
        writeln!(f, "{:gutter$} | {:indent$}{}", "", "", "^".repeat(carets), indent = column - 1)?;
        if let Some(hint) = &self.hint {
            writeln!(f, "{:gutter$} = hint: {hint}", "")?;
        }
        Ok(())
    }
}
