//! Every limit of a script, hit.

use std::time::{Duration, Instant};

use super::*;

async fn failed(plugin: &Plugin) -> (String, String) {
    let error = send(plugin, "{}").await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Fatal, "{error}");
    assert!(error.message.len() < 500, "{error}");
    (error.code, error.message)
}

/// The body of a function that takes too much, and the code that it ends with.
const HOSTILE: [(&str, &str); 11] = [
    ("loop { }", "script_operations"),
    ("try { loop { } } catch { #{} }", "script_operations"),
    ("other::spin()", "script_operations"),
    ("let s = \"x\"; loop { s += s; }", "script_size"),
    ("let a = [1]; loop { a = [a, a]; }", "script_size"),
    ("let m = #{ x: 1 }; loop { m = #{ a: m, b: m }; }", "script_size"),
    ("let a = []; let s = \"x\"; s.pad(1000000, 'x'); loop { a.push(s); }", "script_size"),
    ("let a = []; for i in 0..100 { a = [a]; } #{ a: a }", "script_size"),
    ("send(params)", "script_depth"),
    ("other::deep(1)", "script_depth"),
    ("let s = \"x\"; s.pad(70000, 'x'); #{ s: s }", "plugin_outputs"),
];

#[tokio::test]
async fn every_function_that_takes_too_much_ends_with_its_own_error() {
    let other = "fn spin() { loop { } }\nfn deep(n) { deep(n + 1) }\n";
    for (body, expected) in HOSTILE {
        let main = format!("import \"other\" as other;\nfn send(params) {{ {body} }}\n");
        let plugin = plugin(&format!("{HEAD}{OPEN}"), &[("main.rhai", &main), ("other.rhai", other)]);
        assert_eq!(failed(&plugin).await.0, expected, "{body}");
    }
}

#[tokio::test]
async fn nothing_outside_can_be_reached() {
    for (body, said) in [
        ("open_file(\"/etc/passwd\")", "open_file"),
        ("import \"/etc/passwd\" as p; p::x()", "no file `/etc/passwd.rhai` in the folder of the plugin"),
        ("import \"../chat/main\" as p; p::x()", "no file `../chat/main.rhai` in the folder of the plugin"),
        ("let name = \"oth\" + \"er\"; import name as p; p::x()", "no file `other.rhai`"),
        ("sleep(1)", "does not sleep"),
        ("timestamp()", "timestamp"),
        ("rand()", "rand"),
        ("system(\"ls\")", "system"),
    ] {
        let main = format!("fn send(params) {{ {body} }}\n");
        let (code, message) = failed(&plugin(&format!("{HEAD}{OPEN}"), &[("main.rhai", &main)])).await;
        assert_eq!(code, "script_error", "{body}: {message}");
        assert!(message.contains(said), "{body}: {message}");
    }
}

#[tokio::test]
async fn an_error_names_the_script_and_the_place() {
    let main = "import \"lib/deep\" as deep;\nfn send(params) {\n    if params.x == 1 { deep::fall() } else { throw \"no\" }\n}\n";
    let lib = "fn fall() {\n  let a = [];\n  a[3]\n}\n";
    let plugin = plugin(&format!("{HEAD}{OPEN}"), &[("main.rhai", main), ("lib/deep.rhai", lib)]);
    assert_eq!(failed(&plugin).await.1, "main.rhai:3:46: no");
    let error = send(&plugin, r#"{"x":1}"#).await.unwrap_err();
    assert!(error.message.starts_with("lib/deep.rhai:3:5: "), "{error}");
}

#[tokio::test]
async fn a_call_ends_by_the_timeout_of_its_action() {
    let actions = OPEN.replace("repeatable: yes\n", "repeatable: yes\n    timeout: 50ms\n");
    let main = "fn send(params) { loop { let x = []; x.pad(10000, 1); x.sort(); } }";
    let plugin = plugin(&format!("{HEAD}{actions}"), &[("main.rhai", main)]);
    assert_eq!(failed(&plugin).await.0, "script_timeout");
}

#[tokio::test]
async fn parameters_that_no_script_can_hold_are_refused_in_words() {
    let plugin = plugin(&format!("{HEAD}{OPEN}"), &[("main.rhai", "fn send(params) { }")]);
    let many = format!("{{\"a\":[{}1]}}", "1,".repeat(10_000));
    let error = send(&plugin, &many).await.unwrap_err();
    assert_eq!(error.code, "script_size");
    assert!(error.message.contains("the parameters have more than"), "{error}");
}

#[tokio::test]
async fn another_plugin_goes_on_while_one_spins_on_all_its_threads() {
    let host = Host::idle();
    let spin = folder(&format!("{HEAD}{OPEN}"), &[("main.rhai", "fn send(params) { loop { } }")]);
    let quiet =
        folder(&format!("{HEAD}{OPEN}").replace("chat", "quiet"), &[("main.rhai", "fn send(params) { #{ x: 42 } }")]);
    let (plugins, found) = load(&[spin, quiet], Known { builtin: &builtin(), secrets: None }, &host);
    assert!(found.is_empty(), "{found}");
    let spinning: Vec<_> = (0..16)
        .map(|_| {
            let action = Arc::clone(&plugins[0].actions()[0]);
            tokio::spawn(async move { action.call(call("{}")).await.unwrap_err().code })
        })
        .collect();
    let mut soon = call("{}");
    soon.deadline = Instant::now() + Duration::from_mins(1);
    assert_eq!(plugins[1].actions()[0].call(soon).await.unwrap().to_json(), r#"{"x":42}"#);
    for ended in spinning {
        assert_eq!(ended.await.unwrap(), "script_operations");
    }
}
