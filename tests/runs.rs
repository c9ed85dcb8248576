//! Handling runs from the command line.

use serde_json::Value;

use crate::support::{APP, Folder, Serving, eventually, fixture, oncue};

const RULES: &str = "
rules:
  - { name: one, on: NewFileUpload, steps: [{ id: rest, sleep: 1h }] }
  - { name: other, on: NewFileUpload, steps: [{ id: rest, sleep: 1h }] }
  - { name: ends, on: NewFileUpload, steps: [{ id: said, uses: log, with: { message: seen } }] }
";

async fn has(serving: &Serving, status: &str, count: u64) {
    eventually(status, || async {
        let counts = serving.get("/counts").await;
        (counts["runs"][status].as_u64().unwrap_or(0) == count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_fit_a_filter_are_cancelled_and_a_dry_run_only_names_them() {
    let folder = Folder::with_rules(RULES);
    let serving = Serving::start(&folder);
    let sample = fixture("protocol/events/01_new_file_upload_plain.json");
    for file in ["1", "2", "3"] {
        assert_eq!(serving.post(&sample.replace("5000000000000000001", file)).await, Some(200));
    }
    has(&serving, "waiting", 6).await;
    has(&serving, "succeeded", 3).await;
    let cancel = |more: &[&str]| -> Value {
        let ran = oncue(&[&["runs", "cancel", "--json"], more].concat()).within(&folder).success();
        serde_json::from_str(&ran.stdout).unwrap()
    };
    let count = |answer: &Value, name: &str| answer[name].as_array().unwrap().len();
    let dry = cancel(&["--rule", "one", "--dry-run"]);
    assert_eq!((count(&dry, "found"), count(&dry, "asked")), (3, 0), "{dry}");
    has(&serving, "waiting", 6).await;
    let done = cancel(&["--rule", "one", "--status", "waiting"]);
    assert_eq!((count(&done, "found"), count(&done, "asked"), count(&done, "ended")), (3, 3, 0), "{done}");
    has(&serving, "cancelled", 3).await;
    let rest = cancel(&["--app", &APP.to_string()]);
    assert_eq!(count(&rest, "asked"), 3, "those that have ended are left out: {rest}");
    has(&serving, "cancelled", 6).await;
    let none = oncue(&["runs", "cancel", "--rule", "ends"]).within(&folder).success();
    assert_eq!(none.stdout, "0 runs are asked to end, 0 have ended meanwhile\n");
    for wrong in [&["runs", "cancel"][..], &["runs", "cancel", "run_1", "--rule", "one"]] {
        assert_eq!(oncue(wrong).within(&folder).failure().code, 2, "{wrong:?}");
    }
}
