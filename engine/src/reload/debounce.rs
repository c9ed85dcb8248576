//! When to look at files that are being changed: once they have been left alone for a while, and not later than a limit.

use std::time::Duration;

use tokio::time::Instant;

/// How long nothing may happen to the files before they are read.
const QUIET: Duration = Duration::from_millis(300);
/// How long after the first change they are read although more changes come.
const MOST: Duration = Duration::from_secs(2);

/// Changes that were noticed and not yet acted upon.
#[derive(Debug, Clone, Default)]
pub(super) struct Debounce<H> {
    first: Option<Instant>,
    last: Option<Instant>,
    /// What was read when the files were looked at and not yet taken.
    seen: Option<H>,
}

impl<H: PartialEq> Debounce<H> {
    /// Nothing was noticed.
    pub(super) fn new() -> Self {
        Self { first: None, last: None, seen: None }
    }

    /// Something happens to the files.
    pub(super) fn notice(&mut self, now: Instant) {
        self.first.get_or_insert(now);
        self.last = Some(now);
    }

    /// The files were read and are other than before, though nothing said so: they may still be written.
    pub(super) fn notice_contents(&mut self, contents: H, now: Instant) {
        self.notice(now);
        self.seen = Some(contents);
    }

    /// When to read the files; `None` while nothing was noticed.
    pub(super) fn due(&self) -> Option<Instant> {
        Some((self.last? + QUIET).min(self.first? + MOST))
    }

    /// Whether to take what was read now, and then all is settled. Where nothing tells of writes, contents are taken
    /// when they are the same twice.
    pub(super) fn settles(&mut self, contents: H, now: Instant) -> bool {
        let is_still = self.seen.as_ref().is_none_or(|seen| *seen == contents);
        if is_still || self.first.is_none_or(|first| now >= first + MOST) {
            *self = Self::new();
            return true;
        }
        self.notice_contents(contents, now);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds after the start of a test.
    fn clock() -> impl Fn(u64) -> Instant {
        let start = Instant::now();
        move |millis| start + Duration::from_millis(millis)
    }

    #[test]
    fn nothing_is_due_while_nothing_happens() {
        assert_eq!(Debounce::<u8>::new().due(), None);
    }

    #[test]
    fn every_change_puts_the_reading_off_until_the_limit() {
        let at = clock();
        let mut debounce = Debounce::<u8>::new();
        debounce.notice(at(0));
        assert_eq!(debounce.due(), Some(at(300)));
        debounce.notice(at(250));
        assert_eq!(debounce.due(), Some(at(550)));
        for millis in (500..=2_500).step_by(250) {
            debounce.notice(at(millis));
        }
        assert_eq!(debounce.due(), Some(at(2_000)));
    }

    #[test]
    fn after_a_reading_it_begins_anew() {
        let at = clock();
        let mut debounce = Debounce::new();
        debounce.notice(at(0));
        assert!(debounce.settles(1, at(300)));
        assert_eq!(debounce.due(), None);
        debounce.notice(at(5_000));
        assert_eq!(debounce.due(), Some(at(5_300)));
    }

    #[test]
    fn contents_that_nothing_told_of_are_taken_when_they_are_the_same_twice() {
        let at = clock();
        let mut debounce = Debounce::new();
        debounce.notice_contents("half", at(0));
        assert!(!debounce.settles("more", at(300)));
        assert_eq!(debounce.due(), Some(at(600)));
        assert!(debounce.settles("more", at(600)));
    }

    #[test]
    fn contents_that_never_come_to_rest_are_taken_at_the_limit() {
        let at = clock();
        let mut debounce = Debounce::new();
        debounce.notice_contents(0, at(0));
        let mut looks = 0;
        while !debounce.settles(looks + 1, debounce.due().unwrap()) {
            looks += 1;
        }
        assert_eq!(looks, 6, "one every 300 ms for 2 s");
    }
}
