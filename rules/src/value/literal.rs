//! Where the values of a JSON text (RFC 8259) end. What is passed over is checked as strictly as what is read.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The place of the first quote, backslash or control character from `at` on, or the end of the text.
#[inline]
pub(crate) fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    // Eight bytes at once: a byte of `hits` has its high bit set where one of them is found, and none before the first.
    while let Some(chunk) = bytes.get(at..at + 8).and_then(|chunk| chunk.try_into().ok()) {
        let word = u64::from_le_bytes(chunk);
        let zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let quote = zero(word ^ (ONES * u64::from(b'"')));
        let backslash = zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let hits = (quote | backslash | control) & HIGH;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\' | 0..=0x1f) {
            return at;
        }
        at += 1;
    }
    at
}

/// The end of the text whose opening quote stands at `at`.
#[inline]
fn text_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at = plain_end(bytes, at);
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at = escape(bytes, at)?.1,
            _ => return None,
        }
    }
}

/// The character of the escape at `at`, and its end.
fn escape(bytes: &[u8], at: usize) -> Option<(char, usize)> {
    let plain = |c| Some((c, at + 2));
    match bytes.get(at + 1)? {
        b'"' => plain('"'),
        b'\\' => plain('\\'),
        b'/' => plain('/'),
        b'b' => plain('\u{8}'),
        b'f' => plain('\u{c}'),
        b'n' => plain('\n'),
        b'r' => plain('\r'),
        b't' => plain('\t'),
        b'u' => {
            let first = unit(bytes, at + 2)?;
            if !(0xD800..0xDC00).contains(&first) {
                return Some((char::from_u32(first)?, at + 6));
            }
            let second = match bytes.get(at + 6..at + 8)? {
                b"\\u" => unit(bytes, at + 8).filter(|unit| (0xDC00..0xE000).contains(unit))?,
                _ => return None,
            };
            let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            Some((char::from_u32(code)?, at + 12))
        }
        _ => None,
    }
}

fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.iter().try_fold(0, |unit, byte| Some(unit << 4 | char::from(*byte).to_digit(16)?))
}

/// The text whose first character stands at `start`, with its escapes resolved, and the place behind its closing quote.
pub(crate) fn unescape(text: &str, start: usize) -> Option<(String, usize)> {
    let bytes = text.as_bytes();
    let (mut resolved, mut at) = (String::new(), start);
    loop {
        let plain = plain_end(bytes, at);
        resolved.push_str(&text[at..plain]);
        match bytes.get(plain)? {
            b'"' => return Some((resolved, plain + 1)),
            b'\\' => {
                let (c, end) = escape(bytes, plain)?;
                resolved.push(c);
                at = end;
            }
            _ => return None,
        }
    }
}

/// The end of the number at `at`.
#[inline]
pub(crate) fn number_end(bytes: &[u8], at: usize) -> Option<usize> {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let digits = |mut at: usize| {
        let start = at;
        while byte(at).is_ascii_digit() {
            at += 1;
        }
        (at > start).then_some(at)
    };
    let at = if byte(at) == b'-' { at + 1 } else { at };
    let mut end = if byte(at) == b'0' { at + 1 } else { digits(at)? };
    if byte(end) == b'.' {
        end = digits(end + 1)?;
    }
    if matches!(byte(end), b'e' | b'E') {
        let sign = usize::from(matches!(byte(end + 1), b'+' | b'-'));
        end = digits(end + 1 + sign)?;
    }
    Some(end)
}

/// The end of the text, number or word at `at`.
#[inline]
pub(crate) fn scalar_end(bytes: &[u8], at: usize) -> Option<usize> {
    let word = |word: &[u8]| {
        let end = at + word.len();
        (bytes.get(at..end)? == word).then_some(end)
    };
    match bytes.get(at)? {
        b'"' => text_end(bytes, at),
        b't' => word(b"true"),
        b'f' => word(b"false"),
        b'n' => word(b"null"),
        _ => number_end(bytes, at),
    }
}

