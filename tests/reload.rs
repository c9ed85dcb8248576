//! Hot reload: changed files are taken by themselves, broken ones are refused and said to be so.

use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::support::{APP, Folder, Serving, TOKEN, block_on, eventually, fixture, oncue};

mod load;

/// One rule, whose step says a word.
fn rule(name: &str, word: &str) -> String {
    format!(
        "rules:\n  - name: {name}\n    on: NewFileUpload\n    steps: [{{ uses: log, with: {{ message: {word} }} }}]\n"
    )
}

fn names(rules: &Value) -> Vec<&str> {
    rules["items"].as_array().unwrap().iter().map(|rule| rule["name"].as_str().unwrap()).collect()
}

/// Waits until exactly these rules are live.
fn live(serving: &Serving, wanted: &[&str]) -> Value {
    block_on(eventually(&format!("{wanted:?} as the live rules"), || async {
        let rules = serving.get("/rules").await;
        (names(&rules) == wanted).then_some(rules)
    }))
}

/// Waits until the last attempt to read the files came to this, and gives the rules.
fn attempted(serving: &Serving, outcome: &str) -> Value {
    block_on(eventually(&format!("a reload that is {outcome}"), || async {
        let rules = serving.get("/rules").await;
        (rules["status"]["last_attempt"]["outcome"] == outcome).then_some(rules)
    }))
}

fn reload(serving: &Serving) -> Value {
    block_on(serving.ask("/rules/reload"))
}

#[test]
fn an_edited_rule_is_taken_and_a_new_one_runs() {
    let folder = Folder::with_rules(&rule("one", "first"));
    let serving = Serving::start(&folder);
    let before = live(&serving, &["one"]);
    assert_eq!(before["status"]["last_attempt"]["cause"], "start");
    folder.write("rules/more/two.yaml", &rule("two", "second"));
    let after = live(&serving, &["two", "one"]);
    assert_ne!(before["status"]["hash"], after["status"]["hash"]);
    let last = &after["status"]["last_attempt"];
    assert_eq!((&last["cause"], &last["added"][0]), (&"change".into(), &"two".into()), "{last}");
    // A folder that came later is watched too.
    folder.write("rules/more/two.yaml", &rule("three", "third"));
    live(&serving, &["three", "one"]);
    let run = serving.first_run_of_an_upload();
    let closure = block_on(serving.get(&format!("/runs/{run}")))["run"]["closure"].clone();
    let rules = block_on(serving.get("/rules"));
    assert!(rules["items"].as_array().unwrap().iter().any(|rule| rule["hash"] == closure), "{closure} in {rules}");
}

#[test]
fn a_broken_file_leaves_what_is_live_and_says_so_once_until_it_is_mended() {
    let folder = Folder::with_rules(&rule("one", "first"));
    let serving = Serving::start(&folder);
    folder.write("rules/rules.yaml", "rules:\n  - name: one\n    on: NewFileUpload\n    stepz: []\n");
    let rules = attempted(&serving, "refused");
    assert_eq!(names(&rules), ["one"]);
    let finding = &rules["status"]["last_attempt"]["findings"][0];
    assert!(finding["file"].as_str().unwrap().ends_with("rules.yaml") && finding["line"].is_u64(), "{finding}");
    let (status, text) = block_on(serving.ready());
    assert_eq!(status, 200);
    assert!(text.starts_with("ready\n") && text.contains("refused"), "{text}");
    let listed = oncue(&["rules"]).within(&folder).success().stdout;
    assert!(listed.contains("one") && listed.contains("refused") && listed.contains("stepz"), "{listed}");
    let asked = oncue(&["rules", "reload"]).within(&folder).failure();
    assert_eq!(asked.code, 3, "{}{}", asked.stdout, asked.stderr);
    assert!(asked.stdout.contains("stepz"), "{}", asked.stdout);
    assert!(block_on(serving.post(&fixture("protocol/events/01_new_file_upload_plain.json"))) == Some(200));

    folder.write("rules/rules.yaml", &rule("mended", "second"));
    live(&serving, &["mended"]);
    assert_eq!(block_on(serving.ready()), (200, "ready\n".to_owned()));
    let said = serving.log().lines().filter(|line| line.contains("stays live") && line.contains("\"change\"")).count();
    assert_eq!(said, 1, "{}", serving.log());
}

