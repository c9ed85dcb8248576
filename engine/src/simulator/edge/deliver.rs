//! Does what is due and sends callbacks: HTTP POST, and again when that fails (protocol section 3).

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use tokio::task::JoinSet;

use super::Shared;
use crate::simulator::error::StartError;
use crate::simulator::options::Options;
use crate::simulator::state::outbox::{Outgoing, Sent};

/// How long to sleep when nothing is due; whatever changes the state wakes earlier.
const NOTHING_DUE: Duration = Duration::from_hours(1);

/// How callbacks are sent.
#[derive(Debug, Clone, Copy)]
struct Policy {
    resends: u32,
    resend_delay: Duration,
    resend_on_status: bool,
}

/// The client that sends callbacks: straight to the receiver, and not to wherever that points.
pub(crate) fn client(options: &Options) -> Result<reqwest::Client, StartError> {
    crate::tls::prepare();
    reqwest::Client::builder()
        .timeout(options.callback_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|source| StartError::Client { source: Box::new(source) })
}

/// Never ends by itself.
pub(super) async fn run(shared: Arc<Shared>, client: reqwest::Client) {
    let policy = shared.read(|state, _| Policy {
        resends: state.options.callback_resends,
        resend_delay: state.options.callback_resend_delay,
        resend_on_status: state.options.resend_on_status,
    });
    let mut sending = JoinSet::new();
    loop {
        let (outgoing, pause) = shared.change_quietly(|state, now| {
            state.advance(now);
            (state.take_outgoing(now), state.next_due().map_or(NOTHING_DUE, |at| at.since(now)))
        });
        for outgoing in outgoing {
            sending.spawn(send(shared.clone(), client.clone(), outgoing, policy));
        }
        tokio::select! {
            () = shared.wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
            Some(_) = sending.join_next() => {}
        }
    }
}

async fn send(shared: Arc<Shared>, client: reqwest::Client, outgoing: Outgoing, policy: Policy) {
    let mut sent = Sent::default();
    for body in outgoing.bodies {
        let mut attempt = 0;
        loop {
            if deliver(&client, &outgoing.url, body.clone(), policy).await {
                sent.delivered += 1;
                break;
            }
            if attempt == policy.resends {
                sent.given_up += 1;
                tracing::debug!(subappid = outgoing.subappid, "the simulator gave up on a callback");
                break;
            }
            attempt += 1;
            sent.resent += 1;
            tokio::time::sleep(policy.resend_delay).await;
        }
    }
    shared.change(|state, _| state.sent(outgoing.subappid, &outgoing.tasks, sent));
}

async fn deliver(client: &reqwest::Client, url: &str, body: String, policy: Policy) -> bool {
    let request = client.post(url).header(CONTENT_TYPE, "application/json; charset=utf-8").body(body);
    match request.send().await {
        Ok(response) => response.status().is_success() || !policy.resend_on_status,
        Err(_) => false,
    }
}
