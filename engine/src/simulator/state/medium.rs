//! A file of an application.

use std::sync::Arc;

use oncue_rules::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What kind of file it is (protocol section 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Category {
    #[default]
    Video,
    Audio,
    Image,
}

impl Category {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Video => "Video",
            Self::Audio => "Audio",
            Self::Image => "Image",
        }
    }

    /// The container of a file whose container is not given.
    pub(crate) fn container(self) -> &'static str {
        match self {
            Self::Video => "mp4",
            Self::Audio => "mp3",
            Self::Image => "jpg",
        }
    }
}

/// What an upload says of a file: the body of `POST /simulator/apps/{subappid}/media`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Upload {
    pub(crate) name: Option<String>,
    pub(crate) category: Category,
    /// The container, such as `mp4`.
    pub(crate) r#type: Option<String>,
    pub(crate) source_type: Option<String>,
    pub(crate) source_context: String,
    /// The `LiveRecordInfo` of a recording.
    pub(crate) live_record: Option<Map<String, Value>>,
    pub(crate) class_id: u64,
    pub(crate) tags: Vec<String>,
    /// Whether the event has `MetaData`, which the vendor's may lack.
    pub(crate) metadata: Option<bool>,
    /// A procedure that the upload starts.
    pub(crate) procedure: Option<String>,
    pub(crate) session_context: String,
}

impl Upload {
    /// The bytes that keeping it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        let texts = [&self.name, &self.r#type, &self.source_type, &self.procedure];
        let optional: usize = texts.iter().map(|text| text.as_ref().map_or(0, String::len)).sum();
        let tags: usize = self.tags.iter().map(|tag| tag.len() + 24).sum();
        let live: usize = self.live_record.iter().map(json_bytes).sum();
        optional + tags + live + self.source_context.len() + self.session_context.len() + 256
    }
}

/// The bytes of an object as text.
fn json_bytes(object: &Map<String, Value>) -> usize {
    serde_json::to_string(object).map_or(0, |text| text.len())
}

/// How a file is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Storage {
    #[default]
    Standard,
    StandardIa,
    Archive,
    DeepArchive,
}

impl Storage {
    const ALL: [Self; 4] = [Self::Standard, Self::StandardIa, Self::Archive, Self::DeepArchive];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::StandardIa => "STANDARD_IA",
            Self::Archive => "ARCHIVE",
            Self::DeepArchive => "DEEP_ARCHIVE",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|storage| storage.as_str() == name)
    }
}

/// A file.
#[derive(Debug, Clone)]
pub(crate) struct Medium {
    pub(crate) file_id: Arc<str>,
    pub(crate) subappid: u64,
    pub(crate) upload: Upload,
    pub(crate) created_at: Timestamp,
    pub(crate) storage: Storage,
    /// Whether nobody may see it.
    pub(crate) is_forbidden: bool,
    /// The tasks that have ended for it, by their number.
    pub(crate) finished: Vec<usize>,
}

impl Medium {
    pub(crate) fn container(&self) -> &str {
        self.upload.r#type.as_deref().unwrap_or(self.upload.category.container())
    }

    pub(crate) fn name(&self) -> &str {
        self.upload.name.as_deref().unwrap_or("sample-clip")
    }

    pub(crate) fn source_type(&self) -> &str {
        self.upload.source_type.as_deref().unwrap_or("Upload")
    }
}
