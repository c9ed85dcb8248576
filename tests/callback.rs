//! `oncue vod callback`, with the stand-in as the vendor.

use oncue::simulator::{AppOptions, Mode, Options};
use serde_json::{Value, json};

use crate::support::{APP, Folder, Serving, TOKEN, Vendor, eventually, oncue};

const SIGN_KEY: &str = "VodSignKey0000000000000000000001";
const OTHER: u64 = 1_500_000_002;
const EVERYTHING: &str =
    "rules:\n  - { name: all, on: '*', steps: [{ uses: log, with: { message: '${{ event.type }}' } }] }\n";

/// A configuration for an application with a sign key, and another one without.
fn folder(vendor: &Vendor) -> Folder {
    let folder = Folder::with_rules(EVERYTHING);
    let config = folder
        .read("oncue.yaml")
        .replace(&format!("token: {TOKEN} }}"), &format!("token: {TOKEN}, sign_key: {SIGN_KEY} }}"));
    let more = format!(
        "  - {{ subappid: {OTHER}, name: other, credentials: main, callback: {{ token: {TOKEN} }} }}\n\
         vod: {{ endpoint: \"{}\" }}\n",
        vendor.url()
    );
    folder.write("oncue.yaml", &(config + more.as_str()));
    folder
}

async fn vendor(change: impl FnOnce(&mut AppOptions)) -> Vendor {
    let mut app = AppOptions::new(APP);
    change(&mut app);
    Vendor::with(Options { apps: vec![app, AppOptions::new(OTHER)], ..Options::default() }).await
}

/// Runs a callback command for the first application; its exit code and what it says as JSON.
fn callback(folder: &Folder, arguments: &[&str]) -> (i32, Value) {
    let ran = oncue(&[&["vod", "callback"], arguments, &["--app", "main", "--json"]].concat()).within(folder).run();
    let said = serde_json::from_str(&ran.stdout).or_else(|_| serde_json::from_str(&ran.stderr));
    (ran.code, said.unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr)))
}

