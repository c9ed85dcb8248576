//! Moments at which a rule runs by itself, written as cron does.

mod wall_clock;

use std::fmt;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;

use crate::ids::{EventType, RuleName};
use crate::time::Timestamp;
use wall_clock::WallClock;

/// The source of ticks.
pub const SOURCE: &str = "schedule";
/// How late a tick may be when the rule does not say.
pub const CATCH_UP: Duration = Duration::from_mins(5);
/// The least that a rule may ask to catch up: no look at the clock is on the moment.
pub const LEAST_CATCH_UP: Duration = Duration::from_secs(10);
/// The most that a rule may ask to catch up: as long as a tick is known to have been taken.
pub const MOST_CATCH_UP: Duration = Duration::from_hours(7 * 24);

/// When a rule runs by itself: `on: { cron, tz, catch_up, per }`.
///
/// The pattern is that of cron with five fields: minute, hour, day of the month, month, day of the week. It is read on the
/// wall clock of its time zone. Where daylight saving skips the moment of a pattern with a fixed hour and minute, its tick
/// comes as soon as the clock is past the gap; where it repeats an hour, the tick comes once, the first time. A pattern whose
/// minute or hour has `*` skips what is not there, and ticks in both passes of a repeated hour.
#[derive(Clone)]
pub struct Schedule {
    cron: Cron,
    written: String,
    zone: TimeZone,
    zone_name: String,
    /// How late a tick may be: one that was missed by more is left out.
    pub catch_up: Duration,
    /// Whether each application of the rule has a tick of its own.
    pub per_app: bool,
}

/// A schedule cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The pattern is none.
    #[error("{reason}")]
    Pattern {
        /// Why, as a fragment in lower case.
        reason: String,
    },
    /// It is at no moment.
    #[error("no moment fits `{written}`")]
    Never {
        /// The pattern.
        written: String,
    },
    /// There is no such time zone.
    #[error("there is no time zone `{name}`")]
    Zone {
        /// The name.
        name: String,
    },
}

impl Schedule {
    /// Reads a pattern and the name of a time zone, which ticks until [`CATCH_UP`] later, once for all applications.
    ///
    /// # Errors
    ///
    /// When one of them is none, or no moment of the next years fits.
    pub fn new(written: &str, zone_name: &str) -> Result<Self, ScheduleError> {
        let zone = TimeZone::get(zone_name).map_err(|_| ScheduleError::Zone { name: zone_name.to_owned() })?;
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(written).map_err(|error| ScheduleError::Pattern { reason: reason(&error) })?;
        let (written, zone_name) = (written.to_owned(), zone_name.to_owned());
        let schedule = Self { cron, written, zone, zone_name, catch_up: CATCH_UP, per_app: false };
        match schedule.after(Timestamp(0)) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError::Never { written: schedule.written }),
        }
    }

    /// The first tick after a moment; none when the calendar ends before.
    #[must_use]
    pub fn after(&self, moment: Timestamp) -> Option<Timestamp> {
        let start = jiff::Timestamp::from_millisecond(moment.0).ok()?.to_zoned_datetime(self.zone.clone());
        let next = self.cron.find_next_occurrence(&WallClock(start), false).ok()?;
        let next = Timestamp(next.0.timestamp().as_millisecond());
        // Whatever a library says of odd zones, time goes on.
        (next > moment).then_some(next)
    }

    /// The ticks after one moment and up to another, at most so many, the earliest first.
    #[must_use]
    pub fn between(&self, after: Timestamp, to: Timestamp, most: usize) -> Vec<Timestamp> {
        let ticks = std::iter::successors(self.after(after), |tick| self.after(*tick));
        ticks.take_while(|tick| *tick <= to).take(most).collect()
    }
}

/// The type of the ticks of a rule.
#[must_use]
pub fn kind(rule: &RuleName) -> EventType {
    EventType::from(format!("{SOURCE}:{rule}").as_str())
}

