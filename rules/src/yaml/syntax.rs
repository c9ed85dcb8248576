//! Syntax errors in the words of a person who writes rules.

/// A syntax error.
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) hint: String,
}

/// What the parser's message means at this place of the text.
pub(super) fn describe(info: &str, text: &str, at: usize) -> Problem {
    let line = line_around(text, at);
    let (message, hint) = common(info, line).unwrap_or_else(|| {
        (format!("this is not YAML: {info}"), "check the indentation, quotes and brackets around this place")
    });
    // These mistakes surface as different errors, depending on what follows.
    let hint = if line.contains(": !") || line.contains("- !") {
        "a leading `!` is a YAML tag: quote the expression or write `not x`"
    } else {
        hint
    };
    Problem { message, hint: hint.to_owned() }
}

fn common(info: &str, line: &str) -> Option<(String, &'static str)> {
    let has = |part: &str| info.contains(part);
    let in_flow = line.contains("${{") || line.contains("{{");
    let (message, hint) = if has("tab") {
        ("a tab stands where only spaces may", "indent with spaces")
    } else if has("illegal placement of ':'") {
        let hint = "close the `[` or `{` that is open here, and quote a value that holds `: `";
        ("a `:` stands where no key can be", hint)
    } else if has("mapping values are not allowed") {
        ("a `:` stands where no key can be", "quote a value that holds `: `, and check the indentation of this line")
    } else if has("did not find expected ',' or") || has("expected ',' or ']'") || has("misplaced bracket") {
        let hint = if in_flow {
            "quote every `${{ ... }}` inside `{ ... }` and `[ ... ]`"
        } else {
            "separate the parts with `,`, close every bracket, and quote texts that hold brackets"
        };
        ("a `{ ... }` or `[ ... ]` is not closed, or a `,` is missing in it", hint)
    } else if has("indentation in quoted")
        || has("quoted scalar, found unexpected end")
        || has("unexpected document indicator")
    {
        ("a quote is opened and never closed", "close it; inside single quotes a quote is written twice")
    } else if has("trailing content after double-quoted") {
        ("something follows the closing quote", "put the whole value in single quotes: `'\"a\" == b'`")
    } else if has("unknown escape") || has("escape code") || has("hexadecimal number") {
        ("this `\\` escape does not exist", "write `\\\\` for a backslash, or use single quotes")
    } else if has("unknown anchor") || has("anchor or alias") {
        ("a text that starts with `*` or `&` must name an anchor", "quote a text that is no alias, as in `on: \"*\"`")
    } else if has("unexpected character") {
        ("a text cannot start with this character", "quote the text")
    } else if has("unprintable") {
        ("a control character stands here", "remove it, or write it as an escape in double quotes")
    } else if has("block scalar") {
        (
            "the text that `|` or `>` starts cannot be read",
            "put the text in lines of its own, indented deeper; quote an expression that starts with `>` or `|`",
        )
    } else if has("recursion limit") {
        ("brackets lie too deep in each other", "use fewer levels")
    } else if has("expected key")
        || has("simple key")
        || has("'-' indicator")
        || has("indentation")
        || has("block sequence")
    {
        ("this line does not fit what is above it", "align it with its neighbours, and write `key: value` or `- item`")
    } else if has("expected node content") {
        ("a value is missing here", "write a value, or quote the text")
    } else if has("flow mapping") {
        ("a `:` stands where no key can be", "quote texts that hold `:` or brackets")
    } else if has("mapping keys are not allowed") {
        ("a `? ` cannot start a value here", "quote the text")
    } else if has("document start") || has("document end marker") {
        ("this stands outside of the document", "indent it, or remove the `---` or `...` before it")
    } else {
        return None;
    };
    Some((message.to_owned(), hint))
}

/// The place itself, or the start of the last line with something in it when only blanks follow.
pub(super) fn visible(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    let at_line_start = before.is_empty() || before.ends_with('\n');
    if !at_line_start || text.get(at..).is_some_and(|rest| !rest.trim().is_empty()) {
        return at;
    }
    let content = before.trim_end();
    let line = content.rfind('\n').map_or(0, |at| at + 1);
    let indent = content[line..].len() - content[line..].trim_start().len();
    line + indent
}

fn line_around(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    text.get(start..).unwrap_or_default().lines().next().unwrap_or_default()
}
