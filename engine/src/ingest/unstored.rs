//! Events as they would be if they came in now; nothing is stored of them.

use oncue_rules::event::{Body, Event};
use oncue_rules::ids::{EventId, EventType, RuleName, SourceName, SubAppId};
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;

use super::incoming::OWN;
use super::{Incoming, origin};
use crate::sources::vod::Recognised;
use crate::store::{self, Store};

/// The event that a notification of the vendor would be, and the rule of the run that caused it.
pub(crate) async fn of_vendor(
    store: &dyn Store,
    app: SubAppId,
    recognised: Recognised,
    received_at: Timestamp,
) -> Result<(Event, Option<RuleName>), store::Error> {
    let origin = origin(store, &recognised).await?;
    let incoming = Incoming::of_vendor(app, recognised, origin, received_at);
    Ok((incoming.event(), incoming.cause.map(|(_, rule)| rule)))
}

/// The event that a notification of the vendor would be that no run of ours caused.
pub(crate) fn of_no_run(app: Option<SubAppId>, recognised: Recognised, received_at: Timestamp) -> Event {
    // What is odd about a body for its application is not a part of the event.
    let incoming = Incoming::of_vendor(app.unwrap_or(SubAppId(0)), recognised, None, received_at);
    Event { subappid: app, ..incoming.event() }
}

/// The event that a body would be that a step emits, of no run.
pub(crate) fn of_type(kind: EventType, app: Option<SubAppId>, body: Body, received_at: Timestamp) -> Event {
    Event {
        id: EventId::generate(),
        source: SourceName::from(OWN),
        kind,
        subappid: app,
        dedupe_key: String::new(),
        received_at,
        depth: 0,
        cause: None,
        keys: Vec::new(),
        context: Value::Null,
        body,
    }
}
