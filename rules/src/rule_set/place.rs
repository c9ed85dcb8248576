//! Where a rule is written.

use crate::diagnostic::{SourceFile, Span};

/// Where a rule is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(super) file: SourceFile,
    pub(super) span: Span,
}

/// Where each rule of a set is written, in the order of the rules.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    files: Vec<SourceFile>,
    /// The file, and where in it: none is larger than [`crate::yaml::SIZE_LIMIT`].
    rules: Vec<(u32, u32, u32)>,
}

impl Places {
    /// Further rules are written in this file.
    pub(super) fn begin(&mut self, file: SourceFile) {
        self.files.push(file);
    }

    pub(super) fn add(&mut self, span: Span) {
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.rules.push((narrow(self.files.len()), narrow(span.start), narrow(span.end)));
    }

    pub(super) fn shrink(&mut self) {
        self.rules.shrink_to_fit();
    }

    pub(super) fn get(&self, rule: usize) -> Option<Place> {
        let (file, start, end) = *self.rules.get(rule)?;
        let file = self.files.get((file as usize).checked_sub(1)?)?.clone();
        Some(Place { file, span: Span { start: start as usize, end: end as usize } })
    }
}

impl Place {
    /// The file, as it is called in reports.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file.name
    }

    /// The line that the rule begins in, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.before().matches('\n').count() + 1
    }

    /// The rule as it is written, comments and all, moved to the left margin.
    #[must_use]
    pub fn text(&self) -> String {
        let column = self.before().rsplit('\n').next().unwrap_or_default().chars().count();
        let written = self.file.text.get(self.span.start..self.span.end).unwrap_or_default();
        let mut text = String::with_capacity(written.len() + 1);
        for (index, line) in written.trim_end().lines().enumerate() {
            let spaces = line.bytes().take_while(|byte| *byte == b' ').count();
            text.push_str(if index == 0 { line } else { &line[spaces.min(column)..] });
            text.push('\n');
        }
        text
    }

    fn before(&self) -> &str {
        self.file.text.get(..self.span.start).unwrap_or_default()
    }
}
