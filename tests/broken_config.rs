//! Broken configuration files, each with the exact report that `oncue check` gives. `ONCUE_GENERATE=1` writes the
//! reports anew.

use std::path::{Path, PathBuf};

use crate::support::oncue;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("tests/cases/config")
}

fn cases() -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    names.sort();
    names
}

#[test]
fn every_broken_configuration_has_its_exact_report() {
    let generate = std::env::var_os("ONCUE_GENERATE").is_some();
    let mut wrong = Vec::new();
    for name in cases() {
        let expected_file = folder().join(name.replace(".yaml", ".txt"));
        let report = oncue(&["check", "--config", &name]).within_folder(&folder()).run().stdout;
        if generate {
            std::fs::write(&expected_file, &report).unwrap();
        } else if std::fs::read_to_string(&expected_file).unwrap_or_default() != report {
            wrong.push(format!("{name}:\n{report}"));
        }
    }
    assert!(wrong.is_empty(), "these reports differ from their .txt:\n{}", wrong.join("\n"));
}

#[test]
fn no_report_speaks_of_the_inside() {
    for name in cases() {
        let report = std::fs::read_to_string(folder().join(name.replace(".yaml", ".txt"))).unwrap();
        for word in ["invalid type", "i64", "u64", "usize", "String", "Option", "serde", "Vec<", "panicked"] {
            assert!(!report.contains(word), "the report of {name} says {word:?}");
        }
        assert!(report.contains(&format!("--> {name}:")), "the report of {name} names no place");
        assert!(report.contains("= hint: "), "the report of {name} gives no hint");
    }
}
