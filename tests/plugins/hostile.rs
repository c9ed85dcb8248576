//! Plugins that take too much, or reach for what is not theirs: each ends on its own, and other runs go on.

use std::fmt::Write as _;

use serde_json::json;

use super::UPLOAD;
use crate::actions::{ended, output};
use crate::support::{Folder, Serving, fixture};

const SECRET: &str = "marker-of-a-robot";

/// An action, its code, and the code that its run ends with.
const HOSTILE: [(&str, &str, &str); 10] = [
    ("endless", "loop { }", "script_operations"),
    ("hungry", "let s = `x`; loop { s += s; }", "script_size"),
    ("doubling", "let a = [1]; loop { a = [a, a]; }", "script_size"),
    ("deep", "deep(params)", "script_depth"),
    ("huge", "let a = []; a.pad(9000, 1234567); #{ a: a }", "plugin_outputs"),
    ("reads", "open_file(`/etc/passwd`)", "script_error"),
    ("inside", "http::request(#{ url: `http://127.0.0.1:1/` })", "AddressRefused"),
    ("metadata", "http::request(#{ url: `http://169.254.169.254/latest/` })", "AddressRefused"),
    ("elsewhere", "http::request(#{ url: `http://10.0.0.1/` })", "script_error"),
    ("tells", "let s = secret(`bot`); print(s); log(`${s}`); throw `it is ${s}`", "script_error"),
];

fn hostile_plugin() -> (String, String) {
    let mut manifest = "name: hostile\nversion: \"1\"\nsummary: Takes too much.\nrhai: { file: main.rhai }\n\
                        permissions: { http: [127.0.0.1, 169.254.169.254], secrets: [bot] }\nactions:\n"
        .to_owned();
    let mut main = String::new();
    for (name, code, _) in HOSTILE {
        writeln!(manifest, "  {name}: {{ summary: Takes too much., repeatable: yes }}").unwrap();
        writeln!(main, "fn {name}(params) {{ {code} }}").unwrap();
    }
    (manifest, main)
}

#[tokio::test]
async fn hostile_plugins_end_one_by_one_while_other_runs_go_on() {
    let rule = |name: &str| {
        format!("  - {{ name: {name}, on: NewFileUpload, steps: [{{ id: act, uses: hostile.{name} }}] }}\n")
    };
    let mut rules = "rules:\n".to_owned();
    rules.extend(HOSTILE.map(|(name, _, _)| rule(name)));
    rules
        .push_str("  - { name: good, on: FileDeleted, steps: [{ id: sum, uses: good.add, with: { a: 40, b: 2 } }] }\n");
    let folder = Folder::with_rules(&rules);
    folder.configure(&format!("plugins: plugins\nsecrets: {{ bot: {SECRET} }}\n"));
    let (manifest, main) = hostile_plugin();
    folder.write("plugins/hostile/plugin.yaml", &manifest);
    folder.write("plugins/hostile/main.rhai", &main);
    folder.write(
        "plugins/good/plugin.yaml",
        "name: good\nversion: \"1\"\nsummary: Adds.\nrhai: { file: main.rhai }\nactions:\n  \
         add: { summary: Adds., repeatable: yes, parameters: { properties: { a: {}, b: {} } } }\n",
    );
    folder.write("plugins/good/main.rhai", "fn add(params) { #{ sum: params.a + params.b } }\n");
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    assert_eq!(serving.post(&fixture("protocol/events/09_file_deleted.json")).await, Some(200));
    assert_eq!(output(&ended(&serving, "good").await, "sum"), &json!({ "sum": 42 }));
    for (name, _, code) in HOSTILE {
        let run = ended(&serving, name).await;
        assert_eq!((&run["status"], &run["error"]["code"]), (&json!("dead"), &json!(code)), "{run}");
        assert_eq!(run["steps"][0]["attempts"], 1, "{run}");
    }
    assert!(!serving.log().contains(SECRET), "{}", serving.log());
    let runs = serving.get("/runs").await.to_string();
    assert!(!runs.contains(SECRET), "{runs}");
}
