//! What lets scripts of web pages read the answers of a face (Fetch standard, "CORS protocol").

use warp::http::header::{self, HeaderMap, HeaderValue};
use warp::http::{Method, StatusCode};
use warp::{Filter, Rejection};

use super::reply;
use super::{Face, Response};

const METHODS: HeaderValue = HeaderValue::from_static("POST, OPTIONS");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static("Content-Type");

/// The face with permission for pages of this origin (`*` is all of them): on every answer, those to unknown paths
/// included. It answers what browsers ask before a POST, whatever the path, so that this tells nothing about paths.
#[must_use]
pub fn allow(face: Face, origin: HeaderValue) -> Face {
    let preflight = warp::method().and_then(preflight);
    let answered = preflight.or(face).unify().recover(reply::recover).unify();
    answered
        .map(move |mut response: Response| {
            permit(response.headers_mut(), origin.clone());
            response
        })
        .boxed()
}

async fn preflight(method: Method) -> Result<Response, Rejection> {
    if method != Method::OPTIONS {
        return Err(warp::reject::not_found());
    }
    let mut response = reply::empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    Ok(response)
}

fn permit(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    if origin != "*" {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
}
