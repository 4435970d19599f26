//! Commits and merges made in memory: trees are edited as objects, no work tree and no index is involved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{ErrorCode, FileMode, Oid, Repository, Signature, Time, Tree};

use super::error::{GitError, clean};
use super::local::oid;
use super::read::{Objects, commit_id};
use super::types::{Merge, NewCommit, Person};
use crate::model::{CommitId, RepoPath, Timestamp};

const MAX_CONFLICTS: usize = 100;

impl Objects<'_> {
    /// Makes a commit; no ref moves.
    pub(super) fn make_commit(&self, new: &NewCommit) -> Result<CommitId, GitError> {
        let start = match &new.start {
            Some(start) => self.tree_of(start).map_err(|error| self.lacking(error))?,
            None => self.empty_tree()?,
        };
        let tree = self.edit_tree(&start, &new.files)?;
        self.commit_tree(tree, new)
    }

    /// Writes the commit object for a tree that is already there.
    pub(super) fn commit_tree(&self, tree: Oid, new: &NewCommit) -> Result<CommitId, GitError> {
        let fail = |error: git2::Error| self.fail(&error);
        let tree = self.repository.find_tree(tree).map_err(fail)?;
        let parents = new
            .parents
            .iter()
            .map(|parent| self.commit(parent).map_err(|error| self.lacking(error)))
            .collect::<Result<Vec<_>, _>>()?;
        let id = self
            .repository
            .commit(
                None,
                &signature(&new.author, new.time)?,
                &signature(&new.committer, new.time)?,
                &new.message.replace('\0', ""),
                &tree,
                &parents.iter().collect::<Vec<_>>(),
            )
            .map_err(fail)?;
        commit_id(id)
    }

    fn empty_tree(&self) -> Result<Tree<'_>, GitError> {
        self.repository
            .treebuilder(None)
            .and_then(|builder| builder.write())
            .and_then(|id| self.repository.find_tree(id))
            .map_err(|error| self.fail(&error))
    }

    /// The tree with these files set or deleted; modes of existing files stay.
    fn edit_tree(
        &self,
        start: &Tree<'_>,
        files: &BTreeMap<RepoPath, Option<Vec<u8>>>,
    ) -> Result<Oid, GitError> {
        let mut modes = BTreeMap::new();
        let mut folders = BTreeSet::new();
        for path in files.keys() {
            self.check_folders(start, files, path, &mut folders)?;
            if let Some(mode) = self.mode_of(start, path)? {
                modes.insert(path, mode);
            }
        }
        let mut builder = TreeUpdateBuilder::new();
        for (path, content) in files {
            match (content, modes.get(path)) {
                (None, None) => {}
                (None, Some(_)) => {
                    builder.remove(path.as_str());
                }
                (Some(bytes), mode) => {
                    let mode = mode.copied().unwrap_or(FileMode::Blob);
                    let blob = self
                        .repository
                        .blob(bytes)
                        .map_err(|error| self.fail(&error))?;
                    builder.upsert(path.as_str(), blob, mode);
                }
            }
        }
        builder
            .create_updated(self.repository, start)
            .map_err(|error| self.fail(&error))
    }

    /// Refuses a path that leads through something that is no folder. `known` are folders that were found good.
    fn check_folders(
        &self,
        start: &Tree<'_>,
        files: &BTreeMap<RepoPath, Option<Vec<u8>>>,
        path: &RepoPath,
        known: &mut BTreeSet<RepoPath>,
    ) -> Result<(), GitError> {
        let mut above = path.parent();
        while let Some(folder) = above {
            if known.contains(&folder) {
                return Ok(());
            }
            let in_the_way = files.contains_key(&folder)
                || self
                    .lookup(start, &folder)?
                    .is_some_and(|mode| mode != i32::from(FileMode::Tree));
            if in_the_way {
                return Err(GitError::Invalid(format!(
                    "`{path}` cannot be written: `{folder}` is no folder"
                )));
            }
            above = folder.parent();
            known.insert(folder);
        }
        Ok(())
    }

    /// The mode of an existing file; what is no plain file is not touched.
    fn mode_of(&self, start: &Tree<'_>, path: &RepoPath) -> Result<Option<FileMode>, GitError> {
        match self.lookup(start, path)? {
            None => Ok(None),
            Some(0o100_755) => Ok(Some(FileMode::BlobExecutable)),
            Some(mode) if mode & 0o170_000 == 0o100_000 => Ok(Some(FileMode::Blob)),
            Some(0o120_000) => Err(GitError::Invalid(format!(
                "`{path}` is a symbolic link and is not written"
            ))),
            Some(_) => Err(GitError::Invalid(format!(
                "`{path}` is a folder or a submodule and is not written"
            ))),
        }
    }

    fn lookup(&self, tree: &Tree<'_>, path: &RepoPath) -> Result<Option<i32>, GitError> {
        match tree.get_path(Path::new(path.as_str())) {
            Ok(entry) => Ok(Some(entry.filemode())),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(self.fail(&error)),
        }
    }

    /// Merges two commits in memory.
    pub(super) fn merge(&self, base: &CommitId, branch: &CommitId) -> Result<Merge, GitError> {
        let fail = |error: git2::Error| self.fail(&error);
        let (ours, theirs) = (self.commit(base)?, self.commit(branch)?);
        let mut index = self
            .repository
            .merge_commits(&ours, &theirs, None)
            .map_err(fail)?;
        if index.has_conflicts() {
            return self.conflicts(&index);
        }
        let tree = index.write_tree_to(self.repository).map_err(fail)?;
        let merged = self.repository.find_tree(tree).map_err(fail)?;
        let changed = self.tree_changes(Some(&self.tree_of(base)?), &merged)?;
        Ok(Merge::Clean {
            tree: tree.to_string(),
            changed,
        })
    }

    fn conflicts(&self, index: &git2::Index) -> Result<Merge, GitError> {
        let mut paths = BTreeSet::new();
        for conflict in index.conflicts().map_err(|error| self.fail(&error))? {
            let conflict = conflict.map_err(|error| self.fail(&error))?;
            for entry in [conflict.our, conflict.their, conflict.ancestor]
                .into_iter()
                .flatten()
            {
                paths.insert(clean(&String::from_utf8_lossy(&entry.path), 4096));
            }
        }
        Ok(Merge::Conflict {
            paths: paths.into_iter().take(MAX_CONFLICTS).collect(),
        })
    }

    /// Whether `old` is `new` or one of its ancestors. An unknown `old` is none.
    pub(super) fn is_ancestor(&self, old: &CommitId, new: &CommitId) -> Result<bool, GitError> {
        self.commit(new)?;
        if old == new {
            return Ok(true);
        }
        match self.repository.graph_descendant_of(oid(new)?, oid(old)?) {
            Ok(found) => Ok(found),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
            Err(error) => Err(self.fail(&error)),
        }
    }

    /// The best common ancestor, if there is one.
    pub(super) fn merge_base(
        &self,
        a: &CommitId,
        b: &CommitId,
    ) -> Result<Option<CommitId>, GitError> {
        self.commit(a)?;
        self.commit(b)?;
        match self.repository.merge_base(oid(a)?, oid(b)?) {
            Ok(found) => commit_id(found).map(Some),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(self.fail(&error)),
        }
    }

    /// A commit with one blob or symbolic link per path replaced by objects that are already there.
    pub(super) fn replace_entries(
        &self,
        start: &Tree<'_>,
        entries: &BTreeMap<RepoPath, Option<(Oid, FileMode)>>,
    ) -> Result<Oid, GitError> {
        let mut builder = TreeUpdateBuilder::new();
        for (path, entry) in entries {
            match entry {
                Some((blob, mode)) => {
                    builder.upsert(path.as_str(), *blob, *mode);
                }
                None if self.lookup(start, path)?.is_some() => {
                    builder.remove(path.as_str());
                }
                None => {}
            }
        }
        builder
            .create_updated(self.repository, start)
            .map_err(|error| self.fail(&error))
    }
}

/// A signature; line breaks and angle brackets in names would end a header, so they are not let in.
fn signature(person: &Person, time: Timestamp) -> Result<Signature<'static>, GitError> {
    let tidy = |text: &str| clean(&text.replace(['<', '>'], " "), 300);
    Signature::new(
        &tidy(&person.name),
        &tidy(&person.email),
        &Time::new(time.as_second(), 0),
    )
    .map_err(|error| {
        GitError::Invalid(format!(
            "`{} <{}>` cannot sign a commit: {}",
            tidy(&person.name),
            tidy(&person.email),
            clean(error.message(), 200)
        ))
    })
}

/// An empty tree belongs to no repository in particular; used where a branch has no commit yet.
pub(super) fn tree_or_empty<'a>(
    repository: &'a Repository,
    commit: Option<Oid>,
) -> Result<Tree<'a>, git2::Error> {
    match commit {
        Some(id) => repository.find_commit(id)?.tree(),
        None => {
            let id = repository.treebuilder(None)?.write()?;
            repository.find_tree(id)
        }
    }
}
