//! From the bytes of an event to the names of the rules that match, on one thread, for few and for very many rules.
//!
//! Rules and events come from `workload.py`; `make bench-match` makes them. Rules are written as a rule file in YAML and
//! loaded as such. Absolute figures depend on the machine; the ratios to what a parser needs for the same bytes in the same run
//! are what counts.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::cast_precision_loss, reason = "counts are far from 2^52")]

#[path = "../../../engine/src/cli/bench/rounds.rs"]
mod rounds;

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use oncue_rules::catalog::{ActionCatalog, NoFiles};
use oncue_rules::diagnostic::SourceFile;
use oncue_rules::ids::ActionName;
use oncue_rules::rule_set::{Known, RuleSet};
use oncue_rules::yaml;
use rounds::{ROUNDS, median, rate};
use serde::de::IgnoredAny;
use serde_json::{Value as Json, json};

/// As the server has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The one action that the rules use.
struct Log(Json);

impl ActionCatalog for Log {
    fn names(&self) -> Vec<ActionName> {
        vec![ActionName::from("log")]
    }

    fn parameters(&self, action: &str) -> Option<&Json> {
        (action == "log").then_some(&self.0)
    }
}

/// What is measured.
struct Workload {
    files: Vec<SourceFile>,
    rules: usize,
    events: Vec<Vec<u8>>,
}

/// The figures of one workload.
struct Measured {
    ratio: f64,
    matches: f64,
    /// How many times what the YAML parser alone takes, loading takes.
    of_yaml: f64,
    /// Memory for a rule, everything included.
    kb: f64,
}

const TIME: Duration = Duration::from_secs(1);
const RULES_IN_A_FILE: usize = 1_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let folder = PathBuf::from(value("--workload").context("say --workload FOLDER, made by workload.py")?);
    let sizes = value("--sizes").unwrap_or("10,100,1000,10000,100000,1000000");
    let sizes = sizes.split(',').map(str::parse).collect::<Result<Vec<usize>, _>>().context("--sizes takes numbers")?;
    println!(
        "one thread; events/s from bytes to rule names, and the ratio to serde_json's IgnoredAny on the same bytes"
    );
    let mut all = Vec::new();
    for variant in value("--variants").unwrap_or("base,first,mixed").split(',') {
        println!("\n{variant:<8}   rules     events/s  ratio  matches  load s  of YAML  kB a rule  matcher kB");
        let mut measured = Vec::new();
        for size in &sizes {
            let workload = read(&folder, variant, *size)?;
            measured.push((*size, measure(&workload)?));
        }
        judge(variant, &measured);
        all.push((variant, measured));
    }
    compare(&all);
    prefixes()
}

/// The rules in files that a person could have written, and the events.
fn read(folder: &Path, variant: &str, size: usize) -> Result<Workload> {
    let file = |what: &str| {
        let path = folder.join(format!("{what}_{variant}_{size}.jsonl"));
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    };
    let rules = file("rules")?;
    let rules: Vec<&str> = rules.lines().collect();
    let mut files = Vec::new();
    for (at, lines) in rules.chunks(RULES_IN_A_FILE).enumerate() {
        let mut text = String::from("rules:\n");
        for line in lines {
            let rule: Json = serde_json::from_str(line)?;
            add_rule(&mut text, &rule["name"], &rule["pattern"])?;
        }
        files.push(SourceFile { name: format!("rules-{at}.yaml").into(), text: text.into() });
    }
    let events = file("events")?.lines().map(|line| line.as_bytes().to_vec()).collect();
    Ok(Workload { files, rules: rules.len(), events })
}

fn add_rule(file: &mut String, name: &Json, pattern: &Json) -> Result<()> {
    let rule = json!({
        "name": name, "on": "*", "match": { "body": pattern },
        "steps": [{ "uses": "log", "with": { "message": "${{ event.id }}" } }],
    });
    for (at, line) in serde_yaml::to_string(&rule)?.lines().enumerate() {
        writeln!(file, "  {} {line}", if at == 0 { "-" } else { " " })?;
    }
    Ok(())
}

fn load(files: &[SourceFile]) -> Result<RuleSet> {
    let actions = Log(json!({ "type": "object", "properties": { "message": {} }, "required": ["message"] }));
    let known = Known { actions: &actions, files: &NoFiles, apps: &[], secrets: None, defaults: None };
    let (set, diagnostics) = RuleSet::load(files, &known);
    set.with_context(|| diagnostics.to_string())
}

fn measure(workload: &Workload) -> Result<Measured> {
    let before = resident()?;
    let started = Instant::now();
    let set = load(&workload.files)?;
    let loading = started.elapsed();
    // The allocator gives back what was freed a moment later.
    std::thread::sleep(Duration::from_millis(200));
    let memory = resident()?.saturating_sub(before);
    let parsing = parse(&workload.files)?;
    let mut matches = 0;
    for event in &workload.events {
        matches += set.find_in_body(None, None, event)?.len();
    }
    let mut ratios = Vec::new();
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let parser = rate(&workload.events, TIME, |event| serde_json::from_slice::<IgnoredAny>(event).is_ok());
        let ours = rate(&workload.events, TIME, |event| {
            set.find_in_body(None, None, event).is_ok_and(|names| names.iter().all(|name| !name.as_str().is_empty()))
        });
        rates.push(ours);
        ratios.push(ours / parser);
    }
    let (ratio, matches) = (median(ratios), matches as f64 / workload.events.len() as f64);
    println!(
        "{:>16}  {:>11.0}  {ratio:>5.2}  {matches:>7.2}  {:>6.2}  {:>7.2}  {:>9.2}  {:>10.2}",
        workload.rules,
        median(rates),
        loading.as_secs_f64(),
        loading.as_secs_f64() / parsing.as_secs_f64(),
        memory as f64 / 1e3 / workload.rules as f64,
        set.matcher().bytes() as f64 / 1e3 / workload.rules as f64,
    );
    Ok(Measured {
        ratio,
        matches,
        of_yaml: loading.as_secs_f64() / parsing.as_secs_f64(),
        kb: memory as f64 / 1e3 / workload.rules as f64,
    })
}

