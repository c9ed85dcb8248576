//! One life of a process.

use std::collections::HashMap;
use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use oncue_rules::value::Value;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::{sleep_until, timeout, timeout_at};
use tracing::Level;

use super::child::Running;
use super::ending::Why;
use super::events::Raising;
use super::failure::Failure;
use super::inbox::{Inbox, Job, Request};
use super::journal::{Journal, Origin};
use super::lines::Read;
use super::outbox::Outbox;
use super::protocol::{self, Hello, Said, VERSION};
use super::{Options, limits};
use crate::text::printable;

/// How it was.
pub(super) struct Ending {
    /// Whether it answered a call.
    pub(super) has_answered: bool,
    /// Whether it may be started again at once.
    pub(super) is_well: bool,
    /// Why it is over, after "the process of the plugin NAME".
    pub(super) why: String,
}

/// A call that the process has, or that is on its way to it.
struct Flying {
    /// None when nobody waits for it any more.
    reply: Option<oneshot::Sender<Result<Value, Failure>>>,
    action: Arc<str>,
    origin: Origin,
    deadline: Instant,
    /// Kept until it is answered, so that there are never more calls than places.
    _place: OwnedSemaphorePermit,
}

struct Session<'s> {
    options: &'s Options,
    journal: &'s mut Journal,
    running: Running,
    outbox: Outbox,
    flying: HashMap<u64, Flying>,
    raising: Raising,
    hello: Option<Hello>,
    hello_by: Instant,
    stop_by: Option<Instant>,
    has_answered: bool,
    /// The last line of its standard error.
    last_words: String,
}

enum Happening {
    Asked(Option<Request>),
    Said(io::Result<Read>),
    Complained(io::Result<Read>),
    Wrote(io::Result<usize>),
    Exited(io::Result<ExitStatus>),
    /// The fate of an event is clear: the line that says so, and whether it was new.
    Taken(String, bool),
    Time,
}

/// Starts the process and serves requests until it ends. What waits and was not taken is left for the next one, unless
/// this one did not get to its hello.
pub(super) async fn run(options: &Options, inbox: &mut Inbox, journal: &mut Journal) -> Ending {
    let running = match Running::start(options) {
        Ok(running) => running,
        Err(error) => {
            let why = Why::NotStarted(error);
            let text = format!("{why} (in {})", options.folder.display());
            inbox
                .turn_away(&Failure::retry(why.code(), format!("the process of the plugin {} {text}", options.plugin)));
            return Ending { has_answered: false, is_well: false, why: text };
        }
    };
    let mut outbox = Outbox::default();
    let events = if options.emits.is_some() { limits::EVENTS } else { 0 };
    outbox.push(protocol::hello(&options.plugin, &options.version, options.calls, options.line, events));
    let session = Session {
        options,
        journal,
        running,
        outbox,
        flying: HashMap::new(),
        raising: Raising::default(),
        hello: None,
        hello_by: Instant::now() + options.start,
        stop_by: None,
        has_answered: false,
        last_words: String::new(),
    };
    session.serve(inbox).await
}

