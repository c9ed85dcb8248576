//! The words of an expression: what may be written at all, before anything is said about its order.

use super::error::ExpressionError;
use crate::value::Number;

/// One word of an expression and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// The word as it is written.
    pub(super) text: &'a str,
    /// Where it begins, in bytes of the expression.
    pub(super) offset: usize,
}

/// What a word is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Word,
    /// A text in quotes, without them and with its escapes resolved.
    Text(String),
    /// A number literal.
    Number(Number),
    /// An operator, a bracket or a mark.
    Symbol,
}

impl Token<'_> {
    pub(super) fn is(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }

    /// An error about this word.
    pub(super) fn error(&self, message: impl Into<String>) -> ExpressionError {
        ExpressionError::new(message, self.offset, self.text.len())
    }
}

/// Longer symbols before those that begin them.
const SYMBOLS: [&str; 32] = [
    "#{", "?.", "?[", "??", "==", "!=", "<=", ">=", "&&", "||", "**", "(", ")", "[", "]", "{", "}", ",", ".", ":", "+",
    "-", "*", "/", "%", "<", ">", "!", "|", "?", ";", "=",
];

/// Symbols that are words of other languages, and what to write instead.
const FOREIGN: [(&str, &str, &str); 9] = [
    ("//", "a comment does not belong in an expression", "move it into the YAML, after ` #`"),
    ("/*", "a comment does not belong in an expression", "move it into the YAML, after ` #`"),
    ("===", "there is no `===`", "write `==`: it compares without converting"),
    ("!==", "there is no `!==`", "write `!=`: it compares without converting"),
    ("<>", "there is no `<>`", "write `!=`"),
    ("=>", "there is no `=>`", "a closure is written `|x| x.name`"),
    ("`", "texts are not written in back-quotes", "write 'text' or \"text\""),
    ("&", "there is no `&`", "write `and`"),
    ("$", "`$` has no place inside an expression", "write the name alone: `event.id`"),
];

/// The words of `text`, in their order.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, ExpressionError> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let offset = text.len() - rest.len();
        let (kind, length) = match first {
            _ if first.is_whitespace() => {
                rest = rest.trim_start();
                continue;
            }
            '\'' | '"' => quoted(rest, first, offset)?,
            '0'..='9' => number(rest, offset)?,
            _ if is_word_start(first) => (Kind::Word, word_length(rest)),
            _ => (Kind::Symbol, symbol(rest, offset)?),
        };
        let (word, after) = rest.split_at(length);
        found.push(Token { kind, text: word, offset });
        rest = after;
    }
    Ok(found)
}

fn is_word_start(letter: char) -> bool {
    letter == '_' || letter.is_alphabetic()
}

fn word_length(text: &str) -> usize {
    text.find(|letter: char| !(letter == '_' || letter.is_alphanumeric())).unwrap_or(text.len())
}

fn symbol(text: &str, offset: usize) -> Result<usize, ExpressionError> {
    let foreign = FOREIGN.iter().find(|(symbol, ..)| text.starts_with(symbol) && !text.starts_with("&&"));
    if let Some((symbol, message, hint)) = foreign {
        return Err(ExpressionError::new(*message, offset, symbol.len()).with_hint(*hint));
    }
    if let Some(symbol) = SYMBOLS.iter().find(|symbol| text.starts_with(**symbol)) {
        return Ok(symbol.len());
    }
    let letter = text.chars().next().unwrap_or_default();
    let message = format!("`{}` has no meaning here", letter.escape_debug());
    let error = ExpressionError::new(message, offset, letter.len_utf8());
    Err(if letter.is_ascii() {
        error
    } else {
        error.with_hint("quotes, brackets and operators are the ASCII ones: ' ( , =")
    })
}

/// A number and the length of its literal.
fn number(text: &str, offset: usize) -> Result<(Kind, usize), ExpressionError> {
    let digits = |from: usize| {
        text[from..].find(|letter: char| !letter.is_ascii_digit()).map_or(text.len(), |length| from + length)
    };
    let has_digit_at = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let mut end = digits(0);
    if text[end..].starts_with('.') && has_digit_at(end + 1) {
        end = digits(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
        if has_digit_at(end + 1 + sign) {
            end = digits(end + 1 + sign);
        }
    }
    let tail = word_length(&text[end..]);
    let error = |length: usize| ExpressionError::new(format!("`{}` is not a number", &text[..length]), offset, length);
    if tail > 0 {
        return Err(error(end + tail).with_hint("a text stands in quotes, and a name does not begin with a digit"));
    }
    let number = Number::parse(&text[..end])
        .ok_or_else(|| error(end).with_hint("leave the leading zeros out, or put the digits in quotes"))?;
    Ok((Kind::Number(number), end))
}

/// A text in quotes and its length with them; a doubled quote is the quote itself.
fn quoted(text: &str, quote: char, offset: usize) -> Result<(Kind, usize), ExpressionError> {
    let mut content = String::new();
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter == quote {
            if letters.next_if(|(_, next)| *next == quote).is_none() {
                return Ok((Kind::Text(content), at + 1));
            }
            content.push(quote);
        } else if letter == '\\' {
            let (length, meant) = escape(&text[at..]).map_err(|length| {
                ExpressionError::new("an escape that is none", offset + at, length).with_hint(ESCAPES)
            })?;
            content.push(meant);
            while letters.next_if(|(next, _)| *next < at + length).is_some() {}
        } else {
            content.push(letter);
        }
    }
    Err(ExpressionError::new(format!("the text that begins here has no closing {quote}"), offset, text.len()))
}

const ESCAPES: &str = "escapes are \\n, \\r, \\t, \\\\, \\', \\\", \\xNN, \\uNNNN and \\UNNNNNNNN";

/// The length of an escape and the letter it means; the length of what is none.
fn escape(text: &str) -> Result<(usize, char), usize> {
    let digits = |count: usize| {
        let hex = text.get(2..2 + count).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())).ok_or(2_usize)?;
        let code = u32::from_str_radix(hex, 16).map_err(|_| 2_usize)?;
        char::from_u32(code).map(|letter| (2 + count, letter)).ok_or(2 + count)
    };
    match text.chars().nth(1) {
        Some('n') => Ok((2, '\n')),
        Some('r') => Ok((2, '\r')),
        Some('t') => Ok((2, '\t')),
        Some(itself @ ('\\' | '\'' | '"')) => Ok((2, itself)),
        Some('x') => digits(2),
        Some('u') => digits(4),
        Some('U') => digits(8),
        Some(other) => Err(1 + other.len_utf8()),
        None => Err(1),
    }
}

/// Where the expression at the beginning of `text` ends with `}}`: braces and quotes inside it are taken in pairs.
pub(crate) fn closing_braces(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote: Option<u8> = None;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match (quote, byte) {
            (Some(_), b'\\') => {
                bytes.next();
            }
            (Some(open), _) if open == byte => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') if text.as_bytes().get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
    }
    None
}
