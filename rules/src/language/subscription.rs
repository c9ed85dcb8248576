//! `on`: the event types of a rule, or its schedule.

use std::collections::BTreeSet;

use crate::decode::{Field, Fields, all};
use crate::ids::EventType;
use crate::node::NodeKind;
use crate::rule::Subscription;
use crate::schedule::{self, Schedule, ScheduleError};

/// The types that the vendor is known to send (protocol section 1). Others are taken too: the vendor adds types often.
const VENDOR_TYPES: [&str; 38] = [
    "AigcHunyuan3DTaskComplete",
    "AigcImageTaskComplete",
    "AigcVideoTaskComplete",
    "ClipComplete",
    "ComplexAdaptiveDynamicStreamingComplete",
    "ComposeMediaComplete",
    "ConcatComplete",
    "CreateAigcAdvancedCustomElementCompleteEvent",
    "CreateAigcCustomVoiceCompleteEvent",
    "CreateImageSpriteComplete",
    "CreateSnapshotByTimeOffsetComplete",
    "DescribeAigcFaceInfoAsyncComplete",
    "DescribeFileAttributesComplete",
    "EditMediaComplete",
    "ExtractBlindWatermarkComplete",
    "ExtractCopyRightWatermarkComplete",
    "ExtractTraceWatermarkComplete",
    "FileDeleted",
    "MediaCastStatusChanged",
    "NewFileUpload",
    "PersistenceComplete",
    "ProcedureStateChanged",
    "ProcessImageAsyncCompleteEvent",
    "ProcessMediaByMPSComplete",
    "PullComplete",
    "QualityEnhanceComplete",
    "QualityInspectComplete",
    "RebuildMediaComplete",
    "ReduceMediaBitrateComplete",
    "RemoveWatermark",
    "RestoreMediaComplete",
    "ReviewAudioVideoComplete",
    "SceneAigcImageCompleteEvent",
    "SplitMediaComplete",
    "TranscodeComplete",
    "WechatMiniProgramPublishComplete",
    "WechatPublishComplete",
    "RunDead",
];
/// How many slips of the pen still make a type look like a known one.
const SLIPS: usize = 2;
/// The longest type that is taken, in bytes.
const LENGTH_LIMIT: usize = 200;

pub(super) fn read(fields: &mut Fields<'_>) -> Option<Subscription> {
    let field = fields.required("on", "name the event types, such as `on: NewFileUpload`; `on: \"*\"` is for all")?;
    if let NodeKind::Map(_) = field.node().kind {
        return schedule(&field).map(Box::new).map(Subscription::Schedule);
    }
    let types = listed(&field)?;
    if !types.contains(&"*") {
        return Some(Subscription::Types(types.into_iter().map(EventType::from).collect()));
    }
    if types.len() > 1 {
        field.error("`*` stands for all event types, and others are listed beside it", "keep one of the two");
        return None;
    }
    Some(Subscription::All)
}

/// The types of an event that is waited for, which cannot be all.
pub(super) fn types(fields: &mut Fields<'_>, hint: &str) -> Option<BTreeSet<EventType>> {
    let field = fields.required("on", hint)?;
    let types = listed(&field)?;
    if types.contains(&"*") {
        field.error("a wait cannot be for all event types", hint);
        return None;
    }
    Some(types.into_iter().map(EventType::from).collect())
}

fn listed<'a>(field: &Field<'a>) -> Option<Vec<&'a str>> {
    let items = field.one_or_many();
    if items.is_empty() {
        field.error("`on` lists no event type", "name at least one, or write `on: \"*\"` for all");
        return None;
    }
    let mut seen = BTreeSet::new();
    all(items.iter().map(|item| event_type(item, &mut seen)))
}

/// `{ cron, tz, catch_up, per }`.
fn schedule(field: &Field<'_>) -> Option<Schedule> {
    let mut fields = field.fields("a schedule")?;
    let cron = fields.required("cron", "write minute, hour, day, month and day of the week: `cron: \"0 3 * * *\"`");
    let zone =
        fields.required("tz", "name the time zone whose clock is meant, such as `tz: Asia/Shanghai` or `tz: UTC`");
    let catch_up = fields
        .optional("catch_up")
        .map_or(Some(schedule::CATCH_UP), |field| field.duration(schedule::LEAST_CATCH_UP..=schedule::MOST_CATCH_UP));
    let per_app = fields.optional("per").map_or(Some(false), |field| field.one_of(&[("app", true)]));
    fields.finish();
    let (cron, zone) = (cron?, zone?);
    match (cron.some_text(), zone.some_text()) {
        (Some(pattern), Some(name)) => match Schedule::new(pattern, name) {
            Ok(mut schedule) => {
                (schedule.catch_up, schedule.per_app) = (catch_up?, per_app?);
                Some(schedule)
            }
            Err(error @ ScheduleError::Zone { .. }) => {
                zone.error(error.to_string(), "write a name of the IANA database, such as `Asia/Shanghai`");
                None
            }
            Err(error) => {
                let hint = "write minute, hour, day of the month, month, day of the week, such as `0 3 * * *`";
                cron.error(format!("`cron` is no pattern: {error}"), hint);
                None
            }
        },
        _ => None,
    }
}

fn event_type<'a>(field: &Field<'a>, seen: &mut BTreeSet<&'a str>) -> Option<&'a str> {
    let kind = field.some_text()?;
    if kind.len() > LENGTH_LIMIT {
        field.error(
            format!("an event type has at most {LENGTH_LIMIT} bytes, and this has {}", kind.len()),
            "shorten it",
        );
        return None;
    }
    if !seen.insert(kind) {
        field.findings().warning(field.span(), format!("`{kind}` is listed twice"), "keep one of the two");
    }
    if kind.contains('*') && kind != "*" {
        let hint = "list the types, or write `on: \"*\"` and compare `event.type` in `match`";
        field.error(format!("`{kind}` is no event type: `*` only stands alone"), hint);
        return None;
    }
    if let Some(known) = slip_of(kind) {
        let hint = format!("did you mean `{known}`? if not, the rule works as it is");
        field.findings().warning(field.span(), format!("no known event type is called `{kind}`"), hint);
    }
    Some(kind)
}

/// The known type that this one is probably a slip of.
fn slip_of(kind: &str) -> Option<&'static str> {
    if kind == "*" || VENDOR_TYPES.contains(&kind) {
        return None;
    }
    let near = VENDOR_TYPES.iter().find(|known| known.eq_ignore_ascii_case(kind));
    near.or_else(|| VENDOR_TYPES.iter().find(|known| strsim::osa_distance(known, kind) <= SLIPS)).copied()
}
