//! Bodies that seem to belong to another application than the one whose door they came through.
//!
//! These are heuristics of protocol section 2: good for a warning, never for authorisation.

use std::fmt;

use oncue_rules::ids::SubAppId;
use oncue_rules::value::Value;
use serde::Serialize;

use super::recognise::text_at;

/// Something odd about a body that was taken all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "mark", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mark {
    /// The type is not in the table.
    UnknownType,
    /// A task id or a media address names another application.
    OtherApplication {
        /// Where in the payload.
        place: &'static str,
        /// The application named there.
        named: SubAppId,
    },
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownType => f.write_str("the event type is not known"),
            Self::OtherApplication { place, named } => write!(
                f,
                "payload.{place} names application {named}: check which application's callback URL has this address"
            ),
        }
    }
}

pub(super) const TASK_IDS: [&str; 3] = ["TaskId", "ProcedureTaskId", "ReviewAudioVideoTaskId"];

pub(super) const ADDRESSES: [(&str, &[&str]); 4] = [
    ("MediaBasicInfo.MediaUrl", &["MediaBasicInfo", "MediaUrl"]),
    ("FileUrl", &["FileUrl"]),
    ("Output.FileUrl", &["Output", "FileUrl"]),
    ("Output.Url", &["Output", "Url"]),
];

/// The vendor's numbers have nine digits or more.
const LEAST_NUMBER: u64 = 100_000_000;

pub(super) fn marks(payload: &Value, app: SubAppId) -> Vec<Mark> {
    if app.0 < LEAST_NUMBER {
        // A number that a person made up for an application that is addressed without one: nothing contradicts it.
        return Vec::new();
    }
    let tasks = TASK_IDS.into_iter().map(|place| (place, text_at(payload, &[place]).and_then(of_task_id)));
    let addresses = ADDRESSES.into_iter().map(|(place, path)| (place, text_at(payload, path).and_then(of_address)));
    tasks
        .chain(addresses)
        .filter_map(|(place, named)| Some((place, named?)))
        .filter(|(_, named)| *named != app)
        .map(|(place, named)| Mark::OtherApplication { place, named })
        .collect()
}

/// `1500000001-procedurev2-…`
fn of_task_id(task: &str) -> Option<SubAppId> {
    application_number(task.split_once('-')?.0)
}

/// `https://1500000001.vod2.myqcloud.com/…`, or a path that begins with `/6ce20d3bvodcq1500000001/`.
fn of_address(address: &str) -> Option<SubAppId> {
    let (_, rest) = address.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    let default_host =
        [".vod2.myqcloud.com", ".vod-qcloud.com"].into_iter().find_map(|suffix| host.strip_suffix(suffix));
    default_host.and_then(application_number).or_else(|| of_media_folder(path.split_once('/')?.0))
}

/// `<8 hex>vod[trans]<region letters><application>`
fn of_media_folder(folder: &str) -> Option<SubAppId> {
    let (prefix, rest) = folder.split_at_checked(8)?;
    let is_hex = prefix.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let rest = rest.strip_prefix("vod").filter(|_| is_hex)?;
    application_number(rest.trim_start_matches(|letter: char| letter.is_ascii_lowercase()))
}

fn application_number(digits: &str) -> Option<SubAppId> {
    let plausible = (9..=11).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plausible { digits.parse().ok() } else { None }
}
