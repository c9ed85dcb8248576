//! What becomes of a request whose sender is known.

use serde_json::{Value, json};

use super::{digits, folder};
use crate::support::{APP, Folder, Serving, eventually, fixture, http, oncue};

const SECRET: &str = "9f4c1d7be2a8460395d1c07be86a2f14";
const CMS: &str = "
secrets: { cms: \"${env:CMS_TOKEN}\" }
endpoints:
  - path: /hooks/cms
    source: cms
    type: \"${{ body.kind }}\"
    keys: { ticket: \"${{ body.ticket }}\", file_id: \"${{ body.file }}\" }
    app: \"${{ body.app }}\"
    verify: { hmac_sha256: { header: X-Signature, secret: \"${{ secrets.cms }}\" } }
";
const BODY: &str = r#"{"kind":"StartTranscode","app":"main","ticket":7,"file":"5000000000000000001"}"#;

async fn send(serving: &Serving, body: &str) -> (u16, Value) {
    serving.send("/hooks/cms", &[("X-Signature", &digits(SECRET, body))], body).await
}

#[tokio::test]
async fn a_request_is_an_event_with_source_type_keys_and_application_and_the_very_bytes() {
    let folder = folder(CMS);
    let serving = Serving::start(&folder);
    let body = format!("{BODY}\n ");
    let (status, answer) = send(&serving, &body).await;
    assert_eq!(status, 200, "{answer}");
    let heard = serving.heard(1).await;
    let expected = json!({ "type": "StartTranscode", "source": "cms", "app": "main", "keys": { "ticket": "7", "file_id": "5000000000000000001" } });
    assert_eq!(heard, [expected]);
    let stored = serving.get(&format!("/events/{}", answer["event"].as_str().unwrap())).await;
    assert_eq!((&stored["event"]["source"], &stored["event"]["subappid"]), (&json!("cms"), &json!(APP)));
    assert_eq!(stored["body"], body, "the very bytes");
    assert_eq!(stored["runs"].as_array().unwrap().len(), 1, "{stored}");
    let by_file = serving.get("/events?file_id=5000000000000000001").await;
    assert_eq!(by_file["items"][0]["id"], answer["event"], "{by_file}");
}

#[tokio::test]
async fn a_request_that_is_repeated_is_the_same_event_and_a_changed_one_another() {
    let folder = folder(CMS);
    let serving = Serving::start(&folder);
    let (_, first) = send(&serving, BODY).await;
    for _ in 0..2 {
        let (status, again) = send(&serving, BODY).await;
        assert_eq!((status, again), (200, json!({ "event": first["event"], "duplicate": true })));
    }
    let (_, other) = send(&serving, &BODY.replace(":7", ":8")).await;
    assert_eq!(other["duplicate"], false);
    assert_eq!(serving.stored().await, (2, 2));
    assert_eq!(serving.heard(2).await.len(), 2);
}

#[tokio::test]
async fn a_request_that_does_not_say_what_it_must_is_told_so_and_kept_for_a_person() {
    let folder = folder(CMS);
    let serving = Serving::start(&folder);
    for (from, to, status, code) in [
        ("{", "", 400, "malformed_json"),
        ("StartTranscode", "", 422, "wrong_type"),
        ("StartTranscode", "NewFileUpload", 422, "wrong_type"),
        ("StartTranscode", "RunDead", 422, "wrong_type"),
        ("main", "other", 422, "unknown_application"),
        (":7", ":{}", 422, "not_usable"),
    ] {
        let (said, answer) = send(&serving, &BODY.replacen(from, to, 1)).await;
        assert_eq!((said, answer["error"]["code"].as_str().unwrap()), (status, code), "{answer}");
        let text = answer.to_string();
        assert!(!text.contains("${{") && !text.contains(SECRET), "{text}");
    }
    assert_eq!(serving.stored().await, (0, 0));
    let kept = serving.get("/quarantine").await["items"].as_array().unwrap().clone();
    assert_eq!(kept.len(), 6);
    assert!(kept.iter().all(|kept| kept["reason"].as_str().unwrap().starts_with("/hooks/cms: ")), "{kept:?}");
}

#[tokio::test]
async fn only_the_path_itself_takes_events_and_only_by_post_and_within_the_limits() {
    let folder = folder(CMS);
    let serving = Serving::start(&folder);
    for path in ["/hooks", "/hooks/cms/", "/hooks/cms/x", "/hooks/CMS", "/hooks%2Fcms"] {
        let (status, answer) = serving.send(path, &[("X-Signature", &digits(SECRET, BODY))], BODY).await;
        assert_eq!((status, answer["error"]["code"].as_str()), (404, Some("not_found")), "{path}");
    }
    let url = format!("http://{}/hooks/cms", serving.listen);
    let get = http().get(&url).send().await.unwrap();
    assert_eq!((get.status().as_u16(), get.headers()["allow"].to_str().unwrap()), (405, "POST"));
    let unknown = http().post(&url).body(BODY).send().await.unwrap();
    assert!(unknown.headers().contains_key("www-authenticate"));
    assert_eq!(send(&serving, &"x".repeat(1024 * 1024 + 1)).await.0, 413);
    assert_eq!(serving.post(&fixture("protocol/events/01_new_file_upload_plain.json")).await, Some(200));
    assert_eq!(serving.stored().await, (1, 0));
}

#[tokio::test]
async fn an_event_that_cannot_be_committed_is_answered_503_and_is_new_when_it_comes_again() {
    let folder = folder(CMS);
    let serving = Serving::start(&folder);
    let database = rusqlite::Connection::open(folder.file("data/oncue.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(send(&serving, BODY).await.0, 503);
    database.execute_batch("ROLLBACK").unwrap();
    let (status, answer) = send(&serving, BODY).await;
    assert_eq!((status, &answer["duplicate"]), (200, &json!(false)));
    assert_eq!(serving.stored().await, (1, 0));
}

#[tokio::test]
async fn endpoints_secrets_and_applications_change_while_the_server_runs() {
    let folder = folder(CMS);
    folder.write("secret", SECRET);
    let config = folder.read("oncue.yaml").replace("${env:CMS_TOKEN}", "${file:secret}");
    folder.write("oncue.yaml", &config);
    let serving = Serving::start(&folder);
    assert_eq!(send(&serving, BODY).await.0, 200);

    folder.write("secret", "a secret that came later");
    let newer = BODY.replace(":7", ":8");
    eventually("the new secret", || async {
        let headers = [("X-Signature", digits("a secret that came later", &newer))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        (serving.send("/hooks/cms", &headers, &newer).await.0 == 200).then_some(())
    })
    .await;
    assert_eq!(send(&serving, BODY).await.0, 401);

    folder.write("oncue.yaml", &config.replace("path: /hooks/cms", "path: /hooks/desk"));
    reload(&folder, 0);
    assert_eq!(serving.send("/hooks/cms", &[], BODY).await.0, 404);
    assert_eq!(serving.send("/hooks/desk", &[], BODY).await.0, 401);

    folder.write("oncue.yaml", &config.replace("path: /hooks/cms", "path: /vod/desk"));
    reload(&folder, 3);
    assert_eq!(serving.send("/hooks/desk", &[], BODY).await.0, 401, "what was live stays live");
    assert!(!serving.log().contains("came later"), "{}", serving.log());
}

fn reload(folder: &Folder, code: i32) {
    let ran = oncue(&["rules", "reload"]).within(folder).run();
    assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
}

#[tokio::test]
async fn an_event_of_no_application_is_heard_by_rules_for_all() {
    let more = "endpoints: [{ path: /open, source: anyone, type: Decided, insecure: true }]\n";
    let folder = folder(more);
    let serving = Serving::start(&folder);
    assert_eq!(serving.send("/open?x=1", &[], "[1]").await.0, 200);
    let expected = json!({ "type": "Decided", "source": "anyone", "app": null, "keys": {} });
    assert_eq!(serving.heard(1).await, [expected]);
}
