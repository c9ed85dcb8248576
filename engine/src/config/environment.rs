//! `${env:NAME}` and `${file:PATH}` in the configuration: where secrets come from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The longest file that a reference may name.
const FILE_LIMIT: u64 = 64 * 1024;

/// What references may name.
#[derive(Clone)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    lenient: bool,
}

impl std::fmt::Debug for Environment {
    /// The names alone: the values are secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

/// A text with references that cannot be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// Whether the text is well-formed and only the machine lacks what it names.
    pub absent: bool,
}

impl Environment {
    /// The variables of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { variables, lenient: false }
    }

    /// These variables and no others.
    #[must_use]
    pub fn of(variables: BTreeMap<String, String>) -> Self {
        Self { variables, lenient: false }
    }

    /// One in which a missing variable or file is a warning: configuration is often checked where its secrets are not.
    #[must_use]
    pub fn lenient(self) -> Self {
        Self { lenient: true, ..self }
    }

    /// Whether what is missing is only warned about.
    #[must_use]
    pub fn is_lenient(&self) -> bool {
        self.lenient
    }

    /// The text with its references replaced, once; what comes in their place is not looked at again.
    ///
    /// # Errors
    ///
    /// When a reference is malformed or names nothing.
    pub fn resolve(&self, text: &str, folder: &Path) -> Result<String, Unresolved> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            out.push_str(&rest[..at]);
            let reference = &rest[at + 2..];
            if reference.starts_with('{') {
                // A template, which is for rules to render.
                out.push_str("${");
                rest = reference;
                continue;
            }
            let Some(end) = reference.find('}') else {
                return Err(Unresolved {
                    message: "`${` without its `}`".to_owned(),
                    hint: "write `${env:NAME}` or `${file:/path}`".to_owned(),
                    absent: false,
                });
            };
            out.push_str(&self.lookup(&reference[..end], folder)?);
            rest = &reference[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    fn lookup(&self, reference: &str, folder: &Path) -> Result<String, Unresolved> {
        match reference.split_once(':') {
            Some(("env", name)) => self.variables.get(name).cloned().ok_or_else(|| Unresolved {
                message: format!("the environment variable {name} is not set"),
                hint: format!("set it where the server starts: {name}=…"),
                absent: true,
            }),
            Some(("file", path)) => read_secret(&folder.join(path)),
            _ => Err(Unresolved {
                message: format!("`${{{reference}}}` names neither a variable nor a file"),
                hint: "write `${env:NAME}` or `${file:/path}`".to_owned(),
                absent: false,
            }),
        }
    }
}

/// A file's text without the line break at its end.
fn read_secret(path: &PathBuf) -> Result<String, Unresolved> {
    let absent = |message: String| Unresolved {
        message,
        hint: "the path is relative to the folder of the configuration".to_owned(),
        absent: true,
    };
    let size =
        std::fs::metadata(path).map_err(|error| absent(format!("cannot read {}: {error}", path.display())))?.len();
    if size > FILE_LIMIT {
        return Err(absent(format!("{} has {size} bytes, and a secret has at most {FILE_LIMIT}", path.display())));
    }
    let text =
        std::fs::read_to_string(path).map_err(|error| absent(format!("cannot read {}: {error}", path.display())))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment::of(BTreeMap::from([("KEY".to_owned(), "k-${env:OTHER}".to_owned())]))
    }

    #[test]
    fn a_reference_is_replaced_once_and_its_text_is_not_looked_at_again() {
        let resolved = environment().resolve("a ${env:KEY} b", Path::new("."));
        assert_eq!(resolved.as_deref(), Ok("a k-${env:OTHER} b"));
    }

    #[test]
    fn a_template_is_left_for_the_rules() {
        let text = "${{ app.vars.definitions }} and ${{ x }}";
        assert_eq!(environment().resolve(text, Path::new(".")).as_deref(), Ok(text));
    }

    #[test]
    fn a_missing_variable_is_absent_and_a_malformed_reference_is_wrong() {
        let absent = |text| environment().resolve(text, Path::new(".")).map_err(|unresolved| unresolved.absent);
        assert_eq!(absent("${env:NONE}"), Err(true));
        assert_eq!(absent("${file:no/such/file}"), Err(true));
        assert_eq!(absent("${KEY}"), Err(false));
        assert_eq!(absent("${env:KEY"), Err(false));
    }

    #[test]
    fn a_secret_file_loses_the_line_break_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "secret\n").unwrap();
        assert_eq!(environment().resolve("${file:token}", folder.path()).as_deref(), Ok("secret"));
    }
}
