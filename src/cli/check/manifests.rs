//! Manifests that are no documents of ours: what is odd about their objects with pods, as far as streams are concerned.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::engine::edge;
use crate::cli::read::Origin;
use crate::cli::{CliError, Exit};
use crate::git::{GitError, WorkFile, WorkTree};
use crate::manifests::yaml::MAX_BYTES;
use crate::manifests::{Diagnostic, Documents, manifest_findings, may_have_findings};
use crate::model::repository_config::Paths;
use crate::model::{BlobId, RepoPath};
use crate::plan::output::MARKER;

/// Contents read from Git at a time.
const AT_ONCE: usize = 256;

/// Texts of the manifests that the rules may have something to say about.
pub(super) type Manifests = BTreeMap<RepoPath, String>;

/// Reads them: everything in YAML or JSON but templates, what was read as a document, and what is rendered.
///
/// # Errors
/// When files cannot be listed or read.
pub(super) async fn read(
    origin: &Origin,
    paths: &Paths,
    read: &BTreeSet<RepoPath>,
) -> Result<Manifests, CliError> {
    let wanted = |path: &RepoPath| {
        let hidden = path.as_str().split('/').any(|part| part.starts_with('.'));
        !hidden && !path.is_below(&paths.templates) && !read.contains(path)
    };
    match origin {
        Origin::Disk(tree) => {
            let listed = tree.list(&is_manifest).map_err(|e| edge(&e))?;
            let listed: Vec<RepoPath> = listed.into_iter().filter(|p| wanted(p)).collect();
            let tree = tree.clone();
            let read = tokio::task::spawn_blocking(move || on_disk(&tree, listed)).await;
            let read =
                read.map_err(|e| CliError::new(Exit::Failed, format!("reading stopped: {e}")))?;
            read.map_err(|e| edge(&e))
        }
        Origin::Commit {
            repository, commit, ..
        } => {
            let listing = repository.tree(commit).await.map_err(|e| edge(&e))?;
            let entries = listing.entries.iter();
            let entries = entries.filter(|(path, _)| is_manifest(path.file_name()) && wanted(path));
            let entries: Vec<(RepoPath, BlobId)> = entries
                .map(|(path, entry)| (path.clone(), entry.blob.clone()))
                .collect();
            let mut found = Manifests::new();
            for chunk in entries.chunks(AT_ONCE) {
                let ids = chunk.iter().map(|(_, blob)| blob.clone()).collect();
                let blobs = repository.blobs(ids, MAX_BYTES).await;
                let blobs = blobs.map_err(|e| edge(&e))?;
                for (path, blob) in chunk {
                    if let Some(Ok(bytes)) = blobs.get(blob) {
                        found.extend(kept(path, bytes.clone()));
                    }
                }
            }
            Ok(found)
        }
    }
}

fn on_disk(tree: &WorkTree, paths: Vec<RepoPath>) -> Result<Manifests, GitError> {
    let mut found = Manifests::new();
    for path in paths {
        if let Some(WorkFile::Bytes(bytes)) = tree.read(&path, MAX_BYTES as u64)? {
            found.extend(kept(&path, bytes));
        }
    }
    Ok(found)
}

/// A text that something may be said of.
fn kept(path: &RepoPath, bytes: Vec<u8>) -> Option<(RepoPath, String)> {
    let text = String::from_utf8(bytes).ok()?;
    let meant = may_have_findings(&text) && !text.starts_with(MARKER);
    meant.then(|| (path.clone(), text))
}

fn is_manifest(name: &str) -> bool {
    let kinds = [".yaml", ".yml", ".json"];
    kinds.iter().any(|kind| name.ends_with(kind))
}

/// What is odd about them.
pub(super) fn problems(manifests: &Manifests, documents: &Documents) -> Vec<Diagnostic> {
    let found = manifests.iter();
    found
        .flat_map(|(path, text)| manifest_findings(path, text, documents))
        .collect()
}
