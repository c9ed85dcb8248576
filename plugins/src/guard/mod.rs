//! Keeps calls that rules make out of the inside: loopback, private networks, the metadata service of a cloud.
//!
//! A URL may come from an event, and a name may resolve to anything. So addresses are checked where a connection is
//! made: the addresses that a name resolved to are filtered ([`Guarded`]) and only those that are left are connected
//! to; nothing is resolved twice. Hosts that are written as addresses are never resolved, so [`check`] looks at them
//! before a request, whatever their notation: parsing a URL turns `0x7f.1`, `017700000001`, `2130706433` and the like
//! into the address that they mean. Both are done again for each redirect.

mod address;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

pub use address::{Kind, classify};

/// A host that stands inside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is {}{kind}", if .host == &.address.to_string() { String::new() } else { format!("{address}, ") })]
pub struct Refused {
    /// The host as it is named.
    pub host: String,
    /// The address that it has.
    pub address: IpAddr,
    /// What that is.
    pub kind: Kind,
}

/// Whether the host of a URL may be connected to, as far as the URL tells.
///
/// # Errors
///
/// When the host is an address that is not one of the public internet.
pub fn check(url: &Url) -> Result<(), Refused> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    classify(address).map_or(Ok(()), |kind| Err(Refused { host: address.to_string(), address, kind }))
}

/// Finds the addresses of names.
#[async_trait]
pub trait Lookup: Send + Sync + 'static {
    /// The addresses of a name.
    ///
    /// # Errors
    ///
    /// When they cannot be found.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Asks the system, as every other program does.
#[derive(Debug, Clone, Copy)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect())
    }
}

/// Resolves names for an HTTP client and keeps back the addresses that must not be connected to.
#[derive(Clone)]
pub struct Guarded {
    lookup: Arc<dyn Lookup>,
    allow_private: bool,
}

impl Guarded {
    /// Lets through the addresses of the public internet, or all of them.
    #[must_use]
    pub fn new(lookup: Arc<dyn Lookup>, allow_private: bool) -> Self {
        Self { lookup, allow_private }
    }

    /// The addresses of a name that may be connected to.
    async fn resolved(&self, name: &str) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let found = self.lookup.lookup(name).await?;
        let mut refused = None;
        let mut open = Vec::with_capacity(found.len());
        for address in found {
            match classify(address).filter(|_| !self.allow_private) {
                Some(kind) => refused = refused.or(Some(Refused { host: name.to_owned(), address, kind })),
                None => open.push(SocketAddr::new(address, 0)),
            }
        }
        match (open.is_empty(), refused) {
            (true, Some(refused)) => Err(refused.into()),
            (true, None) => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into()),
            (false, _) => Ok(open),
        }
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let guarded = self.clone();
        Box::pin(async move {
            let addresses = guarded.resolved(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("allow_private", &self.allow_private).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
