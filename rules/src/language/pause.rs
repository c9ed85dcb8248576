//! `sleep`: a step that does nothing for a while.

use std::time::Duration;

use crate::decode::Field;
use crate::node::NodeKind;
use crate::rule::{Sleep, StepKind};
use crate::schedule::Schedule;

const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_hours(366 * 24);

pub(super) fn read(field: &Field<'_>) -> Option<StepKind> {
    let NodeKind::Map(_) = field.node().kind else {
        return field.duration(SHORTEST..=LONGEST).map(|duration| StepKind::Sleep(Sleep::For(duration)));
    };
    let mut fields = field.fields("a `sleep`")?;
    let until = fields.required("until", "write a time of day, such as `until: \"01:00\"`");
    let zone = fields.required("tz", "name the time zone whose clock is meant, such as `tz: Asia/Shanghai`");
    fields.finish();
    let (until, zone) = (until?, zone?);
    let (time, zone_name) = (time_of_day(&until), zone.some_text());
    let (hour, minute) = time?;
    match Schedule::new(&format!("{minute} {hour} * * *"), zone_name?) {
        Ok(schedule) => Some(StepKind::Sleep(Sleep::Until(Box::new(schedule)))),
        Err(error) => {
            zone.error(error.to_string(), "write a name of the IANA database, such as `Asia/Shanghai`");
            None
        }
    }
}

fn time_of_day(field: &Field<'_>) -> Option<(u8, u8)> {
    let text = field.some_text()?;
    let part = |text: &str, below: u8| {
        let fits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| fits && *number < below)
    };
    let time = text.split_once(':').and_then(|(hour, minute)| Some((part(hour, 24)?, part(minute, 60)?)));
    if time.is_none() {
        field.error(format!("`until` must be a time of day, and this is `{text}`"), "write it as `\"01:00\"`");
    }
    time
}