fn message(said: &Value) -> &str {
    said["error"]["message"].as_str().unwrap_or_else(|| panic!("{said}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_application_is_shown_set_tested_and_cleared() {
    let vendor = vendor(|_| {}).await;
    let folder = folder(&vendor);
    let serving = Serving::start(&folder);
    let (code, shown) = callback(&folder, &["show"]);
    let off = json!({ "upload": false, "delete": false, "persistence": false });
    assert_eq!((code, &shown["mode"], &shown["url"], &shown["switches"]), (0, &json!("PUSH"), &json!(""), &off));

    let (code, set) = callback(&folder, &["set", "--url", &format!("http://{}", serving.listen)]);
    let url = format!("http://{}/vod/{APP}/***", serving.listen);
    assert_eq!((code, &set["before"]["url"], &set["after"]["url"]), (0, &json!(""), &json!(url)), "{set}");
    let (_, shown) = callback(&folder, &["show"]);
    assert_eq!(shown, set["after"]);
    assert_eq!((&shown["ours"], &shown["switches"]["upload"]), (&json!(true), &json!(true)));

    let (code, tested) = callback(&folder, &["test"]);
    assert_eq!((code, &tested["outcome"], &tested["tries"]), (0, &json!("arrived"), &json!(1)), "{tested}");
    let event = serving.get(&format!("/events/{}", tested["event"].as_str().unwrap())).await;
    assert_eq!(event["event"]["type"], "OncueProbe");
    assert_eq!(serving.get("/runs").await["items"], json!([]), "a probe starts no run");

    // The vendor signs with the key that was set: an event of its own comes in.
    vendor.upload(APP, &json!({})).await;
    let run = || async { serving.get("/runs").await["items"].get(0).cloned() };
    eventually("the run of the vendor's event", run).await;

    assert_eq!(callback(&folder, &["clear"]).0, 0);
    assert_eq!(callback(&folder, &["show"]).1["url"], "");
    assert_eq!(callback(&folder, &["clear"]).0, 0, "nothing to clear is no failure");
    let (code, nothing) = callback(&folder, &["test"]);
    assert_eq!(code, 4, "{nothing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_is_replaced_only_on_demand() {
    let theirs = "https://production.example/vod";
    let vendor = vendor(|app| app.callback_url = Some(theirs.to_owned())).await;
    let folder = folder(&vendor);
    let (code, refused) = callback(&folder, &["set", "--url", "https://oncue.example"]);
    assert_eq!(code, 2);
    assert!(message(&refused).contains(theirs) && message(&refused).contains("--replace"), "{refused}");
    let (code, refused) = callback(&folder, &["clear"]);
    assert!(code == 2 && message(&refused).contains(theirs), "{refused}");
    assert_eq!(callback(&folder, &["show"]).1["url"], theirs, "nothing was changed");
    assert_eq!(callback(&folder, &["set", "--url", "https://oncue.example", "--replace"]).0, 0);
    let url = format!("https://oncue.example/vod/{APP}/***");
    assert_eq!(callback(&folder, &["show"]).1["url"], url);
    assert_eq!(callback(&folder, &["set", "--url", "https://oncue.example"]).0, 0, "the same once more");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_is_pulled_is_not_turned_to_push_unasked() {
    let vendor = vendor(|app| app.mode = Mode::Pull).await;
    let folder = folder(&vendor);
    let (code, refused) = callback(&folder, &["set", "--url", "https://oncue.example"]);
    assert!(code == 2 && message(&refused).contains("pulled"), "{refused}");
    assert_eq!(callback(&folder, &["test"]).0, 3);
    assert_eq!(callback(&folder, &["set", "--url", "https://oncue.example", "--replace"]).0, 0);
    assert_eq!(callback(&folder, &["show"]).1["mode"], "PUSH");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_does_not_arrive_says_why() {
    let vendor = vendor(|_| {}).await;
    let folder = folder(&vendor);
    let quick = ["--tries", "2", "--pause", "1ms"];
    let test = |url: &str| callback(&folder, &[&["test", "--url", url], &quick[..]].concat());
    // Nobody listens there.
    let (code, said) = test("http://127.0.0.1:1");
    assert_eq!((code, &said["outcome"], &said["tries"]), (5, &json!("no_answer"), &json!(2)), "{said}");
    // The vendor's stand-in is no Oncue.
    let (code, said) = test(&vendor.url());
    assert_eq!((code, &said["outcome"]), (5, &json!("stranger")), "{said}");
    // This server, with a wrong token.
    let serving = Serving::start(&folder);
    let wrong = format!("http://{}/vod/{APP}/0123456789abcdef0123456789abcdee", serving.listen);
    let (code, said) = test(&wrong);
    assert_eq!(
        (code, &said["outcome"], &said["status"], &said["tries"]),
        (3, &json!("refused"), &json!(401), &json!(1))
    );
    assert!(said["text"].as_str().unwrap().contains("token"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_and_wrong_keys_are_named() {
    let vendor = vendor(|_| {}).await;
    let folder = folder(&vendor);
    let run = |arguments: &[&str]| oncue(&[&["vod", "callback"], arguments].concat()).within(&folder).failure();
    let two = run(&["show"]);
    assert!(two.code == 2 && two.stderr.contains("main (1500000001), other (1500000002)"), "{}", two.stderr);
    let unknown = run(&["show", "--app", "mian"]);
    assert!(unknown.code == 4 && unknown.stderr.contains("main (1500000001)"), "{}", unknown.stderr);
    for url in ["oncue.example", "ftp://oncue.example", "https://a:b@oncue.example", "https://oncue.example/?a=1"] {
        let ran = run(&["set", "--app", "main", "--url", url]);
        assert!(ran.code == 2 && ran.stderr.contains("https://YOUR-HOST"), "{url}: {}", ran.stderr);
    }
    folder.write("oncue.yaml", &folder.read("oncue.yaml").replace("EXAMPLEKEY", "ANOTHERKEY"));
    let denied = run(&["show", "--app", "main"]);
    assert!(denied.code == 3 && denied.stderr.contains("AuthFailure"), "{}", denied.stderr);
    folder.write("oncue.yaml", &folder.read("oncue.yaml").replace(&vendor.url(), "http://127.0.0.1:1"));
    assert_eq!(run(&["show", "--app", "main"]).code, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_what_was_set_and_that_it_takes_time() {
    let vendor = vendor(|_| {}).await;
    let folder = folder(&vendor);
    let set = |app: &str, url: &str| {
        oncue(&["vod", "callback", "set", "--app", app, "--url", url]).within(&folder).success().stdout
    };
    let said = set("main", "https://oncue.example");
    for part in ["before:", "url          none", "10 minutes", "the SignKey of the configuration is set", "/***"] {
        assert!(said.contains(part), "no {part:?} in:\n{said}");
    }
    assert!(!said.contains(TOKEN) && !said.contains(SIGN_KEY), "{said}");
    let said = set("1500000002", "https://gateway.example/release/callback");
    assert!(said.contains("no sign_key is configured") && said.contains("proxy that rewrites"), "{said}");
}
