//! A request as handlers take it apart: warp gives its pieces, routing by path and method is left to the face.

use std::pin::Pin;

use futures_util::{Stream, StreamExt};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::header::{AUTHORIZATION, CONTENT_LENGTH};
use warp::http::{HeaderMap, Method, StatusCode};
use warp::{Buf, Rejection};

use super::body::{Body, BodyLimits, read_capped};
use super::reply::{self, Error};
use super::{Bytes, Face, Response};

type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send>>;

/// A request whose body is not read yet.
pub(super) struct Request {
    pub method: Method,
    /// Without the first slash, as sent.
    pub path: String,
    /// Empty when there is none.
    pub query: String,
    headers: HeaderMap,
    body: Chunks,
}

impl Request {
    /// What stands between the slashes.
    pub(super) fn segments(&self) -> Vec<&str> {
        self.path.split('/').collect()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The token of `Authorization: Bearer …` (RFC 6750 section 2.1).
    pub(super) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// Whether it only asks; an error otherwise, for paths that take nothing else.
    pub(super) fn is_get(&self) -> Result<(), Error> {
        let reads = self.method == Method::GET || self.method == Method::HEAD;
        if reads { Ok(()) } else { Err(Error::method_not_allowed(&self.method, "GET, HEAD")) }
    }

    /// The body, within limits.
    pub(super) async fn read_body(&mut self, limits: &BodyLimits) -> Result<Body, Error> {
        let declared = self.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        read_capped(&mut self.body, declared, limits).await
    }
}

/// A request under a first path segment; all else is rejected.
pub(super) fn under(prefix: &'static str) -> BoxedFilter<(Request,)> {
    warp::path(prefix).and(whole()).boxed()
}

/// A request whose path, without its first slash, is one of ours; all else is rejected.
pub(super) fn at(is_ours: impl Fn(&str) -> bool + Clone + Send + Sync + 'static) -> BoxedFilter<(Request,)> {
    let path = warp::path::full().and_then(move |path: warp::path::FullPath| {
        let found = is_ours(path.as_str().trim_start_matches('/'));
        std::future::ready(if found { Ok(()) } else { Err(warp::reject::not_found()) })
    });
    path.untuple_one().and(whole()).boxed()
}

fn whole() -> impl Filter<Extract = (Request,), Error = Rejection> + Clone {
    let query = warp::query::raw().or_else(|_: Rejection| async { Ok::<_, Rejection>((String::new(),)) });
    warp::path::full().and(warp::method()).and(query).and(warp::header::headers_cloned()).and(warp::body::stream()).map(
        |path: warp::path::FullPath, method, query, headers, body| {
            let path = path.as_str().trim_start_matches('/').to_owned();
            Request { method, path, query, headers, body: chunks(body) }
        },
    )
}

fn chunks<B: Buf>(body: impl Stream<Item = Result<B, warp::Error>> + Send + 'static) -> Chunks {
    Box::pin(body.map(|chunk| chunk.map(|mut chunk| chunk.copy_to_bytes(chunk.remaining()))))
}

/// `GET /healthz`: the process answers. Whether it gets on with its work is what `/readyz` of the admin face says.
pub(super) fn healthz() -> Face {
    under("healthz").map(|request: Request| reply::answer(alive(&request))).boxed()
}

fn alive(request: &Request) -> Result<Response, Error> {
    if request.segments() != ["healthz"] {
        return Err(Error::no_such_path());
    }
    request.is_get()?;
    Ok(reply::text(StatusCode::OK, "ok\n"))
}
