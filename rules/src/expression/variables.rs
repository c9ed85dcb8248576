//! Which variables of an application an expression needs.

use super::lexer::{Kind, Token, tokens};

/// A path of names behind `app.vars.`, and where it stands in the expression, `app` included.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) path: Vec<String>,
    pub(crate) offset: usize,
    pub(crate) length: usize,
}

/// What stands in an expression that provides for a missing value.
const PROVIDES: [&str; 3] = ["??", "?.", "?["];
const ASKS: [&str; 5] = ["null", "is_empty", "contains", "keys", "in"];

/// The variables without which an expression means something else than what is written: every `app.vars.NAME`, in an
/// expression that says nothing about what may be missing.
pub(crate) fn needed_variables(text: &str) -> Vec<Variable> {
    let Ok(tokens) = tokens(text) else { return Vec::new() };
    let provides = |token: &Token<'_>| match token.kind {
        Kind::Word => ASKS.contains(&token.text),
        Kind::Symbol => PROVIDES.contains(&token.text),
        Kind::Text(_) | Kind::Number(_) => false,
    };
    if tokens.iter().any(provides) {
        return Vec::new();
    }
    (0..tokens.len()).filter_map(|at| variable_at(&tokens, at)).collect()
}

fn variable_at(tokens: &[Token<'_>], at: usize) -> Option<Variable> {
    let app = tokens.get(at).filter(|token| token.is_word("app"))?;
    if at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|before| before.is(".")) {
        return None;
    }
    let (_, mut next) = member(tokens, at + 1).filter(|(name, _)| name == "vars")?;
    let mut path = Vec::new();
    while let Some((name, after)) = member(tokens, next) {
        path.push(name);
        next = after;
    }
    let last = tokens.get(next.checked_sub(1)?)?;
    let length = last.offset + last.text.len() - app.offset;
    (!path.is_empty()).then_some(Variable { path, offset: app.offset, length })
}

/// The name of the member that is asked for at `at`, and where the expression goes on; none when it is calculated, an
/// index, or the name of a function.
fn member(tokens: &[Token<'_>], at: usize) -> Option<(String, usize)> {
    let is = |at: usize, symbol: &str| tokens.get(at).is_some_and(|token| token.is(symbol));
    match &tokens.get(at + 1)?.kind {
        Kind::Word if is(at, ".") && !is(at + 2, "(") => Some((tokens.get(at + 1)?.text.to_owned(), at + 2)),
        Kind::Text(name) if is(at, "[") && is(at + 2, "]") => Some((name.clone(), at + 3)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        needed_variables(text).into_iter().map(|variable| variable.path.join(".")).collect()
    }

    #[test]
    fn every_variable_is_found_wherever_it_stands() {
        assert_eq!(paths("app.vars.a"), ["a"]);
        assert_eq!(paths("f(app.vars.a.b) + x[app.vars['c d']] == app.vars.e.len()"), ["a.b", "c d", "e"]);
        assert_eq!(paths("list.map(|x| x + app.vars.rate)"), ["rate"]);
        assert_eq!(paths("app.vars.list[0].name"), ["list"]);
    }

    #[test]
    fn what_provides_for_a_missing_variable_needs_none() {
        for text in [
            "app.vars.a ?? 1",
            "(app.vars.a ?? {}).b",
            "app.vars.a != null and app.vars.a.b == 1",
            "app.vars.a.is_empty()",
            "'a' in app.vars",
            "app.vars.contains('a') and app.vars.a == 1",
        ] {
            assert_eq!(paths(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn other_names_are_no_variables_of_the_application() {
        for text in
            ["x.app.vars.a", "'app.vars.a'", "app.vars", "app.vars.len()", "app.name", "#{ app: 1 }", "app.vars[name]"]
        {
            assert_eq!(paths(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_variable_is_found_at_its_place() {
        let text = "1 + app.vars.rate * 2";
        let found = needed_variables(text);
        assert_eq!(&text[found[0].offset..found[0].offset + found[0].length], "app.vars.rate");
    }
}
