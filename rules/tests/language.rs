//! The rule language by example.
//!
//! Below `cases/`, each `NAME.yaml` is a rule file with something wrong, and `NAME.txt` the report that it must get. Write
//! the reports anew with `ONCUE_GENERATE=1 cargo test -p oncue-rules --test language`, and read what changed. Below
//! `good/` are rule files that load without a finding.

mod support;

use std::fmt::Write as _;

use oncue_rules::diagnostic::{Diagnostics, Severity};
use oncue_rules::node::Node;
use oncue_rules::value::Value;
use proptest::prelude::*;
use support::{load, source, yaml_files};

/// The report of one case, which is one file.
fn report(path: &std::path::Path) -> (bool, Diagnostics) {
    let text = std::fs::read_to_string(path).expect("the case can be read");
    let (set, diagnostics) = load(&[source("rules.yaml", &text)]);
    (set.is_some(), diagnostics)
}

#[test]
fn every_broken_file_gets_exactly_its_report() {
    let update = std::env::var_os("ONCUE_GENERATE").is_some();
    let mut wrong = String::new();
    for path in yaml_files("cases") {
        let (_, diagnostics) = report(&path);
        let actual = diagnostics.to_string();
        let expected_path = path.with_extension("txt");
        if update {
            std::fs::write(&expected_path, &actual).expect("the report can be written");
        }
        let expected = std::fs::read_to_string(&expected_path).unwrap_or_default();
        if actual != expected {
            writeln!(wrong, "== {}\n-- expected\n{expected}-- actual\n{actual}", path.display()).expect("text grows");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_case_finds_something_and_only_errors_refuse_a_file() {
    for path in yaml_files("cases") {
        let (is_loaded, diagnostics) = report(&path);
        assert!(!diagnostics.is_empty(), "{} has nothing wrong with it", path.display());
        assert_eq!(is_loaded, !diagnostics.has_errors(), "{}", path.display());
        let is_of_warnings = path.parent().is_some_and(|folder| folder.ends_with("warnings"));
        assert_eq!(is_of_warnings, !diagnostics.has_errors(), "{} is in the wrong folder", path.display());
    }
}

#[test]
fn reports_speak_the_language_of_those_who_write_rules() {
    let foreign = [
        "invalid type",
        "i64",
        "u64",
        "u32",
        "f64",
        "usize",
        "String",
        "Option",
        "Vec<",
        "HashMap",
        "BTreeMap",
        "enum",
        "struct",
        "serde",
        "saphyr",
        "Some(",
        "None",
        "null value",
        "Err(",
        "bool,",
        "an text",
        "a a ",
        "did not find expected",
    ];
    for path in yaml_files("cases") {
        for diagnostic in report(&path).1.iter() {
            let text = format!("{} {}", diagnostic.message, diagnostic.hint.as_deref().unwrap_or_default());
            let found: Vec<&&str> = foreign.iter().filter(|word| text.contains(**word)).collect();
            assert!(found.is_empty(), "{} says {found:?}: {text}", path.display());
            assert!(diagnostic.hint.is_some(), "{} gives no hint: {text}", path.display());
            let first = diagnostic.message.chars().next();
            assert!(
                first.is_some_and(|first| !first.is_uppercase()),
                "{} begins in upper case: {text}",
                path.display()
            );
        }
    }
}

#[test]
fn every_finding_points_into_its_file() {
    for path in yaml_files("cases") {
        for diagnostic in report(&path).1.iter() {
            let (span, text) = (diagnostic.span, &diagnostic.file.text);
            assert!(text.get(span.start..span.end).is_some(), "{}: {span:?}", path.display());
        }
    }
}

#[test]
fn good_files_load_without_a_finding() {
    for path in yaml_files("good") {
        let (is_loaded, diagnostics) = report(&path);
        assert!(is_loaded && diagnostics.is_empty(), "{}\n{diagnostics}", path.display());
    }
}

fn read(text: &str) -> (Option<Node>, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let node = oncue_rules::yaml::read(&source("any.yaml", text), &mut diagnostics);
    (node, diagnostics)
}

/// What another YAML reader makes of the text.
fn serde_value(text: &str) -> Option<Value> {
    let yaml: serde_yaml::Value = serde_yaml::from_str(text).ok()?;
    let json = serde_json::to_vec(&yaml).ok()?;
    Value::from_json(&json).ok()
}

#[test]
fn what_both_readers_take_means_the_same_to_both() {
    let mut compared = 0;
    for path in yaml_files("good").into_iter().chain(yaml_files("cases")).chain(yaml_files("yaml")) {
        let text = std::fs::read_to_string(&path).expect("the file can be read");
        let (node, diagnostics) = read(&text);
        let refused = diagnostics.iter().any(|finding| finding.severity == Severity::Error);
        let (Some(node), false, Some(other)) = (node, refused, serde_value(&text)) else { continue };
        assert_eq!(node.to_value(), other, "{}", path.display());
        compared += 1;
    }
    assert!(compared > 50, "only {compared} files were compared");
}

fn value() -> impl Strategy<Value = Value> {
    let number = "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?";
    let number = number.prop_filter_map("a number", |text| oncue_rules::value::Number::parse(&text).map(Value::Number));
    let text =
        prop_oneof![".*", "[-a-z0-9: #'\"{}\\[\\],&*!|>%@`\\n\\t.~]{0,12}", "(null|true|~|yes|0x1f|1e3|.inf|-|<<|---)"];
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::Bool), number, text.clone().prop_map(Value::text)];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::list),
            proptest::collection::btree_map(text.clone().prop_filter("no merge key", |key| key != "<<"), inner, 0..5)
                .prop_map(Value::map),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_as_yaml_is_read_back(value in value()) {
        prop_assume!(value != Value::Null);
        let text = oncue_rules::yaml::value_to_text(&value);
        let (node, diagnostics) = read(&text);
        prop_assert!(!diagnostics.has_errors(), "{}\n{}", text, diagnostics);
        prop_assert_eq!(node.map(|node| node.to_value()), Some(value), "{}", text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        let (set, diagnostics) = load(&[source("rules.yaml", &text)]);
        prop_assert_eq!(set.is_some(), !diagnostics.has_errors());
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(text in "([-?:,\\[\\]{}#&*!|>'\"%@` \\n\\t~a-z0-9é$]|: |- |\\$\\{\\{|\\}\\}|\\n  ){0,120}") {
        let (node, diagnostics) = read(&text);
        prop_assert!(node.is_some() || diagnostics.has_errors());
        for finding in diagnostics.iter() {
            prop_assert!(text.get(finding.span.start..finding.span.end).is_some());
        }
    }

    #[test]
    fn a_damaged_rule_file_is_loaded_or_refused(at in any::<prop::sample::Index>(), length in 0_usize..30, with in "[-:{}\\[\\]'\"a-z0-9 \\n]{0,6}") {
        let path = yaml_files("good").remove(0);
        let text = std::fs::read_to_string(path).expect("the file can be read");
        let at = at.index(text.len());
        let damaged: String = text.chars().take(at).chain(with.chars()).chain(text.chars().skip(at + length)).collect();
        let (set, diagnostics) = load(&[source("rules.yaml", &damaged)]);
        prop_assert_eq!(set.is_some(), !diagnostics.has_errors());
        for finding in diagnostics.iter() {
            prop_assert!(damaged.get(finding.span.start..finding.span.end).is_some());
        }
    }
}
