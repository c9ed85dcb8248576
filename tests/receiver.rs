//! The callback's door, through the real binary: each body answers as its name says.

use md5::{Digest as _, Md5};
use oncue::clock;

use crate::support::{APP, Folder, Serving, TOKEN, eventually, fixture, http, root};

const RULES: &str = "rules:\n  - { name: deleted, on: FileDeleted, steps: [{ uses: log, with: { message: gone } }] }\n";
const SIGN_KEY: &str = "VodSignKey0000000000000000000001";
const SIGNED_APP: u64 = 1_500_000_009;

fn folder() -> Folder {
    let folder = Folder::with_rules(RULES);
    let signed = format!("  - {{ subappid: {SIGNED_APP}, callback: {{ token: {TOKEN}, sign_key: {SIGN_KEY} }} }}\n");
    folder.write("oncue.yaml", &(folder.read("oncue.yaml") + signed.as_str()));
    folder
}

fn bodies(folder: &str) -> Vec<(String, String)> {
    let mut found: Vec<_> = std::fs::read_dir(root().join("tests/fixtures").join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap()))
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn every_sample_event_is_accepted_and_then_a_duplicate() {
    let folder = folder();
    let serving = Serving::start(&folder);
    let bodies = bodies("protocol/events");
    assert_eq!(bodies.len(), 12);
    for _ in 0..2 {
        for (name, body) in &bodies {
            assert_eq!(serving.post(body).await, Some(200), "{name}");
        }
    }
    let counts = serving.get("/counts").await;
    assert_eq!((counts["events"].as_u64(), counts["duplicates"].as_u64()), (Some(12), Some(12)), "{counts}");
}

#[tokio::test]
async fn every_other_body_is_answered_with_what_it_is() {
    let folder = folder();
    let serving = Serving::start(&folder);
    let path = format!("/vod/{APP}/{TOKEN}");
    for (name, body) in bodies("protocol/events/extra") {
        let (status, answer) = serving.post_to(&path, &body).await.unwrap();
        let expected = match name.as_str() {
            "unknown_event_type" | "wechat_mini_program_publish_wire_name" | "signed_new_file_upload" => 200,
            _ => 400,
        };
        assert_eq!(status, expected, "{name}: {answer}");
        if name.starts_with("legacy_v2") {
            assert!(answer.contains("3.0"), "{name}: {answer}");
        }
    }
    let quarantine = serving.get("/quarantine").await;
    assert_eq!(quarantine["items"].as_array().unwrap().len(), 6, "{quarantine}");
}

/// The signed sample with a signature that is made now.
fn signed_with(key: &str, expires: i64) -> String {
    let sign = hex::encode(Md5::digest(format!("{key}{expires}")));
    let body = fixture("protocol/events/extra/signed_new_file_upload.json");
    body.replace("9c62faf80d36f43ffbbb13797ed48b6b", &sign).replace("1700000600", &expires.to_string())
}

#[tokio::test]
async fn a_signed_body_needs_the_right_key_and_time() {
    let folder = folder();
    let serving = Serving::start(&folder);
    let path = format!("/vod/{SIGNED_APP}/{TOKEN}");
    let now = clock::now().0 / 1000;
    let status = async |body: &str| serving.post_to(&path, body).await.unwrap().0;
    assert_eq!(status(&fixture("protocol/events/extra/signed_new_file_upload.json")).await, 401, "expired");
    assert_eq!(status(&signed_with("WrongKey", now + 600)).await, 401, "wrong key");
    assert_eq!(status(&signed_with(SIGN_KEY, now - 3600)).await, 401, "expired an hour ago");
    assert_eq!(status(&signed_with(SIGN_KEY, now + 86_400)).await, 401, "far in the future");
    assert_eq!(status(&fixture("protocol/events/01_new_file_upload_plain.json")).await, 401, "not signed");
    assert_eq!(status(&signed_with(SIGN_KEY, now + 600)).await, 200, "right");
    assert_eq!(status(&signed_with(SIGN_KEY, now + 601)).await, 200, "signed anew, a duplicate");
    let counts = serving.get("/counts").await;
    assert_eq!((counts["events"].as_u64(), counts["duplicates"].as_u64()), (Some(1), Some(1)), "{counts}");
}

#[tokio::test]
async fn the_wrong_door_is_refused() {
    let folder = folder();
    let serving = Serving::start(&folder);
    let body = fixture("protocol/events/01_new_file_upload_plain.json");
    let status = async |path: &str| serving.post_to(path, &body).await.unwrap().0;
    assert_eq!(status(&format!("/vod/{APP}/0123456789abcdef0123456789abcdee")).await, 401);
    assert_eq!(status(&format!("/vod/{APP}")).await, 401);
    assert_eq!(status(&format!("/vod/1500000777/{TOKEN}")).await, 404);
    assert_eq!(status("/nowhere").await, 404);
    let get = http().get(format!("http://{}/vod/{APP}/{TOKEN}", serving.listen)).send().await.unwrap();
    assert_eq!((get.status().as_u16(), get.headers()["allow"].to_str().unwrap()), (405, "POST"));
    let (large, _) = serving.post_to(&format!("/vod/{APP}/{TOKEN}"), &"x".repeat(1024 * 1024 + 1)).await.unwrap();
    assert_eq!(large, 413);
    let counts = serving.get("/counts").await;
    assert_eq!(counts["events"].as_u64(), Some(0), "{counts}");
    assert!(!serving.log().contains(TOKEN), "the log shows the token");
}

#[tokio::test]
async fn an_event_that_a_rule_matches_starts_a_run_that_succeeds() {
    let folder = folder();
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture("protocol/events/09_file_deleted.json")).await, Some(200));
    let run = eventually("a run that succeeded", || async {
        let run = serving.get("/runs?rule=deleted").await["items"][0].clone();
        (run["status"] == "succeeded").then_some(run)
    })
    .await;
    let event = serving.get(&format!("/events/{}", run["event"].as_str().unwrap())).await;
    assert_eq!(event["event"]["verdicts"]["matched"][0], "deleted", "{event}");
    assert!(serving.log().contains("gone"));
    assert_eq!(serving.stop(), 0);
}

#[tokio::test]
async fn a_store_that_cannot_commit_is_answered_503_and_recovers() {
    let folder = folder();
    let serving = Serving::start(&folder);
    let url = format!("http://{}/vod/{APP}/{TOKEN}", serving.listen);
    let body = fixture("protocol/events/01_new_file_upload_plain.json");
    let database = rusqlite::Connection::open(folder.file("data/oncue.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = http().post(&url).body(body.clone()).send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 503);
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u64>().is_ok());
    database.execute_batch("ROLLBACK").unwrap();
    assert_eq!(serving.post(&body).await, Some(200));
    let counts = serving.get("/counts").await;
    assert_eq!((counts["events"].as_u64(), counts["duplicates"].as_u64()), (Some(1), Some(0)), "{counts}");
}
