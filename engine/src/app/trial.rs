//! Rules that are asked about bodies as a server asks them, up to where it would store something.

use oncue_plugins::registry::Registry;
use oncue_rules::diagnostic::{Diagnostics, SourceFile};
use oncue_rules::event::Event;
use oncue_rules::ids::{EventType, SubAppId};
use oncue_rules::rule_set::{Judgement, RuleSet};

use crate::clock;
use crate::config::Config;
use crate::ingest::{Incoming, unstored};
use crate::live::{self, Live};
use crate::sources::vod;

pub use crate::sources::vod::Refusal;

/// Rules and applications, as they would be live.
#[derive(Debug)]
pub struct Trial {
    live: Live,
}

impl Trial {
    /// Loads rules for the applications of a configuration. There are none when anything is an error.
    #[must_use]
    pub fn load(config: &Config, actions: &Registry, files: &[SourceFile]) -> (Option<Self>, Diagnostics) {
        let (live, diagnostics) = live::build(config, actions, files);
        (live.map(|live| Self { live }), diagnostics)
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.live.rules
    }

    /// The application, where only one is configured.
    #[must_use]
    pub fn only_app(&self) -> Option<SubAppId> {
        self.live.apps.only()
    }

    /// Whether any application is configured.
    #[must_use]
    pub fn has_apps(&self) -> bool {
        self.live.apps.ids().next().is_some()
    }

    /// The event that a body would become if it came in now, caused by no run. It is a notification of the vendor, or one of
    /// this type that a step emits.
    ///
    /// # Errors
    ///
    /// When the receiver would not take it.
    pub fn event(&self, raw: &[u8], kind: Option<&EventType>, app: Option<SubAppId>) -> Result<Event, Refusal> {
        let (opened, now) = (vod::parse(raw)?, clock::now());
        match kind {
            Some(kind) => Ok(unstored::of_type(kind.clone(), app, opened.into_body(), now)),
            None => Ok(unstored::of_no_run(app, vod::recognise(&opened, app.unwrap_or(SubAppId(0)))?, now)),
        }
    }

    /// What the rules say to it.
    #[must_use]
    pub fn judge(&self, event: &Event) -> Judgement {
        if Incoming::is_probe_of(&event.source, &event.kind) {
            return Judgement::default();
        }
        let app = event.subappid.and_then(|id| self.live.apps.get(id));
        self.live.rules.judge(event, app.map(|app| &app.facts))
    }
}
