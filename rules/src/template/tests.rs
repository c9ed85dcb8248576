use super::{Template, secret_reference};
use crate::expression::{ExpressionError, Names, Scope};
use crate::ids::SecretName;
use crate::value::Value;

fn value(json: &str) -> Value {
    Value::from_json(json.as_bytes()).unwrap()
}

fn template(text: &str) -> Template {
    Template::text(text, &Names::workflow()).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn error(text: &str) -> ExpressionError {
    Template::text(text, &Names::workflow()).unwrap_err()
}

fn render(text: &str) -> String {
    let mut scope = Scope::default();
    let body = r#"{"n": 1, "f": 1.5, "t": "te\"xt", "l": [1, "a"], "m": {"k": null}, "z": null, "y": true, "e": "${{ body.n }}"}"#;
    scope.set("body", value(body));
    template(text).render(&scope).unwrap().to_json()
}

#[test]
fn an_expression_alone_keeps_its_type() {
    assert_eq!(render("${{ body.n }}"), "1");
    assert_eq!(render("${{body.l}}"), r#"[1,"a"]"#);
    assert_eq!(render("${{ body.z }}"), "null");
    assert_eq!(render("${{ body.y }}"), "true");
    assert_eq!(render("${{ #{ a: #{ b: body.n }} }}"), r#"{"a":{"b":1}}"#);
}

#[test]
fn among_letters_everything_becomes_text() {
    assert_eq!(render("n=${{ body.n }} f=${{ body.f }}!"), r#""n=1 f=1.5!""#);
    assert_eq!(render("${{ body.n }}${{ body.n }}"), r#""11""#);
    assert_eq!(render("t=${{ body.t }}"), r#""t=te\"xt""#);
    assert_eq!(render("l=${{ body.l }} m=${{ body.m }}"), r#""l=[1,\"a\"] m={\"k\":null}""#);
    assert_eq!(render("z=${{ body.z }} y=${{ body.y }}"), r#""z= y=true""#);
    assert_eq!(render(" ${{ body.n }}"), r#"" 1""#);
    assert_eq!(render("中${{ body.n }}文"), r#""中1文""#);
}

#[test]
fn a_rendered_value_is_not_rendered_again() {
    assert_eq!(render("${{ body.e }}"), r#""${{ body.n }}""#);
    assert_eq!(render("e=${{ body.e }}"), r#""e=${{ body.n }}""#);
}

#[test]
fn text_without_an_expression_is_itself() {
    for text in ["", "plain", "${env:X}", "$", "}}", "{{ x }}", "$ {{ x }}"] {
        assert_eq!(template(text).constant(), Some(&Value::text(text)), "{text}");
    }
    assert_eq!(template("a $${{ b }}").constant(), Some(&Value::text("a ${{ b }}")));
    assert_eq!(render("$${{ ${{ body.n }}"), r#""${{ 1""#);
}

#[test]
fn braces_and_quotes_inside_do_not_close() {
    assert_eq!(render("${{ '}}' + body.t }}"), r#""}}te\"xt""#);
    assert_eq!(render("x${{ \"}}\" }}y"), r#""x}}y""#);
    assert_eq!(render("${{ 'it''s }}' }}"), r#""it's }}""#);
    assert_eq!(render(r"${{ '\'}}' }}"), r#""'}}""#);
    assert_eq!(render("${{ body.l.map(|x| #{ v: x }) }}"), r#"[{"v":1},{"v":"a"}]"#);
}

#[test]
fn what_names_nothing_is_folded() {
    assert_eq!(template("${{ 1 + 1 }}").constant(), Some(&value("2")));
    assert_eq!(template("n=${{ 1 + 1 }}").constant(), Some(&Value::text("n=2")));
    assert_eq!(template("${{ body.n }}").constant(), None);
    let list = Template::list(vec![template("a"), template("${{ [1] }}")]);
    assert_eq!(list.constant(), Some(&value(r#"["a",[1]]"#)));
    let map = Template::map(vec![("a".into(), list), ("b".into(), template("${{ body.n }}"))]);
    assert_eq!(map.constant(), None);
    let failed = error("x ${{ 1 + null }}");
    assert_eq!((failed.offset, failed.length), (8, 1));
}

#[test]
fn lists_and_maps_render_their_parts() {
    let list = Template::list(vec![template("a"), template("${{ body.n }}")]);
    let map = Template::map(vec![("k".into(), list), ("k2".into(), template("-${{ body.y }}-"))]);
    assert_eq!(map.expressions().iter().map(|e| e.text()).collect::<Vec<_>>(), ["body.n", "body.y"]);
    let mut scope = Scope::default();
    scope.set("body", value(r#"{"n": 1, "y": 2}"#));
    assert_eq!(map.render(&scope), Ok(value(r#"{"k": ["a", 1], "k2": "-2-"}"#)));
}

#[test]
fn errors_point_into_the_whole_text() {
    let unknown = error("文 ${{ pyload.x }}");
    assert_eq!((unknown.offset, unknown.length), (8, 6));
    assert_eq!(unknown.hint.as_deref(), Some("did you mean `payload`?"));
    let open = error("a ${{ body.n }");
    assert_eq!((open.offset, open.length, open.message.as_str()), (2, 3, "this `${{` is never closed"));
    assert_eq!(error("${{ }}").message, "an expression is missing");
    assert_eq!(error("${{ body.n }} ${{ 'a }}").message, "this `${{` is never closed");
}

#[test]
fn a_text_that_grows_too_large_is_an_error() {
    let mut scope = Scope::default();
    scope.set("body", Value::text("x".repeat(40 * 1024)));
    assert!(template("a ${{ body }}").render(&scope).is_ok());
    let error = template("a ${{ body }} ${{ body }}").render(&scope).unwrap_err();
    assert!(error.message.starts_with("a text of more than 64 KiB"), "{error}");
}

proptest::proptest! {
    #[test]
    fn any_text_is_taken_or_refused(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "${{", "$${{", "}}", "{", "}", "'", "\"", "\\", " ", "body.n", "1", "+", "#{a:", "中", "$",
        ]), 0..12),
    ) {
        let text = words.concat();
        match Template::text(&text, &Names::workflow()) {
            Ok(template) => {
                let folded = template.constant().is_some();
                proptest::prop_assert_eq!(folded, template.expressions().is_empty(), "{}", text);
            }
            Err(error) => {
                proptest::prop_assert!(text.get(error.offset..error.offset + error.length).is_some(), "{text:?} {error:?}");
            }
        }
    }
}

#[test]
fn a_secret_stays_a_reference_that_no_json_can_forge() {
    let template = Template::map(vec![("token".to_owned(), Template::Secret(SecretName::from("cms")))]);
    let rendered = template.render(&Scope::default()).unwrap();
    assert!(rendered.has_secret());
    assert_eq!(rendered.to_json(), r#"{"token":"${{ secrets.cms }}"}"#);
    let read_back = Value::from_json(rendered.to_json().as_bytes()).unwrap();
    assert!(!read_back.has_secret());
    let mut scope = Scope::default();
    scope.set("payload", read_back.clone());
    let names = Names::default().with_root("payload");
    let copied = Template::text("${{ payload }}", &names).unwrap().render(&scope).unwrap();
    assert_eq!((copied.has_secret(), copied), (false, read_back));
}

#[test]
fn an_expression_sees_null_in_place_of_a_secret() {
    let mut scope = Scope::default();
    scope.set("payload", Value::map([("token".to_owned(), Value::Secret(SecretName::from("cms")))].into()));
    scope.set("body", Value::Secret(SecretName::from("cms")));
    let names = Names::default().with_root("payload").with_root("body");
    let answer = |text: &str| Template::text(text, &names).unwrap().render(&scope).unwrap();
    assert_eq!(answer("${{ payload.token == null and body == null }}"), Value::Bool(true));
    assert_eq!(answer("<${{ payload.token }}${{ body }}>"), Value::text("<>"));
}

#[test]
fn only_a_reference_that_stands_alone_is_one() {
    for (text, name) in [("${{ secrets.cms }}", "cms"), ("${{secrets.a_1}}", "a_1"), ("${{ secrets . x-y }}", "x-y")] {
        assert_eq!(secret_reference(text), Some(name), "{text}");
    }
    for text in
        [" ${{ secrets.cms }}", "$${{ secrets.cms }}", "${{ secrets }}", "${{ secrets. }}", "${{ secrets.a.b }}"]
    {
        assert_eq!(secret_reference(text), None, "{text}");
    }
}
