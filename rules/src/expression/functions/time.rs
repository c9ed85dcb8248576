//! Functions of moments. A moment is a text (RFC 3339) or a number of milliseconds since 1970; what comes out is a
//! text.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ZonedDateTime};

use super::super::error::{Fault, fault};
use super::{Call, Function, bad_call, integer, made_text, text, unfit};
use crate::value::Value;

const fn function(
    name: &'static str,
    (least, most): (usize, usize),
    usage: &'static str,
    call: fn(&[Value]) -> Result<Value, Fault>,
) -> Function {
    Function { name, arguments: least..=most, usage, call: Call::Values(call) }
}

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "time.add",
        (2, 2),
        "time.add(moment, '-1d'): the moment so much later or earlier, in UTC (ms, s, m, h, d)",
        add,
    ),
    function(
        "time.format",
        (2, 3),
        "time.format(moment, '%Y-%m-%d %H:%M', 'Asia/Shanghai'): the moment as a text, in UTC without a zone",
        format,
    ),
    function(
        "time.day",
        (2, 3),
        "time.day(moment, -1, 'Asia/Shanghai'): the date so many days from the moment's own, as '2024-05-01'",
        day,
    ),
];

const SHOWN: usize = 40;

fn moment(function: &str, value: &Value) -> Result<Timestamp, Fault> {
    let read = match value {
        Value::Text(text) => text.parse().ok(),
        Value::Number(number) => number.as_i64().and_then(|millis| Timestamp::from_millisecond(millis).ok()),
        _ => return Err(unfit(function, "a moment", value)),
    };
    read.ok_or_else(|| {
        let shown: String = value.to_json().chars().take(SHOWN).collect();
        fault(format!(
            "`{function}`: {shown} is no moment such as '2024-05-01T08:00:00+08:00' or milliseconds since 1970"
        ))
    })
}

fn in_zone(function: &str, moment: Timestamp, zone: Option<&Value>) -> Result<ZonedDateTime, Fault> {
    let Some(zone) = zone else { return Ok(moment.to_zoned_datetime(TimeZone::UTC)) };
    let name = text(function, zone)?;
    let zone = TimeZone::get(name).map_err(|_| {
        let shown: String = name.chars().take(SHOWN).collect();
        fault(format!("`{function}`: there is no time zone '{shown}', write one such as 'Asia/Shanghai'"))
    })?;
    Ok(moment.to_zoned_datetime(zone))
}

fn out_of_range(function: &str) -> Fault {
    fault(format!("`{function}`: the moment is outside the years that a calendar has"))
}

fn add(arguments: &[Value]) -> Result<Value, Fault> {
    let [value, duration] = arguments else { return Err(bad_call("time.add")) };
    let start = moment("time.add", value)?;
    let written = text("time.add", duration)?;
    let millis = milliseconds(written).ok_or_else(|| {
        let shown: String = written.chars().take(SHOWN).collect();
        fault(format!("`time.add`: '{shown}' is no duration such as '-1d', '90m' or '500ms'"))
    })?;
    let end = start.as_millisecond().checked_add(millis).and_then(|end| Timestamp::from_millisecond(end).ok());
    let end = end.ok_or_else(|| out_of_range("time.add"))?;
    made_text(if end.as_millisecond() % 1_000 == 0 { format!("{end:.0}") } else { format!("{end:.3}") })
}

fn milliseconds(duration: &str) -> Option<i64> {
    let (sign, duration) = match duration.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, duration.strip_prefix('+').unwrap_or(duration)),
    };
    let digits = duration.find(|letter: char| !letter.is_ascii_digit())?;
    let unit = match duration.get(digits..)? {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    duration.get(..digits)?.parse::<i64>().ok()?.checked_mul(unit)?.checked_mul(sign)
}

fn format(arguments: &[Value]) -> Result<Value, Fault> {
    let [value, pattern, zone @ ..] = arguments else { return Err(bad_call("time.format")) };
    let zoned = in_zone("time.format", moment("time.format", value)?, zone.first())?;
    let pattern = text("time.format", pattern)?;
    if pattern.len() > PATTERN {
        return Err(fault(format!("`time.format`: the pattern is longer than {PATTERN} bytes")));
    }
    let written = jiff::fmt::strtime::format(pattern, &zoned);
    made_text(written.map_err(|_| fault("`time.format`: this pattern is none; '%Y-%m-%d %H:%M:%S' is one"))?)
}

/// The longest pattern, since a directive may ask for padding.
const PATTERN: usize = 256;

fn day(arguments: &[Value]) -> Result<Value, Fault> {
    let [value, offset, zone @ ..] = arguments else { return Err(bad_call("time.day")) };
    let zoned = in_zone("time.day", moment("time.day", value)?, zone.first())?;
    let span = Span::new().try_days(integer("time.day", offset)?).map_err(|_| out_of_range("time.day"))?;
    let date = zoned.date().checked_add(span).map_err(|_| out_of_range("time.day"))?;
    made_text(date.to_string())
}
