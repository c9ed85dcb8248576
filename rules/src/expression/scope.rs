//! The values that the names of an expression stand for.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::value::Value;

/// Values by name. A clone is cheap, and nothing of a value is copied or converted to bind it.
#[derive(Debug, Clone, Default)]
pub struct Scope(Arc<BTreeMap<String, Value>>);

impl Scope {
    /// Binds a name; a later binding of the same name takes its place. Clones made before keep theirs.
    pub fn set(&mut self, name: &str, value: Value) {
        Arc::make_mut(&mut self.0).insert(name.into(), value);
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}
