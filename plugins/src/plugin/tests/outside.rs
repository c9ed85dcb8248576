//! What a script reaches out with: only what it may, and secrets never in sight.

use std::sync::Mutex;

use async_trait::async_trait;
use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use oncue_rules::ids::ActionName;

use super::*;
use crate::outbound::Client;
use crate::registry::Registry;
use crate::testing::KEY;
use crate::testing::stand_in::{Answer, Request, StandIn};

const SECRET: &str = "SEC-marker+of/a=robot";

/// A program around plugins with one secret, a store in memory, and some actions.
#[derive(Default)]
struct World {
    kept: Mutex<BTreeMap<(String, String), String>>,
    actions: Mutex<Option<Registry>>,
}

#[async_trait]
impl Around for World {
    fn secret(&self, name: &str) -> Option<String> {
        (name == "bot").then(|| SECRET.to_owned())
    }

    fn action(&self, name: &ActionName) -> Option<Arc<dyn Action>> {
        self.actions.lock().unwrap().as_ref()?.get(name)
    }

    async fn kept(&self, plugin: &str, key: &str) -> Result<Option<String>, ActionError> {
        Ok(self.kept.lock().unwrap().get(&(plugin.to_owned(), key.to_owned())).cloned())
    }

    async fn keep(&self, plugin: &str, key: &str, value: Option<String>) -> Result<(), ActionError> {
        let (mut kept, key) = (self.kept.lock().unwrap(), (plugin.to_owned(), key.to_owned()));
        match value {
            Some(value) => kept.insert(key, value),
            None => kept.remove(&key),
        };
        Ok(())
    }
}

fn manifest(permissions: &str, action: &str) -> String {
    format!("{HEAD}permissions: {{ {permissions} }}\n{OPEN}{action}")
}

fn loaded(manifest: &str, main: &str, world: &Arc<World>) -> (Vec<Arc<Plugin>>, Diagnostics) {
    let host = Host::new(Client::new().unwrap(), Arc::clone(world) as _);
    load(&[folder(manifest, &[("main.rhai", main)])], Known { builtin: &builtin(), secrets: None }, &host)
}

/// Calls the function with this body, in a plugin with these permissions.
async fn ran_in(world: &Arc<World>, permissions: &str, body: &str, params: &str) -> Result<Value, ActionError> {
    let main = format!("fn send(params, context) {{ {body} }}\n");
    let (plugins, found) = loaded(&manifest(permissions, ""), &main, world);
    assert!(found.is_empty(), "{found}");
    send(&plugins[0], params).await
}

async fn ran(permissions: &str, body: &str, params: &str) -> Result<Value, ActionError> {
    ran_in(&Arc::default(), permissions, body, params).await
}

const LOCAL: &str = "http: [{ host: 127.0.0.1, allow_private: true }], secrets: [bot]";

