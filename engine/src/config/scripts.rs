//! The files that rule files name, such as programs of `script` steps: within the folders of the rules, and nowhere else.

use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use oncue_rules::catalog::{FileError, RuleFiles};
use oncue_rules::diagnostic::SourceFile;

use super::Config;

/// The largest file that is read, in bytes; a program has at most 64 KiB.
const LIMIT: u64 = 1024 * 1024;

/// Reads files beside rule files.
#[derive(Debug, Clone)]
pub struct Scripts {
    /// What every file must lie in.
    roots: Vec<PathBuf>,
}

impl Scripts {
    /// The files in the folders that the configuration names in `rules`, and beside the files that it names there.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let root = |path: &PathBuf| {
            let folder = if path.is_dir() { path.as_path() } else { folder_of(path) };
            folder.canonicalize().ok()
        };
        Self { roots: config.rules.iter().filter_map(root).collect() }
    }

    fn find(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        // Links are followed first: what counts is where the file is.
        let path = path.canonicalize()?;
        Ok(self.roots.iter().any(|root| path.starts_with(root)).then_some(path))
    }
}

impl RuleFiles for Scripts {
    fn read(&self, rule_file: &SourceFile, path: &str) -> Result<SourceFile, FileError> {
        let outside = || FileError {
            message: format!("`{path}` is outside of the folder of the rules"),
            hint: "name a file in that folder, relative to the folder of this rule file".to_owned(),
        };
        let written = Path::new(path);
        if written.components().any(|part| matches!(part, Component::RootDir | Component::Prefix(_))) {
            return Err(outside());
        }
        let shown = folder_of(Path::new(&*rule_file.name)).join(written);
        let unreadable = |error: &io::Error| FileError {
            message: format!("cannot read `{}`: {}", shown.display(), reason(error)),
            hint: "the name is relative to the folder of this rule file".to_owned(),
        };
        let found = self.find(&shown).map_err(|error| unreadable(&error))?.ok_or_else(outside)?;
        let text = text(&found).map_err(|error| unreadable(&error))?;
        Ok(SourceFile { name: shown.display().to_string().into(), text: text.into() })
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The whole text of a file that is one: opening anything else, such as a pipe, could take for ever.
fn text(path: &Path) -> io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = String::new();
    std::fs::File::open(path)?.take(LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LIMIT {
        return Err(io::Error::other(format!("it has more than {LIMIT} bytes")));
    }
    Ok(text)
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::InvalidData => "it is not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scripts() -> (tempfile::TempDir, Scripts) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("rules/a.rhai", "1"), ("rules/team/b.rhai", "2"), ("secret.txt", "s")] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let roots = vec![folder.path().join("rules").canonicalize().unwrap()];
        (folder, Scripts { roots })
    }

    fn read(folder: &tempfile::TempDir, scripts: &Scripts, rule_file: &str, path: &str) -> Result<String, String> {
        let name = folder.path().join(rule_file).display().to_string();
        let file = SourceFile { name: name.into(), text: "".into() };
        scripts.read(&file, path).map(|file| file.text.to_string()).map_err(|error| error.message)
    }

    #[test]
    fn a_file_is_found_from_the_folder_of_the_rule_file() {
        let (folder, scripts) = scripts();
        assert_eq!(read(&folder, &scripts, "rules/r.yaml", "a.rhai").unwrap(), "1");
        assert_eq!(read(&folder, &scripts, "rules/r.yaml", "team/b.rhai").unwrap(), "2");
        assert_eq!(read(&folder, &scripts, "rules/team/r.yaml", "../a.rhai").unwrap(), "1");
    }

    #[test]
    fn nothing_outside_of_the_folders_of_the_rules_is_read() {
        let (folder, scripts) = scripts();
        let secret = folder.path().join("secret.txt");
        std::os::unix::fs::symlink(&secret, folder.path().join("rules/link.rhai")).unwrap();
        for path in ["../secret.txt", "team/../../secret.txt", "link.rhai", &secret.display().to_string()] {
            let message = read(&folder, &scripts, "rules/r.yaml", path).unwrap_err();
            assert!(message.contains("is outside of the folder of the rules"), "{path}: {message}");
        }
    }

    #[test]
    fn what_is_no_text_file_is_refused_in_words() {
        let (folder, scripts) = scripts();
        std::fs::write(folder.path().join("rules/bytes.rhai"), [0xff, 0xfe]).unwrap();
        let message = |path: &str| read(&folder, &scripts, "rules/r.yaml", path).unwrap_err();
        assert!(message("absent.rhai").ends_with("there is no such file"));
        assert!(message("team").ends_with("it is no file"));
        assert!(message("bytes.rhai").ends_with("it is not UTF-8"));
    }
}
