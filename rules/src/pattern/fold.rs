//! Unicode simple case folding: one character to one, in no particular language (Unicode Standard, section 5.18).

use std::sync::LazyLock;

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

/// No character from here on has a case; a test keeps this true.
const CASELESS_FROM: u32 = 0x2_0000;

/// Pairs of a character and the least one that it equals when case is ignored, where that is another one; sorted.
static LEAST: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let has_case = |c: &char| !c.to_lowercase().eq([*c]) || !c.to_uppercase().eq([*c]);
    ('\u{80}'..=char::MAX)
        .take_while(|c| u32::from(*c) < CASELESS_FROM)
        .filter(has_case)
        .filter_map(|c| Some((c, equals_of(c).iter().next()?.start())))
        .filter(|(c, least)| c != least)
        .map(|(c, least)| (c, least.to_ascii_lowercase()))
        .collect()
});

/// The characters that equal this one when case is ignored.
fn equals_of(c: char) -> ClassUnicode {
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
    // Fails only without the crate's case tables, which the manifest asks for; then nothing folds.
    let _folded = class.try_case_fold_simple();
    class
}

/// The character that stands for all that equal this one when case is ignored.
pub(crate) fn fold(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    LEAST.binary_search_by_key(&c, |pair| pair.0).ok().and_then(|at| LEAST.get(at)).map_or(c, |pair| pair.1)
}

/// The text with every character folded.
pub(crate) fn folded(text: &str) -> String {
    text.chars().map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_differ_in_case_fold_to_one() {
        for same in ["kK\u{212a}", "ΣσςΣ", "éÉ", "дД", "sSſ", "ßẞ", "ǅǄǆ", "Ωω\u{2126}", "ꭰᎠ", "𐐀𐐨", "åÅ\u{212b}"]
        {
            let folded: Vec<char> = same.chars().map(fold).collect();
            assert!(folded.iter().all(|c| *c == folded[0]), "{same}: {folded:?}");
        }
    }

    #[test]
    fn no_language_and_no_longer_spelling_counts() {
        assert_ne!(fold('ı'), fold('i'));
        assert_ne!(fold('İ'), fold('i'));
        assert_ne!(folded("ß"), folded("ss"));
        assert_ne!(folded("ﬀ"), folded("ff"));
        assert_ne!(folded("é"), folded("e\u{301}"));
    }

    #[test]
    fn folding_agrees_with_the_unicode_tables_for_every_character() {
        let mut others = ClassUnicode::new([ClassUnicodeRange::new('\0', char::MAX)]);
        let in_table = LEAST.iter().flat_map(|(c, least)| [*c, *least, least.to_ascii_uppercase()]);
        let ascii = ('a'..='z').chain('A'..='Z');
        others.difference(&ClassUnicode::new(in_table.chain(ascii).map(|c| ClassUnicodeRange::new(c, c))));
        let before = others.clone();
        others.case_fold_simple();
        assert_eq!(before, others);

        for (c, least) in LEAST.iter() {
            for range in equals_of(*c).iter() {
                for other in range.start()..=range.end() {
                    assert_eq!(fold(other), *least, "{c} and {other}");
                }
            }
        }
    }
}
