//! `oncue runs retry`.

use serde_json::json;

use super::{OtherSide, ask, count, id, run, serve, upload};
use crate::support::{APP, Serving, oncue};

const RULES: &str = "
rules:
  - name: fork
    on: NewFileUpload
    steps:
      - { id: first, uses: http, with: { url: 'URL/first', allow_private: true } }
      - id: fork
        parallel:
          one: { uses: http, with: { url: 'URL/one', allow_private: true } }
          two:
            - { id: before, uses: http, with: { url: 'URL/before', allow_private: true } }
            - { id: two, uses: http, with: { url: 'URL/two', allow_private: true } }
          each:
            for_each: [a, b, c]
            max_parallel: 3
            uses: http
            with: { url: 'URL/${{ item }}', allow_private: true }
      - { id: last, uses: http, with: { url: 'URL/last', allow_private: true } }
    on_failure:
      - { uses: http, with: { url: 'URL/failed', allow_private: true } }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_run_goes_on_from_what_failed_and_repeats_nothing_that_is_done() {
    let other = OtherSide::start().await;
    other.answers("two", 400);
    other.answers("b", 400);
    let (folder, serving) = serve(RULES, &other);
    upload(&serving, "1").await;
    let dead = run(&serving, "dead").await;
    assert_eq!(other.sorted_calls(), ["a", "b", "before", "c", "failed", "first", "one", "two"]);

    let (code, dry) = ask(&folder, &["runs", "retry", id(&dead), "--dry-run"]);
    let steps = json!([{ "step": "fork/each[1]", "doubt": null }, { "step": "fork/two/two", "doubt": null }]);
    assert_eq!((code, &dry["outcome"], &dry["repeats"]), (0, &json!("dry_run"), &steps), "{dry}");
    assert_eq!(serving.get(&format!("/runs/{}", id(&dead))).await, dead, "a dry run changes nothing");

    other.answers("b", 200);
    let (code, asked) = ask(&folder, &["runs", "retry", id(&dead)]);
    assert_eq!((code, &asked["outcome"]), (0, &json!("asked")), "{asked}");
    eventually_dead_again(&serving, &dead).await;
    assert_eq!(other.sorted_calls(), ["b", "failed", "two"], "it dies again, and tells of it again");

    other.answers("two", 200);
    let said = oncue(&["runs", "retry", id(&dead)]).within(&folder).success().stdout;
    assert_eq!(said, format!("{} goes on from fork/two/two\n", id(&dead)));
    let well = run(&serving, "succeeded").await;
    assert_eq!((other.calls(), id(&well)), (vec!["two".to_owned(), "last".to_owned()], id(&dead)));
    assert_eq!(well["run"]["error"], json!(null));
    let (code, refused) = ask(&folder, &["runs", "retry", id(&dead)]);
    assert_eq!(code, 7, "{refused}");
    let message = format!("{} is succeeded: only dead runs are retried", id(&dead));
    assert_eq!(refused["error"]["message"], json!(message));
    assert_eq!(serving.stop(), 0);
    oncue(&["verify"]).within(&folder).success();
}

async fn eventually_dead_again(serving: &Serving, before: &serde_json::Value) {
    crate::support::eventually("the second death", || async {
        let now = serving.get(&format!("/runs/{}", id(before))).await;
        (now["run"]["status"] == "dead" && now["run"]["updated_at"] != before["run"]["updated_at"]).then_some(())
    })
    .await;
}

const ONCE: &str = "
rules:
  - name: once
    on: NewFileUpload
    steps:
      - id: order
        uses: http
        with: { method: POST, url: 'URL/order', body: 1, repeatable: false, allow_private: true }
  - name: plain
    on: NewFileUpload
    steps: [{ uses: http, with: { url: 'URL/plain', allow_private: true } }]
