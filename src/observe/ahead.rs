//! Reading ahead: which files a plan will want is known as soon as registries have answered, so that it need not be made
//! once only to ask for them.

use std::collections::BTreeMap;

use super::answers::texts;
use super::{ObserveError, Observer};
use crate::model::BlobId;
use crate::plan::{Observation, Snapshot};

/// Files read ahead at most; more are read when a plan asks for them.
const MOST_FILES: usize = 4_000;

impl Observer {
    /// Reads the files of streams of which registries have just answered something new: a plan will ask for nearly all of
    /// them, and need not be made once more for it. What it does not ask for changes nothing.
    pub async fn read_ahead(&self, observation: &mut Observation) -> Result<(), ObserveError> {
        let mut state = self.state.lock().await;
        let moved = std::mem::take(&mut state.moved);
        let Snapshot {
            documents, files, ..
        } = &observation.snapshot;
        let located = moved.iter().filter_map(|key| documents.streams.get(key));
        let entries = located.filter_map(|located| files.get(&located.path));
        let ids = entries.map(|entry| &entry.blob);
        let ids = ids.filter(|id| !observation.blobs.contains_key(id));
        let ids: Vec<BlobId> = ids.take(MOST_FILES).cloned().collect();
        if ids.is_empty() {
            return Ok(());
        }
        let blobs = texts(&self.repository, &ids).await?;
        state.carried.keep(&BTreeMap::new(), &blobs);
        observation.blobs.extend(blobs);
        Ok(())
    }
}