async fn asked(body: &str, answer: Answer) -> (Result<Value, ActionError>, Vec<Request>) {
    let server = StandIn::start([answer]).await;
    let params = format!(r#"{{"url":"http://{}"}}"#, server.address);
    (ran(LOCAL, body, &params).await, server.requests())
}

#[tokio::test]
async fn a_request_goes_out_as_it_is_written_and_its_answer_comes_back() {
    let body = r#"
        let answer = http::request(#{
            url: [params.url, "/hook/", secret("bot")],
            query: #{ access_token: secret("bot"), n: 1, left: () },
            headers: #{ Authorization: ["Bearer ", secret("bot")], "X-Key": context.key },
            body: #{ text: "hello", nested: [#{ token: secret("bot") }] },
        });
        #{ status: answer.status, code: answer.body.code, kind: answer.headers["x-kind"], truncated: answer.truncated }
    "#;
    let json = Answer::http("400 Bad Request", "X-Kind: test\r\nContent-Type: application/json\r\n", r#"{"code":9}"#);
    let (outputs, requests) = asked(body, json).await;
    assert_eq!(outputs.unwrap().to_json(), r#"{"code":9,"kind":"test","status":400,"truncated":false}"#);
    let request = &requests[0];
    let encoded = "SEC-marker%2Bof%2Fa%3Drobot";
    assert_eq!(request.line, format!("POST /hook/{encoded}?access_token={encoded}&n=1 HTTP/1.1"));
    assert_eq!(request.header("authorization"), Some(&*format!("Bearer {SECRET}")));
    assert_eq!(request.header("x-key"), Some(KEY));
    let sent = String::from_utf8(request.body.clone()).unwrap();
    assert_eq!(sent, format!(r#"{{"nested":[{{"token":"{SECRET}"}}],"text":"hello"}}"#));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_leads_nowhere() {
    let there = Answer::http("302 Found", "Location: http://169.254.169.254/\r\n", "");
    let (outputs, _) = asked("#{ status: http::request(#{ url: params.url }).status }", there).await;
    assert_eq!(outputs.unwrap().to_json(), r#"{"status":302}"#);
}

#[tokio::test]
async fn an_answer_is_read_to_a_limit_and_one_that_never_comes_to_the_deadline() {
    let body =
        "let a = http::request(#{ url: params.url, limit: 100 }); #{ length: a.body.len(), truncated: a.truncated }";
    let (outputs, _) = asked(body, Answer::Endless).await;
    assert_eq!(outputs.unwrap().to_json(), r#"{"length":100,"truncated":true}"#);
    let body = "http::request(#{ url: params.url, timeout: \"50ms\" })";
    let (outputs, _) = asked(body, Answer::Silence).await;
    let error = outputs.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Retry { after: None }, "NoAnswer"), "{error}");
    let body =
        "try { http::request(#{ url: params.url, timeout: \"50ms\" }) } catch (e) { return #{ caught: e.code }; }";
    let (outputs, _) = asked(body, Answer::Silence).await;
    assert_eq!(outputs.unwrap().to_json(), r#"{"caught":"NoAnswer"}"#);
}

#[tokio::test]
async fn places_inside_and_hosts_that_are_not_permitted_are_refused() {
    for (permissions, url, said) in [
        ("http: [127.0.0.1]", "http://127.0.0.1:1/", "allow_private: true"),
        ("http: [169.254.169.254]", "http://169.254.169.254/latest/meta-data", "allow_private: true"),
        ("http: [\"[::1]\"]", "http://[::1]:1/", "allow_private: true"),
        ("http: [localhost]", "http://localhost:1/", "allow_private: true"),
        ("http: [a.example]", "https://b.example/", "permissions: { http: [\"b.example\"] }"),
        ("http: [\"*.a.example\"]", "https://a.example/", "may not send requests to `a.example`"),
        ("http: [\"*.a.example\"]", "https://xa.example/", "may not send requests to `xa.example`"),
        ("http: [a.example]", "file:///etc/passwd", "scheme must be http or https"),
        ("http: [a.example]", "https://u:p@a.example/", "names a user"),
        ("http: [a.example]", "http://2130706433/", "may not send requests to `127.0.0.1`"),
    ] {
        let params = format!(r#"{{"url":"{url}"}}"#);
        let error = ran(permissions, "http::request(#{ url: params.url })", &params).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Fatal, "{url}: {error}");
        assert!(error.message.contains(said), "{url}: {error}");
    }
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_an_error_in_words() {
    for (options, said) in [
        ("#{ }", "needs a `url`"),
        ("#{ url: \"https://a.example\", metod: \"GET\" }", "did you mean `method`?"),
        ("#{ url: \"https://a.example\", method: \"TRACE\" }", "one of GET, HEAD"),
        ("#{ url: \"https://a.example\", query: 1 }", "`query` must be a map"),
        ("#{ url: \"https://a.example\", headers: #{ \"a b\": 1 } }", "no name of a header"),
        ("#{ url: \"https://a.example\", headers: #{ Host: \"b\" } }", "set by Oncue"),
        ("#{ url: \"https://a.example\", timeout: 5 }", "duration"),
        ("#{ url: \"https://a.example\", limit: 0 }", "number of bytes"),
        ("#{ url: #{ } }", "only texts"),
    ] {
        let error = ran("http: [a.example]", &format!("http::request({options})"), "{}").await.unwrap_err();
        assert_eq!(error.code, "script_error", "{options}: {error}");
        assert!(error.message.contains(said), "{options}: {error}");
    }
}

#[tokio::test]
async fn a_script_signs_with_a_secret_and_never_sees_it() {
    let dingtalk = "#{ sign: hmac_sha256_base64(secret(\"bot\"), [\"1700000000\\n\", secret(\"bot\")]) }";
    let given = ran("secrets: [bot]", dingtalk, "{}").await.unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("1700000000\n{SECRET}").as_bytes());
    let expected = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(given.get("sign").as_text(), Some(&*expected));
    let plain = ran("secrets: [bot]", "#{ a: hmac_sha256([\"k\", 1], \"t\"), b: hmac_sha256(\"k1\", \"t\") }", "{}")
        .await
        .unwrap();
    assert_eq!(plain.get("a"), plain.get("b"));

    for body in [
        "#{ s: secret(\"bot\") }",
        "#{ s: secret(\"bot\").to_string() }",
        "#{ s: `${secret(\"bot\")}` }",
        "let s = secret(\"bot\"); print(s); log(`${s}`); #{ s: s.to_debug() }",
        "#{ s: secret(\"bot\") + \"\" }",
        "#{ s: secret(\"bot\").to_base64() }",
        "#{ s: secret(\"bot\").to_hex() }",
        "#{ s: secret(\"bot\").to_json() }",
        "#{ s: [secret(\"bot\")].join(\"\") }",
        "#{ s: secret(\"bot\").len() }",
        "#{ s: secret(\"bot\") == \"x\" }",
        "throw secret(\"bot\")",
        "throw `no ${secret(\"bot\")}`",
        "store::put(\"k\", secret(\"bot\")); #{ s: store::get(\"k\") }",
        "#{ s: params.token }",
        "let all = \"\"; for part in secret(\"bot\") { all += part; } #{ s: all }",
    ] {
        let given = match ran("secrets: [bot], store: true", body, "{}").await {
            Ok(outputs) => outputs.to_json(),
            Err(error) => error.to_string(),
        };
        assert!(!given.contains("marker") && !given.contains("U0VDLW1hcmtlcg"), "{body}: {given}");
    }
}

#[tokio::test]
async fn a_parameter_that_is_a_secret_is_sealed() {
    let actions = "actions:\n  send:\n    summary: Sends.\n    repeatable: yes\n    \
                   parameters: { properties: { token: { type: string, writeOnly: true }, text: { type: string } } }\n";
    let main = "fn send(params) { #{ text: params.text, shown: `${params.token}`, sign: sha256(params.token) } }";
    let (plugins, found) = loaded(&format!("{HEAD}{actions}"), main, &Arc::default());
    assert!(found.is_empty(), "{found}");
    let outputs = send(&plugins[0], r#"{"token":"abc","text":"t"}"#).await.unwrap();
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(outputs.to_json(), format!(r#"{{"shown":"(a secret)","sign":"{digest}","text":"t"}}"#));
    let problems = plugins[0].actions()[0]
        .check(&Value::from_json(br#"{"token":"${{ secrets.bot }}","text":"${{ secrets.bot }}"}"#).unwrap());
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].parameter == "text" && problems[0].hint.contains("writeOnly: true"), "{problems:?}");
}

#[tokio::test]
async fn what_is_kept_is_there_at_the_next_call_and_belongs_to_the_plugin() {
    let world = Arc::<World>::default();
    let body = "let n = store::get(\"n\") ?? 0; store::put(\"n\", n + 1); store::put(\"gone\", 1); store::remove(\"gone\"); \
                #{ n: n, gone: store::get(\"gone\") }";
    assert_eq!(ran_in(&world, "store: true", body, "{}").await.unwrap().to_json(), r#"{"gone":null,"n":0}"#);
    assert_eq!(ran_in(&world, "store: true", body, "{}").await.unwrap().to_json(), r#"{"gone":null,"n":1}"#);
    assert_eq!(world.kept.lock().unwrap().keys().collect::<Vec<_>>(), [&("chat".to_owned(), "n".to_owned())]);
    for (body, said) in [
        ("store::put(\"\", 1)", "a key has 1 to 128 bytes"),
        ("let s = \"x\"; s.pad(17000, 'x'); store::put(\"k\", s)", "at most 16384 bytes"),
        ("for i in 0..60 { store::get(\"k\") }", "at most 50 times"),
    ] {
        let error = ran_in(&world, "store: true", body, "{}").await.unwrap_err();
        assert!(error.message.contains(said), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_script_calls_other_actions_as_a_part_of_its_attempt() {
    let world = Arc::<World>::default();
    let body = "let first = action::run(\"log\", #{ message: \"hi\" }); \
                try { action::run(\"fail\", #{ message: \"no\", code: \"nope\" }) } catch (e) { return #{ said: first.message, code: e.code, class: e.class }; }";
    *world.actions.lock().unwrap() = Some(builtin());
    let given = ran_in(&world, "call: [log, fail]", body, "{}").await.unwrap();
    assert_eq!(given.to_json(), r#"{"class":"fatal","code":"nope","said":"hi"}"#);
    let error =
        ran_in(&world, "call: [fail]", "action::run(\"fail\", #{ message: \"no\", code: \"nope\" })", "{}").await;
    assert_eq!(error.unwrap_err(), ActionError::fatal("nope", "no"));

    let main = "fn send(params) { action::run(\"chat.send\", params) }";
    let (plugins, found) = loaded(&manifest("call: [chat.send]", ""), main, &world);
    assert!(found.is_empty(), "{found}");
    *world.actions.lock().unwrap() = Some(builtin().with(&plugins));
    let error = send(&plugins[0], "{}").await.unwrap_err();
    assert!(error.message.contains("at most 3 deep"), "{error}");
}

#[tokio::test]
async fn a_script_says_what_to_do_about_its_errors() {
    for (body, class, code) in [
        ("throw retry(\"busy\", \"later\")", ErrorClass::Retry { after: None }, "busy"),
        (
            "throw retry(\"busy\", \"later\", \"30s\")",
            ErrorClass::Retry { after: Some(std::time::Duration::from_secs(30)) },
            "busy",
        ),
        ("throw fatal(\"refused\", \"never\")", ErrorClass::Fatal, "refused"),
        ("throw unknown(\"lost\", \"perhaps\")", ErrorClass::Unknown, "lost"),
        ("throw #{ code: \"own\", message: \"m\", class: \"retry\" }", ErrorClass::Retry { after: None }, "own"),
        ("throw \"plain\"", ErrorClass::Fatal, "script_error"),
        ("throw #{ x: 1 }", ErrorClass::Fatal, "script_error"),
        ("try { loop { } } catch { throw retry(\"busy\", \"later\") }", ErrorClass::Fatal, "script_operations"),
    ] {
        let error = ran("", body, "{}").await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (class, code), "{body}: {error}");
    }
}

#[tokio::test]
async fn the_clock_is_there() {
    let body = "#{ now: time::now(), unix: time::unix() * 1000 <= time::unix_ms(), day: time::day(\"2024-05-01T20:00:00Z\", 1, \"Asia/Shanghai\") }";
    let given = ran("", body, "{}").await.unwrap();
    assert!(given.get("now").as_text().unwrap().ends_with('Z'), "{}", given.to_json());
    assert_eq!((given.get("unix"), given.get("day")), (&Value::Bool(true), &Value::text("2024-05-03")));
}

#[tokio::test]
async fn a_permission_that_is_only_seen_at_a_call_is_named_there() {
    for (body, said) in [
        ("let name = \"b\" + \"ot\"; secret(name)", "permissions: { secrets: [bot] }"),
        ("let name = \"lo\" + \"g\"; action::run(name, #{})", "permissions: { call: [log] }"),
        ("let f = Fn(\"secret\"); f.call(\"bot\")", "permissions: { secrets: [bot] }"),
    ] {
        let error = ran("", body, "{}").await.unwrap_err();
        assert!(error.class == ErrorClass::Fatal && error.message.contains(said), "{body}: {error}");
    }
}
