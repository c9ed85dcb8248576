use super::{all_hold, answer, compile_error, failure};

#[test]
fn texts_stand_in_either_quotes() {
    all_hold(&[
        r#"'text' == "text""#,
        "'' == \"\"",
        "''.is_empty()",
        "payload.n ?? '' == ''",
        "'it''s' == \"it's\"",
        r"'it\'s' == 'it''s'",
        r#""say ""yes""" == 'say "yes"'"#,
        r"'\u4e2d\U00006587' == '中文'",
        r"'a\n\t\\'.len() == 4",
        "'and' == 'and'",
        "'null' != null",
    ]);
    assert_eq!(answer("'`${x}` // no comment'"), "\"`${x}` // no comment\"");
    assert_eq!(answer("'one\ntwo'"), r#""one\ntwo""#);
}

#[test]
fn reserved_words_are_members_after_a_dot() {
    all_hold(&[
        "payload.Type == 'Transcode'",
        "payload.if",
        "payload.private == 2",
        "payload.默认 == 3",
        "payload?.a?.b == 1",
        "payload.a['c-d'] == 2",
        "payload['a']['b'] == 1",
        "#{ if: 1, and: 2, 'x y': 3, null: 4 }.null == 4",
        "payload.let == null and payload.not.in.or == null",
    ]);
}

#[test]
fn words_and_signs_mean_the_same() {
    all_hold(&[
        "true and not false or false",
        "true && !false || false",
        "not 1 == 2",
        "not payload.Type in ['a', 'b']",
        "payload.Type not in ['a', 'b']",
        "not (1 == 2 and true) and not false",
        "[1, 2].all(|x| not x == 3)",
        "if not payload.if { false } else { true }",
        "if false { 1 } else if true { 2 } else { 3 } == 2",
        "(if false { 1 }) == null",
    ]);
    assert_eq!(failure("!payload.Type == 'x'"), "`not` needs true or false, not a text");
}

#[test]
fn closures_see_the_names_around_them() {
    all_hold(&[
        "payload.list.some(|t| t.id == app.vars.one)",
        "payload.list.map(|g| g.tags.filter(|y| y == g.tags[0])) == [['x'], ['z']]",
        "payload.list.all(|g| payload.list.some(|h| h.id == g.id and payload.if))",
        "payload.list.map(|g| #{ id: g.id, n: g.tags.len() })[0] == #{ n: 2, id: 1 }",
        "payload.list.map(|x| { x.id }) == [1, 2]",
        "payload.list.map(|x| if x.id == 1 { 'a' } else { 'b' }) == ['a', 'b']",
        "payload.list.map(|case| case.id) == [1, 2]",
        "[3, 1, 2].sort_by(|x| -x) == [3, 2, 1]",
    ]);
}

#[test]
fn what_is_no_expression_is_refused_where_it_stands() {
    let cases = [
        ("", 0, "an expression is missing"),
        ("payload.list.map(|x| { x; 3 })", 24, "an expression is one value, without `;`"),
        ("payload.a = 1", 10, "an expression assigns nothing"),
        ("let x = 1", 0, "`let` does not belong in an expression"),
        ("payload.a === 1", 10, "there is no `===`"),
        ("payload.a ? 1 : 2", 10, "there is no `?` operator"),
        ("1 | 2", 2, "there is no `|` between values"),
        ("1 & 2", 2, "there is no `&`"),
        ("true // yes", 5, "a comment does not belong in an expression"),
        ("`a`", 0, "texts are not written in back-quotes"),
        ("[1, 2", 0, "this `[` is never closed"),
        ("(1]", 2, "`]` closes `(`, but `)` is due"),
        ("1)", 1, "this `)` closes nothing"),
        ("()", 1, "nothing stands between these brackets"),
        ("(1, 2)", 2, "`,` separates nothing here"),
        ("{ a: 1 }", 0, "`{` begins nothing here"),
        ("'abc", 0, "the text that begins here has no closing '"),
        (r"'\q'", 1, "an escape that is none"),
        (r"'\ud800'", 1, "an escape that is none"),
        ("007", 0, "`007` is not a number"),
        ("12ab", 0, "`12ab` is not a number"),
        ("1 2", 2, "`2` is not expected here"),
        ("1 +", 3, "the expression ends where a value or a bracket is missing"),
        ("1 + * 2", 4, "`*` is not expected here"),
        ("payload.", 7, "a name must stand on both sides of `.`"),
        ("payload..a", 7, "a name must stand on both sides of `.`"),
        ("1..5", 1, "a name must stand on both sides of `.`"),
        ("'abc'[0]", 5, "a text has no members"),
        ("5.x", 1, "a number has no members"),
        ("payload.list.map(|x| x, 1)", 16, "`map` takes 1 argument here, not 2"),
        ("#{ a: 1, a: 2 }", 9, "the map has `a` twice"),
        ("[1].map(|x, x| x)", 12, "the closure has this name twice"),
        ("'é' + \u{7}", 7, "`\\u{7}` has no meaning here"),
    ];
    for (text, offset, message) in cases {
        let error = compile_error(text);
        assert_eq!((error.offset, error.message.as_str()), (offset, message), "{text}");
    }
}

#[test]
fn full_width_signs_get_a_hint() {
    for text in ["payload.Type == ‘x’", "len（payload.list）", "[1，2]"] {
        assert!(compile_error(text).hint.unwrap().contains("ASCII"), "{text}");
    }
}

#[test]
fn positions_are_bytes_of_the_written_text() {
    let error = compile_error("'中文' == null and  foo");
    assert_eq!((error.offset, error.length), (22, 3));
    let error = compile_error("'中文' == 'é' 'x'");
    assert_eq!((error.offset, error.length), (17, 3));
    let failed = super::Expression::compile("'中文' == '' or payload.Type + null == 1", &super::names()).unwrap();
    assert_eq!(failed.evaluate(&super::scope()).unwrap_err().part, Some((31, 1)));
}