#[test]
fn a_file_that_is_put_back_as_it_was_swaps_nothing() {
    let folder = Folder::with_rules(&rule("one", "first"));
    let serving = Serving::start(&folder);
    let loaded_at = live(&serving, &["one"])["status"]["loaded_at"].clone();
    folder.write("rules/rules.yaml", "rules: [");
    attempted(&serving, "refused");
    folder.write("rules/rules.yaml", &rule("one", "first"));
    let rules = attempted(&serving, "unchanged");
    assert_eq!(rules["status"]["loaded_at"], loaded_at);
    assert_eq!(reload(&serving)["outcome"], "unchanged");
}

#[test]
fn a_file_that_is_renamed_over_another_is_taken() {
    let folder = Folder::with_rules(&rule("one", "first"));
    let serving = Serving::start(&folder);
    for name in ["two", "three"] {
        folder.write("rules/.rules.yaml.swp", &rule(name, "next"));
        std::fs::rename(folder.file("rules/.rules.yaml.swp"), folder.file("rules/rules.yaml")).unwrap();
        live(&serving, &[name]);
    }
}

#[test]
fn a_mounted_volume_that_is_swapped_by_its_link_is_taken() {
    let folder = Folder::new();
    folder.configure("");
    for (version, word) in [("1", "one"), ("2", "two"), ("3", "three")] {
        folder.write(&format!("rules/..{version}/rules.yaml"), &rule(word, word));
    }
    symlink("..1", folder.file("rules/..data")).unwrap();
    symlink("..data/rules.yaml", folder.file("rules/rules.yaml")).unwrap();
    let serving = Serving::start(&folder);
    live(&serving, &["one"]);
    for (version, word) in [("2", "two"), ("3", "three")] {
        symlink(format!("..{version}"), folder.file("rules/..tmp")).unwrap();
        std::fs::rename(folder.file("rules/..tmp"), folder.file("rules/..data")).unwrap();
        live(&serving, &[word]);
    }
}

#[test]
fn a_folder_that_is_a_link_to_the_next_release_is_taken() {
    let folder = Folder::new();
    folder.configure("");
    folder.write("releases/1/a.yaml", &rule("one", "one"));
    folder.write("releases/2/a.yaml", &rule("two", "two"));
    symlink("releases/1", folder.file("rules")).unwrap();
    let serving = Serving::start(&folder);
    live(&serving, &["one"]);
    symlink("releases/2", folder.file("next")).unwrap();
    std::fs::rename(folder.file("next"), folder.file("rules")).unwrap();
    live(&serving, &["two"]);
    folder.write("releases/2/a.yaml", &rule("three", "three"));
    live(&serving, &["three"]);
}

