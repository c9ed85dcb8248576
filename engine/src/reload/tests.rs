use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use oncue_plugins::action::ActionError;
use oncue_plugins::emit::{Emission, Emitted, Emitter};
use oncue_plugins::{outbound, vod};
use oncue_rules::ids::{ContentHash, RunId};
use oncue_rules::time::Timestamp;

use super::*;
use crate::store::{
    Accept, Accepted, Advance, Claim, ClaimedRun, Delivered, Delivery, Due, Error, Fence, InboxRow, Joined, NodeId,
    Quarantine,
};

/// Keeps the names of contents, and refuses them when told to.
#[derive(Default)]
struct Contents {
    put: Mutex<Vec<ContentHash>>,
    is_away: AtomicBool,
}

#[async_trait]
impl Store for Contents {
    async fn put_contents(&self, contents: Vec<Content>) -> Result<(), Error> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(Error::Unavailable { doing: "storing contents", unknown: false, source: None });
        }
        self.put.lock().unwrap().extend(contents.into_iter().map(|content| content.hash));
        Ok(())
    }
    async fn join(&self, _: &NodeId, _: Timestamp) -> Result<Joined, Error> {
        unreachable!()
    }
    async fn accept(&self, _: Accept) -> Result<Accepted, Error> {
        unreachable!()
    }
    async fn quarantine(&self, _: Quarantine) -> Result<(), Error> {
        unreachable!()
    }
    async fn content(&self, _: &ContentHash) -> Result<Option<String>, Error> {
        unreachable!()
    }
    async fn origin(&self, _: &str) -> Result<Option<crate::store::Origin>, Error> {
        unreachable!()
    }
    async fn awaited(&self, _: oncue_rules::ids::EventId) -> Result<Option<crate::store::StoredEvent>, Error> {
        unreachable!()
    }
    async fn collected(&self, _: RunId) -> Result<Vec<crate::store::StoredEvent>, Error> {
        unreachable!()
    }
    async fn claim(&self, _: Claim) -> Result<Vec<ClaimedRun>, Error> {
        unreachable!()
    }
    async fn apply(&self, _: Advance) -> Result<Vec<InboxRow>, Error> {
        unreachable!()
    }
    async fn park(&self, _: Advance) -> Result<Vec<InboxRow>, Error> {
        unreachable!()
    }
    async fn deliver(&self, _: Delivery) -> Result<Delivered, Error> {
        unreachable!()
    }
    async fn due(&self, _: Timestamp, _: u32) -> Result<Due, Error> {
        unreachable!()
    }
    async fn renew(&self, _: Vec<(RunId, Fence)>, _: Timestamp) -> Result<Vec<RunId>, Error> {
        unreachable!()
    }
    async fn release(&self, _: Vec<(RunId, Fence)>) -> Result<(), Error> {
        unreachable!()
    }
}

struct NoEmitter;

#[async_trait]
impl Emitter for NoEmitter {
    async fn emit(&self, _: Emission) -> Result<Emitted, ActionError> {
        unreachable!()
    }
}

struct Rig {
    folder: tempfile::TempDir,
    store: Arc<Contents>,
    reloader: Reloader,
}

fn rules(word: &str) -> String {
    format!("rules: [{{ name: one, on: X, steps: [{{ uses: log, with: {{ message: {word} }} }}] }}]")
}

