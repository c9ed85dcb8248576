use super::{all_hold, answer, failure};

#[test]
fn numbers_compare_by_their_exact_value() {
    all_hold(&[
        "1 == 1.0",
        "1e2 == 100",
        "payload.big == 9223372036854775808",
        "payload.big > 9223372036854775807",
        "payload.big != 9223372036854775809",
        "payload.long == 0.12345678901234567890123",
        "payload.long < 0.12345678901234567890124",
        "0.1 + 0.2 != 0.3",
        "-9223372036854775808 < -9223372036854775807",
        "-payload.big < 0",
        "1e400 > 1e399",
        "payload.big in [9223372036854775808]",
    ]);
    assert_eq!(answer("payload.big"), "9223372036854775808");
    let digits = "9223372036854775808 has too many digits to calculate with; it can only be compared";
    assert_eq!(failure("payload.big + 1"), digits);
}

#[test]
fn different_kinds_are_unequal_and_have_no_order() {
    all_hold(&[
        "1 != '1'",
        "null != false",
        "'' != null",
        "[1] != 1",
        "null == payload.missing",
        "[1, 'a'] == [1.0, 'a']",
    ]);
    assert_eq!(failure("1 < 'a'"), "`<` does not go between a number and a text");
    assert_eq!(failure("'a' >= payload.a"), "`>=` does not go between a text and a map");
    assert_eq!(failure("true > false"), "`>` does not go between a boolean and a boolean");
    let null = "`<` does not go between null and a number (`x ?? 0` takes another value for null)";
    assert_eq!(failure("payload.missing < 1"), null);
    assert_eq!(failure("null < null"), "`<` does not go between null and null (`x ?? 0` takes another value for null)");
}

#[test]
fn calculations_are_exact_or_fail() {
    all_hold(&[
        "7 / 2 == 3.5",
        "6 / 2 == 3",
        "payload.duration / 60 == 1.5",
        "-7 % 3 == -1",
        "2 ** 10 == 1024",
        "2 ** -1 == 0.5",
        "2 + 3 * 4 == 14",
        "- 5 + 5 == 0",
        "+1.5 == 1.5",
    ]);
    assert_eq!(failure("9223372036854775807 + 1"), "9223372036854775807 + 1 is too large a number");
    assert_eq!(failure("-9223372036854775808 / -1"), "-9223372036854775808 / -1 is too large a number");
    assert_eq!(failure("-9223372036854775808 % -1"), "-9223372036854775808 % -1 is too large a number");
    assert_eq!(failure("2 ** 70"), "2 ** 70 is too large a number");
    assert_eq!(failure("1e300 * 1e300"), "1e300 * 1e300 is too large a number");
    assert_eq!(failure("1 / 0"), "1 is divided by 0");
    assert_eq!(failure("1.5 % 0"), "1.5 is divided by 0");
    let null = "`+` does not go between null and a number (`x ?? 0` takes another value for null)";
    assert_eq!(failure("payload.n + 1"), null);
    assert_eq!(failure("-payload.Type"), "`-` does not go before a text");
}

#[test]
fn plus_joins_texts_lists_and_maps() {
    all_hold(&[
        "'a' + 'b' == 'ab'",
        "'n' + 1 == 'n1'",
        "[1] + [2] == [1, 2]",
        "#{ a: 1, b: 1 } + #{ b: 2 } == #{ a: 1, b: 2 }",
    ]);
    assert_eq!(failure("'a' + true"), "`+` does not go between a text and a boolean");
}

#[test]
fn what_is_not_there_is_null() {
    all_hold(&[
        "payload.x.y.z == null",
        "payload.list[9].id == null",
        "payload.list[-1].id == 2",
        "payload.list[-3] == null",
        "payload.n.x == null",
        "[1, 2][2] == null",
        "payload.list[app.vars.one].id == 2",
        "[1, 2][app.vars.one] == 2",
        "#{ Transcode: 1 }[payload.Type] == 1",
        "payload[payload.Type] == null",
        "payload.list[9223372036854775807] == null",
        "payload.list[-9223372036854775808] == null",
        "payload.list[0.5] == null",
        "(payload.n ?? []).len() == 0",
        "payload.n ?? payload.x ?? 1 == 1",
    ]);
}

#[test]
fn a_member_of_what_has_none_is_an_error() {
    let of_list = "a list has no member `id`: take one item (`[0]`), or `.map(|x| x.id)`";
    assert_eq!(failure("payload.list.id"), of_list);
    assert_eq!(failure("payload.Type.x"), "a text has no member `x`");
    assert_eq!(failure("payload.Type[0]"), "a text is not indexed: use `sub_string(start, length)`");
    assert_eq!(failure("payload.duration.x"), "a number has no member `x`");
    assert_eq!(failure("payload.if.x"), "a boolean has no member `x`");
    assert_eq!(failure("payload[0]"), "a map is not indexed by a number");
}

#[test]
fn conditions_say_what_they_need() {
    assert_eq!(super::compile_error("1 and true").message, "`if`, `and` and `or` need true or false, not a number");
    assert_eq!(failure("false or payload.n"), "`if`, `and` and `or` need true or false, not null");
    let text = super::compile_error("if 'a' { 1 } else { 2 }");
    assert_eq!((text.message.as_str(), text.offset), ("`if`, `and` and `or` need true or false, not a text", 3));
    let value = "`if`, `and` and `or` need true or false, not a number, a text, a list or a map";
    assert_eq!(failure("payload.Type and true"), value);
}

#[test]
fn no_message_names_a_type_of_the_engine() {
    let kinds = [
        "null",
        "true",
        "1",
        "1.5",
        "'a'",
        "payload.big",
        "payload.Type",
        "[1]",
        "payload.list",
        "#{ a: 1 }",
        "payload",
        "|x| x",
    ];
    let mut messages = Vec::new();
    for a in kinds {
        for b in kinds {
            for text in [
                format!("({a}) < ({b})"),
                format!("({a}) + ({b})"),
                format!("({a}) in ({b})"),
                format!("({a})[{b}]"),
                format!("({a}) and ({b})"),
                format!("[1].map({a})"),
                format!("({a}).map({b})"),
                format!("sub_string({a}, {b})"),
                format!("({a}).x.y({b})"),
                format!("if {a} {{ 1 }} else {{ {b} }}"),
                format!("time.add({a}, {b})"),
                format!("-({a}) == ({b})"),
            ] {
                match super::Expression::compile(&text, &super::names()) {
                    Ok(expression) => {
                        messages.extend(expression.evaluate(&super::scope()).err().map(|error| error.message));
                    }
                    Err(error) => messages.push(error.message),
                }
            }
        }
    }
    assert!(messages.len() > 500);
    for word in ["i64", "f64", "&str", "ImmutableString", "Dynamic", "rhai", "::", "Fn ", "made_value", "v_"] {
        let leak = messages.iter().find(|message| message.contains(word));
        assert_eq!(leak, None, "{word}");
    }
}
