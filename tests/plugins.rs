//! Plugins: actions that come in folders, through the real program.

use serde_json::{Value, json};

use crate::actions::{ended, output};
use crate::support::{Folder, Serving, fixture, oncue, root};

mod hostile;
mod process;

const UPLOAD: &str = "protocol/events/01_new_file_upload_plain.json";

const MANIFEST: &str = r#"
name: greet
version: "1.2.0"
summary: Greets people.
rhai: { file: main.rhai }
actions:
  say:
    summary: Makes a greeting.
    parameters:
      properties:
        name: { type: string, description: Whom to greet. }
        times: { type: integer, minimum: 1, maximum: 9, description: How often. }
      required: [name]
    outputs:
      properties: { text: { type: string, description: The greeting. } }
      required: [text]
    repeatable: yes
  doze: { summary: Does nothing., repeatable: no }
"#;

const MAIN: &str = r#"
import "lib/words" as words;

fn say(params, context) {
    let text = words::greet(params.name);
    let all = [];
    for n in 0..(params.times ?? 1) { all.push(text); }
    print(`attempt ${context.attempt}`);
    #{ text: all.join(", ") }
}

fn doze(params) { }
"#;

const WORDS: &str = "fn greet(name) { `hello ${name}` }\n";

/// A folder with a plugin and these rules.
fn with_plugin(rules: &str) -> Folder {
    let folder = Folder::with_rules(rules);
    folder.configure("plugins: [plugins]\n");
    folder.write("plugins/greet/plugin.yaml", MANIFEST);
    folder.write("plugins/greet/main.rhai", MAIN);
    folder.write("plugins/greet/lib/words.rhai", WORDS);
    folder
}

fn rules(steps: &str) -> String {
    format!("rules:\n  - name: greet\n    on: NewFileUpload\n    steps:\n{steps}")
}

#[tokio::test]
async fn a_rule_uses_the_action_of_a_plugin_like_any_other() {
    let folder = with_plugin(&rules(
        "      - { id: first, uses: greet.say, with: { name: '${{ event.file_id }}', times: 2 } }\n      \
         - { uses: greet.doze }\n      - { id: seen, set: { length: '${{ steps.first.text.len() }}' } }\n",
    ));
    let checked = oncue(&["check"]).within(&folder).success().stdout;
    assert!(checked.contains("1 rule, 0 errors, 0 warnings"), "{checked}");
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    let run = ended(&serving, "greet").await;
    assert_eq!(run["status"], "succeeded", "{run}");
    assert_eq!(output(&run, "first"), &json!({ "text": "hello 5000000000000000001, hello 5000000000000000001" }));
    assert_eq!(output(&run, "seen"), &json!({ "length": 52 }));
    assert!(serving.log().contains("attempt 1"), "{}", serving.log());
}

