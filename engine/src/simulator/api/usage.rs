//! `DescribeMediaProcessUsageData`: the figures are those that the control plane was told.

use oncue_rules::time::Timestamp;
use serde_json::{Map, Value, json};

use super::Reply;
use super::params::Params;
use crate::simulator::error::ApiError;
use crate::simulator::state::State;

impl State {
    /// Seconds by day, the last day included, for `Transcoding`; nothing for other types.
    pub(super) fn describe_usage(&mut self, subappid: u64, params: Params<'_>, _now: Timestamp) -> Reply {
        params.only(&["StartTime", "EndTime", "Type"])?;
        let (from, to) = (day(params, "StartTime")?, day(params, "EndTime")?);
        if from > to {
            let message = "StartTime must not be after EndTime";
            return Err(ApiError::new("InvalidParameterValue.StartTime", message));
        }
        let is_wanted = params.text("Type")?.is_none_or(|kind| kind == "Transcoding");
        let usage = self.apps.get(&subappid).map(|app| &app.usage);
        let days = usage.into_iter().flatten().filter(|(day, _)| (from..=to).contains(&day.as_str()));
        let days: Vec<_> = days.map(|(day, seconds)| json!({ "Time": day, "Count": 1, "Usage": seconds })).collect();
        let kind = json!({ "TaskType": "Transcoding", "Summary": days, "Details": [] });
        let set = if is_wanted && !days.is_empty() { vec![kind] } else { Vec::new() };
        Ok(Map::from_iter([("MediaProcessDataSet".to_owned(), Value::from(set))]))
    }
}

/// The day that a time such as `2026-01-01T00:00:00+08:00` begins with.
fn day<'a>(params: Params<'a>, name: &'static str) -> Result<&'a str, ApiError> {
    let text = params.required_text(name)?;
    let day = text.get(..10).filter(|day| text.len() > 10 && day.parse::<jiff::civil::Date>().is_ok());
    day.ok_or_else(|| {
        let message = format!("{name} must be a time such as 2026-01-01T00:00:00+08:00");
        ApiError::new("InvalidParameterValue", message)
    })
}
