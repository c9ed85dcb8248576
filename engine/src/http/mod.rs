//! What speaks HTTP: the receiver on `listen`, the API on `admin`, and the server under both.
//!
//! A handler takes a request apart itself and returns a [`Response`] or a [`reply::Error`]; warp's rejections mean "not
//! my path" and nothing else. Each face gives a filter; [`routes`] makes of one or more of them what [`serve()`] serves.

pub mod admin;
pub mod body;
pub mod cors;
pub mod receiver;
pub mod reply;
mod request;
pub mod serve;
mod stall;

use warp::Filter;
use warp::filters::BoxedFilter;
pub use warp::hyper::body::Bytes;
pub use warp::reply::Response;

pub use serve::{Limits, serve};

/// A face before [`routes`]: it answers what is on its paths, and rejects all else.
pub type Face = BoxedFilter<(Response,)>;

/// What [`serve()`] serves: it answers everything.
#[derive(Clone)]
pub struct Routes(pub(crate) Face);

/// Completes a face, or several joined by `or` and `unify`: what none of them answers is not found.
#[must_use]
pub fn routes(face: Face) -> Routes {
    Routes(face.recover(reply::recover).unify().boxed())
}

#[cfg(test)]
mod tests;
