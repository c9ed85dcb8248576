use super::super::{Expression, Names};
use super::compile_error;

fn hint(text: &str) -> String {
    compile_error(text).hint.unwrap_or_default()
}

#[test]
fn unknown_names_are_errors_with_a_suggestion() {
    assert_eq!(compile_error("pyload.a == 1").message, "`pyload` is not known here");
    assert_eq!(hint("pyload.a == 1"), "did you mean `payload`?");
    assert_eq!(hint("payload.list.some(|item| itm.id == 1)"), "did you mean `item`?");
    assert_eq!(
        hint("Video == payload.Type"),
        "known are app, apps, body, event, payload, run, steps, trigger; a text stands in quotes: 'Video'"
    );
    assert_eq!(hint("undefined"), "what is not there is `null`");
}

#[test]
fn a_step_must_come_before() {
    let error = compile_error("steps.medai.outcome");
    assert_eq!((error.offset, error.length), (6, 5));
    assert_eq!(error.message, "no step before this one has the id `medai`");
    assert_eq!(error.hint.as_deref(), Some("did you mean `steps.media`?"));
    assert_eq!(hint("steps['other'].outcome"), "known are media, verdict");
    assert_eq!(hint("payload.list.map(|x| steps.verdct)"), "did you mean `steps.verdict`?");
    assert!(Expression::compile("steps.media.outcome == steps['verdict'].x", &super::names()).is_ok());
    assert!(Expression::compile("steps.keys()", &super::names()).is_ok());
}

#[test]
fn unknown_functions_are_errors_with_a_suggestion() {
    assert_eq!(compile_error("payload.list.lenght()").message, "there is no function `lenght`");
    assert_eq!(hint("payload.list.lenn()"), "did you mean `len`?");
    assert_eq!(hint("time.fromat(1, '')"), "did you mean `time.format`?");
    assert_eq!(compile_error("time.now()").message, "there is no function `time.now`");
    assert_eq!(compile_error("len(1, 2)").message, "`len` takes 1 argument here, not 2");
}

#[test]
fn a_secret_stands_alone() {
    let error = compile_error("'Bearer ' + secrets.cms");
    assert_eq!((error.offset, error.length), (12, 7));
    assert_eq!(error.hint.as_deref(), Some("a secret stands alone as a whole parameter value: `${{ secrets.x }}`"));
}

#[test]
fn a_rule_sees_less_than_a_step() {
    assert!(Expression::compile("run.id", &Names::rule()).is_err());
    assert!(Expression::compile("error.code", &Names::workflow()).is_err());
    assert!(Expression::compile("error.code", &Names::workflow().with_root("error")).is_ok());
    assert!(Expression::compile("payload.x", &Names::workflow().without_root("payload")).is_err());
    assert!(Expression::compile("item.match.case", &Names::workflow().with_root("item")).is_ok());
    assert!(Expression::compile("match.case", &Names::workflow().with_root("match")).is_ok());
}

#[test]
fn a_closure_takes_names_of_its_own() {
    assert_eq!(compile_error("[1].map(|event| 1)").message, "`event` already means something else here");
    assert_eq!(compile_error("[1].map(|x| [2].map(|x| x))").message, "`x` already means something else here");
    assert_eq!(compile_error("[1].map(|x| x) == x").message, "`x` is not known here");
    assert_eq!(compile_error("[[1].map(|x| 1), x]").message, "`x` is not known here");
}

#[test]
fn nothing_impure_can_be_named() {
    for name in [
        "eval",
        "print",
        "debug",
        "sleep",
        "timestamp",
        "rand",
        "type_of",
        "Fn",
        "call",
        "curry",
        "is_shared",
        "is_def_fn",
        "is_def_var",
        "set_tag",
        "tag",
        "append",
        "push",
        "pop",
        "remove",
        "insert",
        "clear",
        "made_value",
        "exact_number",
    ] {
        let direct = format!("{name}('1')");
        assert!(Expression::compile(&direct, &super::names()).is_err(), "{direct}");
        let method = format!("payload.text.{name}('1')");
        assert!(Expression::compile(&method, &super::names()).is_err(), "{method}");
    }
    for text in [
        "import 'x' as y",
        "export payload",
        "while true { 1 }",
        "loop { 1 }",
        "for x in [1] { x }",
        "fn f() { 1 }",
        "return 1",
        "throw 1",
        "try { 1 } catch { 2 }",
        "switch 1 { 1 => 2 }",
        "payload.a.b += 1",
        "const x = 1",
        "do { 1 } while true",
        "global::x",
        "this.x",
        "payload.a := 1",
        "0..10",
        "[1].map(|x| { let y = x; y })",
        "#{ f: |x| x }.f(1)",
    ] {
        assert!(Expression::compile(text, &super::names()).is_err(), "{text}");
    }
}