#[test]
fn one_deleted_file_is_a_change_and_an_empty_or_vanished_folder_an_error() {
    let folder = Folder::with_rules(&rule("one", "first"));
    folder.write("rules/two.yaml", &rule("two", "second"));
    let serving = Serving::start(&folder);
    std::fs::remove_file(folder.file("rules/two.yaml")).unwrap();
    live(&serving, &["one"]);
    // In the log, since a further look, which finds nothing new, may follow at once.
    assert!(serving.log().contains(r#""removed":1"#), "{}", serving.log());
    std::fs::remove_file(folder.file("rules/rules.yaml")).unwrap();
    let rules = attempted(&serving, "refused");
    assert_eq!(names(&rules), ["one"]);
    let message = rules["status"]["last_attempt"]["findings"][0]["message"].as_str().unwrap();
    assert!(message.contains("holds no rule files any more"), "{message}");
    std::fs::remove_dir(folder.file("rules")).unwrap();
    assert_eq!(reload(&serving)["outcome"], "refused");
    folder.write("rules/back.yaml", &rule("back", "third"));
    live(&serving, &["back"]);
    folder.write("rules/back.yaml", "rules: []\n");
    live(&serving, &[]);
}

#[test]
fn a_signal_the_api_and_the_command_line_reload_at_once() {
    let folder = Folder::with_rules(&rule("one", "first"));
    let serving = Serving::start(&folder);
    folder.write("rules/rules.yaml", &rule("two", "second"));
    let answer = reload(&serving);
    assert_eq!((&answer["outcome"], &answer["cause"]), (&"loaded".into(), &"request".into()), "{answer}");
    assert_eq!(names(&block_on(serving.get("/rules"))), ["two"]);
    folder.write("rules/rules.yaml", &rule("three", "third"));
    let said = oncue(&["rules", "reload"]).within(&folder).success().stdout;
    assert!(said.starts_with("loaded\n") && said.contains("added: three"), "{said}");
    serving.signal("HUP");
    block_on(eventually("a reload by signal", || async {
        let last = serving.get("/rules").await["status"]["last_attempt"].clone();
        (last["cause"] == "signal" && last["outcome"] == "unchanged").then_some(())
    }));
}

#[test]
fn a_rule_is_shown_as_it_is_written() {
    let written = "rules:\n  # why\n  - name: one\n    on: NewFileUpload # all of them\n    steps:\n      - uses: log\n        with: { message: hello }\n";
    let folder = Folder::with_rules(written);
    let _serving = Serving::start(&folder);
    let shown = oncue(&["rules", "show", "one"]).within(&folder).success().stdout;
    let (head, yaml) = shown.split_once("name: one").unwrap();
    assert!(head.contains("rules.yaml:3\n"), "{shown}");
    assert_eq!(yaml, "\non: NewFileUpload # all of them\nsteps:\n  - uses: log\n    with: { message: hello }\n");
    assert_eq!(oncue(&["rules", "show", "none"]).within(&folder).failure().code, 4);
    let listed: Value =
        serde_json::from_str(&oncue(&["rules", "list", "--json"]).within(&folder).success().stdout).unwrap();
    assert!(head.contains(listed["items"][0]["hash"].as_str().unwrap()), "{head}");
}

#[test]
fn applications_change_while_the_server_runs_and_what_cannot_is_named() {
    let folder = Folder::with_rules(&rule("one", "first"));
    let serving = Serving::start(&folder);
    let other = "another-token-of-32-characters-00";
    let config = folder.read("oncue.yaml");
    let more = format!(
        "  - {{ subappid: 1500000002, callback: {{ token: {other} }} }}\nkeep: 2d\nlimits: {{ in_flight: 3 }}\n"
    );
    folder.write("oncue.yaml", &format!("{config}{more}"));
    let door = format!("/vod/1500000002/{other}");
    let event = fixture("protocol/events/01_new_file_upload_plain.json");
    block_on(eventually("the door of the new application", || async {
        (serving.post_to(&door, &event).await?.0 == 200).then_some(())
    }));
    let last = block_on(serving.get("/rules"))["status"]["last_attempt"].clone();
    let later = "`limits.in_flight` takes effect at the next start: 3 is written, 16 runs";
    assert_eq!(last["at_next_start"], serde_json::json!([later]));

    folder.write("oncue.yaml", &config.replace(TOKEN, "a-new-token-for-the-old-door"));
    assert_eq!(reload(&serving)["outcome"], "loaded");
    let status = |path: &str| block_on(serving.post_to(path, &event)).unwrap().0;
    assert_eq!(status(&door), 404);
    assert_eq!(status(&format!("/vod/{APP}/{TOKEN}")), 401);
    assert_eq!(status(&format!("/vod/{APP}/a-new-token-for-the-old-door")), 200);

    folder.write("oncue.yaml", "apps: [");
    assert_eq!(reload(&serving)["outcome"], "refused");
    assert_eq!(status(&format!("/vod/{APP}/a-new-token-for-the-old-door")), 200);
    assert!(!serving.log().contains("a-new-token"), "{}", serving.log());
}

#[test]
fn a_secret_that_is_replaced_in_its_file_is_taken() {
    let folder = Folder::with_rules(&rule("one", "first"));
    folder.write("secrets/token", TOKEN);
    let config = folder.read("oncue.yaml").replace(TOKEN, "\"${file:secrets/token}\"");
    folder.write("oncue.yaml", &config);
    let serving = Serving::start(&folder);
    folder.write("secrets/token", "a-token-that-came-later\n");
    let event = fixture("protocol/events/01_new_file_upload_plain.json");
    block_on(eventually("the new token", || async {
        (serving.post_to(&format!("/vod/{APP}/a-token-that-came-later"), &event).await?.0 == 200).then_some(())
    }));
}
