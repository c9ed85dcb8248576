use super::super::functions::all;
use super::{all_hold, answer, failure};

#[test]
fn the_documentation_lists_every_function_and_no_other() {
    let listed: Vec<_> = include_str!("../mod.rs").lines().filter_map(|line| line.strip_prefix("//! - `")).collect();
    let known: Vec<_> = all().map(|function| function.usage.replacen(": ", "`: ", 1)).collect();
    assert_eq!(listed, known);
    for function in all() {
        let name = format!("{}(", function.name);
        assert!(function.usage.contains(&name), "{}", function.usage);
    }
}

#[test]
fn texts() {
    all_hold(&[
        "'raw-1.mov'.starts_with('raw-') and 'raw-1.mov'.ends_with('.mov')",
        "'abc'.contains('b') and 'b' in 'abc' and 'x' not in 'abc'",
        "payload.text.sub_string(0, 2) == '中文'",
        "'abcdef'.sub_string(2) == 'cdef' and 'abcdef'.sub_string(-2) == 'ef' and 'abc'.sub_string(9, 1) == ''",
        "'abcdef'.sub_string(-99, 2) == 'ab' and 'abc'.sub_string(1, -1) == ''",
        "'a-b-c'.replace('-', '+') == 'a+b+c' and 'a-b'.split('-') == ['a', 'b']",
        "' a '.trim() == 'a' and 'aé'.to_upper() == 'AÉ' and 'AÉ'.to_lower() == 'aé'",
        "'中文text'.index_of('text') == 2 and 'abc'.index_of('x') == -1",
        "payload.text.len() == 7",
        "12.to_string() == '12' and null.to_string() == '' and [1, 'a'].to_string() == '[1,\"a\"]'",
        "'a'.to_json() == '\"a\"' and '{\"a\": [1]}'.parse_json().a[0] == 1",
        "'1.50'.to_number() == 1.5 and '12'.to_int() == 12 and -1.9.to_int() == -1 and ' 7 '.to_int() == 7",
    ]);
    assert_eq!(failure("'{'.parse_json()").split(':').next(), Some("not JSON"));
    assert_eq!(failure("'x1'.to_number()"), "`to_number`: 'x1' is not a number");
    assert_eq!(
        failure("payload.n.to_upper()"),
        "`to_upper` needs a text, not null (`x ?? ''` takes an empty text for null)"
    );
    assert_eq!(failure("'abc'.replace('', 'x')"), "`replace` needs a part that is not empty");
    assert_eq!(failure("'abc'.sub_string(0.5)"), "`sub_string` needs a whole number, not a number");
}

#[test]
fn lists_and_maps() {
    all_hold(&[
        "payload.list.len() == 2 and #{ a: 1 }.len() == 1",
        "[].is_empty() and null.is_empty() and ''.is_empty() and #{}.is_empty() and not [0].is_empty()",
        "[1, 2].contains(2.0) and 'b' in #{ b: null } and 3 not in [1, 2]",
        "[1, 2, 3].first() == 1 and [1, 2, 3].last() == 3 and [].first() == null",
        "[1, 2, 3].take(2) == [1, 2] and [1].take(9) == [1] and [1].take(-1) == []",
        "[1, 2].reversed() == [2, 1] and [2, 10, 1].sorted() == [1, 2, 10] and ['b', 'a'].sorted() == ['a', 'b']",
        "[1, 2, 1.0].unique() == [1, 2] and [[1], [2, 3], 4].flatten() == [1, 2, 3, 4]",
        "[1, 2.5].sum() == 3.5 and [].sum() == 0 and ['a', 1].join('-') == 'a-1'",
        "#{ b: 1, a: 2 }.keys() == ['a', 'b'] and #{ b: 1, a: 2 }.values() == [2, 1]",
        "[3, 1].min() == 1 and max(2, 3) == 3 and ['b', 'a'].max() == 'b' and [].max() == null",
        "[1, 2, 3].filter(|x| x > 1).map(|x| x * 2) == [4, 6]",
        "[].all(|x| false) and not [].some(|x| true) and [1, 2].find(|x| x > 1) == 2 and [1].find(|x| x > 1) == null",
        "payload.list.sort_by(|x| -x.id).map(|x| x.id) == [2, 1]",
    ]);
    let null = "`some` needs a list, not null (`x ?? []` takes an empty list for null)";
    assert_eq!(failure("payload.n.some(|x| x == 1)"), null);
    assert_eq!(failure("[1, 'a'].sorted()"), "`sorted` cannot order a number and a text");
    assert_eq!(failure("[null].sorted()"), "`sorted` needs numbers or texts to order by, not null");
    assert_eq!(failure("[1, 'a'].max()"), "`max` does not go between a text and a number");
    assert_eq!(failure("[1].filter(|x| x)"), "the closure of `filter` must give true or false, not a number");
    assert_eq!(failure("[1].map(|x, y| x)"), "the closure of `map` must take one value: |x| …");
    assert_eq!(
        failure("[1].map(2)"),
        "`map` takes a closure, not a number: list.map(|x| value): what each item becomes"
    );
    assert_eq!(
        failure("[1].map(|x| |y| y)"),
        "a closure is no value: only functions such as `filter` and `map` take one"
    );
}

#[test]
fn numbers() {
    all_hold(&[
        "(-3).abs() == 3 and 3.abs() == 3 and abs(-1.5) == 1.5",
        "1.5.floor() == 1 and (-1.5).floor() == -2 and 1.2.ceil() == 2 and 2.5.round() == 3 and 4.round() == 4",
    ]);
    assert_eq!(failure("'a'.abs()"), "`abs` needs a number, not a text");
}

#[test]
fn moments() {
    assert_eq!(answer("time.add('2024-05-01T08:00:00+08:00', '-1d')"), r#""2024-04-30T00:00:00Z""#);
    assert_eq!(answer("time.add(1714521600000, '1500ms')"), r#""2024-05-01T00:00:01.500Z""#);
    assert_eq!(
        answer("time.format('2024-04-30T17:30:00Z', '%Y-%m-%d %H:%M', 'Asia/Shanghai')"),
        r#""2024-05-01 01:30""#
    );
    assert_eq!(answer("time.format('2024-04-30T17:30:00Z', '%H:%M')"), r#""17:30""#);
    assert_eq!(answer("time.day('2024-04-30T17:30:00Z', -1, 'Asia/Shanghai')"), r#""2024-04-30""#);
    assert_eq!(answer("time.day('2024-03-01T00:00:00Z', -1)"), r#""2024-02-29""#);
    assert_eq!(
        failure("time.add('yesterday', '1d')"),
        r#"`time.add`: "yesterday" is no moment such as '2024-05-01T08:00:00+08:00' or milliseconds since 1970"#
    );
    assert_eq!(failure("time.add(0, '1w')"), "`time.add`: '1w' is no duration such as '-1d', '90m' or '500ms'");
    assert_eq!(
        failure("time.add(0, '9999999999d')"),
        "`time.add`: the moment is outside the years that a calendar has"
    );
    assert_eq!(failure("time.day(0, 99999999999)"), "`time.day`: the moment is outside the years that a calendar has");
    assert_eq!(
        failure("time.format(0, '%Y', 'Asia/Shangai')"),
        "`time.format`: there is no time zone 'Asia/Shangai', write one such as 'Asia/Shanghai'"
    );
    assert!(failure("time.format(0, '%!')").contains("this pattern is none"));
}
