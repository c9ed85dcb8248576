use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use proptest::prelude::*;

use super::*;

fn number(literal: &str) -> Number {
    Number::parse(literal).unwrap_or_else(|| panic!("{literal}"))
}

fn hash(number: &Number) -> u64 {
    let mut hasher = DefaultHasher::new();
    number.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn spellings_of_one_value_are_one_number() {
    for same in [
        &["1", "1.0", "1e0", "1E+0", "10e-1", "0.1e1", "1.00000"][..],
        &["0", "-0", "0.0", "-0e5", "0e99999999999999999999"],
        &["-1.5", "-15e-1", "-0.15E1"],
        &["9007199254740993", "9007199254740993.0", "9.007199254740993e15"],
        &["9223372036854775807", "9.223372036854775807e18"],
        &["-9223372036854775808", "-9223372036854775808.0"],
        &["18446744073709551615", "18446744073709551615.0"],
        &["1e400", "10e399", "0.1e401"],
        &["5e-324", "0.5e-323"],
        &["100e306", "1e308"],
    ] {
        for literal in same {
            assert_eq!(number(literal), number(same[0]), "{literal}");
            assert_eq!(hash(&number(literal)), hash(&number(same[0])), "{literal}");
            assert_eq!(number(literal).cmp(&number(same[0])), Ordering::Equal, "{literal}");
        }
    }
}

#[test]
fn no_two_values_are_confused() {
    let ascending = [
        "-1e400",
        "-1.7976931348623157e308",
        "-9223372036854775809",
        "-9223372036854775808",
        "-1.5",
        "-1",
        "-5e-324",
        "0",
        "1e-400",
        "4.9e-324",
        "5e-324",
        "2.2250738585072014e-308",
        "0.1",
        "0.1000000000000000055511151231257827",
        "0.10000000000000001",
        "1",
        "9007199254740991",
        "9007199254740992",
        "9007199254740992.5",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "14508071098244959036",
        "14508071098244959037",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709552000",
        "1.7976931348623157e308",
        "1e400",
        "1e401",
    ];
    for (i, a) in ascending.iter().enumerate() {
        for (j, b) in ascending.iter().enumerate() {
            assert_eq!(number(a).cmp(&number(b)), i.cmp(&j), "{a} and {b}");
            assert_eq!(number(a) == number(b), i == j, "{a} and {b}");
        }
    }
}

#[test]
fn only_json_numbers_are_numbers() {
    for text in [
        "", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x1", "NaN", "inf", "1 ", " 1", "1_0", "--1", "1.2.3",
        "1e1.5", "١",
    ] {
        assert_eq!(Number::parse(text), None, "{text:?}");
    }
}

#[test]
fn integers_and_floats_come_out_where_they_fit() {
    assert_eq!(number("9223372036854775807").as_i64(), Some(i64::MAX));
    assert_eq!(number("9223372036854775808").as_i64(), None);
    assert_eq!(number("-9223372036854775808").as_i64(), Some(i64::MIN));
    assert_eq!(number("18446744073709551615").as_u64(), Some(u64::MAX));
    assert_eq!(number("18446744073709551616").as_u64(), None);
    assert_eq!(number("10000000000000000000").as_u64(), Some(10_000_000_000_000_000_000));
    assert_eq!(number("1e30").as_u64(), None);
    assert_eq!(number("1.5").as_u64(), None);
    assert_eq!(number("-1").as_u64(), None);
    assert_eq!(number("1.5").as_exact_f64(), Some(1.5));
    assert_eq!(number("5e-324").as_exact_f64(), Some(5e-324));
    assert_eq!(number("1").as_exact_f64(), None);
    assert_eq!(number("0.10000000000000001").as_exact_f64(), None);
    assert_eq!(number("1e400").as_exact_f64(), None);
    assert_eq!(Number::from_f64(f64::NAN), None);
    assert_eq!(Number::from_f64(f64::INFINITY), None);
    assert_eq!(Number::from_f64(-0.0), Some(number("0")));
    assert_eq!(Number::from(u64::MAX), number("18446744073709551615"));
}

#[test]
fn numbers_are_written_plainly() {
    for (literal, written) in [
        ("-0", "0"),
        ("1.50", "1.5"),
        ("1e2", "100"),
        ("1e20", "100000000000000000000"),
        ("1e21", "1e21"),
        ("1e-7", "0.0000001"),
        ("1e-8", "1e-8"),
        ("1e400", "1e400"),
        ("18446744073709551615", "18446744073709551615"),
        ("0.10000000000000001", "10000000000000001e-17"),
        ("5e-324", "5e-324"),
    ] {
        assert_eq!(number(literal).to_string(), written);
    }
}

#[test]
fn exponents_past_the_limit_count_as_the_limit() {
    let limit = number("1e1000000000000000000");
    for literal in ["1e99999999999999999999999", "10e1000000000000000000", "1e9223372036854775807"] {
        assert_eq!(number(literal), limit, "{literal}");
        assert_eq!(number(&number(literal).to_string()), limit, "{literal}");
    }
    assert!(number("-1e-99999999999999999999999") < number("0"));
    assert!(number("1e-99999999999999999999999") > number("0"));
}

#[test]
fn a_literal_of_a_million_digits_is_a_number() {
    let long = "9".repeat(1_000_000);
    assert_eq!(number(&long).to_string(), long);
    assert!(number(&long) > number("1e999999"));
    assert!(number(&long) < number("1e1000000"));
    assert_eq!(number(&format!("0.{}1", "0".repeat(999_999))), number("1e-1000000"));
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?",
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(|f| format!("{f:e}")),
        any::<i64>().prop_map(|i| i.to_string()),
        any::<u64>().prop_map(|i| i.to_string()),
    ]
}

