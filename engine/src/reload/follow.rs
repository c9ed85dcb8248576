//! Follows the files: waits until they have changed and come to rest, then has them taken.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::Reloader;
use super::debounce::Debounce;
use super::look::Places;
use super::watch::Watch;

/// How often files are read although nothing told of a change: some mounts tell of none.
const POLL: Duration = Duration::from_secs(10);

/// Follows the files until it is told to stop.
pub(crate) async fn follow(reloader: Arc<Reloader>, stop: watch::Receiver<bool>) {
    if !reloader.origin.is_lasting() {
        tracing::info!("the configuration is no regular file: changes are not followed");
        return;
    }
    follow_with(Eyes::default(), POLL, reloader, stop).await;
}

async fn follow_with(mut eyes: Eyes, poll: Duration, reloader: Arc<Reloader>, mut stop: watch::Receiver<bool>) {
    eyes.open(reloader.places().await).await;
    let mut debounce = Debounce::new();
    // What has changed since the start and before the first watch is found at once.
    let mut poll_at = Instant::now();
    loop {
        let wake = debounce.due().unwrap_or(poll_at);
        tokio::select! {
            // A sender that is gone is a stop too.
            _ = stop.wait_for(|stop| *stop) => return,
            () = eyes.changed.notified() => {
                debounce.notice(Instant::now());
                continue;
            }
            () = tokio::time::sleep_until(wake) => {}
        }
        poll_at = Instant::now() + poll;
        if debounce.due().is_none() {
            if let Some(contents) = reloader.changed_contents().await {
                debounce.notice_contents(contents, Instant::now());
            }
            continue;
        }
        // Folders and links may have been replaced. Watching them first leaves no gap between reading and watching.
        eyes.open(reloader.places().await).await;
        reloader.take_changes(|contents| debounce.settles(contents, Instant::now())).await;
        if eyes.places != reloader.places().await {
            debounce.notice(Instant::now());
        }
    }
}

/// As [`follow`] where nothing tells of changes, looking more often.
#[cfg(test)]
pub(super) async fn follow_blind(reloader: Arc<Reloader>, stop: watch::Receiver<bool>) {
    follow_with(Eyes { is_shut: true, ..Eyes::default() }, Duration::from_millis(20), reloader, stop).await;
}

/// The watch on the places that matter.
#[derive(Default)]
struct Eyes {
    /// Never looks.
    is_shut: bool,
    changed: Arc<Notify>,
    places: Places,
    watch: Option<Watch>,
    is_blind: bool,
}

impl Eyes {
    async fn open(&mut self, places: Places) {
        self.places = places.clone();
        if self.is_shut {
            return;
        }
        let changed = Arc::clone(&self.changed);
        let opened = tokio::task::spawn_blocking(move || Watch::start(&places, changed)).await;
        match opened {
            Ok(Ok(watch)) => {
                // The former one goes when there is a new one.
                self.watch = Some(watch);
                self.is_blind = false;
            }
            Ok(Err(error)) => self.say_blind(&error),
            Err(error) => self.say_blind(&error),
        }
    }

    fn say_blind(&mut self, error: &dyn std::error::Error) {
        if !self.is_blind {
            let every = POLL.as_secs();
            tracing::warn!(%error, "changes of files are not told: they are looked for every {every} s instead");
        }
        self.is_blind = true;
    }
}
