//! Files: edits of streams turned into final text. An edit that cannot be made safely becomes a Hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::manifests::edit::{EditRefused, StreamEdit, edit_stream};
use crate::model::{RepoPath, StreamKey};
use crate::plan::desk::Desk;

/// Final texts by path; `None` deletes.
pub type Files = BTreeMap<RepoPath, Option<String>>;

/// Why there is no final text.
#[derive(Debug, Clone, PartialEq)]
pub enum NoText {
    /// The file must be read first.
    Asking,
    /// The edit cannot be made safely.
    Refused(Box<EditRefused>),
    /// The file is no readable text.
    Unreadable(RepoPath),
}

/// Applies edits to the base's files, on top of texts that are already final: all of them or none.
pub fn apply(
    edits: &BTreeMap<StreamKey, Vec<StreamEdit>>,
    files: &mut Files,
    desk: &mut Desk<'_>,
) -> Result<(), NoText> {
    let mut fresh = Files::new();
    for (key, list) in edits {
        let Some(located) = desk.docs.streams.get(key) else {
            continue;
        };
        let text = current(&located.path, [&fresh, files], desk)?;
        let edited = edit_stream(&located.path, &text, located.index, list)
            .map_err(|e| NoText::Refused(Box::new(e)))?;
        if edited != *text {
            fresh.insert(located.path.clone(), Some(edited));
        }
    }
    files.extend(fresh);
    Ok(())
}

/// Notes at once that these streams' files will be edited, which may be rounds of questions away.
pub fn ask_ahead<'k>(streams: impl IntoIterator<Item = &'k StreamKey>, desk: &mut Desk<'_>) {
    for key in streams {
        let located = desk.docs.streams.get(key);
        if let Some(blob) = located.and_then(|l| desk.blob_of(&l.path)).cloned() {
            let _ = desk.text(&blob);
        }
    }
}

fn current(path: &RepoPath, files: [&Files; 2], desk: &mut Desk<'_>) -> Result<Arc<str>, NoText> {
    if let Some(text) = files
        .into_iter()
        .find_map(|files| files.get(path)?.as_ref())
    {
        return Ok(Arc::from(text.as_str()));
    }
    let blob = desk
        .blob_of(path)
        .cloned()
        .ok_or_else(|| NoText::Unreadable(path.clone()))?;
    match desk.text(&blob) {
        None => Err(NoText::Asking),
        Some(None) => Err(NoText::Unreadable(path.clone())),
        Some(Some(text)) => Ok(text),
    }
}