proptest! {
    #[test]
    fn a_written_number_reads_back_as_itself(literal in literal()) {
        let number = number(&literal);
        prop_assert_eq!(Number::parse(&number.to_string()), Some(number));
    }

    #[test]
    fn moving_the_point_changes_nothing(digits in "[1-9][0-9]{0,30}", shift in 0usize..40, negative in any::<bool>()) {
        let sign = if negative { "-" } else { "" };
        let plain = number(&format!("{sign}{digits}"));
        let shifted = number(&format!("{sign}{digits}{}e-{shift}", "0".repeat(shift)));
        prop_assert_eq!(&plain, &shifted);
        prop_assert_eq!(hash(&plain), hash(&shifted));
    }

    #[test]
    fn floats_keep_their_value_and_order(a in any::<f64>(), b in any::<f64>()) {
        prop_assume!(a.is_finite() && b.is_finite());
        let (x, y) = (Number::from_f64(a).unwrap(), Number::from_f64(b).unwrap());
        prop_assert_eq!(Some(x.cmp(&y)), a.partial_cmp(&b));
        prop_assert_eq!(x.to_string().parse::<f64>().unwrap().total_cmp(&(a + 0.0)), Ordering::Equal);
    }

    #[test]
    fn integers_keep_their_order(a in any::<i128>(), b in any::<i128>(), c in any::<i64>()) {
        let parse = |integer: i128| number(&integer.to_string());
        prop_assert_eq!(parse(a).cmp(&parse(b)), a.cmp(&b));
        prop_assert_eq!(parse(a).cmp(&Number::from(c)), a.cmp(&i128::from(c)));
    }

    #[test]
    fn the_order_agrees_with_scaled_integers(a in any::<i64>(), b in any::<i64>(), places in 1u32..18) {
        let decimal = |integer: i64| number(&format!("{integer}e-{places}"));
        prop_assert_eq!(decimal(a).cmp(&decimal(b)), a.cmp(&b));
        let scaled = i128::from(b) * 10_i128.pow(places);
        prop_assert_eq!(decimal(a).cmp(&Number::from(b)), i128::from(a).cmp(&scaled));
        prop_assert_eq!(Number::from(b).cmp(&decimal(a)), scaled.cmp(&i128::from(a)));
    }

    #[test]
    fn small_integers_and_decimals_are_in_order(a in -10_000_i64..10_000, b in -1000_i64..1000, places in 1u32..4) {
        let decimal = number(&format!("{a}e-{places}"));
        let scaled = b * 10_i64.pow(places);
        prop_assert_eq!(decimal.cmp(&Number::from(b)), a.cmp(&scaled));
        prop_assert_eq!(Number::from(b).cmp(&decimal), scaled.cmp(&a));
    }
}
