//! The callbacks of an application in push mode.

use std::collections::VecDeque;
use std::sync::Arc;

use md5::{Digest, Md5};
use oncue_rules::time::Timestamp;
use serde_json::{Map, Value};

/// For how long a signature holds (protocol section 4), in seconds.
const SIGNATURE_LIFETIME: i64 = 600;

/// Callbacks that belong together: they are sent one after the other, in this order.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) events: Vec<Map<String, Value>>,
    /// The tasks that these are about, for whoever waits until they are sent.
    pub(crate) tasks: Vec<Arc<str>>,
}

/// A batch on its way.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) subappid: u64,
    pub(crate) url: String,
    pub(crate) bodies: Vec<String>,
    pub(crate) tasks: Vec<Arc<str>>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) delivered: u64,
    pub(crate) resent: u64,
    pub(crate) given_up: u64,
}

/// Batches that wait for being sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) waiting: VecDeque<Batch>,
    pub(crate) in_flight: usize,
}

/// The body of a callback, signed when there is a key: `Sign` is the MD5 of the key and `T`, the moment until which it
/// holds (protocol section 4).
pub(crate) fn body(mut event: Map<String, Value>, sign_key: Option<&str>, now: Timestamp) -> String {
    if let Some(key) = sign_key {
        let until = now.0.div_euclid(1_000) + SIGNATURE_LIFETIME;
        event.insert("Sign".to_owned(), signature(key, until).into());
        event.insert("T".to_owned(), until.into());
    }
    Value::Object(event).to_string()
}

fn signature(key: &str, until: i64) -> String {
    hex::encode(Md5::digest(format!("{key}{until}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_vector() {
        let event = Map::from_iter([("EventType".to_owned(), Value::from("NewFileUpload"))]);
        let signed = body(event.clone(), Some("VodSignKey0000000000000000000001"), Timestamp(1_700_000_000_999));
        let expected = r#"{"EventType":"NewFileUpload","Sign":"9c62faf80d36f43ffbbb13797ed48b6b","T":1700000600}"#;
        assert_eq!(signed, expected);
        assert_eq!(body(event, None, Timestamp(0)), r#"{"EventType":"NewFileUpload"}"#);
    }
}