#[test]
fn check_knows_the_parameters_of_plugins_and_finds_what_is_wrong_with_their_use() {
    let folder = with_plugin(&rules(
        "      - { uses: greet.say, with: { nam: x, times: 10 } }\n      - { uses: greet.shout }\n",
    ));
    let ran = oncue(&["check"]).within(&folder).failure();
    assert_eq!(ran.code, 3);
    for said in [
        "`greet.say` has no parameter `nam`",
        "`times` of `greet.say` must be at most 9",
        "`greet.say` needs `name`",
        "Whom to greet.",
        "there is no action `greet.shout`",
        "`greet.say`",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
}

#[test]
fn a_broken_plugin_is_reported_with_its_place_and_nothing_starts() {
    let folder = with_plugin(&rules("      - { uses: greet.say, with: { name: x } }\n"));
    folder.write("plugins/greet/lib/words.rhai", "fn greet(name) { `hello ${name` }\n");
    folder.write("plugins/greet/plugin.yaml", &MANIFEST.replace("summary: Greets people.", "sumary: Greets people."));
    let ran = oncue(&["check"]).within(&folder).failure();
    assert_eq!(ran.code, 3);
    assert!(ran.stdout.contains("plugins/greet/plugin.yaml:4:1"), "{}", ran.stdout);
    assert!(ran.stdout.contains("did you mean `summary`?"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("there is no action"), "{}", ran.stdout);
    folder.write("plugins/greet/plugin.yaml", MANIFEST);
    let ran = oncue(&["serve"]).within(&folder).failure();
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("plugins/greet/lib/words.rhai:1:"), "{}", ran.stderr);
}

#[test]
fn plugins_and_their_actions_are_listed_shown_and_checked() {
    let folder = with_plugin(&rules("      - { uses: greet.doze }\n"));
    let listed = oncue(&["plugins"]).within(&folder).success().stdout;
    for line in ["greet.say", "greet 1.2.0 (rhai)", "webhook", "oncue", "Makes a greeting."] {
        assert!(listed.contains(line), "{line}: {listed}");
    }
    let listed = oncue(&["plugins", "list", "--json"]).within(&folder).success().stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let item = listed["items"].as_array().unwrap().iter().find(|item| item["name"] == "greet.doze").unwrap();
    assert_eq!((&item["plugin"], &item["kind"], &item["repeatable"]), (&json!("greet"), &json!("rhai"), &json!("no")));
    let shown = oncue(&["plugins", "show", "greet"]).within(&folder).success().stdout;
    assert!(shown.contains("do nothing but compute") && shown.contains("greet.doze"), "{shown}");
    let shown = oncue(&["plugins", "show", "greet.say"]).within(&folder).success().stdout;
    for line in ["- uses: greet.say", "name (string, needed): Whom to greet.", "text (string, needed): The greeting."] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let shown = oncue(&["plugins", "show", "webhook", "--json"]).within(&folder).success().stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["action"]["plugin"], Value::Null);
    let missed = oncue(&["plugins", "show", "greet.sya"]).within(&folder).failure();
    assert_eq!(missed.code, 4);
    assert!(missed.stderr.contains("did you mean `greet.say`?"), "{}", missed.stderr);
}

#[test]
fn a_plugin_is_checked_without_a_configuration() {
    let folder = Folder::new();
    folder.write("greet/plugin.yaml", &format!("{MANIFEST}permissions: {{ secrets: [any] }}\n"));
    folder.write("greet/main.rhai", MAIN);
    folder.write("greet/lib/words.rhai", WORDS);
    let checked = oncue(&["plugins", "check", "greet"]).within(&folder).success().stdout;
    assert!(checked.contains("1 plugin, 0 errors, 0 warnings"), "{checked}");
    folder.write("greet/main.rhai", "fn say(params) { }\n");
    let ran = oncue(&["plugins", "check", "."]).within(&folder).failure();
    assert_eq!(ran.code, 3);
    assert!(ran.stdout.contains("has no function `doze`"), "{}", ran.stdout);
    let ran = oncue(&["plugins", "check", "gret"]).within(&folder).failure();
    assert_eq!(ran.code, 4, "{}", ran.stderr);
}

/// The blocks of docs/plugins.md that are files of the example, by the name in their first line.
fn example() -> Folder {
    let folder = Folder::with_rules(&block("rules:\n"));
    folder.configure("plugins: [plugins]\n");
    for (name, mark) in [("plugin.yaml", "# "), ("main.rhai", "// "), ("lib/words.rhai", "// ")] {
        let name = format!("plugins/greet/{name}");
        folder.write(&name, &block(&format!("{mark}{name}\n")));
    }
    folder
}

/// The block of docs/plugins.md that begins so.
fn block(beginning: &str) -> String {
    let page = std::fs::read_to_string(root().join("docs/plugins.md")).unwrap();
    let blocks = page.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    let found = blocks.map(|(_, text)| text.to_owned()).find(|text| text.starts_with(beginning));
    found.unwrap_or_else(|| panic!("docs/plugins.md has no block that begins with {beginning:?}"))
}

#[tokio::test]
async fn the_example_of_the_page_on_plugins_runs_and_so_do_its_commands() {
    let folder = example();
    let commands = block("oncue plugins ");
    for line in commands.lines() {
        let words: Vec<_> = line.split('#').next().unwrap().split_whitespace().skip(1).collect();
        oncue(&words).within(&folder).success();
    }
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    let run = ended(&serving, "greet-uploads").await;
    assert_eq!(output(&run, "greeting")["text"], "hello 5000000000000000001, hello 5000000000000000001", "{run}");
}
