//! The event that tells of a dead run.

use std::sync::Arc;

use oncue_rules::ids::{EventType, RunId};
use oncue_rules::rule::Rule;

use super::incoming::RUN_DEAD;
use super::{Incoming, NoProgram, Present, acting, envelope, gathering, judge, new_event, program, verdicts};
use crate::live::Live;
use crate::program::Programs;
use crate::runner::{self, Death, Deaths, Obituary};
use crate::store::{Accept, NewRun};
use crate::workflow::Run;

/// Tells the live rules of runs that die.
pub(crate) struct Obituaries {
    /// What is live.
    pub present: Arc<Present>,
    /// The programs of the live rules.
    pub programs: Arc<Programs>,
}

impl Deaths for Obituaries {
    fn told(&self, death: &Death<'_>) -> Option<Obituary> {
        let live = self.present.load();
        if !live.rules.hears(&EventType::from(RUN_DEAD), death.event.subappid) {
            return None;
        }
        match self.accept(&live, death) {
            Ok(accept) => Some(Obituary { accept, keeps: live }),
            Err(error) => {
                tracing::error!(run = %death.run, %error, "that a run died could not be told");
                None
            }
        }
    }
}

impl Obituaries {
    fn accept(&self, live: &Live, death: &Death<'_>) -> Result<Accept, NoProgram> {
        let name = death.event.subappid.map(|id| live.apps.name(id));
        let incoming = Incoming::of_death(death, name);
        let (event, written) = (Arc::new(incoming.event()), envelope::write(&incoming));
        let judgement = judge(live, &event);
        let verdicts = verdicts(&judgement, &event, Some(death.rule));
        // They are taken up by whoever has room: a commit that is under way waits for no place.
        let begin = |rule: &Rule| {
            let facts =
                runner::facts(live, RunId::generate(), Arc::clone(&event), Arc::clone(event.body.text()), death.at);
            let program = program(&self.programs, rule)?;
            let gather = gathering::gather(&judgement, rule);
            let (run, decision) = match gather {
                Some(_) => Run::collect(program, facts, death.at),
                None => Run::defer(program, facts, death.at),
            };
            let limit = gathering::limit(&judgement, rule);
            Ok(NewRun { gather, limit, ..NewRun::of(&run, &decision, None) })
        };
        let runs = acting(&judgement, &verdicts).map(|rule| begin(rule)).collect::<Result<_, _>>()?;
        let dedupe_until = death.at.after(incoming.dedupe_for);
        Ok(Accept { event: new_event(&event, written, verdicts, dedupe_until), runs })
    }
}
