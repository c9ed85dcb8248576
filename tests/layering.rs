//! The shape of the code: which module may use which, what stays in which folder, how long a file may be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const LINES_A_FILE: usize = 500;
const THIS: &str = "tests/layering.rs";

/// What each top-level module of the engine may use, besides itself and the small modules that everyone may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("cli", &["app", "config", "live", "simulator", "telemetry", "store"]),
    (
        "app",
        &[
            "config", "explain", "http", "ingest", "live", "program", "reload", "rerun", "runner", "schedule",
            "sources", "store", "workflow",
        ],
    ),
    ("explain", &["http", "ingest", "live", "runner", "sources", "store"]),
    ("schedule", &["http", "ingest", "live", "store"]),
    ("rerun", &["http", "ingest", "live", "program", "runner", "store", "workflow"]),
    ("reload", &["config", "http", "ingest", "live", "program", "store", "workflow"]),
    ("ingest", &["http", "live", "program", "runner", "sources", "store", "workflow"]),
    ("live", &["config"]),
    ("http", &["sources", "store", "workflow"]),
    ("runner", &["program", "store", "workflow"]),
    ("program", &["store", "workflow"]),
    ("sources", &[]),
    ("store", &["workflow"]),
    ("workflow", &[]),
    ("config", &["sources"]),
    ("simulator", &[]),
    ("telemetry", &[]),
];

/// Modules without dependencies of their own.
const FOR_ALL: &[&str] = &["clock", "secret", "secrets", "failpoint", "tls"];

/// Words that stay in their folder, with the folders.
const CONFINED: &[(&str, &[&str])] = &[
    ("rusqlite", &["engine/src/store/", "engine/benches/", "tests/"]),
    ("refinery", &["engine/src/store/", THIS]),
    (
        "warp::",
        &["engine/src/http/", "engine/src/simulator/", "engine/benches/", "tests/", "plugins/src/tencent/client/tests"],
    ),
    ("saphyr_parser", &["rules/src/yaml", THIS]),
    (
        "serde_yaml",
        &["rules/src/yaml", "rules/benches/matching/", "rules/tests/", "plugins/src/registry/tests.rs", THIS],
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn all_sources() -> Vec<(String, String)> {
    ["rules", "plugins", "engine", "tests", "examples"].into_iter().flat_map(sources).collect()
}

/// The engine's modules that a text names by `crate::…`.
fn used_modules(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1)).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

#[test]
fn no_module_of_the_engine_reaches_up() {
    let may_use: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let mut wrong = Vec::new();
    for (name, text) in sources("engine/src") {
        let module = name["engine/src/".len()..].split(['/', '.']).next().unwrap().to_owned();
        if module == "lib" || FOR_ALL.contains(&module.as_str()) {
            continue;
        }
        let Some(allowed) = may_use.get(module.as_str()) else {
            wrong.push(format!("{name}: say in MAY_USE what the module {module} may use"));
            continue;
        };
        for used in used_modules(&text) {
            if used != module && !allowed.contains(&used) && !FOR_ALL.contains(&used) && may_use.contains_key(used) {
                wrong.push(format!("{name} uses {used}, which {module} may not"));
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn drivers_and_formats_stay_in_their_folders() {
    let mut wrong = Vec::new();
    for (name, text) in all_sources() {
        for (word, folders) in CONFINED {
            let code = || text.lines().filter(|line| !line.trim_start().starts_with("//"));
            if !folders.iter().any(|folder| name.starts_with(folder)) && code().any(|line| line.contains(word)) {
                wrong.push(format!("{name} names {word}, which stays in {}", folders.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_has_at_most_500_lines() {
    let long: Vec<_> = all_sources()
        .into_iter()
        .map(|(name, text)| (text.lines().count(), name))
        .filter(|(lines, _)| *lines > LINES_A_FILE)
        .map(|(lines, name)| format!("{name} has {lines} lines"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn no_file_is_named_after_nothing() {
    let vague: Vec<_> = all_sources()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| {
            let stem = name.trim_end_matches("/mod.rs").trim_end_matches(".rs");
            ["utils", "util", "common", "helper", "helpers", "manager", "misc"].iter().any(|word| stem.ends_with(word))
        })
        .collect();
    assert!(vague.is_empty(), "{}", vague.join("\n"));
}
