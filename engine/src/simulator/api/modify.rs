//! `ModifyMediaInfo` and `ModifyMediaStorageClass` (protocol section 6).

use oncue_rules::time::Timestamp;
use serde_json::Map;

use super::Reply;
use super::params::{Params, missing};
use crate::simulator::error::ApiError;
use crate::simulator::state::State;
use crate::simulator::state::medium::Storage;

/// The most files of one call.
const MAX_FILES: usize = 20;

/// The most tags that are added or taken away at a time.
const MAX_TAGS: usize = 16;

const TAGS: &str = "InvalidParameterValue.Tags";

impl State {
    pub(super) fn modify_media_info(&mut self, subappid: u64, params: Params<'_>, _now: Timestamp) -> Reply {
        params.only(&["FileId", "Name", "ClassId", "AddTags", "DeleteTags", "ClearTags"])?;
        let file_id = self.known_file(subappid, params.required_text("FileId")?)?;
        let Some(medium) = self.medium(subappid, &file_id) else { return Err(missing("FileId")) };
        let mut upload = medium.upload.clone();
        if let Some(name) = params.text("Name")? {
            upload.name = Some(name.to_owned());
        }
        if let Some(class) = params.uint("ClassId")? {
            upload.class_id = class;
        }
        if params.uint("ClearTags")? == Some(1) {
            upload.tags.clear();
        }
        if params.get("DeleteTags").is_some() {
            let gone = params.texts("DeleteTags", MAX_TAGS, TAGS)?;
            upload.tags.retain(|tag| !gone.contains(&tag.as_str()));
        }
        if params.get("AddTags").is_some() {
            for tag in params.texts("AddTags", MAX_TAGS, TAGS)? {
                if !upload.tags.iter().any(|has| has == tag) {
                    upload.tags.push(tag.to_owned());
                }
            }
        }
        self.modify(subappid, &file_id, upload)?;
        Ok(Map::new())
    }

    pub(super) fn modify_storage_class(&mut self, subappid: u64, params: Params<'_>, _now: Timestamp) -> Reply {
        params.only(&["FileIds", "StorageClass"])?;
        let storage = Storage::named(params.required_text("StorageClass")?).ok_or_else(|| {
            let message = "StorageClass must be STANDARD, STANDARD_IA, ARCHIVE or DEEP_ARCHIVE";
            ApiError::new("InvalidParameterValue.StorageClass", message)
        })?;
        let mut files = Vec::new();
        for file_id in params.texts("FileIds", MAX_FILES, "InvalidParameterValue.FileIds")? {
            files.push(self.known_file(subappid, file_id)?);
        }
        for file_id in files {
            if let Some(medium) = self.media.get_mut(&file_id) {
                medium.storage = storage;
            }
        }
        Ok(Map::new())
    }
}
