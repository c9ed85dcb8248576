use super::*;
use crate::node::NodeKind;
use crate::value::Value;

fn source(text: &str) -> SourceFile {
    SourceFile { name: "rules.yaml".into(), text: text.into() }
}

fn read_whole(text: &str) -> Node {
    let mut diagnostics = Diagnostics::default();
    let node = read(&source(text), &mut diagnostics);
    assert!(diagnostics.is_empty(), "{diagnostics}");
    node.expect("a tree")
}

fn value(text: &str) -> String {
    read_whole(text).to_value().to_json()
}

fn messages(text: &str) -> Vec<String> {
    let mut diagnostics = Diagnostics::default();
    let _node = read(&source(text), &mut diagnostics);
    diagnostics.iter().map(|finding| finding.message.clone()).collect()
}

/// The text of every scalar and key, where the tree says that it is.
fn written<'t>(text: &'t str, node: &Node, found: &mut Vec<&'t str>) {
    match &node.kind {
        NodeKind::Scalar(_) => found.push(&text[node.span.start..node.span.end]),
        NodeKind::List(items) => items.iter().for_each(|item| written(text, item, found)),
        NodeKind::Map(entries) => entries.iter().for_each(|(key, node)| {
            found.push(&text[key.span.start..key.span.end]);
            written(text, node, found);
        }),
    }
}

#[test]
fn words_of_older_yaml_are_texts() {
    assert_eq!(value("on: [yes, no, on, off, y, n]"), r#"{"on":["yes","no","on","off","y","n"]}"#);
}

#[test]
fn numbers_are_exact_and_ids_with_leading_zeros_stay_texts() {
    let text = "[9007199254740993, 12345678901234567890123, 0.1, 1e2, .5, 5., +3, 0x1F, 0o17, 0123, -0]";
    assert_eq!(value(text), r#"[9007199254740993,12345678901234567890123,0.1,100,0.5,5,3,31,15,"0123",0]"#);
}

#[test]
fn dates_times_and_half_numbers_are_texts() {
    assert_eq!(value("[2024-01-01, 1:30, 1_000, 1.2.3, e5, 0x, +, '']"), {
        r#"["2024-01-01","1:30","1_000","1.2.3","e5","0x","+",""]"#
    });
}

#[test]
fn places_are_bytes_and_cover_quotes() {
    let text = "\u{feff}通知: é\r\nb: \"q\\\"é\" # c\r\nc: [ 'x', 🎬 ]\r\nd: &a plain text\r\ne: *a\r\n";
    let node = read_whole(text);
    let mut found = Vec::new();
    written(text, &node, &mut found);
    let plain = "plain text";
    assert_eq!(found, ["通知", "é", "b", r#""q\"é""#, "c", "'x'", "🎬", "d", plain, "e", plain]);
}

#[test]
fn collections_end_with_their_last_part() {
    let text = "a:\n  - b\n  - { c: d }\n\n# comment\ne: f\n";
    let NodeKind::Map(entries) = read_whole(text).kind else { panic!("a mapping") };
    let list = &entries[0].1;
    assert_eq!(&text[list.span.start..list.span.end], "- b\n  - { c: d }");
}

#[test]
fn an_offset_in_a_value_leads_to_its_place() {
    let cases = [
        ("if: a == bad", "bad"),
        ("if: 'it''s == bad'", "bad"),
        (r#"if: "\"é\" \u00e9 == bad""#, "bad"),
        ("if: |\n  a == 1\n    and bad\n", "bad"),
        ("if: >\n  a == 1\n  and bad\n", "bad"),
        ("if: a == 1\n  and bad or c\n", "bad"),
        ("if: |\r\n  a\r\n\r\n  bad\r\n", "bad"),
    ];
    for (text, part) in cases {
        let NodeKind::Map(entries) = read_whole(text).kind else { panic!("a mapping") };
        let node = &entries[0].1;
        let value = node.to_value();
        let offset = value.as_text().and_then(|value| value.find(part)).expect("the part is in the value");
        let place = place_in_scalar(&source(text), node.span, value.as_text().expect("a text"), offset, part.len());
        assert_eq!(text.get(place.start..place.end), Some(part), "{text:?}");
    }
}

#[test]
fn a_place_past_the_end_is_the_end() {
    let span = Span { start: 4, end: 7 };
    let place = place_in_scalar(&source("if: abc\n"), span, "abc", 50, 10);
    assert_eq!(place, Span { start: 7, end: 7 });
}

#[test]
fn aliases_repeat_a_value_and_are_bounded() {
    assert_eq!(value("a: &a [1, { b: 2 }]\nc: *a\n"), r#"{"a":[1,{"b":2}],"c":[1,{"b":2}]}"#);
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, of) in ["b", "c", "d", "e", "f", "g", "h", "i"].iter().zip(["a", "b", "c", "d", "e", "f", "g", "h"]) {
        let items = vec![format!("*{of}"); 10].join(", ");
        text.extend([name, ": &", name, " [", &items, "]\n"]);
    }
    assert_eq!(messages(&text), ["the file means more than 200000 values"]);
}

#[test]
fn nesting_is_bounded_through_aliases_too() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(messages(&deep(DEPTH_LIMIT)).is_empty());
    assert_eq!(messages(&deep(DEPTH_LIMIT + 1)).len(), 1);
    assert_eq!(messages(&format!("- &a {}\n- {}*a{}\n", deep(40), "[".repeat(40), "]".repeat(40))).len(), 1);
}

#[test]
fn a_file_past_the_size_limit_is_not_read() {
    let text = format!("a: {}", "x".repeat(SIZE_LIMIT));
    assert_eq!(messages(&text), [format!("the file has {} bytes, and the limit is 4194304", SIZE_LIMIT + 3)]);
}

#[test]
fn reading_goes_on_after_a_repeated_key() {
    let mut diagnostics = Diagnostics::default();
    let node = read(&source("a: 1\na: 2\nb: !x\nb: 3\n"), &mut diagnostics);
    assert!(node.is_some());
    assert_eq!(diagnostics.iter().count(), 3);
}

#[test]
fn a_hash_within_a_text_is_no_comment() {
    assert_eq!(value("a: b#{c}\nd: 'e #{f}'\n"), r#"{"a":"b#{c}","d":"e #{f}"}"#);
    assert_eq!(messages("a: b #{c}\n").len(), 1);
    assert_eq!(messages("a:   #{c}\nd: e\n").len(), 1);
    assert!(messages("a: b # {c}\n").is_empty());
}

#[test]
fn what_is_written_for_people_reads_well() {
    let value = Value::from_json(
        r#"{"name":"notify","on":"*","steps":[{"uses":"log","with":{"message":"a: b","empty":[],"none":null}},[1,2.5]],"yes":"yes"}"#
            .as_bytes(),
    );
    let text = value_to_text(&value.expect("JSON"));
    let expected = "name: notify\n\"on\": \"*\"\nsteps:\n  - uses: log\n    with:\n      empty: []\n      message: \"a: b\"\n      none: null\n  - - 1\n    - 2.5\n\"yes\": \"yes\"\n";
    assert_eq!(text, expected);
}

#[test]
fn anything_serializable_is_written() {
    let value = serde_json::json!({ "listen": "127.0.0.1:8080", "rules": ["rules"] });
    assert_eq!(to_text(&value).expect("written"), "listen: 127.0.0.1:8080\nrules:\n- rules\n");
}
