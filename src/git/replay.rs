//! Landing a branch on the base: a commit of a merged tree, a branch's commits made anew on top, and what has landed already.

use std::collections::BTreeSet;

use git2::{Commit, Oid, Signature, Sort, Time};

use super::error::GitError;
use super::local::oid;
use super::read::{Objects, commit_id};
use super::repository::Repository;
use super::types::{NewCommit, Person};
use crate::model::{CommitId, Timestamp};

/// Longer branches are not replayed.
const MAX_REPLAYED: usize = 1000;

/// A branch's commits made anew on the base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// They all apply.
    Clean {
        /// The last of them; the base itself where there was nothing to add.
        head: CommitId,
        /// Id of its tree.
        tree: String,
    },
    /// One does not.
    Conflict {
        /// That commit.
        commit: CommitId,
    },
}

impl Repository {
    /// Makes a commit of a tree that is already there (as [`Self::merge`] gives it); `start` and `files` are not used.
    pub async fn commit_tree(&self, tree: String, new: NewCommit) -> Result<CommitId, GitError> {
        self.reading(move |objects, inner| {
            let tree = Oid::from_str(&tree)
                .map_err(|_| GitError::Invalid(format!("`{tree}` is not the id of a tree")))?;
            objects.commit_tree(tree, &new, inner.signing_of(&new))
        })
        .await
    }

    /// Makes the commits that `branch` has and `base` has not anew on top of `base`, with their authors and messages.
    /// Merges are left out, and so is what changes nothing there. No ref moves.
    pub async fn replay(
        &self,
        base: &CommitId,
        branch: &CommitId,
        committer: Person,
        time: Timestamp,
    ) -> Result<Replay, GitError> {
        let (base, branch) = (base.clone(), branch.clone());
        self.reading(move |objects, _| objects.replay(&base, &branch, &committer, time))
            .await
    }

    /// Those of `commits` that are `head` or one of its ancestors. What is not here at all is none.
    pub async fn contained_in(
        &self,
        commits: Vec<CommitId>,
        head: &CommitId,
    ) -> Result<BTreeSet<CommitId>, GitError> {
        let head = head.clone();
        self.reading(move |objects, _| {
            let odb = objects.repository.odb().map_err(|e| objects.fail(&e))?;
            let mut found = BTreeSet::new();
            for commit in commits {
                if odb.exists(oid(&commit)?) && objects.is_ancestor(&commit, &head)? {
                    found.insert(commit);
                }
            }
            Ok(found)
        })
        .await
    }
}

impl Objects<'_> {
    fn replay(
        &self,
        base: &CommitId,
        branch: &CommitId,
        committer: &Person,
        time: Timestamp,
    ) -> Result<Replay, GitError> {
        let committer = Signature::new(
            &committer.name,
            &committer.email,
            &Time::new(time.as_second(), 0),
        )
        .map_err(|error| self.fail(&error))?;
        let mut onto = self.commit(base)?;
        for id in self.own_commits(base, branch)? {
            let commit = self
                .repository
                .find_commit(id)
                .map_err(|error| self.fail(&error))?;
            if commit.parent_count() > 1 {
                continue;
            }
            match self.pick(&commit, &onto, &committer)? {
                Some(next) => onto = next,
                None => {
                    return Ok(Replay::Conflict {
                        commit: commit_id(id)?,
                    });
                }
            }
        }
        Ok(Replay::Clean {
            head: commit_id(onto.id())?,
            tree: onto.tree_id().to_string(),
        })
    }

    fn own_commits(&self, base: &CommitId, branch: &CommitId) -> Result<Vec<Oid>, GitError> {
        let fail = |error: git2::Error| self.fail(&error);
        let mut walk = self.repository.revwalk().map_err(fail)?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)
            .and_then(|()| walk.push(oid(branch).map_err(|_| git2::Error::from_str("no id"))?))
            .and_then(|()| walk.hide(oid(base).map_err(|_| git2::Error::from_str("no id"))?))
            .map_err(fail)?;
        let found: Vec<Oid> = walk
            .take(MAX_REPLAYED + 1)
            .collect::<Result<_, _>>()
            .map_err(fail)?;
        if found.len() > MAX_REPLAYED {
            return Err(GitError::Invalid(format!(
                "the branch at `{branch}` has more than {MAX_REPLAYED} commits of its own"
            )));
        }
        Ok(found)
    }

    /// One commit's change on top of another; `None` if it does not apply.
    fn pick<'a>(
        &'a self,
        commit: &Commit<'_>,
        onto: &Commit<'a>,
        committer: &Signature<'_>,
    ) -> Result<Option<Commit<'a>>, GitError> {
        let fail = |error: git2::Error| self.fail(&error);
        let ours = onto.tree().map_err(fail)?;
        let theirs = commit.tree().map_err(fail)?;
        let before = match commit.parent_count() {
            0 => super::write::tree_or_empty(self.repository, None).map_err(fail)?,
            _ => commit
                .parent(0)
                .and_then(|parent| parent.tree())
                .map_err(fail)?,
        };
        let mut index = self
            .repository
            .merge_trees(&before, &ours, &theirs, None)
            .map_err(fail)?;
        if index.has_conflicts() {
            return Ok(None);
        }
        let tree = index.write_tree_to(self.repository).map_err(fail)?;
        if tree == ours.id() {
            return Ok(Some(onto.clone()));
        }
        let tree = self.repository.find_tree(tree).map_err(fail)?;
        let id = self
            .repository
            .commit(
                None,
                &commit.author(),
                committer,
                &String::from_utf8_lossy(commit.message_raw_bytes()),
                &tree,
                &[onto],
            )
            .map_err(fail)?;
        self.repository.find_commit(id).map(Some).map_err(fail)
    }
}
