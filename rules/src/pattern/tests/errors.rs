//! Every mistake is found, in its place, with a remedy.

use crate::diagnostic::Span;
use crate::pattern::Pattern;

/// Each problem as `the offending text: message`, and its hint.
fn problems(json: &str) -> Vec<(String, String)> {
    let errors = Pattern::from_json(json).unwrap_err();
    let shown = |span: Span| json.get(span.start..span.end).unwrap_or("?");
    errors.into_iter().map(|e| (format!("{}: {}", shown(e.span), e.message), e.hint.unwrap())).collect()
}

#[track_caller]
fn one(json: &str, expected: &str, hint: &str) {
    let found = problems(json);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, expected);
    assert!(found[0].1.contains(hint), "{} does not contain {hint}", found[0].1);
}

#[test]
fn shapes_that_are_no_match() {
    one("[]", "[]: a match must be a mapping of fields to values", "field: value");
    one("{}", "{}: an empty mapping", "at least one field");
    one(r#"{"a": {}}"#, "{}: an empty mapping", "at least one field");
    one(r#"{"a": []}"#, "[]: an empty list", "at least one value");
    one(r#"{"a": [[1]]}"#, "[1]: a list in a list", "any element");
    one(r#"{"a": [{}]}"#, "{}: an empty mapping", "operator");
    one(r#"{"a": [{"b": 1, "c": 2}]}"#, r#"{"b": 1, "c": 2}: fields in a list of values"#, "$or");
    one(r#"{"a" 1}"#, "1: not JSON: object keys must be strings", "JSON object");
    one("{\"a\": 1}\u{212a}", "\u{212a}: not JSON: unexpected byte: \\xE2", "JSON object");
    one(r#"{"a": 1} x"#, "x: not JSON: unexpected char: 'x'", "JSON object");
}

/// As many fields as numbers, each with an `$or` of so many branches.
fn ors(branches: &[usize]) -> String {
    let or = |at: usize, count: usize| {
        let branches: Vec<_> = (0..count).map(|n| format!(r#"{{"x{n}": 1}}"#)).collect();
        format!(r#""f{at}": {{"$or": [{}]}}"#, branches.join(", "))
    };
    let fields: Vec<_> = branches.iter().enumerate().map(|(at, count)| or(at, *count)).collect();
    format!("{{{}}}", fields.join(", "))
}

#[test]
fn ors_that_combine_in_too_many_ways() {
    let refused = r#""$or": with this `$or`, those of the match combine in more than 10000 ways"#;
    assert_eq!(problems(&ors(&[10, 10, 10, 10, 2])).len(), 1);
    one(&ors(&[100, 101]), refused, "one `$or`");
    // It is said once, and of the one that is too much; what comes after it may combine with others again.
    one(&ors(&[10, 10, 10, 10, 10, 10, 10]), refused, "several rules");
    assert_eq!(problems(&ors(&[2; 1_000])).len(), 1_000 / 14);
    for fine in [&[100, 100][..], &[20_000], &[10, 10, 10, 10]] {
        assert!(Pattern::from_json(&ors(fine)).is_ok(), "{fine:?}");
    }
    // Branches add up, and each goes with those of others outside.
    let nested =
        |count: usize| format!(r#"{{"a": {{"$or": [{{"b": 1}}, {}]}}, "c": {}}}"#, ors(&[90, 10]), ors(&[count]));
    assert!(Pattern::from_json(&nested(11)).is_ok());
    one(&nested(12), refused, "as a list");
    one(&format!(r#"{{"a": {{"$or": [{{"b": 1}}, {}]}}}}"#, ors(&[101, 100])), refused, "as a list");
}

#[test]
fn paths_that_are_wrong_or_doubled() {
    one(r#"{"a..b": 1}"#, r#""a..b": an empty segment in the path "a..b""#, "single dots");
    one(r#"{"a": {"": 1}}"#, r#""": an empty segment in the path """#, "single dots");
    one(r#"{"prefix": "x"}"#, r#""prefix": the operator name prefix as a field in the path "prefix""#, "under a field");
    one(
        r#"{"a": {"prefix": "x", "b": 1}}"#,
        r#""prefix": the operator name prefix as a field in the path "prefix""#,
        "under a field",
    );
    one(r#"{"a.$or": [1]}"#, r#""a.$or": the operator name $or as a field in the path "a.$or""#, "key of its own");
    one(r#"{"a": {"b": 1}, "a.b": 2}"#, r#""a.b": the path a.b is written twice"#, "list of values");
    one(r#"{"a": 1, "[\"a\"]": 2}"#, r#""[\"a\"]": the path a is written twice"#, "list of values");
    one(r#"{"a": {"b": 1}, "a": {"c": 1}}"#, r#""a": the path a is written twice"#, "list of values");
}

#[test]
fn operators_that_do_not_exist_or_are_doubled() {
    one(r#"{"a": [{"prefx": "x"}]}"#, r#""prefx": unknown operator "prefx""#, "did you mean `prefix`?");
    one(r#"{"a": [{"Not_In": [1]}]}"#, r#""Not_In": unknown operator "Not_In""#, "did you mean `not-in`?");
    one(r#"{"a": [{"between": 1}]}"#, r#""between": unknown operator "between""#, "the operators are prefix, suffix");
    one(r#"{"a": [{"$or": []}]}"#, r#""$or": unknown operator "$or""#, "the operators are");
    let doubled = r#"{"prefix": "a", "suffix": "b"}"#;
    one(&format!("{{\"a\": {doubled}}}"), &format!("{doubled}: more than one operator in a mapping"), "any of them");
    one(
        r#"{"a": [{"prefix": "a", "prefix": "b"}]}"#,
        r#"{"prefix": "a", "prefix": "b"}: more than one operator in a mapping"#,
        "list",
    );
}

#[test]
fn ors_that_are_malformed() {
    one(r#"{"$or": {"a": 1}}"#, r#"{"a": 1}: `$or` must be a list of mappings"#, "$or: [");
    one(r#"{"$or": [{"a": 1}]}"#, r#"[{"a": 1}]: `$or` needs two or more mappings"#, "without `$or`");
    one(r#"{"$or": [{"a": 1}, 5]}"#, "5: an alternative of `$or` must be a mapping", "$or: [");
    one(r#"{"$or": [{"a": 1}, {}]}"#, "{}: an empty mapping", "at least one field");
    one(
        r#"{"$or": [{"a": 1}, {"b": 1}], "$or": [{"c": 1}, {"d": 1}]}"#,
        r#""$or": a second `$or` in one mapping"#,
        "nest",
    );
}

#[test]
fn arguments_of_the_wrong_kind() {
    one(r#"{"a": {"prefix": 5}}"#, "5: `prefix` takes a text, not a number", "quotes");
    one(r#"{"a": {"suffix": ["x"]}}"#, r#"["x"]: `suffix` takes a text, not a list"#, "one mapping for each");
    one(
        r#"{"a": {"prefix": {"wildcard": "x"}}}"#,
        r#"{"wildcard": "x"}: `prefix` takes a text or one `equals-ignore-case`"#,
        "prefix: {",
    );
    one(r#"{"a": {"exists": "yes"}}"#, r#""yes": `exists` takes true or false, not a text"#, "without quotes");
    one(r#"{"a": {"wildcard": "a**"}}"#, r#""a**": two asterisks in a row in a wildcard"#, "\\*");
    one(r#"{"a": {"cidr": "10.0.0.1"}}"#, r#""10.0.0.1": not a block of addresses: there is no `/` and length"#, "/32");
    one(r#"{"a": {"regex": "("}}"#, r#""(": a regex that cannot be compiled: unclosed group"#, "backslash");
    one(
        r#"{"a": {"regex": "\\w{1000}"}}"#,
        r#""\\w{1000}": a regex that takes more than 256 KiB when compiled"#,
        "smaller",
    );
    let long = format!("{{\"a\": {{\"regex\": \"{}\"}}}}", "x".repeat(1025));
    assert_eq!(problems(&long)[0].1, "split it into alternatives, or list the values");
    one(r#"{"a": {"not-in": "x"}}"#, r#""x": `not-in` takes a list, not a text"#, "not-in: [");
    one(r#"{"a": {"not-in": []}}"#, "[]: an empty list", "not-in: [");
    one(r#"{"a": {"anything-but": [1, "x"]}}"#, r#"[1, "x"]: texts and numbers in one `anything-but`"#, "not-in");
    one(r#"{"a": {"anything-but": true}}"#, "true: `anything-but` excludes texts or numbers, not a boolean", "not-in");
    one(
        r#"{"a": {"anything-but": {"prefix": ""}}}"#,
        r#""": an empty `prefix` in `anything-but` excludes every text"#,
        "one character",
    );
    one(
        r#"{"a": {"anything-but": {"cidr": "::/0"}}}"#,
        r#""cidr": `anything-but` does not take "cidr""#,
        "prefix, suffix",
    );
}

#[test]
fn numeric_bounds_that_make_no_range() {
    one(r#"{"a": {"numeric": 5}}"#, "5: `numeric` takes a list, not a number", "\">=\"");
    one(r#"{"a": {"numeric": []}}"#, "[]: `numeric` takes one bound or two", "\">=\"");
    one(r#"{"a": {"numeric": [">"]}}"#, r#"[">"]: a comparison without its number in `numeric`"#, "\">=\"");
    one(r#"{"a": {"numeric": ["==", 5]}}"#, r#""==": not a comparison in `numeric`"#, "\"=\"");
    one(r#"{"a": {"numeric": [">", "5"]}}"#, r#""5": `numeric` compares with a number, not a text"#, "without quotes");
    one(
        r#"{"a": {"numeric": ["<", 5, ">", 1]}}"#,
        r#"["<", 5, ">", 1]: two bounds that are not a lower and then an upper one"#,
        "low",
    );
    one(
        r#"{"a": {"numeric": [">", 5, "<=", 5]}}"#,
        r#"[">", 5, "<=", 5]: a range that holds no number"#,
        "lower bound first",
    );
}

#[test]
fn all_problems_are_reported_in_written_order() {
    let found = problems(r#"{"a..b": [], "c": [{"prefx": 1}, [2]], "$or": [{"d": {"exists": 1}}, 3]}"#);
    let messages: Vec<_> = found.iter().map(|(message, _)| message.as_str()).collect();
    assert_eq!(
        messages,
        [
            r#""a..b": an empty segment in the path "a..b""#,
            "[]: an empty list",
            r#""prefx": unknown operator "prefx""#,
            "[2]: a list in a list",
            "1: `exists` takes true or false, not a number",
            "3: an alternative of `$or` must be a mapping",
        ]
    );
}

#[test]
fn paths_come_in_written_order_with_the_key_of_their_root() {
    let json = r#"{"payload": {"b": 1, "c.d": 2}, "$or": [{"event.x": 1}, {"body": {"[\"p.q\"]": 1}}]}"#;
    let paths = Pattern::from_json(json).unwrap().paths();
    let shown: Vec<_> = paths.iter().map(|(path, span)| format!("{path} {}", &json[span.start..span.end])).collect();
    assert_eq!(
        shown,
        [r#"payload.b "payload""#, r#"payload.c.d "payload""#, r#"event.x "event.x""#, r#"body["p.q"] "body""#]
    );
}
