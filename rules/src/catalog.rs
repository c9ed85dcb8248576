//! What the rule language must know of actions to check the steps that use them, and of files to read their programs.

use std::borrow::Cow;

use crate::diagnostic::SourceFile;
use crate::ids::ActionName;
use crate::value::Value;

/// The actions that rules may use. The registry of actions implements this; this crate knows no action.
pub trait ActionCatalog {
    /// The names of all actions, sorted.
    fn names(&self) -> Vec<ActionName>;

    /// The parameters of an action as a JSON Schema of type `object`; `None` when there is no such action.
    fn parameters(&self, action: &str) -> Option<&serde_json::Value>;

    /// What is wrong with parameters as they are written, beyond their schema. A text with `${{` in it is a template.
    #[expect(unused_variables, reason = "named for those who implement it")]
    fn problems(&self, action: &str, with: &Value) -> Vec<Problem> {
        Vec::new()
    }

    /// How the program text of an action is checked. An action that has this takes its program as `code`, or the place of
    /// a file of it as `file`; none takes no program.
    fn check_code(&self, _action: &str) -> Option<CheckCode> {
        None
    }

    /// Whether an action starts work whose end an event tells, so that a step can wait for it.
    fn completes(&self, _action: &str) -> bool {
        false
    }

    /// Whether an action says itself how its failed attempts are repeated, so that no default is asked for.
    fn has_own_retry(&self, _action: &str) -> bool {
        false
    }

    /// Whether an action can only act for an application that has credentials.
    fn needs_credentials(&self, _action: &str) -> bool {
        false
    }
}

/// Something wrong with a parameter that its schema cannot tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The parameter; when it is not written, all of them are meant.
    pub parameter: Cow<'static, str>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// Says what is wrong with a program text, if anything.
pub type CheckCode = fn(&str) -> Result<(), CodeError>;

/// What is wrong with a program text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeError {
    /// What is wrong, as a fragment in lower case.
    pub message: String,
    /// Where it begins, in bytes of the text.
    pub offset: usize,
    /// How long the wrong part is, in bytes.
    pub length: usize,
}

/// The files beside rule files. This crate reads none itself.
pub trait RuleFiles {
    /// Reads the file that a rule file calls `path`, seen from the folder of the rule file.
    ///
    /// # Errors
    ///
    /// When it lies outside of the folders of the rules, or cannot be read.
    fn read(&self, rule_file: &SourceFile, path: &str) -> Result<SourceFile, FileError>;
}

/// A file that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FileError {
    /// Why, as a fragment in lower case.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// No files at all, for rules that come from elsewhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl RuleFiles for NoFiles {
    fn read(&self, _: &SourceFile, path: &str) -> Result<SourceFile, FileError> {
        let message = format!("there is no file `{path}`: these rules come without files");
        Err(FileError { message, hint: "write the program as `code`".to_owned() })
    }
}
