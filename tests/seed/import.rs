//! `oncue init --from config.json`: what it writes, and what it says of a file that it cannot take. `ONCUE_GENERATE=1`
//! writes the reports anew.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::config_json;
use crate::support::{Folder, oncue, root};

fn import(config: &Value) -> Folder {
    let folder = Folder::new();
    folder.write("config.json", &config.to_string());
    oncue(&["init", "--from", "config.json"]).within(&folder).success();
    folder
}

fn cases() -> PathBuf {
    root().join("tests/cases/seed")
}

fn broken() -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(cases())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "json"))
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_imported_passes_the_check() {
    for subappid in [json!(1_500_000_001), json!("1500000001"), json!(0), json!("0"), json!(""), json!(null)] {
        let folder = import(&config_json(&subappid));
        let checked = oncue(&["check"]).within(&folder).success();
        assert_eq!(checked.stdout, "4 rules, 0 errors, 0 warnings\n", "{subappid}");
        let numbered = folder.read("oncue.yaml").contains("subappid: 1500000001");
        assert_eq!(numbered, subappid.to_string().contains("1500000001"), "{subappid}");
    }
}

#[test]
fn the_keys_are_in_files_of_their_owner_and_nowhere_else() {
    let folder = import(&config_json(&json!(0)));
    for (name, key) in [("secret_id", "AKIDEXAMPLE"), ("secret_key", "EXAMPLEKEY")] {
        assert_eq!(folder.read(&format!("secrets/{name}")), format!("{key}\n"));
        assert!(!folder.read("oncue.yaml").contains(key));
        #[cfg(unix)]
        for (path, mode) in [(format!("secrets/{name}"), 0o600), ("secrets".to_owned(), 0o700)] {
            use std::os::unix::fs::PermissionsExt as _;
            let found = std::fs::metadata(folder.file(&path)).unwrap().permissions().mode();
            assert_eq!(found & 0o777, mode, "{path}");
        }
    }
    assert!(folder.read("secrets/.gitignore").lines().any(|line| line == "*"));
}

#[test]
fn the_keys_can_be_left_to_the_environment() {
    let folder = Folder::new();
    folder.write("config.json", &config_json(&json!(0)).to_string());
    oncue(&["init", "--from", "config.json", "--keys", "environment"]).within(&folder).success();
    assert!(folder.read("oncue.yaml").contains("main: environment"));
    assert!(!folder.file("secrets").exists());
    oncue(&["check"]).within(&folder).success();
}

#[test]
fn an_application_without_a_number_can_be_given_one_for_here() {
    let folder = Folder::new();
    folder.write("config.json", &config_json(&json!(0)).to_string());
    oncue(&["init", "--from", "config.json", "--subappid", "1250000000"]).within(&folder).success();
    let config = folder.read("oncue.yaml");
    assert!(config.contains("subappid: 1250000000") && config.contains("send_subappid: false"), "{config}");
    let other = Folder::new();
    other.write("config.json", &config_json(&json!(1_500_000_001)).to_string());
    let twice = oncue(&["init", "--from", "config.json", "--subappid", "7"]).within(&other).failure();
    assert!(twice.code == 2 && twice.stderr.contains("names the application 1500000001"), "{}", twice.stderr);
}

#[test]
fn nothing_is_replaced_and_nothing_half_written() {
    let folder = Folder::new();
    folder.write("config.json", &config_json(&json!(0)).to_string());
    folder.write("secrets/secret_key", "mine");
    let refused = oncue(&["init", "--from", "config.json"]).within(&folder).failure();
    assert!(refused.code == 2 && refused.stderr.contains("secret_key is there already"), "{}", refused.stderr);
    assert!(!folder.file("oncue.yaml").exists());
    assert_eq!(folder.read("secrets/secret_key"), "mine");
}

#[test]
fn a_file_with_tabs_and_a_byte_order_mark_is_taken() {
    let folder = Folder::new();
    let text = "\u{feff}{\r\n\t\"secret_id\":\t\"AKIDEXAMPLE\",\r\n\t\"secret_key\": \"EXAMPLEKEY\",\r\n\t\"definitions\": [\r\n\t\t10\r\n\t]\r\n}\r\n";
    folder.write("config.json", text);
    oncue(&["init", "--from", "config.json"]).within(&folder).success();
    oncue(&["check"]).within(&folder).success();
    assert!(folder.read("oncue.yaml").contains("definitions: [10]"));
}

#[test]
fn every_config_json_that_cannot_be_taken_has_its_exact_report() {
    let generate = std::env::var_os("ONCUE_GENERATE").is_some();
    let mut wrong = Vec::new();
    for name in broken() {
        let into = Folder::new();
        let folder = into.path().display().to_string();
        let ran = oncue(&["init", &folder, "--from", &name]).within_folder(&cases()).failure();
        assert_eq!(ran.code, 3, "{name}: {}", ran.stderr);
        assert!(std::fs::read_dir(into.path()).unwrap().next().is_none(), "{name}: something was written");
        assert!(!ran.stderr.contains("Zm9v"), "{name}: the report shows a key\n{}", ran.stderr);
        let expected = cases().join(name.replace(".json", ".txt"));
        if generate {
            std::fs::write(&expected, &ran.stderr).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != ran.stderr {
            wrong.push(format!("{name}:\n{}", ran.stderr));
        }
    }
    assert!(wrong.is_empty(), "these reports differ from their .txt:\n{}", wrong.join("\n"));
}

#[test]
fn a_config_json_that_is_not_there_is_not_found() {
    let folder = Folder::new();
    let ran = oncue(&["init", "--from", "config.json"]).within(&folder).failure();
    assert!(ran.code == 4 && ran.stderr.contains("cannot read config.json"), "{}", ran.stderr);
}
