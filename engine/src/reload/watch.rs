//! What the operating system tells of changes to files. It may tell of too much, and on some mounts of nothing.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use super::look::Places;

/// How many symbolic links of one path are followed.
const LINKS: usize = 40;

/// Tells of changes for as long as it is kept.
#[derive(Debug)]
pub(super) struct Watch {
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Watches these places. A place that is not there is watched for in its folder.
    ///
    /// # Errors
    ///
    /// When the operating system gives no watcher, or not enough of them.
    pub(super) fn start(places: &Places, changed: Arc<Notify>) -> notify::Result<Self> {
        let interest = Arc::new(Interest::of(places));
        let wanted = Arc::clone(&interest);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| match event {
            Ok(event) if !wanted.concerns(&event) => {}
            // An error may mean that something was missed.
            _ => changed.notify_one(),
        })?;
        for (folder, mode) in interest.watched() {
            match watcher.watch(&folder, mode) {
                Ok(()) => {}
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { _watcher: watcher })
    }
}

fn is_absent(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

/// Which paths matter.
#[derive(Debug, Default)]
struct Interest {
    /// These, whatever happens to them: files, folders, and links on the way to them.
    paths: HashSet<PathBuf>,
    /// What lies below these.
    folders: Vec<PathBuf>,
}

impl Interest {
    fn of(places: &Places) -> Self {
        let mut interest = Self::default();
        for path in places.files.iter().chain(&places.rules) {
            interest.follow(path, LINKS);
        }
        for path in &places.rules {
            let real = path.canonicalize().ok();
            let folders = [absolute(path)].into_iter().chain(real).filter(|path| path.is_dir());
            interest.folders.extend(folders);
        }
        interest
    }

    /// Adds a path, and every link on the way to what it means.
    fn follow(&mut self, path: &Path, links: usize) {
        let path = absolute(path);
        if !self.paths.insert(path.clone()) || links == 0 {
            return;
        }
        for step in path.ancestors() {
            let Ok(target) = std::fs::read_link(step) else { continue };
            let (Some(folder), Ok(rest)) = (step.parent(), path.strip_prefix(step)) else { continue };
            // Joining nothing would add a slash to the end.
            let target = folder.join(target);
            let target = if rest.as_os_str().is_empty() { target } else { target.join(rest) };
            self.follow(&target, links - 1);
            self.paths.insert(step.to_owned());
        }
    }

    /// The folders to watch, each once. What is renamed or replaced is seen in the folder that it stands in.
    fn watched(&self) -> BTreeMap<PathBuf, RecursiveMode> {
        let around = self.paths.iter().filter_map(|path| path.parent());
        let mut watched: BTreeMap<_, _> =
            around.map(|folder| (folder.to_owned(), RecursiveMode::NonRecursive)).collect();
        watched.extend(self.folders.iter().map(|folder| (folder.clone(), RecursiveMode::Recursive)));
        watched
    }

    fn concerns(&self, event: &notify::Event) -> bool {
        let is_write = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
            // Reading is what we do ourselves.
            EventKind::Access(_) => return false,
            EventKind::Modify(ModifyKind::Name(_)) => false,
            EventKind::Modify(_) => true,
            _ => false,
        };
        let below = |path: &PathBuf| self.folders.iter().any(|folder| path.starts_with(folder));
        // A database may be written below a folder of rules all the time.
        let may_hold_rules = |path: &PathBuf| {
            !is_write || path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
        };
        event.need_rescan()
            || event.paths.is_empty()
            || event.paths.iter().any(|path| self.paths.contains(path) || (below(path) && may_hold_rules(path)))
    }
}

/// The path from the root on, links and all.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use notify::Event;
    use notify::event::{CreateKind, DataChange, ModifyKind, RenameMode};

    use super::*;

    fn of(files: &[PathBuf], rules: &[PathBuf]) -> Interest {
        Interest::of(&Places { files: files.to_vec(), rules: rules.to_vec() })
    }

    fn event(kind: EventKind, path: &Path) -> Event {
        Event::new(kind).add_path(path.to_owned())
    }

    const WRITTEN: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    const RENAMED: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::To));

    #[test]
    fn reading_and_what_lies_beside_the_files_do_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("rules")).unwrap();
        let interest = of(&[at("oncue.yaml")], &[at("rules")]);
        let matters = |kind, name: &str| interest.concerns(&event(kind, &at(name)));
        assert!(matters(WRITTEN, "oncue.yaml") && matters(WRITTEN, "rules/a.yaml"));
        assert!(matters(RENAMED, "rules/team.v2") && matters(EventKind::Create(CreateKind::Any), "rules/new"));
        assert!(!matters(EventKind::Access(AccessKind::Open(AccessMode::Any)), "oncue.yaml"));
        assert!(!matters(WRITTEN, "oncue.db-wal") && !matters(RENAMED, "other.yaml"));
        assert!(!matters(WRITTEN, "rules/oncue.db-wal"));
    }

    #[test]
    fn every_link_on_the_way_to_a_file_matters() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("..1")).unwrap();
        std::fs::write(at("..1/oncue.yaml"), "").unwrap();
        symlink("..1", at("..data")).unwrap();
        symlink("..data/oncue.yaml", at("oncue.yaml")).unwrap();
        let interest = of(&[at("oncue.yaml")], &[]);
        for name in ["oncue.yaml", "..data", "..1/oncue.yaml"] {
            assert!(interest.paths.contains(&at(name)), "{name} in {:?}", interest.paths);
        }
        assert!(interest.watched().contains_key(&at("..1")), "{:?}", interest.watched());
    }

    #[test]
    fn links_in_a_circle_come_to_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink("b", at("a")).unwrap();
        symlink("a", at("b")).unwrap();
        assert_eq!(of(&[at("a")], &[]).paths.len(), 2);
    }
}
