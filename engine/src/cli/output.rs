//! What subcommands print: text for people, or JSON.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::Failure;
use crate::secrets::{KnownSecrets, Secrets};

/// Where a subcommand's answer goes. Secrets that the subcommand has read are left out of it: what another side answered may
/// hold them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output<'a> {
    json: bool,
    secrets: &'a Secrets,
}

impl<'a> Output<'a> {
    pub(super) fn new(json: bool, secrets: &'a Secrets) -> Self {
        Self { json, secrets }
    }

    /// From now on these are left out.
    pub(super) fn keep_out(self, known: KnownSecrets) {
        self.secrets.replace(known);
    }

    /// The secrets that are left out.
    pub(super) fn secrets(self) -> &'a Secrets {
        self.secrets
    }

    pub(super) fn is_json(self) -> bool {
        self.json
    }

    /// Prints a line on standard output. A reader that went away is no error of ours.
    pub(super) fn line(self, text: &str) {
        let _gone = writeln!(io::stdout().lock(), "{}", self.secrets.scrubber().text(text));
    }

    /// Prints a JSON value on standard output.
    pub(super) fn value(self, value: &Value) {
        self.line(&format!("{value:#}"));
    }

    /// Prints the answer in the form that was asked for.
    pub(super) fn answer(self, value: &Value, text: impl FnOnce(&Value) -> String) {
        if self.json { self.value(value) } else { self.line(text(value).trim_end()) }
    }

    /// Says why the program ends early.
    pub(super) fn failure(self, failure: &Failure) -> ExitCode {
        if failure.message.is_empty() {
            return failure.exit.into();
        }
        let text = if self.json {
            json!({ "error": { "code": failure.exit as u8, "message": failure.to_string() } }).to_string()
        } else if failure.message.starts_with("error: ") {
            failure.to_string().trim_end().to_owned()
        } else {
            format!("error: {failure}")
        };
        let _gone = writeln!(io::stderr().lock(), "{}", self.secrets.scrubber().text(&text));
        failure.exit.into()
    }
}

/// Whether a person watches standard error.
pub(super) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Rows under headings, each column as wide as its widest cell.
pub(super) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(|heading| heading.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let render = |cells: &[String; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let head = render(&headings.map(str::to_owned));
    std::iter::once(head).chain(rows.iter().map(render)).collect::<Vec<_>>().join("\n")
}

/// The text of a member, or `-`.
pub(super) fn cell(value: &Value, name: &str) -> String {
    match &value[name] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
