//! The page on endpoints says what is true.

use std::process::Command;

use serde_json::Value;

use crate::docs::blocks;
use crate::support::{Folder, Serving, eventually, oncue};

const PAGE: &str = "docs/endpoints.md";
const SECRETS: [(&str, &str); 4] = [
    ("DESK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ("GITHUB_SECRET", "of-github"),
    ("STRIPE_SECRET", "of-stripe"),
    ("SHOP_SECRET", "of-the-shop"),
];

fn written(language: &str) -> Vec<String> {
    blocks(PAGE).into_iter().filter(|block| block.language == language).map(|block| block.text).collect()
}

#[test]
fn every_configuration_and_rule_of_the_page_is_valid() {
    let yaml = written("yaml");
    assert_eq!(yaml.len(), 4);
    for block in yaml {
        let is_rule = block.starts_with("rules:");
        let folder = Folder::with_rules(if is_rule { &block } else { "rules: []\n" });
        folder.configure(if is_rule { "" } else { &block });
        let said = oncue(&["check"]).within(&folder).with_environment(&SECRETS).success().stdout;
        assert!(said.ends_with("0 errors, 0 warnings\n"), "{said}");
    }
}

#[tokio::test]
async fn the_request_of_the_page_starts_the_rule_of_the_page() {
    let yaml = written("yaml");
    let folder = Folder::with_rules(&yaml[1]);
    folder.configure(&yaml[0]);
    let serving = Serving::start_with(&folder, &SECRETS);
    let program = written("python").remove(0).replace("127.0.0.1:8080", &serving.listen.to_string());
    let token = "9f4c1d7be2a8460395d1c07be86a2f14";
    let mut python = Command::new("python3");
    let ran = python.args(["-c", &program]).env("CMS_TOKEN", token).env("NO_PROXY", "127.0.0.1").output().unwrap();
    let answer: Value = serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    assert_eq!(answer["duplicate"], false);
    let logged = || async { serving.logged().into_iter().find(|line| line.rule == "start-by-cms") };
    let logged = eventually("the line of the rule", logged).await;
    assert_eq!(logged.message, "5000000000000000001 for ticket 7");
}
