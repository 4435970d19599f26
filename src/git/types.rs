//! What the Git edge takes and gives: plain data, with names and ids already checked.

use std::collections::BTreeMap;

use crate::model::{BlobId, CommitId, RepoPath, Timestamp};

/// What a fetch found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Short name of the base branch.
    pub base_branch: String,
    /// Its head; `None` when the repository has no branch at all.
    pub base: Option<CommitId>,
    /// Every branch and every ref below `refs/headwater/` that names a commit, by full name.
    pub refs: BTreeMap<String, CommitId>,
    /// The base's head as last seen, if it is not an ancestor of the present one any more (a forced push).
    pub moved_back: Option<CommitId>,
    /// Whether history is cut off somewhere.
    pub shallow: bool,
}

/// What a tree entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// An ordinary file.
    File,
    /// A file with the executable bit.
    Executable,
    /// A symbolic link, never followed.
    Symlink,
    /// A submodule, never entered; its `blob` is the id of a commit elsewhere.
    Submodule,
}

/// One file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its content.
    pub blob: BlobId,
    /// What it is.
    pub kind: EntryKind,
}

/// All files of a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeListing {
    /// Files by path.
    pub entries: BTreeMap<RepoPath, Entry>,
    /// Entries whose names no path here can hold: the name as far as it can be printed, and why.
    pub odd: Vec<(String, String)>,
}

/// Why the content of one blob is not given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobProblem {
    /// The repository does not have it.
    #[error("the repository does not have this content")]
    Missing,
    /// It is larger than the caller allows.
    #[error("{bytes} bytes are more than the {limit} allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The id names a tree, commit or tag.
    #[error("this object is not a file")]
    NotABlob,
    /// It cannot be read (a damaged repository).
    #[error("{0}")]
    Unreadable(String),
}

/// One file that differs between two commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The file.
    pub path: RepoPath,
    /// Content before; `None` if it was not there (or was a submodule).
    pub old: Option<BlobId>,
    /// Content after; `None` if it is not there any more (or is a submodule).
    pub new: Option<BlobId>,
}

/// A name and an e-mail address, as recorded by Git. From a commit they are data of whoever pushed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
}

impl From<&crate::config::git::GitPerson> for Person {
    fn from(person: &crate::config::git::GitPerson) -> Self {
        Self {
            name: person.name.clone(),
            email: person.email.clone(),
        }
    }
}

/// What a commit says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// The commit.
    pub id: CommitId,
    /// Its parents in order; empty at a root and where a shallow history is cut.
    pub parents: Vec<CommitId>,
    /// Who wrote the change.
    pub author: Person,
    /// Who made the commit.
    pub committer: Person,
    /// When the change was written.
    pub author_time: Timestamp,
    /// When the commit was made.
    pub commit_time: Timestamp,
    /// The message, cut to 64 KiB.
    pub message: String,
    /// Whether it bears a signature (not whether that is valid).
    pub signed: bool,
}

/// A stretch of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Newest first, along the line that the base itself took.
    pub commits: Vec<CommitInfo>,
    /// Whether the walk ended at a root or at `stop`; `false` where history is cut or the limit was met.
    pub complete: bool,
}

/// Base and branch merged in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merge {
    /// It merges.
    Clean {
        /// Id of the merged tree.
        tree: String,
        /// What the merge changes on the base.
        changed: Vec<FileChange>,
    },
    /// It does not.
    Conflict {
        /// The files in conflict.
        paths: Vec<String>,
    },
}

/// A commit to make.
#[derive(Debug, Clone)]
pub struct NewCommit {
    /// Parents in order.
    pub parents: Vec<CommitId>,
    /// Commit whose tree to start from; `None` for an empty one.
    pub start: Option<CommitId>,
    /// Content per file; `None` deletes it.
    pub files: BTreeMap<RepoPath, Option<Vec<u8>>>,
    /// The message with its trailers.
    pub message: String,
    /// Who wrote the change.
    pub author: Person,
    /// Who makes the commit.
    pub committer: Person,
    /// Author and committer time, whole seconds.
    pub time: Timestamp,
}

/// One ref to move, if it is where the caller believes it to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// Full name, below `refs/heads/` or `refs/headwater/`.
    pub name: String,
    /// Where it must be; `None` = it must not exist.
    pub expect: Option<CommitId>,
    /// Where it shall be; `None` = deleted.
    pub new: Option<CommitId>,
}

/// What became of one ref update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushOutcome {
    /// Full name of the ref.
    pub name: String,
    /// The result.
    pub result: PushResult,
}

/// The result of one ref update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushResult {
    /// The ref is where it shall be.
    Done,
    /// The ref was somewhere else: observe and plan again.
    Lost {
        /// Where it was, as far as the server said.
        found: Option<CommitId>,
    },
    /// The server does not want this update (hook, protected branch, hidden ref). A repetition will not help.
    Refused {
        /// The server's words, cut and cleaned.
        message: String,
    },
}
