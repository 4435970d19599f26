//! The base as it was: a commit by the beginning of its id, the one that stood at an instant, and since when a file is there.

use std::collections::HashSet;
use std::path::Path;

use git2::{Commit, ErrorCode, Oid};

use super::error::{GitError, clean};
use super::read::{Objects, describe};
use super::remote::shallow_of;
use super::repository::Repository;
use super::types::CommitInfo;
use super::us::Us;
use crate::model::{CommitId, RepoPath, Timestamp};

/// More commits than this are not walked to find an instant.
const MAX_LINE: usize = 1_000_000;
/// More commits than this are not walked to find since when a file is there.
const MAX_AGE: usize = 5_000;

/// What stood on the base at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stood {
    /// This commit.
    At(CommitInfo),
    /// Nothing yet: the first commit is later.
    Before(CommitInfo),
    /// Unknown: history is cut, and the oldest commit that is there is later.
    Cut(CommitInfo),
}

impl Repository {
    /// The commit whose id begins with these hex digits.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub async fn commit_by_prefix(&self, digits: &str) -> Result<CommitInfo, GitError> {
        let digits = digits.to_owned();
        self.reading(move |objects, _| objects.by_prefix(&digits))
            .await
    }

    /// The commit that a text such as `HEAD~2` or `main^` leads to; `HEAD` is `head`.
    ///
    /// # Errors
    /// When it leads to none.
    pub async fn commit_before(&self, head: &CommitId, text: &str) -> Result<CommitInfo, GitError> {
        let shown = text.to_owned();
        let text = match text.strip_prefix("HEAD") {
            Some(steps) => format!("{head}{steps}"),
            None => format!("refs/heads/{text}"),
        };
        self.reading(move |objects, _| objects.by_steps(&text, &shown))
            .await
    }

    /// What stood at an instant on the line that ends with `head`: the newest commit made by then.
    pub async fn stood_at(&self, head: &CommitId, at: Timestamp) -> Result<Stood, GitError> {
        let head = head.clone();
        self.reading(move |objects, inner| objects.stood_at(&head, at, &inner.us))
            .await
    }

    /// Since when a file is there on the line that ends with `head`, by the time of the commit that brought it. `None` if
    /// it is not there now, or for longer than can be seen.
    pub async fn there_since(
        &self,
        head: &CommitId,
        path: &RepoPath,
    ) -> Result<Option<Timestamp>, GitError> {
        let (head, path) = (head.clone(), path.clone());
        self.reading(move |objects, inner| objects.there_since(&head, &path, &inner.us))
            .await
    }
}

/// A commit on the line, and the one before it.
struct Line<'o, 'r> {
    objects: &'o Objects<'r>,
    cut: HashSet<Oid>,
    us: &'o Us,
}

/// What comes before a commit.
enum Before<'r> {
    Commit(Commit<'r>),
    Nothing,
    Unknown,
}

impl<'r> Line<'_, 'r> {
    fn before(&self, commit: &Commit<'r>) -> Result<Before<'r>, GitError> {
        if self.cut.contains(&commit.id()) {
            return Ok(Before::Unknown);
        }
        let Some(parent) = self.objects.base_parent(commit, self.us)? else {
            return Ok(Before::Nothing);
        };
        match self.objects.repository.find_commit(parent) {
            Ok(parent) => Ok(Before::Commit(parent)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(Before::Unknown),
            Err(error) => Err(self.objects.fail(&error)),
        }
    }
}

impl<'r> Objects<'r> {
    fn line<'o>(&'o self, us: &'o Us) -> Result<Line<'o, 'r>, GitError> {
        Ok(Line {
            objects: self,
            cut: shallow_of(self.repository)?.into_iter().collect(),
            us,
        })
    }

    fn by_prefix(&self, digits: &str) -> Result<CommitInfo, GitError> {
        let shown = clean(digits, 80);
        let found = self.repository.find_commit_by_prefix(digits);
        match found {
            Ok(commit) => describe(&commit),
            Err(error) if error.code() == ErrorCode::Ambiguous => Err(GitError::Invalid(format!(
                "several objects begin with `{shown}`: write more of it"
            ))),
            Err(error) if error.code() == ErrorCode::NotFound => {
                Err(GitError::NotFound(format!("there is no commit `{shown}`")))
            }
            Err(error) => Err(self.fail(&error)),
        }
    }

    fn by_steps(&self, text: &str, shown: &str) -> Result<CommitInfo, GitError> {
        let found = self.repository.revparse_single(text);
        match found.and_then(|object| object.peel_to_commit()) {
            Ok(commit) => describe(&commit),
            Err(error) if error.code() == ErrorCode::NotFound => Err(GitError::NotFound(format!(
                "`{}` leads to no commit",
                clean(shown, 80)
            ))),
            Err(error) => Err(self.fail(&error)),
        }
    }

    fn stood_at(&self, head: &CommitId, at: Timestamp, us: &Us) -> Result<Stood, GitError> {
        let line = self.line(us)?;
        let mut commit = self.commit(head)?;
        for _ in 0..MAX_LINE {
            if commit.time().seconds() <= at.as_second() {
                return describe(&commit).map(Stood::At);
            }
            match line.before(&commit)? {
                Before::Commit(parent) => commit = parent,
                Before::Nothing => return describe(&commit).map(Stood::Before),
                Before::Unknown => break,
            }
        }
        describe(&commit).map(Stood::Cut)
    }

    fn there_since(
        &self,
        head: &CommitId,
        path: &RepoPath,
        us: &Us,
    ) -> Result<Option<Timestamp>, GitError> {
        let line = self.line(us)?;
        let mut commit = self.commit(head)?;
        let mut since = None;
        for _ in 0..MAX_AGE {
            if !self.holds(&commit, path)? {
                return Ok(since);
            }
            since = Some(describe(&commit)?.commit_time);
            match line.before(&commit)? {
                Before::Commit(parent) => commit = parent,
                Before::Nothing => return Ok(since),
                Before::Unknown => break,
            }
        }
        Ok(None)
    }

    fn holds(&self, commit: &Commit<'_>, path: &RepoPath) -> Result<bool, GitError> {
        let tree = commit.tree().map_err(|error| self.damaged(&error))?;
        match tree.get_path(Path::new(path.as_str())) {
            Ok(_) => Ok(true),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
            Err(error) => Err(self.fail(&error)),
        }
    }
}