#[inline]
fn space_end(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// The end of the list or map at `at`, which holds at most `levels` levels, itself counted. `levels` is 128 at most.
pub(crate) fn container_end(bytes: &[u8], mut at: usize, levels: usize) -> Option<usize> {
    // A bit for each open level, the innermost last: whether it is a map.
    let (mut maps, mut depth) = (0_u128, 0);
    loop {
        // Here a value begins.
        match bytes.get(at)? {
            open @ (b'{' | b'[') => {
                depth += 1;
                if depth > levels {
                    return None;
                }
                let is_map = *open == b'{';
                maps = maps << 1 | u128::from(is_map);
                at = space_end(bytes, at + 1);
                match bytes.get(at)? {
                    b'}' if is_map => {}
                    b']' if !is_map => {}
                    _ if is_map => {
                        at = name_end(bytes, at)?;
                        continue;
                    }
                    _ => continue,
                }
            }
            _ => at = space_end(bytes, scalar_end(bytes, at)?),
        }
        // Here a value has ended, or an empty container ends.
        loop {
            match bytes.get(at)? {
                b',' => {
                    at = space_end(bytes, at + 1);
                    if maps & 1 == 1 {
                        at = name_end(bytes, at)?;
                    }
                    break;
                }
                close @ (b'}' | b']') => {
                    if (*close == b'}') != (maps & 1 == 1) {
                        return None;
                    }
                    maps >>= 1;
                    depth -= 1;
                    at += 1;
                    if depth == 0 {
                        return Some(at);
                    }
                    at = space_end(bytes, at);
                }
                _ => return None,
            }
        }
    }
}

/// The place behind the name at `at` and its colon.
#[inline]
fn name_end(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let at = space_end(bytes, text_end(bytes, at)?);
    (bytes.get(at) == Some(&b':')).then(|| space_end(bytes, at + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::{DEPTH_LIMIT, Value};

    /// Whether the bytes are one JSON value and nothing else.
    fn is_json(bytes: &[u8]) -> bool {
        let at = space_end(bytes, 0);
        let end = match bytes.get(at) {
            Some(b'{' | b'[') => container_end(bytes, at, DEPTH_LIMIT),
            _ => scalar_end(bytes, at),
        };
        std::str::from_utf8(bytes).is_ok() && end.is_some_and(|end| space_end(bytes, end) == bytes.len())
    }

    fn agrees(bytes: &[u8]) {
        assert_eq!(is_json(bytes), Value::from_json(bytes).is_ok(), "{:?}", String::from_utf8_lossy(bytes));
    }

    #[rustfmt::skip]
    const NEARLY: [&str; 59] = [
        "", " ", "{}", "[]", " [ ] ", "{\"a\":1}", "{\"a\":1,}", "{,}", "[1,]", "[,]", "[1 2]", "{\"a\" 1}",
        "{\"a\":}", "{a:1}", "{\"a\":1]", "[1}", "[}", "{]", "01", "-", "-0", "1.", ".5", "1e", "1e+", "1E+5",
        "+1", "0x1", "NaN", "tru", "true", "truefalse", "true false", "nul", "\"", "\"a", "\"\\\"", "\"\\x\"",
        "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\\u0041\"",
        "\"\\ud83d\\\"", "\"\u{7f}é漢😀\"", "\"tab\there\"", "\"nul\0\"", "\"\\/\\b\\f\\n\\r\\t\"", "[[[]]]",
        "[[[]]", "{\"a\":{\"b\":[{}]}}", "{}{}", "{} x", "{\"a\":1 , \"b\":2}", "{\"a\":1 \"b\":2}", "{1:2}",
        "\"12345678\\n\"", "\"1234567\u{1}\"",
    ];

    #[test]
    fn what_is_json_is_what_the_other_reader_takes() {
        for text in NEARLY {
            agrees(text.as_bytes());
        }
        for depth in [127, 128, 129] {
            agrees(format!("{}{}", "[".repeat(depth), "]".repeat(depth)).as_bytes());
            agrees(format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)).as_bytes());
        }
        agrees(b"\"\xff\"");
        agrees(b"\"\xed\xa0\x80\"");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        #[test]
        fn so_it_is_for_texts_that_are_nearly_json(text in "([\\[\\]{}:,\" ]|\"a\"|\"b\\\\\\\\n\":|1|-0|2\\.5e3|true|null|\\\\u00e9|\\\\){0,16}") {
            agrees(text.as_bytes());
        }

        #[test]
        fn an_escaped_text_is_resolved(text in any::<String>()) {
            let json = Value::text(text.as_str()).to_json();
            prop_assert_eq!(unescape(&json, 1), Some((text, json.len())));
        }
    }
}