impl Rig {
    async fn new() -> Self {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("rules")).unwrap();
        std::fs::write(folder.path().join("oncue.yaml"), "apps: [{ subappid: 1, insecure: true }]").unwrap();
        std::fs::write(folder.path().join("rules/a.yaml"), rules("first")).unwrap();
        let origin = Origin::new(folder.path().join("oncue.yaml"));
        let mut look = origin.look();
        let found = std::mem::replace(&mut look.found, Err(Trouble::Inside)).unwrap();
        let actions = registry::Parts {
            vod: vod::Client::new(vod::Endpoint::default(), None).unwrap(),
            outbound: outbound::Client::new().unwrap(),
            targets: Targets::default(),
            emitter: Arc::new(NoEmitter),
            plain_loopback: false,
        };
        let registry = Arc::new(Registry::builtin(actions.clone()));
        let (live, warnings) = live::build(&found.config, &registry, &found.files);
        let (live, store) = (live.unwrap(), Arc::new(Contents::default()));
        let programs = Arc::new(Programs::new(Arc::clone(&registry)));
        prepare(&*store, &programs, &live, &[]).await.unwrap();
        let parts = Parts {
            started: found.config.clone(),
            registry,
            plugins: Vec::new(),
            actions,
            store: Arc::clone(&store) as _,
            programs,
            present: Arc::new(Present::new(live)),
            doors: Arc::new(ArcSwap::from_pointee(doors(&found.config))),
            tokens: Arc::default(),
            secrets: Secrets::default(),
        };
        let reloader = Reloader::new(origin, parts, &look, &found, &warnings);
        Self { folder, store, reloader }
    }

    fn configure(&self, text: &str) {
        std::fs::write(self.folder.path().join("oncue.yaml"), text).unwrap();
    }

    fn write(&self, text: &str) {
        std::fs::write(self.folder.path().join("rules/a.yaml"), text).unwrap();
    }

    async fn outcome(&self) -> String {
        self.reloader.reload(Cause::Request).await.outcome
    }

    fn closure(live: &Live) -> ContentHash {
        live.rules.rules()[0].closure.clone()
    }
}

#[tokio::test]
async fn an_event_that_an_earlier_set_judges_finds_its_program_and_its_contents_are_kept() {
    let rig = Rig::new().await;
    let Parts { present, programs, .. } = &rig.reloader.parts;
    let event_under_way = present.load();
    let first = Rig::closure(&event_under_way);
    for word in ["second", "third"] {
        rig.write(&rules(word));
        assert_eq!(rig.outcome().await, "loaded");
        assert!(programs.live(&first).is_some() && programs.live(&Rig::closure(&present.load())).is_some());
        assert!(rig.reloader.hold().await.contents().contains(&first));
    }
    drop(event_under_way);
    assert!(!rig.reloader.hold().await.contents().contains(&first));
    rig.write(&rules("fourth"));
    assert_eq!(rig.outcome().await, "loaded");
    assert!(programs.live(&first).is_none());
}

#[tokio::test]
async fn contents_are_stored_before_the_rules_are_live_and_only_when_they_are_new() {
    let rig = Rig::new().await;
    rig.write(&rules("second"));
    rig.store.is_away.store(true, Ordering::Relaxed);
    let before = Rig::closure(&rig.reloader.parts.present.load());
    assert_eq!(rig.outcome().await, "failed");
    assert_eq!(Rig::closure(&rig.reloader.parts.present.load()), before);
    assert!(rig.reloader.changed_contents().await.is_some(), "it is tried again");

    rig.store.is_away.store(false, Ordering::Relaxed);
    rig.reloader.take_changes(|_| true).await;
    assert_eq!(rig.reloader.status().last_attempt.outcome, "loaded");
    let after = Rig::closure(&rig.reloader.parts.present.load());
    let put = rig.store.put.lock().unwrap().clone();
    assert_eq!((put.len(), put.last()), (3, Some(&after)), "vars once, and each closure: {put:?}");
}

#[tokio::test]
async fn what_was_refused_is_not_tried_again_until_it_changes() {
    let rig = Rig::new().await;
    rig.write("rules: [");
    assert!(rig.reloader.changed_contents().await.is_some());
    rig.reloader.take_changes(|_| false).await;
    assert_eq!(rig.reloader.status().last_attempt.outcome, "loaded", "it was not at rest");
    rig.reloader.take_changes(|_| true).await;
    let refused = rig.reloader.status().last_attempt;
    assert_eq!(refused.outcome, "refused");
    assert!(rig.reloader.changed_contents().await.is_none());
    rig.reloader.take_changes(|_| true).await;
    assert_eq!(rig.reloader.status().last_attempt, refused);
}