fn reason(error: &croner::errors::CronError) -> String {
    let said = error.to_string();
    let said = said.rsplit_once(": ").map_or(said.as_str(), |(_, what)| what).trim_end_matches('.');
    let mut letters = said.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.written, self.zone_name)
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule")
            .field("cron", &self.written)
            .field("tz", &self.zone_name)
            .field("catch_up", &self.catch_up)
            .field("per_app", &self.per_app)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        (&self.written, &self.zone_name, self.catch_up, self.per_app)
            == (&other.written, &other.zone_name, other.catch_up, other.per_app)
    }
}

impl Eq for Schedule {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn ticks(cron: &str, zone: &str, after: &str, to: &str) -> Vec<String> {
        let schedule = Schedule::new(cron, zone).unwrap();
        schedule.between(at(after), at(to), 100).iter().map(|tick| tick.to_string().replace(":00.000Z", "Z")).collect()
    }

    #[test]
    fn a_pattern_is_read_on_the_clock_of_its_zone() {
        let found = ticks("0 9 * * *", "Asia/Shanghai", "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z");
        assert_eq!(found, ["2026-01-01T01:00Z", "2026-01-02T01:00Z"]);
        let found = ticks("30 18 * * FRI", "UTC", "2026-01-01T00:00:00Z", "2026-01-10T00:00:00Z");
        assert_eq!(found, ["2026-01-02T18:30Z", "2026-01-09T18:30Z"]);
    }

    /// Clocks in Berlin go from 02:00 to 03:00 on 2026-03-29, at 01:00 UTC.
    #[test]
    fn what_daylight_saving_skips_comes_right_after_the_gap_and_only_where_the_hour_is_fixed() {
        let day = |cron| ticks(cron, "Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T02:30:00Z");
        assert_eq!(day("30 2 * * *"), ["2026-03-29T01:00Z"]);
        let half_hours = ["2026-03-28T23:30Z", "2026-03-29T00:00Z", "2026-03-29T00:30Z", "2026-03-29T01:00Z"];
        assert_eq!(day("*/30 * * * *")[..4], half_hours);
        assert_eq!(day("*/30 * * * *").len(), 7);
    }

    /// Clocks in Berlin go from 03:00 back to 02:00 on 2026-10-25, at 01:00 UTC.
    #[test]
    fn what_daylight_saving_repeats_comes_once_where_the_hour_is_fixed_and_else_twice() {
        let day = |cron| ticks(cron, "Europe/Berlin", "2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z");
        assert_eq!(day("30 2 * * *"), ["2026-10-25T00:30Z"]);
        let hours = ["2026-10-25T00:00Z", "2026-10-25T01:00Z", "2026-10-25T02:00Z", "2026-10-25T03:00Z"];
        assert_eq!(day("0 * * * *"), hours);
    }

    #[test]
    fn what_is_no_schedule_is_said_in_words() {
        for (cron, zone, expected) in [
            ("", "UTC", "cronPattern cannot be an empty string"),
            ("0 9 * *", "UTC", ""),
            ("61 * * * *", "UTC", ""),
            ("0 0 9 * * *", "UTC", ""),
            ("0 0 31 2 *", "UTC", "no moment fits `0 0 31 2 *`"),
            ("0 9 * * *", "Asia/Shangai", "there is no time zone `Asia/Shangai`"),
        ] {
            let said = Schedule::new(cron, zone).unwrap_err().to_string();
            assert!(!said.is_empty() && said.contains(expected), "{cron}: {said}");
        }
    }

    proptest! {
        #[test]
        fn ticks_go_forward_and_no_two_looks_differ(
            minute in 0..60, hour in 0..24, start in 0..4_000_000_000_000_i64, days in 1..400_i64,
        ) {
            let zone = ["Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe"][usize::try_from(days).unwrap() % 4];
            let schedule = Schedule::new(&format!("{minute} {hour} * * *"), zone).unwrap();
            let (from, to) = (Timestamp(start), Timestamp(start + days * 86_400_000));
            let whole = schedule.between(from, to, 1_000);
            prop_assert!(whole.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(whole.len().abs_diff(usize::try_from(days).unwrap()) <= 1, "{} in {days} days", whole.len());
            let middle = Timestamp(i64::midpoint(from.0, to.0));
            let halves = [schedule.between(from, middle, 1_000), schedule.between(middle, to, 1_000)].concat();
            prop_assert_eq!(whole, halves);
        }
    }
}