impl Session<'_> {
    async fn serve(mut self, inbox: &mut Inbox) -> Ending {
        let why = loop {
            self.admit(inbox);
            let happening = self.next(inbox).await;
            if let Err(why) = self.handle(happening, inbox) {
                break why;
            }
        };
        self.end(why, inbox).await
    }

    async fn next(&mut self, inbox: &mut Inbox) -> Happening {
        let now = Instant::now();
        let until = self.next_moment(now);
        let Running { child, stdin, stdout, stderr, .. } = &mut self.running;
        let (may_write, outbox) = (stdin.is_some() && !self.outbox.is_empty(), &self.outbox);
        // Whoever does not read the answers to its events is not read either.
        let may_read = self.raising.has_room() && outbox.len() <= 2 * (self.options.calls + 1) + limits::EVENTS;
        tokio::select! {
            request = inbox.receive(), if inbox.is_open => Happening::Asked(request),
            read = stdout.next(), if may_read && stdout.is_due(now) => Happening::Said(read),
            read = stderr.next(), if stderr.is_due(now) => Happening::Complained(read),
            written = async {
                match stdin {
                    Some(stdin) => outbox.write(stdin).await,
                    None => std::future::pending().await,
                }
            }, if may_write => Happening::Wrote(written),
            status = child.wait() => Happening::Exited(status),
            (line, is_new) = self.raising.answer() => Happening::Taken(line, is_new),
            () = async {
                match until {
                    Some(until) => sleep_until(until.into()).await,
                    None => std::future::pending().await,
                }
            } => Happening::Time,
        }
    }

    /// When something is to be done though nothing happens.
    fn next_moment(&self, now: Instant) -> Option<Instant> {
        let hello_by = self.hello.is_none().then_some(self.hello_by);
        let overdue = self.flying.values().map(|flying| flying.deadline + self.options.grace).min();
        let (out, err) = (self.running.stdout.due(now), self.running.stderr.due(now));
        [hello_by, self.stop_by, overdue, out, err].into_iter().flatten().min()
    }

    fn handle(&mut self, happening: Happening, inbox: &mut Inbox) -> Result<(), Why> {
        match happening {
            Happening::Asked(request) => {
                if let Some(id) = inbox.take(request) {
                    self.give_up(id);
                }
                Ok(())
            }
            Happening::Said(read) => self.said(read.map_err(Why::Pipe)?),
            Happening::Complained(read) => {
                self.complained(&read.map_err(Why::Pipe)?);
                Ok(())
            }
            Happening::Wrote(Ok(bytes)) => {
                self.outbox.advance(bytes);
                self.close_when_told();
                Ok(())
            }
            // One that is to end need not hear all of it.
            Happening::Wrote(Err(_)) if self.stop_by.is_some() => {
                self.running.stdin = None;
                Ok(())
            }
            Happening::Wrote(Err(_)) => Err(Why::ClosedInput),
            Happening::Exited(status) => Err(status.map_or_else(Why::Pipe, Why::Exited)),
            Happening::Taken(line, is_new) => {
                self.has_answered |= is_new;
                if self.stop_by.is_none() {
                    self.outbox.push(line);
                }
                Ok(())
            }
            Happening::Time => self.time(Instant::now()),
        }
    }

    fn time(&self, now: Instant) -> Result<(), Why> {
        if self.stop_by.is_some_and(|by| by <= now) {
            return Err(Why::Stopped);
        }
        if self.hello.is_none() && self.hello_by <= now {
            return Err(Why::NoHello(self.options.start));
        }
        let grace = self.options.grace;
        match self.flying.values().find(|flying| flying.deadline + grace <= now) {
            Some(flying) => Err(Why::Overdue { action: flying.action.to_string(), grace }),
            None => Ok(()),
        }
    }

    /// Gives the process what waits for it, once it has said hello.
    fn admit(&mut self, inbox: &mut Inbox) {
        if inbox.is_stopping() && self.stop_by.is_none() {
            self.stop_by = Some(Instant::now() + self.options.stop);
            self.outbox.push(protocol::STOP);
        }
        if self.stop_by.is_some() {
            let message = format!("the plugin {} is being stopped", self.options.plugin);
            return inbox.turn_away(&Failure::retry("process_stopped", message));
        }
        let Some(hello) = &self.hello else { return };
        for reply in inbox.hellos.drain(..) {
            let _unheard = reply.send(Ok(hello.clone())).is_err();
        }
        while let Some(job) = inbox.calls.pop_front() {
            if hello.actions.iter().any(|action| **action == *job.action) {
                fly(job, &mut self.outbox, &mut self.flying);
            } else {
                let message = format!(
                    "the process of the plugin {} does not have the action {}: it has {}",
                    self.options.plugin,
                    job.action,
                    printable(&hello.actions.join(", "), limits::SHOWN)
                );
                job.fail(Failure::fatal("unknown_action", message));
            }
        }
    }

    /// Nobody waits for a call any more.
    fn give_up(&mut self, id: u64) {
        let Some(flying) = self.flying.get_mut(&id) else { return };
        flying.reply = None;
        if self.outbox.take_back(id) {
            self.flying.remove(&id);
        } else {
            self.outbox.push(protocol::cancel(id));
        }
    }

    fn close_when_told(&mut self) {
        if self.stop_by.is_some() && self.outbox.is_empty() {
            self.running.stdin = None;
        }
    }

    fn said(&mut self, read: Read) -> Result<(), Why> {
        match read {
            Read::Line(line) => self.hear(&line),
            Read::Long(beginning) => Err(Why::LongLine { limit: self.options.line, beginning: self.shown(&beginning) }),
            Read::More(_) => Ok(()),
            // One that is to end may close its pipes before.
            Read::End(_) if self.stop_by.is_some() => Ok(()),
            Read::End(rest) if rest.is_empty() => Err(Why::ClosedOutput),
            Read::End(rest) => Err(Why::HalfLine(self.shown(&rest))),
        }
    }

    fn hear(&mut self, line: &Bytes) -> Result<(), Why> {
        if line.trim_ascii().is_empty() {
            self.running.stdout.charge(line.len(), Instant::now());
            return Ok(());
        }
        let wrong = |problem: String, session: &Self| Err(Why::WrongLine { problem, line: session.shown(line) });
        let said = match protocol::read(line) {
            Ok(said) => said,
            Err(problem) => return wrong(problem, self),
        };
        match said {
            Said::Hello(hello) if hello.protocol != VERSION => return Err(Why::Version(hello.protocol)),
            Said::Hello(_) if self.hello.is_some() => return wrong("is a second hello".to_owned(), self),
            Said::Hello(hello) => self.hello = Some(hello),
            Said::Result { .. } | Said::Event { .. } if self.hello.is_none() => {
                return wrong("comes before its hello".to_owned(), self);
            }
            Said::Result { id, result } => self.answered(id, result, line.len()),
            Said::Event { id, event } => {
                self.running.stdout.charge(line.len(), Instant::now());
                let answer = self.raising.raise(self.options, id, &event);
                if let Some(answer) = answer {
                    self.outbox.push(answer);
                }
            }
            Said::Log { level, message, id } => {
                self.running.stdout.charge(line.len(), Instant::now());
                let origin = id.and_then(|id| self.flying.get(&id)).map(|flying| &flying.origin);
                self.journal.write(level, origin, &message);
            }
        }
        Ok(())
    }

    fn answered(&mut self, id: u64, result: Result<Value, Failure>, bytes: usize) {
        let Some(flying) = self.flying.remove(&id) else {
            self.running.stdout.charge(bytes, Instant::now());
            let message = format!("it answered a call {id}, which it does not have: calls are answered once");
            return self.journal.write(Level::WARN, None, &message);
        };
        self.has_answered = true;
        if let Some(reply) = flying.reply {
            let _unheard = reply.send(result).is_err();
        }
    }

    fn complained(&mut self, read: &Read) {
        let (line, bytes) = match read {
            Read::Line(line) | Read::Long(line) | Read::End(line) => (Some(line), line.len()),
            Read::More(bytes) => (None, *bytes),
        };
        self.running.stderr.charge(bytes, Instant::now());
        let Some(line) = line.filter(|line| !line.trim_ascii().is_empty()) else { return };
        self.last_words = self.shown(line);
        // It cannot be told whom it is about, unless there is only one.
        let mut flying = self.flying.values();
        let origin = flying.next().filter(|_| flying.next().is_none()).map(|flying| &flying.origin);
        self.journal.write(Level::INFO, origin, &String::from_utf8_lossy(line));
    }

    /// The beginning of a line, for an error.
    fn shown(&self, line: &[u8]) -> String {
        // A secret that is cut would not be found later.
        let part = line.get(..limits::LOG_LINE).unwrap_or(line);
        printable(&(self.options.scrub)(&String::from_utf8_lossy(part)), limits::SHOWN)
    }

    /// Ends the process and everything that it has begun.
    async fn end(mut self, mut why: Why, inbox: &mut Inbox) -> Ending {
        if why.may_be_an_exit()
            && let Ok(Ok(status)) = timeout(limits::LAST_WORDS, self.running.child.wait()).await
            && !matches!(why, Why::HalfLine(_))
        {
            why = Why::Exited(status);
        }
        self.running.group.kill();
        if timeout(limits::REAPED, self.running.child.wait()).await.is_err() {
            tracing::warn!(plugin = &*self.options.plugin, "its process was killed and has not ended yet");
        }
        if let Err(wrong) = self.hear_out(&why).await {
            why = wrong;
        }
        let is_well = match &why {
            Why::Stopped => true,
            Why::Exited(status) => {
                // One that raises events should not end at all.
                let may_end = self.options.emits.is_none() && self.has_answered && self.flying.is_empty();
                self.stop_by.is_some() || (status.success() && may_end)
            }
            _ => false,
        };
        let mut text = why.to_string();
        if !is_well && !self.last_words.is_empty() {
            text = format!("{text}; the last line of its standard error: {}", self.last_words);
        }
        let message = format!("the process of the plugin {} {text}", self.options.plugin);
        if self.hello.is_none() && self.stop_by.is_none() {
            inbox.turn_away(&Failure::retry("process_start", message.as_str()));
        }
        for (id, flying) in self.flying.drain() {
            let failure = if self.outbox.has_whole(id) { Failure::retry } else { Failure::in_doubt };
            let failure = failure(why.code(), message.clone());
            let _unheard = flying.reply.is_some_and(|reply| reply.send(Err(failure)).is_err());
        }
        Ending { has_answered: self.has_answered, is_well, why: text }
    }

    /// What is in the pipes of a process that has ended.
    async fn hear_out(&mut self, why: &Why) -> Result<(), Why> {
        // What is left is little, unless a child that left the group goes on writing.
        let until = Instant::now() + limits::LAST_WORDS;
        while let Ok(Ok(read)) = timeout_at(until.into(), self.running.stderr.next()).await {
            let is_end = matches!(read, Read::End(_));
            self.complained(&read);
            if is_end || Instant::now() >= until {
                break;
            }
        }
        let until = Instant::now() + limits::LAST_WORDS;
        while why.is_heard_out()
            && let Ok(Ok(read)) = timeout_at(until.into(), self.running.stdout.next()).await
        {
            match read {
                _ if Instant::now() >= until => break,
                Read::End(rest) if rest.is_empty() => break,
                // What was being written when it was killed says nothing.
                Read::End(rest) if matches!(why, Why::Exited(_)) => return Err(Why::HalfLine(self.shown(&rest))),
                Read::End(_) => break,
                other => self.said(other)?,
            }
        }
        Ok(())
    }
}

/// Puts a call on its way.
fn fly(job: Job, outbox: &mut Outbox, flying: &mut HashMap<u64, Flying>) {
    let Job { id, action, members, deadline, origin, may_be_sent, reply, place } = job;
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() || reply.is_closed() {
        // Nobody waits for it any more, and says so.
        return;
    }
    outbox.push_call(protocol::call(id, &action, left, &members), id, may_be_sent);
    flying.insert(id, Flying { reply: Some(reply), action, origin, deadline, _place: place });
}