#[tokio::test]
async fn a_comment_is_loaded_and_changes_no_rule() {
    let rig = Rig::new().await;
    let before = rig.reloader.status();
    rig.write(&format!("# why\n{}", rules("first")));
    let report = rig.reloader.reload(Cause::Request).await;
    assert_eq!((report.outcome.as_str(), report.changed.len()), ("loaded", 0));
    assert_eq!((rig.reloader.status().hash, rig.reloader.show("one").unwrap().line), (before.hash, 2));
}

#[tokio::test]
async fn a_program_in_a_file_of_its_own_is_watched_and_a_change_of_it_is_taken() {
    let rig = Rig::new().await;
    let program = rig.folder.path().join("rules/lib/count.txt");
    std::fs::create_dir(program.parent().unwrap()).unwrap();
    std::fs::write(&program, "1").unwrap();
    let step = "{ uses: script, with: { args: { n: 1 }, file: 'lib/count.txt' } }";
    rig.write(&format!("rules: [{{ name: one, on: X, steps: [{step}] }}]"));
    assert_eq!(rig.outcome().await, "loaded");
    assert!(rig.reloader.places().await.files.contains(&program));
    assert!(rig.reloader.changed_contents().await.is_none());

    let before = Rig::closure(&rig.reloader.parts.present.load());
    std::fs::write(&program, "2").unwrap();
    rig.reloader.take_changes(|_| true).await;
    assert_ne!(Rig::closure(&rig.reloader.parts.present.load()), before);
}

#[tokio::test]
async fn a_missing_configuration_is_named_and_the_rules_stay_watched() {
    let rig = Rig::new().await;
    let before = rig.reloader.places().await;
    std::fs::remove_file(rig.folder.path().join("oncue.yaml")).unwrap();
    let report = rig.reloader.reload(Cause::Request).await;
    assert_eq!(report.outcome, "refused");
    assert!(report.findings[0].message.contains("oncue.yaml"), "{:?}", report.findings);
    assert_eq!(rig.reloader.places().await, before);
}

#[tokio::test]
async fn the_files_are_read_by_and_by_when_nothing_tells_of_changes() {
    let rig = Rig::new().await;
    let Rig { folder, reloader, .. } = rig;
    let reloader = Arc::new(reloader);
    let stop = tokio::sync::watch::Sender::new(false);
    let following = tokio::spawn(super::follow::follow_blind(Arc::clone(&reloader), stop.subscribe()));
    std::fs::write(folder.path().join("rules/a.yaml"), rules("second")).unwrap();
    while reloader.status().last_attempt.cause != "change" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(reloader.status().last_attempt.outcome, "loaded");
    stop.send_replace(true);
    following.await.unwrap();
}

#[tokio::test]
async fn targets_and_secrets_become_live_with_the_rules_that_name_them() {
    let rig = Rig::new().await;
    let with = |url: &str| {
        format!(
            "apps: [{{ subappid: 1, insecure: true }}]\nsecrets: {{ cms: marker-of-{url} }}\n\
             targets: {{ {url}: {{ url: \"https://{url}.example/\" }} }}\n"
        )
    };
    let notify = |target: &str| {
        let token = "${{ secrets.cms }}";
        format!(
            "rules: [{{ name: one, on: X, steps: [{{ uses: webhook, with: {{ to: {target}, body: {{ t: \"{token}\" }} }} }}] }}]"
        )
    };
    rig.configure(&with("first"));
    rig.write(&notify("first"));
    assert_eq!(rig.outcome().await, "loaded");
    let Parts { actions, secrets, .. } = &rig.reloader.parts;
    assert_eq!(actions.targets.names(), ["first"]);
    assert_eq!(secrets.scrubber().text("marker-of-first"), "***");

    rig.configure(&with("second"));
    assert_eq!(rig.outcome().await, "refused");
    assert_eq!(actions.targets.names(), ["first"]);
    rig.write(&notify("second"));
    assert_eq!(rig.outcome().await, "loaded");
    assert_eq!(actions.targets.names(), ["second"]);
    assert_eq!(secrets.scrubber().text("marker-of-first marker-of-second"), "*** ***");
}
