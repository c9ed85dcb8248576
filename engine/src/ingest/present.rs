//! What is live at present, for whoever asks.

use std::sync::Arc;

use arc_swap::ArcSwap;
use oncue_rules::event::Event;
use oncue_rules::ids::SubAppId;
use oncue_rules::rule::{AppSelection, Mode, Rule, Subscription};
use oncue_rules::value::Value;

use super::envelope;
use crate::http::admin::{LiveRules, RuleView};
use crate::live::Live;
use crate::runner::{AppView, Surroundings};
use crate::store::StoredEvent;

/// The live rules and applications; swapped whole.
#[derive(Debug)]
pub(crate) struct Present(ArcSwap<Live>);

impl Present {
    /// This is live.
    #[must_use]
    pub(crate) fn new(live: Live) -> Self {
        Self(ArcSwap::from_pointee(live))
    }

    /// What is live now.
    #[must_use]
    pub(crate) fn load(&self) -> Arc<Live> {
        self.0.load_full()
    }
}

impl Surroundings for Live {
    fn event(&self, stored: &StoredEvent) -> Result<Event, String> {
        envelope::read(stored)
    }

    fn app(&self, id: SubAppId) -> Option<AppView> {
        let app = self.apps.get(id)?;
        Some(AppView { for_rules: app.value.clone(), for_actions: Arc::clone(&app.action) })
    }

    fn apps(&self) -> Value {
        self.apps.list().clone()
    }
}

impl Surroundings for Present {
    fn event(&self, stored: &StoredEvent) -> Result<Event, String> {
        envelope::read(stored)
    }

    fn app(&self, id: SubAppId) -> Option<AppView> {
        self.load().app(id)
    }

    fn apps(&self) -> Value {
        self.load().apps.list().clone()
    }
}

impl LiveRules for Present {
    fn list(&self) -> Vec<RuleView> {
        self.load().rules.rules().iter().map(|rule| view(rule)).collect()
    }
}

fn view(rule: &Rule) -> RuleView {
    let mode = match rule.mode {
        Mode::Live => "live",
        Mode::Shadow => "shadow",
        Mode::Off => "off",
    };
    RuleView {
        name: rule.name.to_string(),
        description: rule.description.clone(),
        mode: mode.to_owned(),
        on: match &rule.on {
            Subscription::All => vec!["*".to_owned()],
            Subscription::Types(types) => types.iter().map(ToString::to_string).collect(),
        },
        apps: match &rule.apps {
            AppSelection::All => None,
            AppSelection::Only(ids) => Some(ids.iter().copied().collect()),
        },
        hash: rule.closure.to_string(),
    }
}
