//! Plugins that are programs.

use std::fmt::Write as _;

use serde_json::json;

use super::{UPLOAD, block};
use crate::actions::{ended, output};
use crate::support::{Folder, Serving, fixture, oncue, root};

/// A folder with the plugin in Python of docs/plugins.md, made as the page says.
fn shout() -> Folder {
    let folder = Folder::with_rules(&block("# rules/shout.yaml\n"));
    folder.configure("plugins: [plugins]\n");
    for name in ["plugins/shout/plugin.yaml", "plugins/shout/main.py"] {
        folder.write(name, &block(&format!("# {name}\n")));
    }
    let file = std::fs::read_to_string(root().join("plugins/sdk/python/oncue_plugin.py")).unwrap();
    folder.write("plugins/shout/oncue_plugin.py", &file);
    folder
}

#[tokio::test]
async fn a_person_who_knows_only_python_adds_an_action_as_the_page_on_plugins_says() {
    let folder = shout();
    let checked = oncue(&["plugins", "check", "plugins/shout"]).within(&folder).success().stdout;
    assert!(checked.contains("1 plugin, 0 errors, 0 warnings"), "{checked}");
    let listed = oncue(&["plugins"]).within(&folder).success().stdout;
    assert!(listed.contains("shout 1.0.0 (process)"), "{listed}");
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    let run = ended(&serving, "shout-uploads").await;
    assert_eq!(run["status"], "succeeded", "{run}");
    assert_eq!(output(&run, "loud"), &json!({ "text": "5000000000000000001 WAS UPLOADED" }));
    assert!(serving.log().contains("shouting at attempt 1"), "{}", serving.log());
    assert_eq!(serving.stop(), 0);
}

#[test]
fn the_programs_that_ship_as_folders_have_nothing_wrong_with_them() {
    let packs = root().join("plugins/packs");
    let checked = oncue(&["plugins", "check", packs.to_str().unwrap()]).success().stdout;
    assert!(checked.contains("2 plugins, 0 errors, 0 warnings"), "{checked}");
}

/// An action that is a program, what it does when it is called, and the code that its run ends with.
const FAULTY: [(&str, &str, &str); 5] = [
    ("endless", "while :; do printf xxxxxxxxxxxxxxxx; done", "process_protocol"),
    ("wrong", "echo working", "process_protocol"),
    ("half", "printf '{'; exit", "process_protocol"),
    ("crash", "exit 3", "process_ended"),
    ("late", "sleep 60", "timeout"),
];

#[tokio::test]
async fn programs_that_misbehave_end_in_an_error_of_their_own_run_while_other_runs_go_on() {
    let mut rules = block("# rules/shout.yaml\n").replace("on: NewFileUpload", "on: FileDeleted");
    let folder = shout();
    for (name, code, _) in FAULTY {
        writeln!(rules, "  - {{ name: {name}, on: NewFileUpload, steps: [{{ uses: {name}.act }}] }}").unwrap();
        let manifest = format!(
            "name: {name}\nversion: \"1\"\nsummary: Misbehaves.\nprocess: {{ command: [sh, main.sh], line: 64KiB }}\nactions:\n  \
             act: {{ summary: Misbehaves., repeatable: no, timeout: {} }}\n",
            if name == "late" { "500ms" } else { "30s" }
        );
        folder.write(&format!("plugins/{name}/plugin.yaml"), &manifest);
        let hello = r#"{"type":"hello","protocol":1,"actions":["act"]}"#;
        let main = format!("echo '{hello}'\nread -r hello\nread -r call\n{code}\nread -r more\n");
        folder.write(&format!("plugins/{name}/main.sh"), &main);
    }
    folder.write("rules/rules.yaml", &rules);
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    assert_eq!(serving.post(&fixture("protocol/events/09_file_deleted.json")).await, Some(200));
    assert_eq!(ended(&serving, "shout-uploads").await["status"], "succeeded");
    for (name, _, code) in FAULTY {
        let run = ended(&serving, name).await;
        assert_eq!((&run["status"], &run["error"]["code"]), (&json!("dead"), &json!(code)), "{run}");
        assert_eq!(run["error"]["class"], "unknown", "{run}");
    }
    assert_eq!(serving.stop(), 0, "the server ends, and with it the programs");
}
