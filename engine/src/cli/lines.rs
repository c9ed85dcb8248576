//! Reading line by line, with no more than one line in memory.

use std::io::{self, BufRead as _, BufReader, Read};

/// The longest pattern, event or line that is read, in bytes.
pub(super) const SIZE_LIMIT: u64 = 16 << 20;

/// What a line is.
pub(super) enum Line {
    /// There is none any more.
    End,
    /// One that is wholly in memory.
    Whole,
    /// One that is longer than [`SIZE_LIMIT`], passed over.
    TooLong,
}

/// Reads the next line.
///
/// # Errors
///
/// When the input cannot be read.
pub(super) fn next(input: &mut BufReader<impl Read>, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    if input.by_ref().take(SIZE_LIMIT + 1).read_until(b'\n', line)? == 0 {
        return Ok(Line::End);
    }
    if line.len() as u64 <= SIZE_LIMIT || line.ends_with(b"\n") {
        return Ok(Line::Whole);
    }
    input.skip_until(b'\n')?;
    Ok(Line::TooLong)
}
