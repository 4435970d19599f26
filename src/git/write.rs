//! Commits and merges made in memory: trees are edited as objects, no work tree and no index is involved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{Commit, ErrorCode, FileMode, Oid, Repository, Signature, Time, Tree};

use super::batch::Batch;
use super::error::{GitError, clean};
use super::local::oid;
use super::read::{Objects, commit_id};
use super::signing::SigningKey;
use super::types::{Merge, NewCommit, Person};
use crate::model::{CommitId, RepoPath, Timestamp};

const MAX_CONFLICTS: usize = 100;

impl Objects<'_> {
    /// Makes a commit with all that is new in it. Nothing is stored, no ref moves.
    pub(super) fn make_commit(
        &self,
        new: &NewCommit,
        signing: Option<&SigningKey>,
    ) -> Result<(CommitId, Batch), GitError> {
        let fail = |error: git2::Error| self.fail(&error);
        let start = new.start.as_ref().map(|start| self.tree_of(start));
        let start = start.transpose().map_err(|error| self.lacking(error))?;
        let mut batch = Batch::new().map_err(fail)?;
        let tree = self.edit_tree(start.as_ref(), &new.files, &mut batch)?;
        let parents = self.parents(new)?;
        let people = (
            &signature(&new.author, new.time)?,
            &signature(&new.committer, new.time)?,
        );
        let odb = self.repository.odb().map_err(fail)?;
        let message = new.message.replace('\0', "");
        let id = batch
            .commit(people, &message, tree, &parents, &odb, signing)
            .map_err(fail)?;
        Ok((commit_id(id)?, batch))
    }

    fn parents(&self, new: &NewCommit) -> Result<Vec<Commit<'_>>, GitError> {
        let parents = new.parents.iter();
        parents
            .map(|parent| self.commit(parent).map_err(|error| self.lacking(error)))
            .collect()
    }

    /// Writes the commit object for a tree that is already there.
    pub(super) fn commit_tree(
        &self,
        tree: Oid,
        new: &NewCommit,
        signing: Option<&SigningKey>,
    ) -> Result<CommitId, GitError> {
        let fail = |error: git2::Error| self.fail(&error);
        let tree = self.repository.find_tree(tree).map_err(fail)?;
        let parents = self.parents(new)?;
        let (author, committer) = (
            &signature(&new.author, new.time)?,
            &signature(&new.committer, new.time)?,
        );
        let message = new.message.replace('\0', "");
        let parents: Vec<&Commit<'_>> = parents.iter().collect();
        let repository = self.repository;
        let made = match signing {
            None => repository.commit(None, author, committer, &message, &tree, &parents),
            Some(key) => repository
                .commit_create_buffer(author, committer, &message, &tree, &parents)
                .and_then(|payload| key.commit(repository, &payload)),
        };
        commit_id(made.map_err(fail)?)
    }

    pub(super) fn lookup(&self, tree: &Tree<'_>, path: &RepoPath) -> Result<Option<i32>, GitError> {
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
        // A commit that is not here precedes nothing that is: libgit2 says so by an error like that of a damaged object.
        let objects = self.repository.odb().map_err(|error| self.fail(&error))?;
        if !objects.exists(oid(old)?) {
            return Ok(false);
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
