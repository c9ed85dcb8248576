//! What the code of one plugin may do, and the sentences for what it may not.

use std::sync::Arc;

use crate::plugin::Host;
use crate::plugin::manifest::Permissions;
use crate::script::error::{Fault, fault};

/// What one plugin may do, and what it does it with.
pub(super) struct Grants {
    pub(super) plugin: Arc<str>,
    pub(super) permissions: Permissions,
    pub(super) host: Host,
}

impl Grants {
    /// Whether a request may go to a host, and to a private address of it.
    pub(super) fn host(&self, host: &str) -> Option<bool> {
        let mut fitting = self.permissions.http.iter().filter(|known| known.fits(host)).peekable();
        fitting.peek()?;
        Some(fitting.any(|known| known.allow_private))
    }

    /// What is missing for the store; none when nothing is.
    pub(super) fn lacks_store(&self) -> Option<Missing> {
        (!self.permissions.store).then(|| Missing::new("keep values in the store", "store: true"))
    }

    /// What is missing for a secret.
    pub(super) fn lacks_secret(&self, name: &str) -> Option<Missing> {
        let is_known = self.permissions.secrets.iter().any(|(known, _)| known == name);
        (!is_known).then(|| Missing::new(&format!("use the secret `{name}`"), &format!("secrets: [{name}]")))
    }

    /// What is missing for an action.
    pub(super) fn lacks_action(&self, name: &str) -> Option<Missing> {
        let is_known = self.permissions.call.iter().any(|(known, _)| known.as_str() == name);
        (!is_known).then(|| Missing::new(&format!("call the action `{name}`"), &format!("call: [{name}]")))
    }

    /// What is missing for requests to any host.
    pub(super) fn lacks_hosts(&self) -> Option<Missing> {
        self.permissions.http.is_empty().then(|| Missing::new("send requests", "http: [api.example.com]"))
    }
}

/// A permission that a plugin does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missing {
    /// What it may not do.
    pub(super) message: String,
    /// The line to add.
    pub(super) hint: String,
}

impl Missing {
    fn new(what: &str, line: &str) -> Self {
        Self {
            message: format!("the plugin may not {what}"),
            hint: format!("add it to plugin.yaml: `permissions: {{ {line} }}`"),
        }
    }
}

/// An error of the script when something is missing.
pub(super) fn need(missing: Option<Missing>) -> Result<(), Fault> {
    missing.map_or(Ok(()), |Missing { message, hint }| Err(fault(format!("{message}: {hint}"))))
}
