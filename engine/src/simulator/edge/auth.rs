//! Who calls: the check of TC3 signatures (protocol section 7), with the vendor's codes.

use oncue_plugins::vod::tc3;
use oncue_rules::time::Timestamp;
use warp::http::HeaderMap;

use crate::simulator::error::ApiError;
use crate::simulator::options::Key;

/// Whether a request was signed with one of the keys, for this service, and just now.
///
/// # Errors
///
/// The vendor's code for what is wrong.
pub(super) fn check(headers: &HeaderMap, payload: &[u8], keys: &[Key], now: Timestamp) -> Result<(), ApiError> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let authorization = header("authorization")
        .ok_or_else(|| ApiError::new("AuthFailure.InvalidAuthorization", "the request has no Authorization header"))?;
    let authorization = tc3::parse_authorization(authorization)
        .map_err(|error| ApiError::new("AuthFailure.InvalidAuthorization", error.to_string()))?;
    let timestamp = header("x-tc-timestamp").and_then(|text| text.parse::<i64>().ok()).ok_or_else(|| {
        ApiError::new("MissingParameter", "the header X-TC-Timestamp is missing, or is no number of seconds")
    })?;
    let seconds = now.0.div_euclid(1_000);
    if seconds.abs_diff(timestamp) > tc3::CLOCK_TOLERANCE {
        let message = format!("the timestamp {timestamp} is more than 5 minutes from {seconds}: check the clock");
        return Err(ApiError::new("AuthFailure.SignatureExpire", message));
    }
    let key = keys.iter().find(|key| key.secret_id == authorization.secret_id).ok_or_else(|| {
        ApiError::new("AuthFailure.SecretIdNotFound", "the secret id is none of those that the simulator started with")
    })?;
    if authorization.service != "vod" {
        let message = format!("the signature is for the service {:.50}, not for vod", authorization.service);
        return Err(ApiError::new("AuthFailure.SignatureFailure", message));
    }
    let headers: Vec<(&str, &str)> =
        headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let received = tc3::Received { secret_key: &key.secret_key, timestamp, headers: &headers, payload };
    tc3::verify(&authorization, &received)
        .map_err(|error| ApiError::new("AuthFailure.SignatureFailure", error.to_string()))?;
    if header("x-tc-token").filter(|token| !token.is_empty()) != key.token.as_deref() {
        return Err(ApiError::new("AuthFailure.TokenFailure", "X-TC-Token is not the one of this key"));
    }
    Ok(())
}
