//! The calls that change something.

use oncue_rules::ids::{RunId, SubAppId};
use oncue_rules::value::Value;
use warp::http::StatusCode;

use super::query::Query;
use super::read::{failed, not_stored, parse_id};
use super::{Api, CancelledView, EmittedView};
use crate::http::Response;
use crate::http::receiver::{Ack, hand_over};
use crate::http::reply::{self, Error};
use crate::http::request::Request;
use crate::sources::vod;
use crate::store::{Delivered, Delivery, Input};

impl Api {
    /// Takes an event as if it had come through the application's door.
    pub(super) async fn emit(&self, request: &mut Request) -> Result<Response, Error> {
        Query::parse(&request.query, &[])?;
        let call = request.read_body(&self.body).await?;
        let fields = fields(&call, &["subappid", "body"])?;
        let app = application(fields.get("subappid"))?;
        let raw = match fields.get("body") {
            Value::Text(text) => text.as_bytes().to_vec(),
            object @ Value::Map(_) => object.to_json().into_bytes(),
            other => {
                let message =
                    format!("body is {}: give the notification, as an object or as its JSON text", other.kind());
                return Err(Error::invalid("invalid_body", message));
            }
        };
        let refused = |refusal: vod::Refusal| Error::invalid(refusal.code(), refusal.to_string());
        let recognised = vod::parse(&raw).and_then(|opened| vod::recognise(&opened, app)).map_err(refused)?;
        let ack = hand_over(&self.ingest, app, recognised, call, (self.now)()).await?;
        let (outcome, event, runs) = match ack {
            Ack::Accepted { event, runs } => ("accepted", event, runs),
            Ack::Duplicate(event) => ("duplicate", event, 0),
            Ack::Probed(event) => ("accepted", event, 0),
        };
        let view = EmittedView { outcome: outcome.to_owned(), event: event.to_string(), runs };
        Ok(reply::json(StatusCode::OK, &view))
    }

    /// Puts a cancel into a run's inbox; the run ends when it gets to it.
    pub(super) async fn cancel(&self, id: &str, request: &mut Request) -> Result<Response, Error> {
        Query::parse(&request.query, &[])?;
        let run: RunId = parse_id(id)?;
        let call = request.read_body(&self.body).await?;
        let reason = if call.is_empty() { Value::Null } else { fields(&call, &["reason"])?.get("reason").clone() };
        let reason = match reason {
            Value::Null => "cancelled through the API".to_owned(),
            Value::Text(text) => text.chars().take(1_000).collect(),
            other => return Err(Error::invalid("invalid_body", format!("reason is {}: give a text", other.kind()))),
        };
        let delivery = Delivery { run, input: Input::Cancel { reason }, at: (self.now)() };
        match self.store.deliver(delivery).await.map_err(failed)? {
            Delivered::Stored => {
                let view = CancelledView { run: run.to_string(), outcome: "asked".to_owned() };
                Ok(reply::json(StatusCode::ACCEPTED, &view))
            }
            Delivered::Ended => Err(Error::new(
                reply::ErrorKind::Conflict,
                "ended",
                format!("{run} has ended: there is nothing to cancel"),
            )),
            Delivered::NoRun => Err(not_stored("run", &run.to_string())),
        }
    }
}

/// The object that a call sends, when it has no other members than these.
pub(super) fn fields(call: &[u8], known: &[&str]) -> Result<Value, Error> {
    let value = Value::from_json(call)
        .map_err(|error| Error::invalid("malformed_json", format!("the body is not JSON: {error}")))?;
    let Value::Map(members) = &value else {
        return Err(Error::invalid("invalid_body", format!("the body is {}: send an object", value.kind())));
    };
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(value),
        Some(name) => {
            let message = format!("there is no member {name:?} here: known are {}", known.join(", "));
            Err(Error::invalid("unknown_member", message))
        }
    }
}

fn application(value: &Value) -> Result<SubAppId, Error> {
    let id = match value {
        Value::Number(number) => number.as_u64(),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    };
    id.map(SubAppId).ok_or_else(|| {
        Error::invalid("invalid_body", "subappid is missing or no number: give the application that the event is of")
    })
}
