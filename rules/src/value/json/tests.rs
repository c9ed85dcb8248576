use proptest::prelude::*;

use super::*;

fn error(text: &str) -> String {
    Value::from_json(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn every_kind_of_value_is_read() {
    let value =
        Value::from_json(br#" {"n":null,"t":true,"f":false,"i":1,"s":"a\u0062\ud83d\ude00\n","l":[1,[]],"m":{}} "#)
            .unwrap();
    assert_eq!(value.get("n"), &Value::Null);
    assert_eq!(value.get("t"), &Value::Bool(true));
    assert_eq!(value.get("i"), &Value::Number(1_i64.into()));
    assert_eq!(value.get("s").as_text(), Some("ab😀\n"));
    assert_eq!(value.get("l"), &Value::list(vec![Value::Number(1_i64.into()), Value::list(vec![])]));
    assert_eq!(value.get("m"), &Value::map(Map::new()));
    assert_eq!(value.get("absent"), &Value::Null);
}

#[test]
fn of_a_repeated_key_the_last_value_counts() {
    let value = Value::from_json(br#"{"a":{"b":1},"a":{"c":2},"\u0061":3}"#).unwrap();
    assert_eq!(value.to_json(), r#"{"a":3}"#);
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "nul",
        "tru",
        "True",
        "'a'",
        "{\"a\":1,}",
        "[1,]",
        "[1 2]",
        "{\"a\" 1}",
        "{a:1}",
        "{\"a\":1",
        "[",
        "]",
        "{]",
        "[}",
        "1 2",
        "{} {}",
        "{}x",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "-",
        "0x1",
        "NaN",
        "\"\u{1}\"",
        "\"\n\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"a",
        "// c\n1",
        "[1,,2]",
        "[,1]",
        "{\"a\"}",
        "{1:2}",
        "{\"a\":1 \"b\":2}",
        "\u{a0}1",
    ] {
        assert!(Value::from_json(text.as_bytes()).is_err(), "{text:?}");
    }
    for bytes in [&b"\"\xff\""[..], b"\"\xc0\x80\"", b"\"\xed\xa0\x80\"", b"{\"\xff\":1}"] {
        assert!(Value::from_json(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn an_error_says_where_it_is() {
    assert_eq!(error("{\"é\": 1,\n \"b\": tru}"), "true expected at line 2, column 7");
    assert_eq!(error("{\"a\": 1"), "the text ends before its value is complete at line 1, column 8");
    assert_eq!(error("1\n 2"), "the JSON already contains one root element at line 2, column 2");
    let deep = format!("{}\n{}", "[".repeat(128), "[".repeat(10_000));
    assert_eq!(error(&deep), "nested deeper than 128 levels at line 2, column 1");
}

#[test]
fn nesting_to_the_limit_is_read() {
    let text = "[".repeat(DEPTH_LIMIT) + "]".repeat(DEPTH_LIMIT).as_str();
    assert_eq!(Value::from_json(text.as_bytes()).unwrap().to_json(), text);
}

#[test]
fn text_is_escaped_where_it_must_be() {
    let value = Value::text("\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}é😀\u{2028}");
    assert_eq!(value.to_json(), "\"\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0000\\u001f\u{7f}é😀\u{2028}\"");
}

fn value() -> impl Strategy<Value = Value> {
    let number = "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?";
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number.prop_map(|literal| Value::Number(Number::parse(&literal).unwrap())),
        any::<String>().prop_map(Value::text),
    ];
    scalar.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::list),
            prop::collection::btree_map(any::<String>(), inner, 0..5).prop_map(Value::map),
        ]
    })
}

proptest! {
    #[test]
    fn a_written_value_reads_back_as_itself(value in value()) {
        let text = value.to_json();
        let read = Value::from_json(text.as_bytes());
        prop_assert_eq!(read.as_ref(), Ok(&value));
        prop_assert_eq!(read.map(|value| value.to_json()), Ok(text));
    }

    #[test]
    fn what_another_parser_takes_is_taken_and_the_rest_refused(text in "[\\[\\]{}\",:a1e.\\-\\\\ u0]{0,12}|\\PC{0,8}") {
        let strict = serde_json::from_str::<serde_json::Value>(&text);
        // serde_json has no numbers past f64, and says so with an error.
        let beyond = strict.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
        prop_assert!(beyond || strict.is_ok() == Value::from_json(text.as_bytes()).is_ok());
    }

    #[test]
    fn any_bytes_give_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Err(error) = Value::from_json(&bytes) {
            prop_assert!(error.line >= 1 && error.column >= 1);
        }
    }
}
