//! VOD through the client of Tencent Cloud: its version, its endpoint, its region.

use std::time::{Duration, Instant};

use oncue_rules::value::Map;

use super::{ERRORS, limits};
pub use crate::tencent::client::{ANSWER_LIMIT, ClientError, Endpoint, EndpointError, PATIENCE};
use crate::tencent::credentials::Key;
use crate::tencent::error::CallError;
use crate::tencent::{self, Request};

/// The version of the API that requests name.
pub const VERSION: &str = "2018-07-17";

/// The name of the service in host names and signatures.
pub const SERVICE: &str = "vod";

/// Makes signed calls to VOD. A clone is cheap and shares the connections.
#[derive(Debug, Clone)]
pub struct Client {
    tencent: tencent::Client,
    endpoint: Endpoint,
    region: Option<String>,
}

impl Client {
    /// A client of one endpoint, which may take [`PATIENCE`] to answer. `region` goes out as `X-TC-Region`, which VOD does not
    /// need.
    ///
    /// # Errors
    ///
    /// When the certificates of the system cannot be read and the endpoint needs them.
    pub fn new(endpoint: Endpoint, region: Option<&str>) -> Result<Self, ClientError> {
        Self::with_patience(endpoint, region, PATIENCE)
    }

    /// The same, of one that may take so long to answer.
    ///
    /// # Errors
    ///
    /// As for [`Client::new`].
    pub fn with_patience(endpoint: Endpoint, region: Option<&str>, patience: Duration) -> Result<Self, ClientError> {
        let tencent = tencent::Client::new(patience);
        tencent.prepare(&endpoint)?;
        Ok(Self { tencent, endpoint, region: region.map(str::to_owned) })
    }

    /// Calls an API such as `ProcessMedia` and gives the members of `Response`. `payload` is sent as it is.
    ///
    /// # Errors
    ///
    /// When there is no result by `deadline`, or it is an error.
    pub async fn call(&self, action: &str, payload: Vec<u8>, key: &Key, deadline: Instant) -> Result<Map, CallError> {
        let request = Request {
            service: SERVICE,
            version: VERSION,
            action,
            endpoint: &self.endpoint,
            region: self.region(),
            payload: &payload,
            key,
            deadline,
            errors: ERRORS,
            limit: limits::of(action),
        };
        self.tencent.call(request).await
    }

    /// The client beneath, for other services.
    #[must_use]
    pub fn tencent(&self) -> &tencent::Client {
        &self.tencent
    }

    /// Where its requests go.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The region that its requests name.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }
}
