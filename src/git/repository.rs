//! The repository as everything else sees it: an async facade, one libgit2 handle per call, blocking work on its own threads.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::credentials::Lender;
use super::error::GitError;
use super::place::Inner;
use super::read::{Objects, describe};
use super::slow;
use super::traffic::{Tally, Traffic};
use super::types::{
    BlobProblem, CommitInfo, Fetched, FileChange, Log, Merge, NewCommit, PushOutcome, RefUpdate,
    TreeListing,
};
use crate::config::git::GitSettings;
use crate::model::{BlobId, CommitId};

/// A Git repository that is observed and written to. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Repository {
    inner: Arc<Inner>,
    tally: Arc<Tally>,
}

impl Repository {
    /// Opens a repository by URL (`https`, `http`, `file`: a private mirror in the cache directory), by the path of a
    /// bare repository (used in place) or by the path of a work tree (the mirror of its remote; with `local`, in place).
    /// Does not reach for the network.
    pub fn open(location: &str, settings: &GitSettings, local: bool) -> Result<Self, GitError> {
        Self::open_with(location, settings, local, None)
    }

    /// The same with somebody who lends logins for the server, unless the operator or the address gives one.
    pub fn open_with(
        location: &str,
        settings: &GitSettings,
        local: bool,
        lender: Option<Arc<dyn Lender>>,
    ) -> Result<Self, GitError> {
        Ok(Self {
            inner: Arc::new(Inner::open_place(location, settings, local, lender)?),
            tally: Arc::default(),
        })
    }

    /// Brings the mirror up to date and says where every ref is. A damaged mirror is set aside and made anew.
    pub async fn fetch(&self) -> Result<Fetched, GitError> {
        let runtime = Handle::current();
        let fetching = self.blocking(move |inner| inner.fetch(&runtime));
        let fetched = slow::told("fetch", &self.describe(), fetching).await;
        self.tally.fetched(fetched.is_ok());
        fetched
    }

    /// The same in the middle of writing: what such a fetch notices of the base, the next one tells.
    pub async fn fetch_between(&self) -> Result<Fetched, GitError> {
        let runtime = Handle::current();
        let fetching = self.blocking(move |inner| inner.fetch_between(&runtime));
        let fetched = slow::told("fetch", &self.describe(), fetching).await;
        self.tally.fetched(fetched.is_ok());
        fetched
    }

    /// Where every ref was when the server was last seen; `None` where it never was. Asks nobody.
    pub async fn recall(&self) -> Result<Option<Fetched>, GitError> {
        self.blocking(Inner::recall).await
    }

    /// All files of a commit.
    pub async fn tree(&self, commit: &CommitId) -> Result<TreeListing, GitError> {
        let commit = commit.clone();
        self.reading(move |objects, _| objects.listing(&commit))
            .await
    }

    /// Contents by id, none above `max_bytes_each`; what cannot be given is told per id.
    pub async fn blobs(
        &self,
        ids: Vec<BlobId>,
        max_bytes_each: usize,
    ) -> Result<BTreeMap<BlobId, Result<Vec<u8>, BlobProblem>>, GitError> {
        self.reading(move |objects, inner| {
            let found = objects.blobs(ids, max_bytes_each)?;
            let damaged = |content: &&BlobProblem| matches!(content, BlobProblem::Unreadable(_));
            if let Some(problem) = found
                .values()
                .filter_map(|c| c.as_ref().err())
                .find(damaged)
            {
                inner.note(&GitError::Corrupt {
                    location: inner.describe(),
                    message: problem.to_string(),
                });
            }
            Ok(found)
        })
        .await
    }

    /// Files that differ between two commits (`None`: an empty tree), sorted by path, without rename detection.
    pub async fn changes(
        &self,
        from: Option<&CommitId>,
        to: &CommitId,
    ) -> Result<Vec<FileChange>, GitError> {
        let (from, to) = (from.cloned(), to.clone());
        self.reading(move |objects, _| objects.changes(from.as_ref(), &to))
            .await
    }

    /// The same for many pairs of commits at once: what one comparison unpacks serves the next.
    pub async fn changes_of_each(
        &self,
        pairs: Vec<(Option<CommitId>, CommitId)>,
    ) -> Result<Vec<Vec<FileChange>>, GitError> {
        self.reading(move |objects, _| {
            let changes = pairs.iter();
            changes
                .map(|(from, to)| objects.changes(from.as_ref(), to))
                .collect()
        })
        .await
    }

