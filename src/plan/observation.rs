//! An Observation: one commit of the base, its history, and the facts. Plain data.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::Facts;
use super::history::History;
use crate::manifests::Documents;
use crate::model::{BlobId, CommitId, RepoPath};

/// All that a plan is made from.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The base at one commit.
    pub snapshot: Snapshot,
    /// How it came to be.
    pub history: Arc<History>,
    /// What only the world outside knows.
    pub facts: Facts,
    /// Contents of files that a plan asked for; `None` where the blob is missing, too large or no text.
    pub blobs: BTreeMap<BlobId, Option<Arc<str>>>,
}

/// The base at one commit.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The commit.
    pub commit: CommitId,
    /// The base branch, for people.
    pub branch: String,
    /// Typed documents.
    pub documents: Arc<Documents>,
    /// Every file.
    pub files: Arc<BTreeMap<RepoPath, FileEntry>>,
}

/// A file of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its content.
    pub blob: BlobId,
    /// A plain file; symbolic links and submodules are not, and are neither read nor written.
    pub plain: bool,
}

impl Snapshot {
    /// Plain files below a folder.
    pub fn below<'a>(
        &'a self,
        folder: &'a RepoPath,
    ) -> impl Iterator<Item = (&'a RepoPath, &'a FileEntry)> {
        self.files
            .range(folder.clone()..)
            .take_while(move |(path, _)| path.as_str().starts_with(folder.as_str()))
            .filter(move |(path, entry)| entry.plain && *path != folder && path.is_below(folder))
    }
}
