//! Reads configuration and rules as they are now, and names what was read by its contents.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use oncue_plugins::plugin::{self, Folder};
use oncue_rules::catalog::RuleFiles as _;
use oncue_rules::diagnostic::{Diagnostics, SourceFile};
use sha2::{Digest, Sha256};

use crate::config::{self, Config, Environment, Scripts};

/// How often files are read again that are gone at just the moment when they are read.
const TRIES: usize = 3;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
/// The longest file that `${file:…}` may name; a longer one is refused where it is read.
const REFERENCE_LIMIT: u64 = 64 * 1024;

/// Where configuration and rules are read from.
#[derive(Debug, Clone)]
pub struct Origin {
    path: PathBuf,
    environment: Environment,
}

/// The name of everything that was read: equal when all contents are equal. It covers secrets, so it is not shown.
pub(crate) type Fingerprint = [u8; 32];

/// What one look found.
#[derive(Debug)]
pub(crate) struct Look {
    /// What was read, or why it cannot be used.
    pub(crate) found: Result<Found, Trouble>,
    /// Names what was read.
    pub(crate) fingerprint: Fingerprint,
    /// Where to watch for changes.
    pub(crate) places: Places,
}

/// Files and folders whose change matters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Places {
    /// The configuration, and the files that `${file:…}` and `file:` of rules name; folders too, for they may be replaced whole.
    pub(crate) files: Vec<PathBuf>,
    /// What `rules` names.
    pub(crate) rules: Vec<PathBuf>,
}

/// Configuration and rules that could be read.
#[derive(Debug)]
pub(crate) struct Found {
    /// The configuration.
    pub(crate) config: Config,
    /// What is odd about it.
    pub(crate) warnings: Diagnostics,
    /// The rule files.
    pub(crate) files: Vec<SourceFile>,
    /// The plugins.
    pub(crate) plugins: Vec<Folder>,
}

/// Why configuration and rules cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// The configuration is not there.
    #[error("cannot read {} (write one with `oncue init`, or name it with --config)", path.display())]
    Configuration {
        /// Its path.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The configuration has errors.
    #[error("{0}")]
    Invalid(Diagnostics),
    /// Reading came to a bad end.
    #[error("reading configuration and rules failed inside: the log says how")]
    Inside,
    /// A rule file or folder is not there.
    #[error("the rule files cannot be read")]
    Rules {
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A plugin is not there.
    #[error("the plugins cannot be read")]
    Plugins {
        /// The cause.
        #[source]
        source: plugin::ReadError,
    },
}

impl Origin {
    /// This configuration file, with the environment variables of this process.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), environment: Environment::of_process() }
    }

    /// Reads everything once.
    pub(crate) fn look(&self) -> Look {
        let mut look = self.look_once();
        for _ in 1..TRIES {
            if !look.found.as_ref().is_err_and(Trouble::may_pass) || !self.is_lasting() {
                break;
            }
            std::thread::sleep(BETWEEN_TRIES);
            look = self.look_once();
        }
        look
    }

    /// As [`Origin::look`], for one who has looked before: a pipe gave all that it had.
    pub(crate) fn look_again(&self) -> Look {
        if self.is_lasting() {
            return self.look();
        }
        let source = io::Error::other("it is no file that can be read again");
        Look::failed(Trouble::Configuration { path: self.path.clone(), source })
    }

    /// Whether the configuration can be read more than once.
    pub(crate) fn is_lasting(&self) -> bool {
        std::fs::metadata(&self.path).map_or(true, |metadata| metadata.is_file())
    }

    fn look_once(&self) -> Look {
        let mut contents = Contents::default();
        let mut places = Places { files: vec![self.path.clone()], rules: Vec::new() };
        let found = self.read(&mut contents, &mut places);
        if let Err(trouble) = &found {
            contents.add(&trouble.chain());
        }
        Look { found, fingerprint: contents.fingerprint(), places }
    }

    fn read(&self, contents: &mut Contents, places: &mut Places) -> Result<Found, Trouble> {
        let file = config::read_source(&self.path)
            .map_err(|source| Trouble::Configuration { path: self.path.clone(), source })?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        contents.add(&file.text);
        for path in references(&file.text, folder) {
            contents.add_reference(&path);
            places.files.push(path);
        }
        let (config, findings) = Config::load(&file, folder, &self.environment);
        let config = config.ok_or_else(|| Trouble::Invalid(findings.clone()))?;
        places.rules.clone_from(&config.rules);
        let files = config::rule_files(&config).map_err(|source| Trouble::Rules { source })?;
        for file in &files {
            contents.add(&file.name);
            contents.add(&file.text);
        }
        let scripts = Scripts::of(&config);
        for (file, named) in
            files.iter().chain([&file]).flat_map(|file| programs(&file.text).map(move |named| (file, named)))
        {
            let Ok(program) = scripts.read(file, named) else {
                contents.add("absent");
                continue;
            };
            contents.add(&program.text);
            places.files.push(PathBuf::from(&*program.name));
        }
        let plugins = plugin::folder::read(&config.plugins).map_err(|source| Trouble::Plugins { source })?;
        Ok(Found { config, warnings: findings, files, plugins })
    }
}

