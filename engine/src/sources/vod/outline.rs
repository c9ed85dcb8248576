//! What is read of a notification to recognise it. The rest is checked, and made a value of when somebody needs it.

use std::sync::LazyLock;

use oncue_rules::value::Outline;

use super::application::{ADDRESSES, TASK_IDS};
use super::recognise::SOURCE_CONTEXT;
use super::table::{FilePlace, KINDS};

/// At the top of a body: its type, what tells bodies of other products, and its signature.
const TOP: [&str; 15] = [
    "EventType",
    "eventType",
    "version",
    "data",
    "EventGroupId",
    "EventInfo",
    "CallbackCommand",
    "event_type",
    "stream_id",
    "appid",
    "Response",
    "Sign",
    "T",
    "sign",
    "t",
];

/// In a payload, besides its file and what names an application.
const PAYLOAD: [&str; 5] = ["FileId", "TaskId", "SessionId", "Status", "SessionContext"];

pub(super) static OUTLINE: LazyLock<Outline> = LazyLock::new(|| {
    let mut outline = Outline::default();
    for name in TOP {
        outline.add([name]);
    }
    for (kind, field) in KINDS.iter().flat_map(|kind| kind.fields.iter().map(move |field| (kind, *field))) {
        let file = match kind.file {
            FilePlace::At(path) => path.to_vec(),
            FilePlace::Texts(member) => vec![member],
            FilePlace::Each(member, path) => [&[member], path].concat(),
        };
        let names = PAYLOAD.into_iter().chain(TASK_IDS).map(|name| vec![name]);
        let addresses = ADDRESSES.iter().map(|(_, path)| path.to_vec());
        for path in names.chain(addresses).chain([SOURCE_CONTEXT.to_vec(), file]) {
            outline.add([field].into_iter().chain(path));
        }
    }
    outline
});
