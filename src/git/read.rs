//! Reading commits, trees and blobs from objects. Symbolic links are never followed, submodules never entered.

use std::collections::BTreeMap;

use git2::{Commit, ErrorCode, ObjectType, Oid, Repository, Tree};

use super::error::{GitError, clean};
use super::local::oid;
use super::types::{BlobProblem, CommitInfo, Entry, EntryKind, FileChange, Person, TreeListing};
use crate::model::{BlobId, CommitId, RepoPath, Timestamp};

pub(super) const MAX_DEPTH: usize = 100;
/// More files than this in one commit are refused (memory).
const MAX_ENTRIES: usize = 2_000_000;
const MAX_ODD: usize = 10_000;
const MAX_MESSAGE: usize = 64 << 10;
const MAX_PERSON: usize = 300;
/// `160000`: the mode of a submodule.
pub(super) const GITLINK: i32 = 0o160_000;

/// A repository on this disk with its name for messages.
pub(super) struct Objects<'a> {
    pub(super) repository: &'a Repository,
    shown: String,
}

impl<'a> Objects<'a> {
    pub(super) fn new(repository: &'a Repository) -> Self {
        Self {
            repository,
            shown: repository.path().display().to_string(),
        }
    }

    pub(super) fn fail(&self, error: &git2::Error) -> GitError {
        GitError::libgit2(&self.shown, error)
    }

    /// Something that a present object names is absent or unreadable.
    pub(super) fn damaged(&self, error: &git2::Error) -> GitError {
        match self.fail(error) {
            GitError::NotFound(message) => GitError::Corrupt {
                location: self.shown.clone(),
                message,
            },
            other => other,
        }
    }

    /// The same for a commit that was here a moment ago.
    pub(super) fn lacking(&self, error: GitError) -> GitError {
        match error {
            GitError::NotFound(message) => GitError::Corrupt {
                location: self.shown.clone(),
                message,
            },
            other => other,
        }
    }

    pub(super) fn commit(&self, id: &CommitId) -> Result<Commit<'a>, GitError> {
        self.repository.find_commit(oid(id)?).map_err(|error| {
            if error.code() == ErrorCode::NotFound {
                GitError::NotFound(format!("there is no commit `{id}` here"))
            } else {
                self.fail(&error)
            }
        })
    }

    pub(super) fn tree_of(&self, id: &CommitId) -> Result<Tree<'a>, GitError> {
        self.commit(id)?
            .tree()
            .map_err(|error| self.damaged(&error))
    }

    /// All files of a commit.
    pub(super) fn listing(&self, id: &CommitId) -> Result<TreeListing, GitError> {
        let mut found = Vec::new();
        let mut odd = Vec::new();
        let mut todo = vec![(Vec::new(), self.tree_of(id)?, 0)];
        while let Some((prefix, tree, depth)) = todo.pop() {
            for entry in &tree {
                let mut path: Vec<u8> = prefix.clone();
                path.extend_from_slice(entry.name_bytes());
                if entry.kind() == Some(ObjectType::Tree) {
                    if depth >= MAX_DEPTH {
                        note_odd(&mut odd, &path, "its folders are nested too deeply");
                        continue;
                    }
                    let below = self
                        .repository
                        .find_tree(entry.id())
                        .map_err(|error| self.damaged(&error))?;
                    path.push(b'/');
                    todo.push((path, below, depth + 1));
                    continue;
                }
                if found.len() >= MAX_ENTRIES {
                    return Err(GitError::Invalid(format!(
                        "commit `{id}` holds more than {MAX_ENTRIES} files"
                    )));
                }
                match repo_path(&path) {
                    Ok(path) => found.push((path, self.entry(&entry)?)),
                    Err(why) => note_odd(&mut odd, &path, &why),
                }
            }
        }
        odd.sort();
        Ok(TreeListing {
            entries: found.into_iter().collect(),
            odd,
        })
    }

    fn entry(&self, entry: &git2::TreeEntry<'_>) -> Result<Entry, GitError> {
        Ok(Entry {
            blob: blob_id(entry.id())?,
            kind: match entry.filemode() {
                0o120_000 => EntryKind::Symlink,
                GITLINK => EntryKind::Submodule,
                0o100_755 => EntryKind::Executable,
                _ => EntryKind::File,
            },
        })
    }

    /// Contents; what cannot be given is told per id.
    pub(super) fn blobs(
        &self,
        ids: Vec<BlobId>,
        limit: usize,
    ) -> Result<BTreeMap<BlobId, Result<Vec<u8>, BlobProblem>>, GitError> {
        let odb = self.repository.odb().map_err(|error| self.fail(&error))?;
        let mut found = BTreeMap::new();
        for id in ids {
            let content = read_blob(&odb, &id, limit);
            found.insert(id, content);
        }
        Ok(found)
    }

    /// Files that differ between two commits, without guessing at renames; names that are no paths are left out.
    pub(super) fn changes(
        &self,
        from: Option<&CommitId>,
        to: &CommitId,
    ) -> Result<Vec<FileChange>, GitError> {
        let from = from.map(|id| self.tree_of(id)).transpose()?;
        self.tree_changes(from.as_ref(), &self.tree_of(to)?)
    }
}

