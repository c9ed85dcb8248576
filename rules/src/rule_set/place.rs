//! Where a rule is written.

use crate::diagnostic::{SourceFile, Span};

/// Where a rule is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(super) file: SourceFile,
    pub(super) span: Span,
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
