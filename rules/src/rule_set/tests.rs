mod bytes;
mod explanations;

use serde_json::{Value as Json, json};

use super::*;
use crate::catalog::NoFiles;
use crate::closure::Closure;
use crate::diagnostic::Diagnostics;
use crate::event::{Body, Event, Payload};
use crate::ids::{ActionName, EventId, SourceName};
use crate::rule::StepKind;
use crate::time::Timestamp;
use crate::yaml;

struct Actions(Json);

impl Actions {
    fn new() -> Self {
        Self(json!({ "type": "object", "properties": { "message": {} }, "required": ["message"] }))
    }
}

impl ActionCatalog for Actions {
    fn names(&self) -> Vec<ActionName> {
        vec![ActionName::from("log")]
    }

    fn parameters(&self, action: &str) -> Option<&Json> {
        (action == "log").then_some(&self.0)
    }
}

/// No action any more.
struct Nothing;

impl ActionCatalog for Nothing {
    fn names(&self) -> Vec<ActionName> {
        Vec::new()
    }

    fn parameters(&self, _action: &str) -> Option<&Json> {
        None
    }
}

fn app(id: u64, name: &str, vars: &str) -> AppFacts {
    AppFacts {
        subappid: SubAppId(id),
        name: name.to_owned(),
        labels: BTreeMap::from([("env".to_owned(), "prod".to_owned())]),
        vars: Value::from_json(vars.as_bytes()).expect("JSON"),
        has_credentials: true,
    }
}

