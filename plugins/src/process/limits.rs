//! What one process of a plugin may take, where its manifest does not say.

use std::time::Duration;

/// The bytes of the outputs of a call, as JSON: `process_output`.
pub const OUTPUT: usize = 64 * 1024;
/// The bytes of what one call sends: parameters, event and the rest, as JSON.
pub const CALL: usize = 4 * 1024 * 1024;
/// Calls that it is given at the same time.
pub const CALLS: usize = 4;
/// The bytes of one line that it writes: `process_protocol`.
pub const LINE: usize = 1024 * 1024;
/// The address space of each of its processes, in bytes.
pub const MEMORY: u64 = 1024 * 1024 * 1024;
/// From its start to its hello: `process_start`.
pub const START: Duration = Duration::from_secs(10);
/// Events that it may have raised without having heard what became of them; it is not read on before it has heard of one.
pub const EVENTS: usize = 16;
/// How long storing an event may take, until it is refused for now.
pub const TAKING: Duration = Duration::from_secs(30);
/// The bytes of the id of an event.
pub const EVENT_ID: usize = 200;
/// From the deadline of a call to the end of its process, when it does not answer meanwhile.
pub const GRACE: Duration = Duration::from_secs(2);
/// From `stop` to its end.
pub const STOP: Duration = Duration::from_secs(5);

/// The most that it waits before it is started again the first time; each time in a row it may be twice as long.
pub const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The most that it ever waits.
pub const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How much of that calls wait for; before a longer pause they are held back, which is no attempt.
pub(super) const WAITED: Duration = Duration::from_secs(1);

/// The bytes of a line of the log that are kept.
pub const LOG_LINE: usize = 8 * 1024;
/// Lines of the log that it may write at once.
pub const LOG_BURST: u32 = 200;
/// How often one more may follow. What is beyond is left out and counted.
pub const LOG_EVERY: Duration = Duration::from_millis(20);

/// The longest wait that an error may ask for.
pub(super) const LONGEST_AFTER: Duration = Duration::from_hours(24);
/// The characters of an error's code, of its message, and of a line that is shown in one.
pub(super) const CODE: usize = 100;
pub(super) const MESSAGE: usize = 1_000;
pub(super) const SHOWN: usize = 200;
/// How long is waited for what a process that has ended left in its pipes, and for an end that has begun.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long is waited for a process that was killed: one in an uninterruptible wait of the system ends later.
pub(super) const REAPED: Duration = Duration::from_secs(5);
