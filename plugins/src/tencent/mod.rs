//! Tencent Cloud: signed calls to any of its APIs (TC3-HMAC-SHA256), and the action `tencent.call`.

pub mod call;
pub mod client;
pub mod credentials;
pub mod error;
pub mod tc3;

pub use call::TencentCall;
pub use client::{Client, Endpoint, Request};
pub use credentials::Credentials;

use crate::action::{ActionError, App};
use credentials::Key;

/// The key that a call is signed with: that of the application that the step acts for.
pub(crate) fn key(app: Option<&App>) -> Result<Key, ActionError> {
    let app = app.ok_or_else(|| {
        let fix = "the step acts for no application: write `app: NAME` at the step";
        ActionError::fatal("NoApplication", fix)
    })?;
    let credentials = app.credentials.as_ref().ok_or_else(|| {
        let fix =
            format!("the application {} ({}) has no credentials: give it some in oncue.yaml", app.name, app.subappid);
        ActionError::fatal("NoCredentials", fix)
    })?;
    credentials.resolve().map_err(|error| ActionError::retry("NoCredentials", error.to_string()))
}
