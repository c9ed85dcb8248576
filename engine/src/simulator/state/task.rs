//! A task, and the work that its request asks for.

use std::sync::Arc;

use oncue_rules::time::Timestamp;
use serde_json::{Map, Value};

/// A kind of sub-task: the vendor names each in three ways (protocol sections 1 and 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Transcode,
    AnimatedGraphics,
    SnapshotByTimeOffset,
    SampleSnapshot,
    ImageSprites,
    CoverBySnapshot,
    AdaptiveDynamicStreaming,
    Review,
    Analysis,
    Recognition,
}

impl Kind {
    /// Those inside `MediaProcessTask`, in the order of the results.
    pub(crate) const MEDIA: [Self; 7] = [
        Self::Transcode,
        Self::AnimatedGraphics,
        Self::SnapshotByTimeOffset,
        Self::SampleSnapshot,
        Self::ImageSprites,
        Self::CoverBySnapshot,
        Self::AdaptiveDynamicStreaming,
    ];

    /// Those beside it.
    pub(crate) const AI: [Self; 3] = [Self::Review, Self::Analysis, Self::Recognition];

    /// The name of its list, or of its object, in a request.
    pub(crate) fn request_name(self) -> &'static str {
        match self {
            Self::Transcode => "TranscodeTaskSet",
            Self::AnimatedGraphics => "AnimatedGraphicTaskSet",
            Self::SnapshotByTimeOffset => "SnapshotByTimeOffsetTaskSet",
            Self::SampleSnapshot => "SampleSnapshotTaskSet",
            Self::ImageSprites => "ImageSpriteTaskSet",
            Self::CoverBySnapshot => "CoverBySnapshotTaskSet",
            Self::AdaptiveDynamicStreaming => "AdaptiveDynamicStreamingTaskSet",
            Self::Review => "AiContentReviewTask",
            Self::Analysis => "AiAnalysisTask",
            Self::Recognition => "AiRecognitionTask",
        }
    }

    /// The `Type` of its result.
    pub(crate) fn result_type(self) -> &'static str {
        match self {
            Self::Transcode => "Transcode",
            Self::AnimatedGraphics => "AnimatedGraphics",
            Self::SnapshotByTimeOffset => "SnapshotByTimeOffset",
            Self::SampleSnapshot => "SampleSnapshot",
            Self::ImageSprites => "ImageSprites",
            Self::CoverBySnapshot => "CoverBySnapshot",
            Self::AdaptiveDynamicStreaming => "AdaptiveDynamicStreaming",
            Self::Review => "Porn",
            Self::Analysis => "Classification",
            Self::Recognition => "AsrFullTextRecognition",
        }
    }

    /// The name of the object in its result.
    pub(crate) fn result_name(self) -> &'static str {
        match self {
            Self::Transcode => "TranscodeTask",
            Self::AnimatedGraphics => "AnimatedGraphicTask",
            Self::SnapshotByTimeOffset => "SnapshotByTimeOffsetTask",
            Self::SampleSnapshot => "SampleSnapshotTask",
            Self::ImageSprites => "ImageSpriteTask",
            Self::CoverBySnapshot => "CoverBySnapshotTask",
            Self::AdaptiveDynamicStreaming => "AdaptiveDynamicStreamingTask",
            Self::Review => "PornTask",
            Self::Analysis => "ClassificationTask",
            Self::Recognition => "AsrFullTextRecognitionTask",
        }
    }

    /// What a request must say beside `Definition` (protocol section 6).
    pub(crate) fn required(self) -> &'static [&'static str] {
        match self {
            Self::AnimatedGraphics => &["StartTimeOffset", "EndTimeOffset"],
            Self::CoverBySnapshot => &["PositionType", "PositionValue"],
            _ => &[],
        }
    }

    /// The code for a definition that the application does not know.
    pub(crate) fn unknown_definition(self) -> &'static str {
        match self {
            Self::Review => "InvalidParameterValue.AiContentReviewTaskDefinition",
            Self::Analysis => "InvalidParameterValue.AiAnalysisTaskDefinition",
            Self::Recognition => "InvalidParameterValue.AiRecognitionTaskDefinition",
            _ => "InvalidParameterValue.Definition",
        }
    }
}

