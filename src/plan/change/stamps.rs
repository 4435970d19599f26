//! Stamps: what was written once per (branch, set) is read back from the branch's head, never made anew.

use super::propose::Stamps;
use crate::model::{ImageStream, Promotion, SetId, StreamKey, Timestamp};
use crate::plan::desk::Desk;
use crate::plan::facts::pull::BranchFacts;
use crate::plan::road::StageView;

/// What is known of a branch's stamps.
pub enum Found {
    /// The branch's files must be read first.
    Asking,
    /// The stamps of this set.
    Yes(Stamps),
    /// The branch carries no readable stamp of this set.
    No,
}

/// Reads the stamps of a set from the head of its branch.
pub fn read(view: &StageView<'_>, id: &SetId, branch: &BranchFacts, desk: &mut Desk<'_>) -> Found {
    let mut created: Option<Timestamp> = None;
    let mut record: Option<Promotion> = None;
    for key in &view.streams {
        let Some(located) = desk.docs.streams.get(key) else {
            continue;
        };
        let Some(Some(blob)) = branch.changed.get(&located.path) else {
            continue;
        };
        let text = match desk.text(blob) {
            None => return Found::Asking,
            Some(None) => return Found::No,
            Some(Some(text)) => text,
        };
        let Some(stream) = stream_in(&text, &located.path, key, desk) else {
            return Found::No;
        };
        record = record.or_else(|| stream.spec_tag(view.tag()).and_then(Promotion::recorded));
        created = created.or_else(|| stream.head(view.tag()).and_then(|h| h.created));
    }
    match created {
        Some(created) if view.is_first() || record.as_ref().is_some_and(|r| r.set == *id) => {
            Found::Yes(Stamps { created, record })
        }
        _ => Found::No,
    }
}

/// One stream of a file's text.
pub fn stream_in(
    text: &str,
    path: &crate::model::RepoPath,
    key: &StreamKey,
    desk: &Desk<'_>,
) -> Option<ImageStream> {
    let loaded = crate::manifests::load(path, text.as_bytes(), crate::manifests::Role::Pipelines);
    loaded
        .documents
        .into_iter()
        .find_map(|document| match document.kind {
            crate::manifests::DocumentKind::ImageStream(stream) => {
                let found = desk
                    .docs
                    .stream_key(stream.metadata.namespace.as_deref(), &stream.metadata.name);
                (found.as_ref() == Some(key)).then(|| (*stream).clone())
            }
            _ => None,
        })
}