impl Look {
    /// Nothing could be read.
    pub(crate) fn failed(trouble: Trouble) -> Self {
        let mut contents = Contents::default();
        contents.add(&trouble.chain());
        Self { found: Err(trouble), fingerprint: contents.fingerprint(), places: Places::default() }
    }
}

impl Found {
    /// The folders of `rules` that hold no rule file.
    pub(crate) fn empty_folders(&self) -> Vec<PathBuf> {
        let holds = |folder: &PathBuf| self.files.iter().any(|file| Path::new(&*file.name).starts_with(folder));
        self.config.rules.iter().filter(|path| !holds(path)).cloned().collect()
    }
}

impl Trouble {
    /// Whether it may be that a file is just being replaced.
    fn may_pass(&self) -> bool {
        match self {
            Self::Configuration { source, .. } | Self::Rules { source } => source.kind() == io::ErrorKind::NotFound,
            Self::Plugins { source } => source.source.kind() == io::ErrorKind::NotFound,
            Self::Invalid(_) | Self::Inside => false,
        }
    }

    /// What is wrong, with its cause.
    pub(super) fn chain(&self) -> String {
        match self {
            Self::Configuration { source, .. } | Self::Rules { source } => format!("{self}: {source}"),
            Self::Plugins { source } => format!("{self}: {source}: {}", source.source),
            Self::Invalid(_) | Self::Inside => self.to_string(),
        }
    }
}

#[derive(Default)]
struct Contents(Sha256);

impl Contents {
    fn add(&mut self, part: &str) {
        self.add_bytes(part.as_bytes());
    }

    /// Each part with its length, so that parts do not run into each other.
    fn add_bytes(&mut self, part: &[u8]) {
        self.0.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.update(part);
    }

    fn add_reference(&mut self, path: &Path) {
        let small = std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() <= REFERENCE_LIMIT);
        let bytes = small.then(|| std::fs::read(path).ok()).flatten();
        self.add(if bytes.is_some() { "there" } else { "absent" });
        self.add_bytes(&bytes.unwrap_or_default());
    }

    fn fingerprint(self) -> Fingerprint {
        self.0.finalize().into()
    }
}

/// The files that `${file:…}` names anywhere in a configuration.
fn references(text: &str, folder: &Path) -> Vec<PathBuf> {
    let named = text.split("${file:").skip(1).filter_map(|rest| rest.split_once('}'));
    named.map(|(path, _)| folder.join(path)).collect()
}

/// What `file:` may name anywhere in a rule file: programs, and words that look like it, which name no file.
fn programs(text: &str) -> impl Iterator<Item = &str> {
    text.split("file").skip(1).filter_map(|rest| {
        let rest = rest.trim_start_matches(['"', '\'']).trim_start().strip_prefix(':')?;
        let written = rest.lines().next()?.trim();
        let quoted = |quote: char| Some(written.strip_prefix(quote)?.split(quote).next().unwrap_or_default());
        let plain = || written.split([',', '}', '#']).next().unwrap_or_default().trim_end();
        let name = quoted('"').or_else(|| quoted('\'')).unwrap_or_else(plain);
        (!name.is_empty() && !name.contains("${{")).then_some(name)
    })
}
