//! Following redirects by hand, so that each hop is looked at (RFC 9110 section 15.4).

use reqwest::header::{
    ACCEPT, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName,
    LOCATION,
};
use reqwest::{Method, StatusCode, Url};

use super::{Failure, Request};

/// How many redirects are followed.
pub const HOPS: usize = 5;

/// What goes on to another origin. Anything else may be a secret: credentials, signatures, keys in headers of any name.
const HARMLESS: [HeaderName; 6] =
    [ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, CONTENT_LANGUAGE, CONTENT_ENCODING, HeaderName::from_static("webhook-id")];

/// Which redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// All. 301 and 302 turn `POST` into `GET`, and 303 anything but `HEAD`, without the body.
    All,
    /// Those that keep method and body: 307 and 308.
    Whole,
    /// None: the answer is the redirect itself.
    None,
}

/// Turns a request into the one that its answer asks for; whether there is one.
pub(super) fn follow(request: &mut Request, status: StatusCode, headers: &HeaderMap) -> Result<bool, Failure> {
    if request.redirects == Redirects::None || ![301, 302, 303, 307, 308].contains(&status.as_u16()) {
        return Ok(false);
    }
    let Some(location) = headers.get(LOCATION) else { return Ok(false) };
    let target = target(&request.url, location.to_str().ok())?;
    if rewrites(status, &request.method) {
        if request.redirects == Redirects::Whole {
            let place = place(&target);
            let reason = format!("it answers {status} to {place}, which would leave the body behind: correct the URL");
            return Err(Failure::Redirect { reason });
        }
        request.method = Method::GET;
        request.body = None;
        for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_LANGUAGE] {
            request.headers.remove(name);
        }
    }
    if target.origin() != request.url.origin() {
        let kept = HARMLESS.into_iter().filter_map(|name| {
            let value = request.headers.get(&name)?.clone();
            Some((name, value))
        });
        request.headers = kept.collect();
    }
    request.url = target;
    Ok(true)
}

fn rewrites(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        301 | 302 => *method == Method::POST,
        303 => *method != Method::GET && *method != Method::HEAD,
        _ => false,
    }
}

fn target(from: &Url, location: Option<&str>) -> Result<Url, Failure> {
    let refuse = |reason: &str| Failure::Redirect { reason: format!("it redirects to {reason}") };
    let target = location.and_then(|location| from.join(location).ok());
    let target = target.ok_or_else(|| refuse("what is no URL"))?;
    if !["http", "https"].contains(&target.scheme()) || target.host().is_none() {
        return Err(refuse("what is neither http nor https"));
    }
    if !target.username().is_empty() || target.password().is_some() {
        return Err(refuse("a URL with a user in it"));
    }
    Ok(target)
}

/// The part of a URL that holds no secret.
pub(crate) fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}
