//! What a commit that somebody else is to make, or has made, is held against.

use std::collections::BTreeMap;

use super::error::GitError;
use super::read::Objects;
use super::repository::Repository;
use crate::model::{CommitId, RepoPath};

/// The mode of an ordinary file.
const PLAIN: i32 = 0o100_644;

/// What is at a path of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Nothing.
    Nothing,
    /// An ordinary file.
    Plain,
    /// A file with the executable bit, a link, a folder.
    Other,
}

impl Repository {
    /// The id of a commit's tree: the same content has the same one.
    pub async fn tree_id(&self, commit: &CommitId) -> Result<String, GitError> {
        let commit = commit.clone();
        self.reading(move |objects, _| objects.tree_of(&commit).map(|tree| tree.id().to_string()))
            .await
    }

    /// What is at these paths of a commit.
    pub async fn what_is_at(
        &self,
        commit: &CommitId,
        paths: Vec<RepoPath>,
    ) -> Result<BTreeMap<RepoPath, At>, GitError> {
        let commit = commit.clone();
        self.reading(move |objects, _| objects.what_is_at(&commit, paths))
            .await
    }
}

impl Objects<'_> {
    fn what_is_at(
        &self,
        commit: &CommitId,
        paths: Vec<RepoPath>,
    ) -> Result<BTreeMap<RepoPath, At>, GitError> {
        let tree = self.tree_of(commit)?;
        let mut found = BTreeMap::new();
        for path in paths {
            let at = match self.lookup(&tree, &path)? {
                None => At::Nothing,
                Some(PLAIN) => At::Plain,
                Some(_) => At::Other,
            };
            found.insert(path, at);
        }
        Ok(found)
    }
}