fn apps() -> Vec<AppFacts> {
    vec![app(2, "replay", "{}"), app(10, "short-video", r#"{"on":true}"#)]
}

fn source(name: &str, text: &str) -> SourceFile {
    SourceFile { name: name.into(), text: text.into() }
}

fn load_with(text: &str, apps: &[AppFacts]) -> RuleSet {
    let (set, diagnostics) = RuleSet::load(
        &[source("a.yaml", text)],
        &Known { actions: &Actions::new(), files: &NoFiles, apps, secrets: None, defaults: None },
    );
    set.unwrap_or_else(|| panic!("{diagnostics}"))
}

/// A set of rules of the given names and fields.
fn load(rules: &[(&str, &str)]) -> RuleSet {
    let rule = |(name, fields): &(&str, &str)| {
        format!("  - {{ name: {name}, steps: [{{ uses: log, with: {{ message: a }} }}], {fields} }}\n")
    };
    let text = format!("rules:\n{}", rules.iter().map(rule).collect::<String>());
    load_with(&text, &apps())
}

fn event(kind: &str, subappid: Option<u64>) -> Event {
    Event {
        id: EventId::from_bytes([1; 16]),
        source: SourceName::from("vod"),
        kind: EventType::from(kind),
        subappid: subappid.map(SubAppId),
        dedupe_key: "key".to_owned(),
        received_at: Timestamp(0),
        depth: 0,
        cause: None,
        keys: Vec::new(),
        context: Value::Null,
        body: Body::read(br#"{"FileId":"1","Category":"Video"}"#.as_slice()).expect("JSON"),
    }
}

fn names(rules: &[Arc<Rule>]) -> Vec<&str> {
    rules.iter().map(|rule| rule.name.as_str()).collect()
}

#[test]
fn what_no_rule_listens_to_or_waits_for_is_not_heard() {
    let heard = |set: &RuleSet, app: Option<u64>| set.hears(&EventType::from("RunDead"), app.map(SubAppId));
    let some =
        load(&[("one", "on: RunDead, apps: replay"), ("off", "on: '*', mode: off"), ("other", "on: FileDeleted")]);
    assert_eq!([Some(2), Some(10), None].map(|app| heard(&some, app)), [true, false, false]);
    for fields in ["on: '*'", "on: [A, RunDead], mode: shadow"] {
        assert!(heard(&load(&[("all", fields)]), None), "{fields}");
    }
    let wait = "{ wait_for: { on: RunDead, keys: { file_id: '1' }, timeout: 1h } }";
    let waiting = load(&[("waits", &format!("on: X, on_failure: [{{ group: [{wait}] }}]"))]);
    assert!(heard(&waiting, Some(10)));
}

#[test]
fn all_rules_that_match_are_given_in_the_order_of_the_set() {
    let set = load(&[
        ("c", "on: [NewFileUpload, FileDeleted]"),
        ("a", "on: '*'"),
        ("deleted", "on: FileDeleted"),
        ("b", "on: NewFileUpload"),
    ]);
    let judgement = set.judge(&event("NewFileUpload", None), None);
    assert_eq!(names(&judgement.matched), ["c", "a", "b"]);
    assert!(judgement.unmatched == 0 && judgement.errors.is_empty());
    assert_eq!(names(&set.judge(&event("SomethingNew", None), None).matched), ["a"]);
}

#[test]
fn a_rule_that_is_off_says_nothing_and_one_in_shadow_matches() {
    let set = load(&[("off", "on: '*', mode: off"), ("shadow", "on: '*', mode: shadow")]);
    let judgement = set.judge(&event("NewFileUpload", None), None);
    assert_eq!(names(&judgement.matched), ["shadow"]);
    assert!(judgement.unmatched == 0);
}

#[test]
fn an_if_that_fails_is_an_error_and_never_no_match() {
    let set = load(&[
        ("fails", "on: '*', if: 'event.depth > null'"),
        ("no", "on: '*', if: false"),
        ("yes", "on: '*', if: true"),
    ]);
    let judgement = set.judge(&event("NewFileUpload", None), None);
    assert_eq!(names(&judgement.matched), ["yes"]);
    assert_eq!(judgement.unmatched, 1);
    assert_eq!(judgement.errors.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["fails"]);
}

#[test]
fn an_if_is_not_asked_when_the_match_fails() {
    let set = load(&[("a", "on: '*', match: { payload.Category: Audio }, if: 'event.depth > null'")]);
    let judgement = set.judge(&event("NewFileUpload", None), None);
    assert!(judgement.errors.is_empty());
    assert_eq!(judgement.unmatched, 1);
}

#[test]
fn explain_gives_the_first_reason() {
    let set = load(&[
        ("off", "on: '*', mode: off"),
        ("type", "on: FileDeleted"),
        ("app", "on: '*', apps: [replay]"),
        ("condition", "on: '*', match: { payload.Category: Audio }"),
        ("if", "on: '*', if: false"),
        ("matches", "on: '*', match: { payload.Category: Video }, if: true"),
    ]);
    let facts = app(10, "short-video", "{}");
    let event = event("NewFileUpload", Some(10));
    let explain = |name: &str| set.explain(name, &event, Some(&facts)).expect("the rule is there");
    assert_eq!(explain("off"), Verdict::Unmatched(Unmatched::Off));
    assert_eq!(explain("type"), Verdict::Unmatched(Unmatched::Type));
    assert_eq!(explain("app"), Verdict::Unmatched(Unmatched::Application));
    assert!(matches!(explain("condition"), Verdict::Unmatched(Unmatched::Condition(_))));
    assert_eq!(explain("if"), Verdict::Unmatched(Unmatched::If));
    assert_eq!(explain("matches"), Verdict::Matched);
    assert_eq!(set.explain("nothing", &event, None), None);
}

#[test]
fn an_if_sees_the_application_of_the_event() {
    let set = load(&[("a", "on: '*', apps: short-video, if: app.vars.on")]);
    let event = event("NewFileUpload", Some(10));
    assert_eq!(set.judge(&event, Some(&apps()[1])).matched.len(), 1);
    assert_eq!(set.judge(&event, Some(&app(10, "short-video", r#"{"on":false}"#))).matched.len(), 0);
}

#[test]
fn applications_are_resolved_at_load() {
    let set =
        load(&[("name", "on: '*', apps: replay"), ("label", "on: '*', apps: ['label:env=prod']"), ("all", "on: '*'")]);
    let matched = |id| set.judge(&event("X", id), None).matched.len();
    assert_eq!((matched(Some(2)), matched(Some(10)), matched(Some(3)), matched(None)), (3, 2, 1, 1));
}

#[test]
fn names_are_unique_over_all_files() {
    let text = "rules:\n  - { name: a, on: X, steps: [{ uses: log, with: { message: a } }] }\n";
    let files = [source("one.yaml", text), source("two.yaml", text)];
    let (set, diagnostics) = RuleSet::load(
        &files,
        &Known { actions: &Actions::new(), files: &NoFiles, apps: &[], secrets: None, defaults: None },
    );
    assert!(set.is_none());
    let messages: Vec<String> = diagnostics.iter().map(|d| format!("{}: {}", d.file.name, d.message)).collect();
    assert_eq!(messages, ["two.yaml: two rules have the name `a`: the other is at one.yaml:2"]);
}

#[test]
fn problems_of_all_files_come_together() {
    let files = [source("b.yaml", "rules: 1\n"), source("a.yaml", "rules: [\n"), source("c.yaml", "rules: []\n")];
    let (set, diagnostics) = RuleSet::load(
        &files,
        &Known { actions: &Actions::new(), files: &NoFiles, apps: &[], secrets: None, defaults: None },
    );
    assert!(set.is_none());
    assert_eq!(diagnostics.iter().map(|d| d.file.name.to_string()).collect::<Vec<_>>(), ["a.yaml", "b.yaml"]);
}

const RULE: &str = "rules:\n  - name: a\n    on: X\n    apps: [replay]\n    steps: [{ id: b, uses: log, with: { message: [1.50, x] } }]\n";

#[test]
fn comments_and_formatting_do_not_change_a_closure() {
    let same = "# comment\nrules: [{\"on\": 'X', apps: [\"replay\"], name: a,\n  steps: [{ uses: log, with: { message: [15e-1, \"x\"] }, id: b }] }]\n";
    assert_eq!(load_with(RULE, &apps()).rules()[0].closure, load_with(same, &apps()).rules()[0].closure);
}

#[test]
fn whatever_has_a_meaning_changes_a_closure() {
    let base = load_with(RULE, &apps()).rules()[0].closure.clone();
    for (from, to) in [
        ("1.50", "1.51"),
        ("1.50", "'1.50'"),
        ("x]", "y]"),
        ("on: X", "on: Y"),
        ("id: b", "id: c"),
        ("[replay]", "[short-video]"),
    ] {
        let changed = RULE.replace(from, to);
        assert_ne!(changed, RULE);
        assert_ne!(load_with(&changed, &apps()).rules()[0].closure, base, "{to}");
    }
    let other_vars = [app(2, "replay", "{}"), app(10, "short-video", r#"{"on":false}"#)];
    assert_ne!(load_with(RULE, &other_vars).rules()[0].closure, base);
}

#[test]
fn a_closure_opens_without_files_and_applications() {
    let set = load_with(RULE, &apps());
    let [vars, closure] = set.contents() else { panic!("the variables and one closure") };
    assert_eq!(closure.hash, set.rules()[0].closure);
    assert_eq!(Closure::vars(&closure.text).expect("a closure"), vars.hash);
    let pinned = Closure::open(&closure.text, &vars.text, &Actions::new()).expect("it opens");
    assert_eq!(pinned.rule.closure, closure.hash);
    assert_eq!(pinned.rule.name, set.rules()[0].name);
    assert_eq!(pinned.rule.apps, set.rules()[0].apps);
    assert_eq!(pinned.vars, *set.vars());
    assert_eq!(pinned.vars.to_json(), r#"{"10":{"on":true},"2":{}}"#);
}

#[test]
fn every_kind_of_rule_opens_again_under_its_own_name() {
    let text = include_str!("../../tests/good/loops.yaml");
    let set = load_with(text, &apps());
    for (rule, closure) in set.rules().iter().zip(&set.contents()[1..]) {
        let pinned = Closure::open(&closure.text, &set.contents()[0].text, &Actions::new()).expect("it opens");
        assert_eq!(pinned.rule.closure, rule.closure);
    }
}

#[test]
fn branches_and_cases_open_in_the_order_in_which_runs_know_them() {
    let log = "{ uses: log, with: { message: a } }";
    let steps = format!("[{{ parallel: {{ b: {log}, a: {log} }} }}, {{ switch: x, cases: {{ y: {log}, x: {log} }} }}]");
    let set = load_with(&format!("rules: [{{ name: a, on: X, steps: {steps} }}]"), &apps());
    let [vars, closure] = set.contents() else { panic!("the variables and one closure") };
    let pinned = Closure::open(&closure.text, &vars.text, &Actions::new()).expect("it opens");
    let names = |rule: &Rule| -> Vec<String> {
        let lists = rule.steps.iter().flat_map(|step| match &step.kind {
            StepKind::Parallel(branches) => branches.as_slice(),
            StepKind::Switch(switch) => switch.cases.as_slice(),
            _ => &[],
        });
        lists.map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&set.rules()[0]), names(&pinned.rule));
}

#[test]
fn a_label_that_selects_nothing_still_opens() {
    let text = RULE.replace("[replay]", "['label:env=test']");
    let set = load_with(&text, &apps());
    let [vars, closure] = set.contents() else { panic!("the variables and one closure") };
    let pinned = Closure::open(&closure.text, &vars.text, &Actions::new()).expect("it opens");
    assert!(!pinned.rule.apps.includes(Some(SubAppId(2))));
}

#[test]
fn what_does_not_belong_together_does_not_open() {
    let set = load_with(RULE, &apps());
    let [vars, closure] = set.contents() else { panic!("the variables and one closure") };
    let message = |result: Result<crate::closure::PinnedRule, Diagnostics>| match result {
        Ok(_) => panic!("it opened"),
        Err(diagnostics) => diagnostics.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("; "),
    };
    let open = |closure: &str, vars: &str| message(Closure::open(closure, vars, &Actions::new()));
    assert_eq!(open(&closure.text, "{}"), "the variables are not those that the closure names");
    assert!(open("{", &vars.text).starts_with("the closure is not JSON"));
    assert_eq!(open("{}", &vars.text), "this is no closure: `rule` or `vars` is missing");
    assert_eq!(message(Closure::open(&closure.text, &vars.text, &Nothing)), "there is no action `log`");
}

/// `log` without a retry of its own, and `call` with one.
struct WithRetry(Json);

impl ActionCatalog for WithRetry {
    fn names(&self) -> Vec<ActionName> {
        ["log", "call"].map(ActionName::from).to_vec()
    }

    fn parameters(&self, action: &str) -> Option<&Json> {
        ["log", "call"].contains(&action).then_some(&self.0)
    }

    fn has_own_retry(&self, action: &str) -> bool {
        action == "call"
    }
}

fn load_under(defaults: &str, rules: &str) -> Result<RuleSet, String> {
    let actions = WithRetry(Actions::new().0);
    let file = source("oncue.yaml", defaults);
    let node = yaml::read(&file, &mut Diagnostics::default()).unwrap();
    let defaults = Defaults { file, node };
    let known = Known { actions: &actions, files: &NoFiles, apps: &apps(), secrets: None, defaults: Some(&defaults) };
    let (set, diagnostics) = RuleSet::load(&[source("a.yaml", rules)], &known);
    set.ok_or_else(|| diagnostics.to_string())
}

const DEFAULTS: &str = "retry: { max_attempts: 2, initial: 3s }
on_failure: [{ uses: log, with: { message: \"${{ error.code }}\" } }]";

#[test]
fn rules_have_the_defaults_where_they_do_not_say_otherwise() {
    let rules = "rules:
  - name: bare
    on: X
    steps:
      - { uses: log, with: { message: a, uses: log } }
      - group: [{ uses: call, with: { message: a } }, { uses: log, with: { message: b }, retry: { max_attempts: 9 } }]
  - name: own
    on: X
    steps: [{ uses: log, with: { message: a } }]
    on_failure: []
";
    let set = load_under(DEFAULTS, rules).unwrap();
    let attempts = |step: &crate::rule::Step| step.retry.as_ref().map(|retry| retry.max_attempts);
    let bare = set.get("bare").unwrap();
    assert_eq!((attempts(&bare.steps[0]), attempts(&bare.steps[1])), (Some(2), None));
    let crate::rule::StepKind::Group(group) = &bare.steps[1].kind else { panic!("{bare:?}") };
    assert_eq!((attempts(&group[0]), attempts(&group[1])), (None, Some(9)));
    assert_eq!((bare.on_failure.len(), attempts(&bare.on_failure[0])), (1, Some(2)));
    assert!(set.get("own").unwrap().on_failure.is_empty());

    // A run pins them: the rule opens without them, and other defaults are another closure.
    let text = &set.contents()[1].text;
    let opened = Closure::open(text, &set.vars().to_json(), &WithRetry(Actions::new().0)).unwrap();
    assert_eq!((opened.rule.on_failure.len(), &opened.rule.closure), (1, &bare.closure));
    let other = load_under(&DEFAULTS.replace("3s", "4s"), rules).unwrap();
    assert_ne!(other.get("bare").unwrap().closure, bare.closure);
    let same = load_under("{}", rules).unwrap();
    let bare = same.get("bare").unwrap();
    assert!(bare.on_failure.is_empty() && bare.steps[0].retry.is_none());
}

#[test]
fn defaults_that_are_wrong_are_reported_where_they_are_written_and_once() {
    let rules = "rules: [{ name: a, on: X, steps: [{ uses: log, with: { message: a } }] },
      { name: b, on: X, steps: [{ uses: log, with: { message: a } }] }]";
    let report = load_under("on_failure: [{ uses: lgo, with: {} }]\nretry: { max_attempts: 0 }", rules).unwrap_err();
    assert_eq!(report.matches("-->").count(), 2, "{report}");
    assert!(report.contains("oncue.yaml:1:22") && report.contains("oncue.yaml:2:24"), "{report}");
}

#[test]
fn what_does_not_fit_a_rule_is_reported_at_that_rule() {
    let defaults = "on_failure: [{ id: told, uses: log, with: { message: a } }]";
    let rules = "rules:\n  - { name: a, on: X, steps: [{ id: told, uses: log, with: { message: a } }] }";
    let report = load_under(defaults, rules).unwrap_err();
    assert!(report.contains("a.yaml:2:"), "{report}");
}
