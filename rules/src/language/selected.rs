//! The configured applications, found by number and name, and those of them that a rule is for. There may be as many as tens
//! of thousands, and many more rules: nothing goes through all of them for each rule.

use std::collections::HashMap;

use crate::ids::SubAppId;
use crate::rule::AppSelection;
use crate::rule_set::AppFacts;

/// The configured applications.
pub(crate) struct Configured<'k> {
    list: &'k [AppFacts],
    by_id: HashMap<SubAppId, usize>,
    by_name: HashMap<&'k str, usize>,
}

impl<'k> Configured<'k> {
    /// These applications; each has a number and a name of its own.
    pub(crate) fn new(list: &'k [AppFacts]) -> Self {
        let by_id = list.iter().enumerate().map(|(at, app)| (app.subappid, at)).collect();
        let by_name = list.iter().enumerate().map(|(at, app)| (app.name.as_str(), at)).collect();
        Self { list, by_id, by_name }
    }

    /// All of them, as they are configured.
    pub(super) fn all(&self) -> &'k [AppFacts] {
        self.list
    }

    pub(super) fn with_id(&self, id: SubAppId) -> Option<&'k AppFacts> {
        self.by_id.get(&id).and_then(|at| self.list.get(*at))
    }

    pub(super) fn with_name(&self, name: &str) -> Option<&'k AppFacts> {
        self.by_name.get(name).and_then(|at| self.list.get(*at))
    }
}

/// The configured applications that a rule selects.
#[derive(Clone, Copy, Default)]
pub(super) struct Selected<'k> {
    chosen: Option<(&'k Configured<'k>, &'k AppSelection)>,
}

impl<'k> Selected<'k> {
    /// Those of a selection; none when either is not known.
    pub(super) fn new(known: Option<&'k Configured<'k>>, selection: Option<&'k AppSelection>) -> Self {
        Self { chosen: known.zip(selection) }
    }

    /// Each of them, in the order in which they are configured.
    pub(super) fn iter(self) -> Box<dyn Iterator<Item = &'k AppFacts> + 'k> {
        match self.chosen {
            None => Box::new(std::iter::empty()),
            Some((known, AppSelection::All)) => Box::new(known.list.iter()),
            Some((known, AppSelection::Only(ids))) => {
                let mut places: Vec<usize> = ids.iter().filter_map(|id| known.by_id.get(id).copied()).collect();
                places.sort_unstable();
                Box::new(places.into_iter().filter_map(|at| known.list.get(at)))
            }
        }
    }
}
