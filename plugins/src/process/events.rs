//! Events that a program raises by itself, such as what it hears from another system.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use oncue_rules::event::CorrelationKey;
use oncue_rules::ids::{EventType, SubAppId};
use oncue_rules::value::{Map, Value};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Options, limits, protocol};
use crate::action::{ActionError, ErrorClass};
use crate::emit::{self, Emitted};
use crate::params::invalid;

/// An event of a program.
#[derive(Debug, Clone, PartialEq)]
pub struct Raised {
    /// The name of the plugin: its source.
    pub plugin: Arc<str>,
    /// How the program calls it: two of one plugin with one id are one event.
    pub id: String,
    /// Its type.
    pub kind: EventType,
    /// Its body.
    pub body: Value,
    /// Its correlation keys, sorted.
    pub keys: Vec<CorrelationKey>,
    /// The application that it is for.
    pub app: Option<SubAppId>,
}

/// Takes the events that programs raise.
#[async_trait]
pub trait Emits: Send + Sync + 'static {
    /// When it returns `Ok`, the event and the runs that it starts are durable. The future may be dropped: the program sends
    /// the event again.
    ///
    /// # Errors
    ///
    /// When it is not stored; [`ErrorClass::Retry`] when it may be later.
    async fn take(&self, event: Raised) -> Result<Emitted, ActionError>;
}

impl Raised {
    /// What a line says of an event: `type`, `body`, `keys`, `subappid`.
    pub(super) fn read(plugin: &Arc<str>, id: &str, event: &Value) -> Result<Self, ActionError> {
        let keys = event.get("keys").as_map().into_iter().flatten();
        let keys: BTreeMap<_, _> = keys.map(|(name, key)| (name.clone(), key.as_text().map(str::to_owned))).collect();
        let app = match event.get("subappid") {
            Value::Null => None,
            written => match protocol::number(written) {
                Some(app) => Some(SubAppId(app)),
                None => return Err(invalid("subappid", "expected a whole number")),
            },
        };
        Ok(Self {
            plugin: Arc::clone(plugin),
            id: id.to_owned(),
            kind: emit::kind(event.get("type").as_text().unwrap_or_default())?,
            body: match event.get("body") {
                Value::Null => Value::map(Map::new()),
                body => body.clone(),
            },
            keys: emit::keys(keys)?,
            app,
        })
    }
}

/// Events on their way into the store.
#[derive(Default)]
pub(super) struct Raising {
    taking: JoinSet<(String, Result<Emitted, ActionError>)>,
}

impl Raising {
    /// Whether another one may come.
    pub(super) fn has_room(&self) -> bool {
        self.taking.len() < limits::EVENTS
    }

    /// Takes an event. Gives the line that answers it when that is clear already.
    pub(super) fn raise(&mut self, options: &Options, id: String, event: &Value) -> Option<String> {
        let Some(emits) = options.emits.clone() else {
            let message = format!("events of the plugin {} are not taken", options.plugin);
            return Some(protocol::refused(&id, &ActionError::fatal("no_events", message)));
        };
        let event = match Raised::read(&options.plugin, &id, event) {
            Ok(event) => event,
            Err(error) => return Some(protocol::refused(&id, &error)),
        };
        self.taking.spawn(async move {
            let taken = timeout(limits::TAKING, emits.take(event)).await;
            (id, taken.unwrap_or_else(|_| Err(ActionError::retry("timeout", "the event was not stored in time"))))
        });
        None
    }

    /// The line that answers the next event whose fate is clear, and whether it was new; pending while there is none. The
    /// future may be dropped: nothing is lost.
    pub(super) async fn answer(&mut self) -> (String, bool) {
        loop {
            match self.taking.join_next().await {
                Some(Ok((id, Ok(emitted)))) => return (protocol::ack(&id, emitted), !emitted.duplicate),
                Some(Ok((id, Err(error)))) => return (protocol::refused(&id, &error), false),
                // A panic is told by whoever catches it; the program hears nothing, and sends the event again.
                Some(Err(error)) => tracing::error!(%error, "an event of a plugin could not be taken"),
                None => std::future::pending().await,
            }
        }
    }
}

/// The word for a class, as programs write it too.
pub(super) fn class(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Retry { .. } | ErrorClass::Held { .. } | ErrorClass::Unknown => "retry",
        ErrorClass::Fatal => "fatal",
    }
}
