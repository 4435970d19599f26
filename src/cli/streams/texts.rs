//! Edits of streams and manifests as final texts of files.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::CliError;
use crate::manifests::edit::{edit_stream, edit_workload, new_stream_text};
use crate::manifests::{Documents, EditRefused};
use crate::model::{RepoPath, StreamKey};
use crate::plan::change::files::Files as Texts;
use crate::plan::streams::Done;

/// The files that an edit is about and that are there already.
pub(super) fn touched(done: &Done, docs: &Documents) -> BTreeSet<RepoPath> {
    let streams = done.changes.keys().filter_map(|key| docs.streams.get(key));
    let streams = streams.map(|located| located.path.clone());
    let manifests = done.manifests.iter().map(|manifest| manifest.path.clone());
    let whole = done.files.iter().filter(|(_, text)| text.is_none());
    let whole = whole.map(|(path, _)| path.clone());
    streams.chain(manifests).chain(whole).collect()
}

/// Final texts of all changes; several edits of one file are made one after another.
pub(super) fn texts(
    done: &Done,
    docs: &Documents,
    old: &BTreeMap<RepoPath, String>,
    exists: &dyn Fn(&RepoPath) -> bool,
) -> Result<Texts, CliError> {
    let mut files = Texts::new();
    for (key, draft) in &done.changes {
        if draft.fresh {
            let path = new_path(key, docs, exists)?;
            files.insert(path, Some(new_stream_text(&draft.stream)));
        } else if let Some(located) = docs.streams.get(key) {
            change(&mut files, old, &located.path, |before| {
                edit_stream(&located.path, before, located.index, &draft.edits)
            })?;
        }
    }
    for manifest in &done.manifests {
        change(&mut files, old, &manifest.path, |before| {
            edit_workload(
                &manifest.path,
                before,
                &manifest.workload.id,
                &manifest.edit,
            )
        })?;
    }
    for (path, text) in &done.files {
        if text.is_some() && exists(path) {
            return Err(occupied(path));
        }
        files.insert(path.clone(), text.clone());
    }
    Ok(files)
}

fn occupied(path: &RepoPath) -> CliError {
    CliError::failed(format!("`{path}` holds something else already"))
        .help("move it away, or say another name")
}

fn change(
    files: &mut Texts,
    old: &BTreeMap<RepoPath, String>,
    path: &RepoPath,
    edit: impl FnOnce(&str) -> Result<String, EditRefused>,
) -> Result<(), CliError> {
    let before = files.get(path).and_then(Option::as_ref);
    let before = before.or_else(|| old.get(path)).ok_or_else(|| {
        CliError::failed(format!("`{path}` cannot be read as text")).help("headwater check")
    })?;
    let edited = edit(before).map_err(|error| CliError::failed(error.to_string()))?;
    if edited != *before {
        files.insert(path.clone(), Some(edited));
    }
    Ok(())
}

/// Where a new stream is written: beside the pipeline of its name if there is one, else below the streams' folder.
fn new_path(
    key: &StreamKey,
    docs: &Documents,
    exists: &dyn Fn(&RepoPath) -> bool,
) -> Result<RepoPath, CliError> {
    let spec = &docs.config.spec;
    let own = key.namespace == spec.namespace;
    let beside = docs.pipelines.values().find(|located| {
        located.value.name().as_str() == key.name.as_str()
            && docs.pipeline_streams(&located.value).contains(key)
    });
    let folder = beside
        .filter(|_| own)
        .and_then(|located| located.path.parent())
        .filter(|folder| folder != &spec.paths.pipelines);
    let path = match (folder, own) {
        (Some(folder), _) => folder.join("imagestream.yaml"),
        (None, true) => spec.paths.streams.join(&format!("{}.yaml", key.name)),
        (None, false) => {
            let name = format!("{}/{}.yaml", key.namespace, key.name);
            spec.paths.streams.join(&name)
        }
    };
    let path = path.map_err(|error| CliError::failed(error.to_string()))?;
    if exists(&path) {
        return Err(CliError::failed(format!(
            "`{path}`, where image stream `{key}` would be written, holds something else"
        ))
        .help("move it away"));
    }
    Ok(path)
}