fn read_blob(odb: &git2::Odb<'_>, id: &BlobId, limit: usize) -> Result<Vec<u8>, BlobProblem> {
    let trouble = |error: git2::Error| match error.code() {
        ErrorCode::NotFound => BlobProblem::Missing,
        _ => BlobProblem::Unreadable(clean(error.message(), 300)),
    };
    let oid = Oid::from_str(id.as_str()).map_err(trouble)?;
    let (bytes, kind) = odb.read_header(oid).map_err(trouble)?;
    if kind != ObjectType::Blob {
        return Err(BlobProblem::NotABlob);
    }
    if bytes > limit {
        return Err(BlobProblem::TooLarge { bytes, limit });
    }
    Ok(odb.read(oid).map_err(trouble)?.data().to_vec())
}

fn note_odd(odd: &mut Vec<(String, String)>, path: &[u8], why: &str) {
    if odd.len() < MAX_ODD {
        odd.push((clean(&String::from_utf8_lossy(path), 300), why.to_owned()));
    }
}

/// A path of the tree as a path of ours, or why it cannot be one.
pub(super) fn repo_path(bytes: &[u8]) -> Result<RepoPath, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "its name is not UTF-8".to_owned())?;
    text.parse::<RepoPath>()
        .map_err(|error| clean(&error.to_string(), 400))
}

/// libgit2's id as a checked one.
pub(super) fn commit_id(id: Oid) -> Result<CommitId, GitError> {
    id.to_string()
        .parse()
        .map_err(|_| GitError::Unsupported("only SHA-1 repositories are supported".to_owned()))
}

pub(super) fn blob_id(id: Oid) -> Result<BlobId, GitError> {
    id.to_string()
        .parse()
        .map_err(|_| GitError::Unsupported("only SHA-1 repositories are supported".to_owned()))
}

/// What a commit says about itself, bounded.
pub(super) fn describe(commit: &Commit<'_>) -> Result<CommitInfo, GitError> {
    Ok(CommitInfo {
        id: commit_id(commit.id())?,
        parents: commit
            .parent_ids()
            .map(commit_id)
            .collect::<Result<_, _>>()?,
        author: person(&commit.author()),
        committer: person(&commit.committer()),
        author_time: instant(commit.author().when()),
        commit_time: instant(commit.time()),
        message: bounded(commit.message_bytes()),
        signed: is_signed(commit),
    })
}

fn person(signature: &git2::Signature<'_>) -> Person {
    let text = |bytes: &[u8]| {
        clean(
            &String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]),
            MAX_PERSON,
        )
    };
    Person {
        name: text(signature.name_bytes()),
        email: text(signature.email_bytes()),
    }
}

fn instant(time: git2::Time) -> Timestamp {
    Timestamp::from_second(time.seconds()).unwrap_or(if time.seconds() < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

fn bounded(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(MAX_MESSAGE)];
    String::from_utf8_lossy(cut).into_owned()
}

fn is_signed(commit: &Commit<'_>) -> bool {
    commit
        .raw_header_bytes()
        .split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(b"gpgsig ") || line.starts_with(b"gpgsig-sha256 "))
}
