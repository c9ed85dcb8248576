mod functions;
mod limits;
mod names;
mod operators;
mod syntax;
mod workflows;

use super::{Expression, ExpressionError, Names, Scope};
use crate::value::Value;

const EVENT: &str = r#"{
    "a": {"b": 1, "c-d": 2}, "Type": "Transcode", "if": true, "private": 2, "默认": 3, "n": null,
    "list": [{"id": 1, "tags": ["x", "y"]}, {"id": 2, "tags": ["z"]}],
    "big": 9223372036854775808, "long": 0.12345678901234567890123, "duration": 90.0, "text": "中文 text"
}"#;

fn value(json: &str) -> Value {
    Value::from_json(json.as_bytes()).unwrap()
}

fn names() -> Names {
    Names::workflow().with_step("media").with_step("verdict")
}

fn scope() -> Scope {
    let mut scope = Scope::default();
    scope.set("payload", value(EVENT));
    scope.set("app", value(r#"{"vars": {"definitions": [100010, 100020], "one": 1}}"#));
    scope
}

fn compile_error(text: &str) -> ExpressionError {
    Expression::compile(text, &names()).unwrap_err()
}

/// The value as JSON.
fn answer(text: &str) -> String {
    Expression::compile(text, &names()).unwrap().evaluate(&scope()).unwrap().to_json()
}

/// The message without the expression that it names.
fn failure(text: &str) -> String {
    Expression::compile(text, &names()).unwrap().evaluate(&scope()).unwrap_err().message
}

#[track_caller]
fn all_hold(texts: &[&str]) {
    for text in texts {
        let expression = Expression::compile(text, &names()).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(expression.holds(&scope()), Ok(true), "{text}");
    }
}

#[test]
fn a_condition_must_be_a_boolean() {
    let expression = Expression::compile("payload.Type", &names()).unwrap();
    let error = expression.holds(&scope()).unwrap_err();
    assert_eq!(error.to_string(), "a condition must be true or false, not a text in `payload.Type`");
}

#[test]
fn an_error_shows_a_long_expression_cut() {
    let text = format!("'{}' + null", "é".repeat(200));
    let error = Expression::compile(&text, &names()).unwrap().evaluate(&scope()).unwrap_err();
    assert!(error.to_string().ends_with("é…`"), "{error}");
}

#[test]
fn the_roots_are_those_of_all_parts() {
    let text = "payload.list.some(|t| t.id == app.vars.one) and steps.media.outcome == 'succeeded'";
    let expression = Expression::compile(text, &names()).unwrap();
    assert_eq!(expression.roots().collect::<Vec<_>>(), ["app", "payload", "steps"]);
    assert_eq!(expression.text(), text);
}

#[test]
fn a_name_without_a_value_is_null() {
    assert_eq!(answer("run.id"), "null");
    assert_eq!(answer("trigger"), "null");
}

#[test]
fn a_changed_scope_leaves_its_clones_alone() {
    let mut first = Scope::default();
    first.set("payload", value("1"));
    let second = first.clone();
    first.set("payload", value("2"));
    let expression = Expression::compile("payload", &Names::rule()).unwrap();
    assert_eq!(expression.evaluate(&first), Ok(value("2")));
    assert_eq!(expression.evaluate(&second), Ok(value("1")));
    assert_eq!(second.get("payload"), Some(&value("1")));
    assert_eq!(second.get("body"), None);
}

#[test]
fn a_whole_value_is_passed_on_without_a_copy() {
    let scope = scope();
    let list = Expression::compile("payload.list", &names()).unwrap().evaluate(&scope).unwrap();
    let (Value::List(given), Some(Value::List(got))) = (list, scope.get("payload").map(|payload| payload.get("list")))
    else {
        panic!("both are lists");
    };
    assert!(std::sync::Arc::ptr_eq(&given, got));
}

#[test]
fn expressions_are_shared_by_threads() {
    fn is_shared<T: Send + Sync + Clone>() {}
    is_shared::<Expression>();
    is_shared::<Scope>();
    let expression = Expression::compile("payload.list.map(|x| x.id).sum() == 3", &names()).unwrap();
    let scope = scope();
    std::thread::scope(|threads| {
        let answers = [(); 4].map(|()| threads.spawn(|| expression.holds(&scope)));
        for answer in answers {
            assert_eq!(answer.join().unwrap(), Ok(true));
        }
    });
}