    /// History from `head` along the base's own line, newest first, without `stop` and what lies behind it.
    pub async fn log(
        &self,
        head: &CommitId,
        stop: Option<&CommitId>,
        limit: usize,
    ) -> Result<Log, GitError> {
        let (head, stop) = (head.clone(), stop.cloned());
        self.reading(move |objects, inner| objects.log(&head, stop.as_ref(), limit, &inner.us))
            .await
    }

    /// What one commit says about itself.
    pub async fn commit_info(&self, id: &CommitId) -> Result<CommitInfo, GitError> {
        let id = id.clone();
        self.reading(move |objects, _| describe(&objects.commit(&id)?))
            .await
    }

    /// Whether `ancestor` is `descendant` or one of its ancestors; `false` if `ancestor` is not here at all.
    pub async fn is_ancestor(
        &self,
        ancestor: &CommitId,
        descendant: &CommitId,
    ) -> Result<bool, GitError> {
        let (old, new) = (ancestor.clone(), descendant.clone());
        self.reading(move |objects, _| objects.is_ancestor(&old, &new))
            .await
    }

    /// The best common ancestor of two commits.
    pub async fn merge_base(
        &self,
        a: &CommitId,
        b: &CommitId,
    ) -> Result<Option<CommitId>, GitError> {
        let (a, b) = (a.clone(), b.clone());
        self.reading(move |objects, _| objects.merge_base(&a, &b))
            .await
    }

    /// Merges `branch` into `base` in memory. No ref moves; the files of a clean merge can be read by [`Self::blobs`].
    pub async fn merge(&self, base: &CommitId, branch: &CommitId) -> Result<Merge, GitError> {
        let (base, branch) = (base.clone(), branch.clone());
        self.reading(move |objects, _| objects.merge(&base, &branch))
            .await
    }

    /// Makes a commit. No ref moves until it is pushed.
    pub async fn commit(&self, new: NewCommit) -> Result<CommitId, GitError> {
        self.reading(move |objects, inner| inner.commit(objects, &new))
            .await
    }

    /// Moves refs of the base, each by itself and only if it is where `expect` says. An error says nothing about
    /// whether the server took it (a cut connection): fetch and look.
    pub async fn push(&self, updates: Vec<RefUpdate>) -> Result<Vec<PushOutcome>, GitError> {
        if updates.is_empty() {
            return Ok(Vec::new());
        }
        let runtime = Handle::current();
        let pushing = self.blocking(move |inner| inner.push(&updates, &runtime));
        let pushed = slow::told("push", &self.describe(), pushing).await;
        self.tally.pushed(pushed.is_ok());
        pushed
    }

    /// What was exchanged with the base so far.
    pub fn traffic(&self) -> Traffic {
        let (calls, server) = (self.tally.read(), self.inner.traffic());
        Traffic {
            requests: server.requests,
            received_bytes: server.received_bytes,
            sent_bytes: server.sent_bytes,
            ..calls
        }
    }

    /// Whether it is its own base, used in place.
    pub fn is_in_place(&self) -> bool {
        self.inner.is_in_place()
    }

    /// What this repository is, in words and without secrets.
    pub fn describe(&self) -> String {
        self.inner.describe()
    }

    /// Names this repository, without secrets: equal for a bare repository in place and for a work tree whose remote it is.
    pub fn identity(&self) -> String {
        self.inner.identity()
    }

    /// Runs a job that only needs objects, and notes when it finds the mirror damaged.
    pub(super) async fn reading<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Objects<'_>, &Inner) -> Result<T, GitError> + Send + 'static,
    ) -> Result<T, GitError> {
        self.blocking(move |inner| {
            let handle = inner.open()?;
            job(&Objects::new(&handle), inner)
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Inner) -> Result<T, GitError> + Send + 'static,
    ) -> Result<T, GitError> {
        let inner = Arc::clone(&self.inner);
        let done = tokio::task::spawn_blocking(move || {
            let result = job(&inner);
            if let Err(error) = &result {
                inner.note(error);
            }
            result
        });
        done.await.map_err(|error| GitError::Local {
            message: format!("the work on the repository stopped: {error}"),
            transient: true,
        })?
    }
}