/// How long the YAML event parser alone takes.
fn parse(files: &[SourceFile]) -> Result<Duration> {
    let started = Instant::now();
    for file in files {
        black_box(yaml::skim(&file.text)).with_context(|| format!("{} is no YAML", file.name))?;
    }
    Ok(started.elapsed())
}

fn says(what: &str, figure: f64, wanted: &str, is_met: bool) {
    println!("  {what}: {figure:.2}, {wanted}: {}", if is_met { "met" } else { "MISSED" });
}

fn judge(variant: &str, measured: &[(usize, Measured)]) {
    for (size, least, stretch) in [(10, 0.25, 0.4), (100_000, 0.15, 0.3), (1_000_000, 0.15, 0.3)] {
        if let Some((_, at)) = measured.iter().find(|(other, _)| *other == size) {
            let reach = if at.ratio >= stretch { "reached" } else { "not reached" };
            let wanted = format!("at least {least} required, {stretch} as a stretch ({reach})");
            says(&format!("{variant}, {size} rules, ratio"), at.ratio, &wanted, at.ratio >= least);
        }
    }
    // What more matches for an event cost is another matter: few rules have fewer.
    let most = measured.iter().map(|(_, at)| at.matches).fold(0.0, f64::max);
    let ratios = || measured.iter().filter(|(_, at)| at.matches > most * 0.75).map(|(_, at)| at.ratio);
    let (most, least) = (ratios().fold(0.0, f64::max), ratios().fold(f64::INFINITY, f64::min));
    let wanted = "at most 1.7 where events match about as many rules";
    says(&format!("{variant}, most to least"), most / least, wanted, most / least <= 1.7);
    if let Some((size, at)) = measured.iter().find(|(size, _)| *size == 100_000) {
        says(&format!("{variant}, {size} rules, load to YAML parser"), at.of_yaml, "at most 4", at.of_yaml <= 4.0);
        says(&format!("{variant}, {size} rules, kB a rule"), at.kb, "at most 2.5", at.kb <= 2.5);
    }
    for (size, at) in measured {
        if at.matches == 0.0 {
            println!("  {variant}, {size} rules: no event matches");
        }
    }
}

/// The order of keys does not matter.
fn compare(all: &[(&str, Vec<(usize, Measured)>)]) {
    let of = |name: &str| all.iter().find(|(variant, _)| *variant == name).map(|(_, measured)| measured);
    let (Some(base), Some(first)) = (of("base"), of("first")) else { return };
    println!();
    for ((size, base), (_, first)) in base.iter().zip(first) {
        let ratio = base.ratio / first.ratio;
        says(&format!("{size} rules, base to first"), ratio, "0.9 to 1.1", (0.9..=1.1).contains(&ratio));
    }
}

/// Rules of one application that differ in a prefix alone.
fn prefixes() -> Result<()> {
    let rules = |count: usize| -> Result<RuleSet> {
        let (mut files, mut file) = (Vec::new(), String::new());
        for n in 0..count {
            if n % RULES_IN_A_FILE == 0 {
                file = String::from("rules:\n");
            }
            let pattern = json!({ "EventType": "NewFileUpload", "SubAppId": 7, "FileUploadEvent": { "Name": { "prefix": format!("c{n:05}-") } } });
            add_rule(&mut file, &json!(format!("r{n}")), &pattern)?;
            if (n + 1) % RULES_IN_A_FILE == 0 || n + 1 == count {
                files.push(SourceFile { name: format!("rules-{n}.yaml").into(), text: file.as_str().into() });
            }
        }
        load(&files)
    };
    let event = |n: usize| json!({ "EventType": "NewFileUpload", "SubAppId": 7, "FileUploadEvent": { "Name": format!("c{n:05}-clip.mp4"), "FileId": "5285890784246869930" } });
    let events = |count: usize| (0..1_000).map(|n| event(n * 7 % count).to_string().into_bytes()).collect::<Vec<_>>();
    let (few, many) = (rules(10)?, rules(10_000)?);
    let (to_few, to_many) = (events(10), events(10_000));
    ensure!(
        to_many.iter().all(|event| many.find_in_body(None, None, event).is_ok_and(|rules| rules.len() == 1)),
        "one rule matches each"
    );
    let ratios = (0..ROUNDS).map(|_| {
        let few = rate(&to_few, TIME, |event| few.find_in_body(None, None, event).is_ok());
        few / rate(&to_many, TIME, |event| many.find_in_body(None, None, event).is_ok())
    });
    let ratio = median(ratios.collect());
    says(
        "10,000 rules that differ in a name's prefix cost as many times 10 such rules",
        ratio,
        "at most 3",
        ratio <= 3.0,
    );
    Ok(())
}

/// The memory that the process holds, in bytes.
fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).context("no number")?.parse::<u64>()? * 1024)
}