";

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_had_its_effect_is_only_repeated_when_a_person_agrees() {
    let other = OtherSide::start().await;
    other.answers("order", 502);
    other.answers("plain", 400);
    let (folder, serving) = serve(ONCE, &other);
    for file in ["1", "2"] {
        upload(&serving, file).await;
    }
    count(&serving, "dead", 4).await;
    other.answers("order", 200);
    other.answers("plain", 200);
    other.calls();
    let (code, answer) = ask(&folder, &["runs", "retry", "--status", "dead", "--app", &APP.to_string()]);
    let list = |name: &str| answer[name].as_array().unwrap().len();
    assert_eq!((code, list("asked"), list("refused")), (7, 2, 2), "{answer}");
    let message = answer["refused"][0]["message"].as_str().unwrap();
    assert!(message.contains("--again") && message.contains("--new-key"), "{message}");
    count(&serving, "succeeded", 2).await;
    assert_eq!(other.calls(), ["plain", "plain"]);
    let (code, answer) = ask(&folder, &["runs", "retry", "--rule", "once", "--again"]);
    assert_eq!((code, answer["asked"].as_array().unwrap().len()), (0, 2), "{answer}");
    count(&serving, "succeeded", 4).await;
    assert_eq!(other.calls(), ["order", "order"]);
    let (code, answer) = ask(&folder, &["runs", "retry", "--until", "2026-01-31T08:00:00Z"]);
    assert_eq!((code, &answer["asked"]), (0, &json!([])), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_outlives_a_server_that_is_killed() {
    let other = OtherSide::start().await;
    other.answers("two", 400);
    let (folder, serving) = serve(RULES, &other);
    upload(&serving, "1").await;
    let dead = run(&serving, "dead").await;
    other.answers("two", 200);
    other.calls();
    // The rule has changed meanwhile: the run keeps its own.
    folder.write("rules/rules.yaml", "rules: []\n");
    ask(&folder, &["rules", "reload"]);
    assert_eq!(ask(&folder, &["runs", "retry", id(&dead)]).0, 0);
    serving.kill();
    let serving = Serving::start(&folder);
    let well = run(&serving, "succeeded").await;
    assert_eq!(id(&well), id(&dead));
    let mut calls = other.sorted_calls();
    calls.dedup();
    assert_eq!(calls, ["last", "two"], "with a kill, a call may be made twice");
    assert_eq!(serving.stop(), 0);
    oncue(&["verify"]).within(&folder).success();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_of_a_run_whose_rule_cannot_be_opened_is_refused_and_one_that_was_taken_leaves_it_dead() {
    let other = OtherSide::start().await;
    other.answers("two", 400);
    let (folder, serving) = serve(RULES, &other);
    upload(&serving, "1").await;
    let dead = run(&serving, "dead").await;
    folder.write("rules/rules.yaml", "rules: []\n");
    assert_eq!(serving.stop(), 0);
    // As if a plugin had gone: what the run pins does not open any more.
    let change = |sql: &str| {
        let connection = rusqlite::Connection::open(folder.file("data/oncue.db")).unwrap();
        connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        connection.close().unwrap();
    };
    change("CREATE TABLE aside AS SELECT * FROM contents; DELETE FROM contents;");
    let serving = Serving::start(&folder);
    let (code, refused) = ask(&folder, &["runs", "retry", id(&dead)]);
    assert_eq!(code, 7, "{refused}");
    assert!(refused["error"]["message"].as_str().unwrap().contains("is not stored"), "{refused}");
    let (code, refused) = ask(&folder, &["replay", id(&dead), "--rules", "original"]);
    assert_eq!(code, 7, "{refused}");
    assert_eq!(serving.stop(), 0);

    change(
        r#"UPDATE runs SET status = 'pending', free_at = 1, inputs = 1;
           INSERT INTO inbox SELECT id, 1, 1, '{"input":"retry","generation":1000,"new_key":false}' FROM runs;
           UPDATE events SET needed_by = 1; UPDATE tallies SET n = 0 WHERE what = 'dead';
           INSERT INTO tallies VALUES ('pending', 1) ON CONFLICT DO UPDATE SET n = 1;"#,
    );
    let serving = Serving::start(&folder);
    let again = run(&serving, "dead").await;
    assert_eq!((id(&again), &again["run"]["error"]["code"]), (id(&dead), &json!("not_retried")), "{again}");
    assert_eq!(serving.stop(), 0);
    change("INSERT OR IGNORE INTO contents SELECT * FROM aside; DROP TABLE aside;");
    oncue(&["verify"]).within(&folder).success();

    other.answers("two", 200);
    let serving = Serving::start(&folder);
    assert_eq!(ask(&folder, &["runs", "retry", id(&dead)]).0, 0);
    let well = run(&serving, "succeeded").await;
    assert_eq!(well["run"]["error"], json!(null));
}

#[test]
fn a_retry_that_names_nothing_or_too_much_is_wrong_usage() {
    let folder = crate::support::Folder::with_rules("rules: []\n");
    for wrong in [
        &["runs", "retry"][..],
        &["runs", "retry", "run_1", "--rule", "one"],
        &["runs", "retry", "--status", "cancelled"],
        &["runs", "retry", "run_1", "--again", "--new-key"],
    ] {
        assert_eq!(oncue(wrong).within(&folder).failure().code, 2, "{wrong:?}");
    }
}
