//! Bodies as they are stored: packed by zstd when that makes them smaller.

use std::borrow::Cow;
use std::cell::RefCell;

use rusqlite::types::{ToSqlOutput, ValueRef};
use zstd::bulk;

use super::fault::Fault;

/// The fastest level: bodies are packed on the way in, where a sender waits.
const LEVEL: i32 = 1;
/// Below this a frame's own overhead eats what it gains.
const WORTH_PACKING: usize = 128;

thread_local! {
    /// Making a compressor costs more than packing a body with it. It keeps about a megabyte.
    static COMPRESSOR: RefCell<Option<bulk::Compressor<'static>>> = RefCell::new(bulk::Compressor::new(LEVEL).ok());
}

/// Bytes as they go into a row.
#[derive(Debug)]
pub(super) struct Packed<'a> {
    /// The size before packing; `None` when the bytes are as they came.
    pub(super) unpacked: Option<i64>,
    /// The bytes.
    pub(super) bytes: Cow<'a, [u8]>,
}

/// Packs bytes, on the caller's thread.
pub(super) fn pack(bytes: &[u8]) -> Packed<'_> {
    let smaller = if bytes.len() < WORTH_PACKING { None } else { compress(bytes) };
    match (smaller, i64::try_from(bytes.len())) {
        (Some(packed), Ok(size)) => Packed { unpacked: Some(size), bytes: Cow::Owned(packed) },
        _ => Packed { unpacked: None, bytes: Cow::Borrowed(bytes) },
    }
}

/// None when it does not make them smaller.
fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        let packed = compressor.as_mut()?.compress(bytes).ok()?;
        (packed.len() < bytes.len()).then_some(packed)
    })
}

/// The bytes of a row, unpacked.
pub(super) fn unpack(unpacked: Option<i64>, bytes: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let Some(size) = unpacked else { return Ok(bytes) };
    let damaged = || Fault::Damaged("a packed body does not unpack".to_owned());
    let size = usize::try_from(size).ok().filter(|size| *size <= MOST_UNPACKED).ok_or_else(damaged)?;
    bulk::decompress(&bytes, size).ok().filter(|body| body.len() == size).ok_or_else(damaged)
}

/// SQLite stores no row larger than 1 GB, so no larger body was ever packed; a damaged size must not take all memory.
const MOST_UNPACKED: usize = 1 << 30;

impl Packed<'_> {
    /// The same bytes, owned.
    pub(super) fn into_owned(self) -> Packed<'static> {
        Packed { unpacked: self.unpacked, bytes: Cow::Owned(self.bytes.into_owned()) }
    }
}

impl rusqlite::ToSql for Packed<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_comes_back_to_the_byte() {
        let long = b"{\"EventType\":\"NewFileUpload\"}".repeat(100);
        let noise: Vec<u8> = (0u32..4096).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
        for body in [&b""[..], b"x", &long, &noise] {
            let packed = pack(body);
            assert!(packed.bytes.len() <= body.len());
            assert_eq!(unpack(packed.unpacked, packed.bytes.into_owned()).unwrap(), body);
        }
        assert!(pack(&long).unpacked.is_some());
    }

    #[test]
    fn a_damaged_body_is_an_error() {
        let packed = pack(&[b'a'; 1000]).into_owned();
        for size in [Some(-1), Some(999), Some(1001), Some(i64::MAX)] {
            assert!(matches!(unpack(size, packed.bytes.to_vec()), Err(Fault::Damaged(_))), "{size:?}");
        }
        assert!(matches!(unpack(Some(10), vec![1, 2, 3]), Err(Fault::Damaged(_))));
    }
}
