//! What loading takes, what the rules say, and how fast they say it.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use oncue_rules::diagnostic::SourceFile;
use oncue_rules::ids::RuleName;
use oncue_rules::rule_set::Judgement;
use oncue_rules::yaml;
use serde::de::IgnoredAny;

use super::super::progress::Progress;
use super::super::{Exit, Failure};
use super::rounds::{ROUNDS, median, rate};
use super::samples::Sample;
use crate::app;
use crate::app::trial::{Refusal, Trial};
use crate::config::Config;

/// What loading takes.
pub(super) struct Loading {
    /// From the texts of the rule files to rules that are ready, in seconds.
    pub(super) seconds: f64,
    /// How many times as long that is as the YAML parser alone takes for these texts.
    pub(super) of_yaml: f64,
}

/// What the rules say to all events.
pub(super) struct Found {
    /// How many events each rule matches.
    pub(super) matches: HashMap<RuleName, u64>,
    /// How many events no rule matches.
    pub(super) unmatched: u64,
    /// How many times a rule failed, and how the first time.
    pub(super) errors: u64,
    pub(super) first_error: Option<String>,
    /// How long it took.
    pub(super) took: Duration,
}

/// Events in a second.
pub(super) struct Rates {
    /// From the bytes of an event to the names of the rules that match.
    pub(super) names: f64,
    /// The same, as a ratio to what a JSON parser takes that builds nothing.
    pub(super) ratio: f64,
    /// That parser alone.
    pub(super) parser: f64,
    /// The part of the time in which the event is read, and no rule is asked yet.
    pub(super) reading: f64,
    /// How many of the events were measured with.
    pub(super) measured: usize,
}

/// Loads the rules: several times, if that does not take longer than `time`.
pub(super) fn loading(config: &Config, files: &[SourceFile], time: Duration) -> Result<(Trial, Loading), Failure> {
    let actions = app::actions(config).map_err(super::super::serve::failure)?;
    let mut progress = Progress::start("loading");
    let (mut seconds, mut ratios) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    loop {
        let started = Instant::now();
        let (trial, diagnostics) = Trial::load(config, &actions, files);
        let loaded = started.elapsed().as_secs_f64();
        let Some(trial) = trial else { return Err(invalid(config, diagnostics.to_string())) };
        let started = Instant::now();
        for file in files {
            black_box(yaml::skim(&file.text));
        }
        ratios.push(loaded / started.elapsed().as_secs_f64());
        seconds.push(loaded);
        if seconds.len() >= ROUNDS || begun.elapsed() > time {
            return Ok((trial, Loading { seconds: median(seconds), of_yaml: median(ratios) }));
        }
        progress.update(|| format!("round {} of {ROUNDS}", seconds.len()));
    }
}

fn invalid(config: &Config, diagnostics: String) -> Failure {
    let note = if config.apps.is_empty() {
        "\nthese rules were read without applications and secrets: name the configuration that they belong to with --config"
    } else {
        ""
    };
    Failure::new(Exit::Invalid, diagnostics + note)
}

/// Asks the rules about every event once. `file` is where these come from.
pub(super) fn judged(trial: &Trial, samples: &[Sample], file: &str) -> Result<Found, Failure> {
    let mut progress = Progress::start("asking the rules");
    let mut found =
        Found { matches: HashMap::new(), unmatched: 0, errors: 0, first_error: None, took: Duration::default() };
    let started = Instant::now();
    for (done, sample) in samples.iter().enumerate() {
        let judgement = judge(trial, sample).map_err(|refusal| {
            let hint = if sample.kind.is_none() { " (with --type, bodies are those of another type)" } else { "" };
            Failure::new(Exit::Usage, format!("{file}:{}: {refusal}{hint}", sample.line))
        })?;
        found.add(judgement);
        progress.update(|| format!("{done} of {} events", samples.len()));
    }
    found.took = started.elapsed();
    Ok(found)
}

impl Found {
    fn add(&mut self, judgement: Judgement) {
        self.unmatched += u64::from(judgement.matched.is_empty());
        self.errors += judgement.errors.len() as u64;
        if self.first_error.is_none() {
            self.first_error = judgement.errors.into_iter().next().map(|(rule, why)| format!("{rule}: {why}"));
        }
        for rule in judgement.matched {
            *self.matches.entry(rule.name.clone()).or_default() += 1;
        }
    }

    /// How many times an event matched a rule.
    pub(super) fn all(&self) -> u64 {
        self.matches.values().sum()
    }
}

fn judge(trial: &Trial, sample: &Sample) -> Result<Judgement, Refusal> {
    Ok(trial.judge(&trial.event(&sample.raw, sample.kind.as_ref(), sample.app)?))
}

/// How many things are measured in each round.
const MEASURED: u32 = 3;

/// Measures for about this time, given how long it takes to ask about all events once. When that is too long, events are left
/// out evenly.
pub(super) fn rates(trial: &Trial, samples: &[Sample], once: Duration, time: Duration) -> Rates {
    let mut progress = Progress::start("measuring");
    let turn = time / (u32::try_from(ROUNDS).unwrap_or(u32::MAX) * MEASURED);
    let too_long = (once.as_nanos() / turn.as_nanos().max(1)).min(samples.len() as u128);
    let step = usize::try_from(too_long).unwrap_or(1).max(1);
    let some: Vec<&Sample> = samples.iter().step_by(step).collect();
    let (mut names, mut ratios, mut parsers, mut reading) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        progress.update(|| format!("round {round} of {ROUNDS}"));
        let parser = rate(&some, turn, |sample| serde_json::from_slice::<IgnoredAny>(&sample.raw).is_ok());
        let read = rate(&some, turn, |sample| trial.event(&sample.raw, sample.kind.as_ref(), sample.app).is_ok());
        let whole = rate(&some, turn, |sample| {
            let said = judge(trial, sample);
            said.is_ok_and(|said| said.matched.iter().all(|rule| !rule.name.as_str().is_empty()))
        });
        names.push(whole);
        ratios.push(whole / parser);
        reading.push((whole / read).min(1.0));
        parsers.push(parser);
    }
    Rates {
        names: median(names),
        ratio: median(ratios),
        parser: median(parsers),
        reading: median(reading),
        measured: some.len(),
    }
}
