use proptest::prelude::*;

use super::super::limits;
use super::{Expression, Value, compile_error, failure, names, scope};

#[test]
fn a_long_expression_is_refused() {
    assert_eq!(compile_error(&" ".repeat(limits::EXPRESSION_TEXT + 1)).message, "an expression of more than 8 KiB");
    assert_eq!(compile_error(&"1,".repeat(600)).message, "an expression of more than 1000 words");
}

#[test]
fn a_deep_expression_is_refused() {
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(30), close.repeat(30));
    for (open, close) in [("(", ")"), ("[", "]"), ("#{a: ", "}"), ("abs(", ")"), ("not ", ""), ("if true { ", "}")] {
        let message = compile_error(&nested(open, close)).message;
        assert_eq!(message, "the expression is nested deeper than 24 levels", "{open}");
    }
    for run in ["+1", ".x", "[0]", " else 1"] {
        let text = format!("payload{}", run.repeat(limits::DEPTH + 1));
        let message = compile_error(&text).message;
        assert_eq!(message, "more than 100 operators and members depend on each other here", "{run}");
    }
}

/// The deepest expressions that are allowed, answered with a quarter of a worker thread's stack.
#[test]
fn the_deepest_expression_fits_a_small_stack() {
    let sum = format!("1{}", "+1".repeat(limits::DEPTH));
    let brackets = (0..20).fold("1".to_owned(), |inner, _| format!("({inner}+1+1)"));
    let closures =
        (0..11).fold("[1]".to_owned(), |inner, level| format!("[1].map(|x{level}| x{level} + 0 + {inner}.len())"));
    let lists = format!("{}1{}", "[".repeat(limits::NESTING), "]".repeat(limits::NESTING));
    let either = format!("false{}", " or false and true".repeat(100));
    let signs = format!("{}1", "-".repeat(limits::DEPTH));
    for text in [sum, brackets, closures, lists, either, signs] {
        let thread = std::thread::Builder::new().stack_size(512 * 1024);
        let answered = thread.spawn(move || {
            let expression = Expression::compile(&text, &names()).map_err(|error| format!("{text}: {error}"))?;
            expression.evaluate(&scope()).map_err(|error| format!("{text}: {error}"))
        });
        answered.unwrap().join().unwrap().unwrap();
    }
}

#[test]
fn operations_are_counted_through_closures() {
    let list = "'x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x'.split(' ')";
    let text = format!("{list}.map(|a| {list}.map(|b| {list}.map(|c| {list}.map(|d| 1))))");
    assert_eq!(failure(&text), "more than 100000 operations");
}

#[test]
fn large_values_count_by_their_size() {
    let mut scope = scope();
    scope.set("body", Value::text("x ".repeat(8_000)));
    for text in [
        "body.split(' ').map(|x| body.split(' ')).unique()",
        "body.split(' ').map(|x| body.to_upper())",
        "body.split(' ').map(|x| body == body)",
        "body.split(' ').map(|x| body < body)",
        "body.split(' ').map(|x| body.len())",
        "body.split(' ').all(|x| 'y' not in body)",
    ] {
        let error = Expression::compile(text, &names()).unwrap().evaluate(&scope).unwrap_err();
        assert_eq!(error.message, "more than 100000 operations", "{text}");
    }
}

#[test]
fn each_evaluation_counts_anew() {
    let list = "'x x x x x x x x x x x x x x x x x x x x'.split(' ')";
    let expression = Expression::compile(&format!("{list}.map(|a| {list}.map(|b| {list}.len()))"), &names()).unwrap();
    for _ in 0..50 {
        assert!(expression.evaluate(&scope()).is_ok());
    }
}

#[test]
fn what_grows_too_large_is_refused() {
    let large = "a text of more than 64 KiB, or a list or map of more than 10000 items";
    for text in [
        "body.replace('x', body)",
        "body.split(' ').map(|x| body).join('')",
        "body.split(' ').map(|x| body).to_json()",
        "body.split(' ') + body.split(' ')",
        "body + body + body + body + body",
    ] {
        let mut scope = scope();
        scope.set("body", Value::text("x ".repeat(8_000)));
        assert_eq!(Expression::compile(text, &names()).unwrap().evaluate(&scope).unwrap_err().message, large, "{text}");
    }
}

fn soup() -> impl Strategy<Value = String> {
    const WORDS: &str = "payload app steps media x time 1 2.5 9223372036854775808 'a' '' null true and or not in if \
        else ( ) [ ] { } #{ | || , : . ?. ?? == < + - * / % ** ! map filter len sum sub_string replace list a \
        -1 add format |x| payload.list [1,2] .map(|x|x) .len() '中' \" true, (x) {x}";
    let words = prop::sample::select(WORDS.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>());
    prop::collection::vec(words, 1..30).prop_map(|words| words.join(" "))
}

fn is_taken_or_refused(text: &str) -> Result<(), TestCaseError> {
    match Expression::compile(text, &names()) {
        Ok(expression) => {
            if let Err(error) = expression.evaluate(&scope())
                && let Some((offset, length)) = error.part
            {
                prop_assert!(text.get(offset..offset + length).is_some(), "{text:?} {error:?}");
            }
        }
        Err(error) => {
            prop_assert!(text.get(error.offset..error.offset + error.length).is_some(), "{text:?} {error:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_text_is_taken_or_refused(text in ".{0,60}") {
        is_taken_or_refused(&text)?;
    }

    #[test]
    fn any_words_are_taken_or_refused(text in soup()) {
        is_taken_or_refused(&text)?;
    }

    #[test]
    fn any_text_in_quotes_is_itself(text in any::<String>()) {
        let quoted = format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
        let value = Expression::compile(&quoted, &names()).unwrap().evaluate(&scope()).unwrap();
        prop_assert_eq!(value.as_text(), Some(text.as_str()));
    }

    #[test]
    fn integers_calculate_as_integers(a in any::<i32>(), b in any::<i32>()) {
        let (sum, product) = (i64::from(a) + i64::from(b), i64::from(a) * i64::from(b));
        let text = format!("({a}) + ({b}) == {sum} and ({a}) * ({b}) == {product}");
        prop_assert_eq!(Expression::compile(&text, &names()).unwrap().holds(&scope()), Ok(true));
    }
}
