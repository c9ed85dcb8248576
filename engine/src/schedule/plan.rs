//! Which ticks of a schedule are due.

use oncue_rules::schedule::Schedule;
use oncue_rules::time::Timestamp;

/// What is to be done about a schedule now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// The ticks that are due, the earliest first.
    pub(super) ticks: Vec<Timestamp>,
    /// The first of those that were missed by more than the schedule lets.
    pub(super) left_out: Option<Timestamp>,
    /// Once the ticks are taken, all up to here are dealt with.
    pub(super) until: Timestamp,
    /// When to look again; none when nothing will ever come.
    pub(super) next: Option<Timestamp>,
}

/// The plan for a schedule whose ticks are dealt with up to `done`, with so many ticks at most.
pub(super) fn plan(schedule: &Schedule, done: Timestamp, now: Timestamp, most: usize) -> Plan {
    let catch_up = i64::try_from(schedule.catch_up.as_millis()).unwrap_or(i64::MAX);
    let oldest = Timestamp(now.0.saturating_sub(catch_up));
    let left_out = schedule.after(done).filter(|missed| *missed <= oldest);
    let from = done.max(oldest);
    let ticks = schedule.between(from, now, most);
    let is_cut = ticks.len() == most;
    let until = match ticks.last() {
        Some(last) if is_cut => *last,
        // A clock that was put back gives nothing to do until it is where it was.
        _ => now.max(done),
    };
    let next = if is_cut { Some(now) } else { schedule.after(until) };
    Plan { ticks, left_out, until, next }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;

    /// Each tenth minute, caught up for an hour.
    fn schedule() -> Schedule {
        let mut schedule = Schedule::new("*/10 * * * *", "UTC").unwrap();
        schedule.catch_up = std::time::Duration::from_hours(1);
        schedule
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp(minutes * MINUTE)
    }

    fn planned(done: i64, now: i64) -> (Vec<i64>, Option<i64>, i64, Option<i64>) {
        let Plan { ticks, left_out, until, next } = plan(&schedule(), at(done), at(now), 4);
        let minutes = |moment: Timestamp| moment.0 / MINUTE;
        (ticks.into_iter().map(minutes).collect(), left_out.map(minutes), minutes(until), next.map(minutes))
    }

    #[test]
    fn what_came_since_the_last_look_is_due_once() {
        assert_eq!(planned(100, 109), (vec![], None, 109, Some(110)));
        assert_eq!(planned(109, 110), (vec![110], None, 110, Some(120)));
        assert_eq!(planned(110, 119), (vec![], None, 119, Some(120)));
    }

    #[test]
    fn what_was_missed_is_caught_up_as_far_as_it_may_be() {
        assert_eq!(planned(100, 135), (vec![110, 120, 130], None, 135, Some(140)));
        assert_eq!(planned(100, 205), (vec![150, 160, 170, 180], Some(110), 180, Some(205)), "a part at a time");
        assert_eq!(planned(180, 205), (vec![190, 200], None, 205, Some(210)));
    }

    #[test]
    fn a_clock_that_was_put_back_repeats_nothing() {
        assert_eq!(planned(130, 100), (vec![], None, 130, Some(140)));
    }

    proptest! {
        /// Whatever the looks, and however the clock jumps between them, every tick comes at most once; and once, when the
        /// clock only goes on and no pause is longer than what is caught up.
        #[test]
        fn each_tick_comes_once(steps in prop::collection::vec(-200_i64..200, 1..40)) {
            let (mut done, mut now) = (at(1_000), at(1_000));
            let (mut seen, mut is_steady) = (Vec::new(), true);
            for step in steps {
                is_steady &= (0..=60).contains(&step);
                now = Timestamp(now.0 + step * MINUTE);
                loop {
                    let plan = plan(&schedule(), done, now, 4);
                    seen.extend(plan.ticks.iter().copied());
                    done = plan.until;
                    if plan.next != Some(now) {
                        break;
                    }
                }
            }
            prop_assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", seen);
            if is_steady {
                prop_assert_eq!(seen, schedule().between(at(1_000), now, usize::MAX));
            }
        }
    }
}
