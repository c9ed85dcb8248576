//! Which top-level field holds the payload of which event type, and how the event is known again.
//!
//! The vendor's naming is irregular, so this is a table (protocol section 1).

/// What makes two bodies of one type the same happening (protocol section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// The task and its status.
    Task,
    /// The file, which can happen to a file once only.
    File,
    /// The files that were deleted.
    Deleted,
    /// Nothing but the content.
    Content,
}

/// Where a payload names the file that the event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FilePlace {
    /// A text at this path.
    At(&'static [&'static str]),
    /// A list of texts in this member.
    Texts(&'static str),
    /// A list in the first member, and in each of its items a text at this path.
    Each(&'static str, &'static [&'static str]),
}

/// One event type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// The value of `EventType`.
    pub name: &'static str,
    /// The names under which its payload comes; several where documentation and wire differ.
    pub fields: &'static [&'static str],
    /// How it is known again.
    pub identity: Identity,
    /// Where it names its file.
    pub file: FilePlace,
}

const FILE_ID: FilePlace = FilePlace::At(&["FileId"]);
const INPUT: FilePlace = FilePlace::At(&["Input", "FileId"]);
const OUTPUT: FilePlace = FilePlace::At(&["Output", "FileId"]);

const fn task(name: &'static str, fields: &'static [&'static str], file: FilePlace) -> Kind {
    Kind { name, fields, identity: Identity::Task, file }
}

const fn content(name: &'static str, fields: &'static [&'static str]) -> Kind {
    Kind { name, fields, identity: Identity::Content, file: FILE_ID }
}

/// The type of the event by which `oncue vod callback test` tries a callback URL. It starts no run.
pub const PROBE: &str = "OncueProbe";

/// The types that are known. Others are accepted too, with the one object of the body as payload.
#[rustfmt::skip]
pub(super) const KINDS: &[Kind] = &[
    Kind { name: "NewFileUpload", fields: &["FileUploadEvent"], identity: Identity::File, file: FILE_ID },
    Kind { name: "FileDeleted", fields: &["FileDeleteEvent"], identity: Identity::Deleted, file: FilePlace::Texts("FileIdSet") },
    task("ProcedureStateChanged", &["ProcedureStateChangeEvent"], FILE_ID),
    task("PullComplete", &["PullCompleteEvent"], FILE_ID),
    task("EditMediaComplete", &["EditMediaCompleteEvent"], OUTPUT),
    task("SplitMediaComplete", &["SplitMediaCompleteEvent"], FilePlace::Each("FileInfoSet", &["Output", "FileId"])),
    task("ComposeMediaComplete", &["ComposeMediaCompleteEvent"], OUTPUT),
    // The same file can be restored again, so its id does not name the happening.
    content("RestoreMediaComplete", &["RestoreMediaCompleteEvent"]),
    task("ReviewAudioVideoComplete", &["ReviewAudioVideoCompleteEvent"], INPUT),
    task("WechatMiniProgramPublishComplete", &["WechatMiniProgramPublishCompleteEvent", "WechatMiniProgramPublishEvent"], FILE_ID),
    task("WechatPublishComplete", &["WechatPublishCompleteEvent"], FILE_ID),
    task("RemoveWatermark", &["RemoveWatermarkCompleteEvent"], OUTPUT),
    task("RebuildMediaComplete", &["RebuildMediaCompleteEvent"], OUTPUT),
    task("QualityEnhanceComplete", &["QualityEnhanceCompleteEvent"], OUTPUT),
    task("QualityInspectComplete", &["QualityInspectCompleteEvent"], INPUT),
    task("ExtractTraceWatermarkComplete", &["ExtractTraceWatermarkCompleteEvent"], INPUT),
    task("ExtractCopyRightWatermarkComplete", &["ExtractCopyRightWatermarkCompleteEvent"], INPUT),
    task("ExtractBlindWatermarkComplete", &["ExtractBlindWatermarkComplete"], FILE_ID),
    task("DescribeFileAttributesComplete", &["DescribeFileAttributesCompleteEvent"], FILE_ID),
    content("PersistenceComplete", &["PersistenceCompleteEvent"]),
    task("ComplexAdaptiveDynamicStreamingComplete", &["ComplexAdaptiveDynamicStreamingCompleteEvent"], FILE_ID),
    task("ProcessMediaByMPSComplete", &["ProcessMediaByMPSCompleteEvent"], FILE_ID),
    content("MediaCastStatusChanged", &["MediaCastStatusChangedEvent"]),
    task("AigcImageTaskComplete", &["AigcImageCompleteEvent"], FILE_ID),
    task("AigcVideoTaskComplete", &["AigcVideoCompleteEvent"], FILE_ID),
    task("AigcHunyuan3DTaskComplete", &["AigcHunyuan3DCompleteEvent"], FILE_ID),
    task("DescribeAigcFaceInfoAsyncComplete", &["DescribeAigcFaceInfoAsyncCompleteEvent"], FILE_ID),
    task("SceneAigcImageCompleteEvent", &["SceneAigcImageCompleteEvent"], FILE_ID),
    task("ProcessImageAsyncCompleteEvent", &["ProcessImageAsyncCompleteEvent"], FILE_ID),
    task("CreateAigcAdvancedCustomElementCompleteEvent", &["CreateAigcAdvancedCustomElementCompleteEvent"], FILE_ID),
    task("CreateAigcCustomVoiceCompleteEvent", &["CreateAigcCustomVoiceCompleteEvent"], FILE_ID),
    // Our own, sent by `oncue vod callback test`; each is told apart by its content.
    content(PROBE, &["OncueProbe"]),
    // Sent for tasks of the 2017 API only.
    task("TranscodeComplete", &["TranscodeCompleteEvent"], FILE_ID),
    task("ConcatComplete", &["ConcatCompleteEvent"], FilePlace::Each("FileInfoSet", &["FileId"])),
    task("ClipComplete", &["ClipCompleteEvent"], FilePlace::At(&["FileInfo", "FileId"])),
    task("CreateImageSpriteComplete", &["CreateImageSpriteCompleteEvent"], FILE_ID),
    task("CreateSnapshotByTimeOffsetComplete", &["SnapshotByTimeOffsetCompleteEvent"], FILE_ID),
];

/// The type of this name, when it is known.
pub(super) fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// Whether the vendor, and nobody else, sends events of this type.
#[must_use]
pub fn is_known(name: &str) -> bool {
    find(name).is_some()
}
