//! Commits as bytes: what a signature is made over, a commit stored with one, and many commits read in one go.

use std::collections::BTreeMap;
use std::path::Path;

use git2::{ErrorClass, ErrorCode, ObjectType};

use super::error::{GitError, clean};
use super::local::oid;
use super::read::{Objects, commit_id, describe};
use super::repository::Repository;
use super::types::{BlobProblem, CommitInfo};
use crate::model::{CommitId, RepoPath};

/// Larger commit objects are not read: nothing that matters here needs them.
const MAX_COMMIT: usize = 128 << 10;

/// A commit with its signature and what that was made over.
#[derive(Debug, Clone)]
pub struct SignedCommit {
    /// What it says about itself.
    pub info: CommitInfo,
    /// The commit object without its signature.
    pub payload: Vec<u8>,
    /// The signature as it stands in the header `gpgsig`; `None` if there is none. Nothing is said about its worth.
    pub signature: Option<Vec<u8>>,
}

impl Repository {
    /// Commits with their signatures; what cannot be read is told per id.
    pub async fn signed_commits(
        &self,
        ids: Vec<CommitId>,
    ) -> Result<BTreeMap<CommitId, Result<SignedCommit, String>>, GitError> {
        self.reading(move |objects, _| {
            ids.into_iter()
                .map(|id| {
                    let found = objects.signed_commit(&id)?;
                    Ok((id, found))
                })
                .collect()
        })
        .await
    }

    /// Stores a commit whose `payload` was read from an unsigned one, with a signature over it.
    pub async fn store_signed(
        &self,
        payload: Vec<u8>,
        signature: String,
    ) -> Result<CommitId, GitError> {
        self.reading(move |objects, _| {
            let payload = String::from_utf8(payload)
                .map_err(|_| GitError::Invalid("the commit to sign is not UTF-8".to_owned()))?;
            let id = objects
                .repository
                .commit_signed(&payload, signature.trim_end(), None)
                .map_err(|error| objects.fail(&error))?;
            commit_id(id)
        })
        .await
    }

    /// The content of one file in each of many commits; what cannot be given is told per commit.
    pub async fn file_of_each(
        &self,
        commits: Vec<CommitId>,
        path: RepoPath,
        max_bytes: usize,
    ) -> Result<BTreeMap<CommitId, Result<Vec<u8>, BlobProblem>>, GitError> {
        self.reading(move |objects, _| {
            commits
                .into_iter()
                .map(|commit| {
                    let content = objects.file(&commit, &path, max_bytes)?;
                    Ok((commit, content))
                })
                .collect()
        })
        .await
    }
}

impl Objects<'_> {
    fn signed_commit(&self, id: &CommitId) -> Result<Result<SignedCommit, String>, GitError> {
        let odb = self.repository.odb().map_err(|error| self.fail(&error))?;
        let name = oid(id)?;
        match odb.read_header(name) {
            Ok((size, ObjectType::Commit)) if size <= MAX_COMMIT => {}
            Ok((_, ObjectType::Commit)) => return Ok(Err("the commit is too large".to_owned())),
            Ok(_) => return Ok(Err("it is not a commit".to_owned())),
            Err(error) if error.code() == ErrorCode::NotFound => {
                return Ok(Err("the commit is not here".to_owned()));
            }
            Err(error) => return Err(self.fail(&error)),
        }
        let info = match self.repository.find_commit(name) {
            Ok(commit) => describe(&commit)?,
            Err(error) if is_malformed(&error) => return Ok(Err(clean(error.message(), 200))),
            Err(error) => return Err(self.fail(&error)),
        };
        let (payload, signature) = match self.repository.extract_signature(&name, None) {
            Ok((signature, payload)) => (payload.to_vec(), Some(signature.to_vec())),
            Err(error) if error.code() == ErrorCode::NotFound => {
                let raw = odb.read(name).map_err(|error| self.fail(&error))?;
                (raw.data().to_vec(), None)
            }
            Err(error) => return Ok(Err(clean(error.message(), 200))),
        };
        Ok(Ok(SignedCommit {
            info,
            payload,
            signature,
        }))
    }

    fn file(
        &self,
        commit: &CommitId,
        path: &RepoPath,
        max_bytes: usize,
    ) -> Result<Result<Vec<u8>, BlobProblem>, GitError> {
        let tree = match self
            .repository
            .find_commit(oid(commit)?)
            .and_then(|c| c.tree())
        {
            Ok(tree) => tree,
            Err(error) if is_malformed(&error) => {
                return Ok(Err(BlobProblem::Unreadable(clean(error.message(), 200))));
            }
            // Damage, which the mirror is told of on the way.
            Err(_) => self.tree_of(commit)?,
        };
        let blob = match tree.get_path(Path::new(path.as_str())) {
            Ok(entry) if entry.kind() == Some(ObjectType::Blob) => entry.id(),
            Ok(_) => return Ok(Err(BlobProblem::NotABlob)),
            Err(error) if error.code() == ErrorCode::NotFound => {
                return Ok(Err(BlobProblem::Missing));
            }
            Err(error) => return Err(self.fail(&error)),
        };
        let blob = blob.to_string().parse().map_err(|_| {
            GitError::Unsupported("only SHA-1 repositories are supported".to_owned())
        })?;
        let mut found = self.blobs(vec![blob], max_bytes)?;
        Ok(found
            .pop_first()
            .map_or(Err(BlobProblem::Missing), |(_, content)| content))
    }
}

/// Whether an object is there but was made badly: the fault of whoever pushed it, no damage of ours.
fn is_malformed(error: &git2::Error) -> bool {
    // A commit whose author is no author is `Invalid` to libgit2.
    error.code() != ErrorCode::NotFound
        && matches!(
            error.class(),
            ErrorClass::Object | ErrorClass::Tree | ErrorClass::Invalid
        )
}
