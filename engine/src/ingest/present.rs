//! What is live at present, for whoever asks.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use oncue_rules::event::Event;
use oncue_rules::ids::SubAppId;
use oncue_rules::rule::{AppSelection, Mode, Rule, Subscription};
use oncue_rules::value::Value;
use tokio::sync::Notify;

use super::envelope;
use crate::http::admin::{RuleDetailView, RuleView};
use crate::live::Live;
use crate::runner::{AppView, Surroundings};
use crate::store::StoredEvent;

/// The live rules and applications; swapped whole.
#[derive(Debug)]
pub(crate) struct Present {
    live: ArcSwap<Live>,
    /// What was live before: an event that is being taken in finishes with what it began with.
    former: Mutex<Vec<Weak<Live>>>,
    /// Rung when something else is live.
    replaced: Notify,
}

impl Present {
    /// This is live.
    #[must_use]
    pub(crate) fn new(live: Live) -> Self {
        Self { live: ArcSwap::from_pointee(live), former: Mutex::default(), replaced: Notify::new() }
    }

    /// What is live now.
    #[must_use]
    pub(crate) fn load(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// From now on this is live.
    pub(crate) fn replace(&self, live: Live) {
        let mut former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.live.swap(Arc::new(live));
        former.retain(|earlier| earlier.strong_count() > 0);
        former.push(Arc::downgrade(&before));
        self.replaced.notify_one();
    }

    /// Resolves when something else is live than at the last call; for one who waits.
    pub(crate) async fn replaced(&self) {
        self.replaced.notified().await;
    }

    /// What is live now, and of what was live before that which somebody still works with.
    #[must_use]
    pub(crate) fn in_use(&self) -> Vec<Arc<Live>> {
        let former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        former.iter().filter_map(Weak::upgrade).chain([self.load()]).collect()
    }
}

impl Live {
    /// The rules, as the API shows them.
    #[must_use]
    pub(crate) fn rule_views(&self) -> Vec<RuleView> {
        self.rules.rules().iter().map(|rule| view(rule)).collect()
    }

    /// One rule, as the API shows it.
    #[must_use]
    pub(crate) fn rule_detail(&self, name: &str) -> Option<RuleDetailView> {
        let (rule, place) = (self.rules.get(name)?, self.rules.place(name)?);
        Some(RuleDetailView {
            rule: view(rule),
            file: place.file().to_owned(),
            line: u32::try_from(place.line()).unwrap_or(u32::MAX),
            yaml: place.text(),
        })
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

/// The word for the mode of a rule.
pub(crate) fn mode(rule: &Rule) -> &'static str {
    match rule.mode {
        Mode::Live => "live",
        Mode::Shadow => "shadow",
        Mode::Off => "off",
    }
}

fn view(rule: &Rule) -> RuleView {
    RuleView {
        name: rule.name.to_string(),
        description: rule.description.as_deref().map(str::to_owned),
        mode: mode(rule).to_owned(),
        on: match &rule.on {
            Subscription::All => vec!["*".to_owned()],
            Subscription::Types(types) => types.iter().map(ToString::to_string).collect(),
            Subscription::Schedule(schedule) => vec![format!("schedule {schedule}")],
        },
        apps: match &rule.apps {
            AppSelection::All => None,
            AppSelection::Only(ids) => Some(ids.iter().copied().collect()),
        },
        hash: rule.closure.to_string(),
    }
}
