//! The wall clock of a time zone, as the cron library asks for it.

use std::cmp::Ordering;

use croner::errors::CronError;
use croner::{CivilDateTime, CronDateTime, Resolution, Weekday};
use jiff::civil::DateTime;
use jiff::tz::AmbiguousOffset;
use jiff::{SignedDuration, ZonedDateTime};

/// A moment with its time zone.
#[derive(Debug, Clone)]
pub(super) struct WallClock(pub(super) ZonedDateTime);

impl CronDateTime for WallClock {
    fn to_civil(&self) -> CivilDateTime {
        let shown = self.0.datetime();
        let part = |number: i8| u32::try_from(number).unwrap_or(0);
        let civil = CivilDateTime::from_ymd_hms_opt(
            i32::from(shown.year()),
            part(shown.month()),
            part(shown.day()),
            part(shown.hour()),
            part(shown.minute()),
            part(shown.second()),
        );
        // One library's dates are the other's.
        civil.unwrap_or(CivilDateTime::new(
            croner::CivilDate::from_parts_unchecked(1970, 1, 1),
            croner::CivilTime::MIDNIGHT,
        ))
    }

    fn civil_weekday(&self) -> Weekday {
        let days = self.0.weekday().to_sunday_zero_offset();
        Weekday::from_days_from_sunday(u32::try_from(days).unwrap_or(0))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let at = self.0.time_zone().to_ambiguous_zoned_datetime(to_jiff(civil).ok_or(CronError::InvalidDate)?);
        let moment = |zoned: Result<ZonedDateTime, jiff::Error>| zoned.map(Self).map_err(|_| CronError::InvalidTime);
        Ok(match at.offset() {
            AmbiguousOffset::Unambiguous { .. } => Resolution::Single(moment(at.unambiguous())?),
            AmbiguousOffset::Fold { .. } => Resolution::Ambiguous(moment(at.clone().earlier())?, moment(at.later())?),
            AmbiguousOffset::Gap { .. } => Resolution::Gap,
        })
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.timestamp().cmp(&other.0.timestamp())
    }
}

fn to_jiff(civil: CivilDateTime) -> Option<DateTime> {
    let part = |number: u32| i8::try_from(number).ok();
    let year = i16::try_from(civil.year()).ok()?;
    let (month, day) = (part(civil.month())?, part(civil.day())?);
    DateTime::new(year, month, day, part(civil.hour())?, part(civil.minute())?, part(civil.second())?, 0).ok()
}
