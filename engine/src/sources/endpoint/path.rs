//! The path of an endpoint.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// How long a path may be, in bytes.
const LIMIT: usize = 200;
/// First parts of paths that are taken, or kept for what is to come.
const TAKEN: [&str; 3] = ["vod", "healthz", "status"];

/// A path without its first slash, as a request names it: compared byte by byte, nothing decoded.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Path(Arc<str>);

/// A text that cannot be the path of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with a slash.
    #[error("must begin with `/`")]
    NotAbsolute,
    /// It is too long.
    #[error("is longer than {LIMIT} bytes")]
    Long,
    /// A part of it would not arrive as it is written.
    #[error("has the part `{part}`, and a part is letters, digits, `-`, `_`, `.` and `~`")]
    Part {
        /// The part.
        part: String,
    },
    /// Something else is there.
    #[error("is below `/{first}`, which is not for endpoints")]
    Taken {
        /// The first part.
        first: &'static str,
    },
}

impl Path {
    /// The path that this text is, such as `/hooks/cms`.
    ///
    /// # Errors
    ///
    /// When it cannot be one.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let path = text.strip_prefix('/').ok_or(PathError::NotAbsolute)?;
        if path.len() > LIMIT {
            return Err(PathError::Long);
        }
        if let Some(part) = path.split('/').find(|part| !is_plain(part)) {
            return Err(PathError::Part { part: part.to_owned() });
        }
        let first = path.split('/').next().unwrap_or_default();
        match TAKEN.into_iter().find(|taken| *taken == first) {
            Some(first) => Err(PathError::Taken { first }),
            None => Ok(Self(path.into())),
        }
    }
}

/// Clients send such a part as it is; `.` and `..` they resolve themselves.
fn is_plain(part: &str) -> bool {
    let plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
    plain && !["", ".", ".."].contains(&part)
}

impl Borrow<str> for Path {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
