//! The event by which a callback URL is tried: stored as any other, and no rule is asked about it.

use oncue_rules::time::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::secret::Secret;
use crate::sources::vod::{PROBE, sign};

/// The body of a new probe, signed for the next ten minutes when the application has a key.
#[must_use]
pub fn body(sign_key: Option<&Secret>, now: Timestamp) -> String {
    let mut body = json!({ "EventType": PROBE, PROBE: { "Id": Uuid::now_v7().to_string() } });
    if let Some(key) = sign_key {
        let signature = sign::sign(key, now);
        body["Sign"] = signature.sign.into();
        body["T"] = signature.until.into();
    }
    body.to_string()
}
