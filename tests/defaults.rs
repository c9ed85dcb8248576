//! `defaults` of the configuration, through the real binary.

use serde_json::json;

use crate::support::{Folder, Serving, eventually, fixture, oncue};

const RULES: &str = "
rules:
  - name: fails
    on: NewFileUpload
    steps: [{ uses: fail, with: { message: no, code: no_film } }]
  - name: says-itself
    on: NewFileUpload
    steps: [{ uses: fail, with: { message: no } }]
    on_failure: [{ id: own, set: { a: 1 } }]
  - name: wants-none
    on: NewFileUpload
    steps: [{ uses: fail, with: { message: no } }]
    on_failure: []
";
const DEFAULTS: &str = "defaults:
  retry: { max_attempts: 2, initial: 10ms }
  on_failure:
    - { id: told, uses: script, with: { file: rules/scripts/told.rhai, args: { error: '${{ error }}' } } }
";

#[tokio::test]
async fn a_rule_without_on_failure_has_that_of_the_configuration_and_the_run_pins_it() {
    let folder = Folder::with_rules(RULES);
    folder.write("rules/scripts/told.rhai", "#{ code: args.error.code }\n");
    folder.configure(DEFAULTS);
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture("protocol/events/01_new_file_upload_plain.json")).await, Some(200));
    let steps = async |rule: &str| {
        let path = format!("/runs?rule={rule}&status=dead");
        let run = eventually("a dead run", || async { serving.get(&path).await["items"].get(0).cloned() }).await;
        serving.get(&format!("/runs/{}", run["id"].as_str().unwrap())).await["steps"].clone()
    };
    let told = steps("fails").await;
    assert_eq!(
        (&told[1]["path"], &told[1]["output"]),
        (&json!("on_failure:told"), &json!({ "code": "no_film" })),
        "{told}"
    );
    assert_eq!(steps("says-itself").await[1]["path"], "on_failure:own");
    assert_eq!(steps("wants-none").await.as_array().unwrap().len(), 1);
}

#[test]
fn what_is_wrong_with_defaults_is_reported_in_the_configuration_without_its_secrets() {
    let folder = Folder::with_rules(RULES);
    folder.configure(
        "defaults:\n  on_failur: []\n  retry: { max_attempts: 0 }\n  on_failure:\n    - { uses: webhok, with: { to: oncall } }\n    \
         - { uses: log, with: { message: \"${{ eror.code }}\", secret: hunter2-hunter2 } }\n",
    );
    let report = oncue(&["check"]).within(&folder).failure().stdout;
    for expected in
        ["did you mean `on_failure`?", "`max_attempts` must be", "did you mean `webhook`?", "eror", "oncue.yaml:"]
    {
        assert!(report.contains(expected), "{expected}:\n{report}");
    }
    assert!(!report.contains("hunter2"), "{report}");
}