/// One piece of a task's work.
#[derive(Debug, Clone)]
pub(crate) struct SubTask {
    pub(crate) kind: Kind,
    pub(crate) definition: u64,
    pub(crate) input: Map<String, Value>,
}

/// The pieces that a request asks for, in the order of the results. What has not the right form is left out: whoever
/// takes a request refuses it first.
pub(crate) fn sub_tasks(request: &Map<String, Value>) -> Vec<SubTask> {
    let media = request.get("MediaProcessTask");
    let sets = Kind::MEDIA.into_iter().filter_map(|kind| Some((kind, media?.get(kind.request_name())?.as_array()?)));
    let listed = sets.flat_map(|(kind, items)| items.iter().map(move |item| (kind, item)));
    let single = Kind::AI.into_iter().filter_map(|kind| Some((kind, request.get(kind.request_name())?)));
    listed
        .chain(single)
        .filter_map(|(kind, item)| {
            let input = item.as_object()?.clone();
            Some(SubTask { kind, definition: input.get("Definition")?.as_u64()?, input })
        })
        .collect()
}

/// How many events a task sends (protocol section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notify {
    /// One at the end.
    Finish,
    /// One whenever a sub-task ends.
    Change,
    /// None.
    Never,
}

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// `ProcessMedia`: sub-tasks on a file.
    Procedure,
    /// `EditMedia`: a new file.
    Edit,
    /// `ReviewAudioVideo`: a look at a file.
    Review,
    /// `WeChatMiniProgramPublish`: a file is shown in a mini program.
    Publish,
}

impl Work {
    /// The API that starts it.
    pub(crate) fn action(self) -> &'static str {
        match self {
            Self::Procedure => "ProcessMedia",
            Self::Edit => "EditMedia",
            Self::Review => "ReviewAudioVideo",
            Self::Publish => "WeChatMiniProgramPublish",
        }
    }

    /// Its `TaskType`.
    pub(crate) fn task_type(self) -> &'static str {
        match self {
            Self::Procedure => "Procedure",
            Self::Edit => "EditMedia",
            Self::Review => "ReviewAudioVideo",
            // The vendor spells the name of the call otherwise.
            Self::Publish => "WechatMiniProgramPublish",
        }
    }

    /// What its ids have in the middle.
    pub(crate) fn id_part(self) -> &'static str {
        if self == Self::Procedure { "procedurev2" } else { self.task_type() }
    }
}

/// A task of an application.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) id: Arc<str>,
    pub(crate) work: Work,
    pub(crate) subappid: u64,
    /// The file that it is about; of an edit the one that it makes, empty before it has.
    pub(crate) file_id: Arc<str>,
    pub(crate) session_id: String,
    pub(crate) session_context: String,
    pub(crate) priority: i64,
    pub(crate) notify: Notify,
    /// The request as it came, without its credentials, which are no part of it.
    pub(crate) request: Box<str>,
    /// What goes wrong: the place among the sub-tasks, and the `ErrCodeExt`.
    pub(crate) failures: Vec<(usize, String)>,
    /// How many sub-tasks there are, and how many of them have ended.
    pub(crate) parts: usize,
    pub(crate) done: usize,
    pub(crate) created_at: Timestamp,
    pub(crate) finished_at: Option<Timestamp>,
}

impl Task {
    pub(crate) fn sub_tasks(&self) -> Vec<SubTask> {
        match serde_json::from_str::<Value>(&self.request) {
            Ok(Value::Object(request)) => sub_tasks(&request),
            _ => Vec::new(),
        }
    }

    /// The request.
    pub(crate) fn parameters(&self) -> Value {
        serde_json::from_str(&self.request).unwrap_or_default()
    }

    pub(crate) fn status(&self) -> &'static str {
        if self.finished_at.is_some() { "FINISH" } else { "PROCESSING" }
    }

    pub(crate) fn notify_mode(&self) -> &'static str {
        match self.notify {
            Notify::Finish => "Finish",
            Notify::Change => "Change",
            Notify::Never => "None",
        }
    }

    /// Why a sub-task fails, if it does.
    pub(crate) fn failure(&self, part: usize) -> Option<&str> {
        self.failures.iter().find(|(failing, _)| *failing == part).map(|(_, code)| code.as_str())
    }
}
