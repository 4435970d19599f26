//! The repository as everything else sees it: an async facade, one libgit2 handle per call, blocking work on its own threads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use git2::{ErrorCode, Oid};
use tokio::runtime::Handle;

use super::error::GitError;
use super::local::update_refs;
use super::location::{Location, locate};
use super::mirror::{Mirror, is_damage};
use super::push::push;
use super::read::{Objects, commit_id, describe};
use super::remote::{Advertised, Remote, refs_of, shallow_of};
use super::types::{
    BlobProblem, CommitInfo, Fetched, FileChange, Log, Merge, NewCommit, PushOutcome, PushResult,
    RefUpdate, TreeListing,
};
use crate::config::git::GitSettings;
use crate::model::{BlobId, CommitId};

const DEFAULT_BRANCH: &str = "main";

/// A Git repository that is observed and written to. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Repository {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    place: Place,
    base: Option<String>,
    committer_email: String,
    /// Held while refs of the mirror change; remembers where the base was.
    last_base: Mutex<Option<CommitId>>,
}

#[derive(Debug)]
enum Place {
    Mirror {
        mirror: Mirror,
        remote: Remote,
    },
    InPlace {
        git_dir: PathBuf,
        work_tree: Option<PathBuf>,
    },
}

impl Repository {
    /// Opens a repository by URL (`https`, `http`, `file`: a private mirror in the cache directory), by the path of a
    /// bare repository (used in place) or by the path of a work tree (the mirror of its remote; with `local`, in place).
    /// Does not reach for the network.
    pub fn open(location: &str, settings: &GitSettings, local: bool) -> Result<Self, GitError> {
        let place = match locate(location, local, None)? {
            Location::Http(url) => Place::Mirror {
                mirror: Mirror::prepare(&settings.cache_dir, url.url.as_str())?,
                remote: Remote::http(&url, settings)?,
            },
            Location::File(path) => {
                let path = path
                    .canonicalize()
                    .map_err(|error| GitError::io(&format!("open `{}`", path.display()), &error))?;
                Place::Mirror {
                    mirror: Mirror::prepare(
                        &settings.cache_dir,
                        &format!("file://{}", path.display()),
                    )?,
                    remote: Remote::file(path)?,
                }
            }
            Location::InPlace { git_dir, work_tree } => Place::InPlace { git_dir, work_tree },
        };
        Ok(Self {
            inner: Arc::new(Inner {
                place,
                base: settings.base.clone(),
                committer_email: settings.committer.email.clone(),
                last_base: Mutex::default(),
            }),
        })
    }

    /// Brings the mirror up to date and says where every ref is. A damaged mirror is set aside and made anew.
    pub async fn fetch(&self) -> Result<Fetched, GitError> {
        let runtime = Handle::current();
        self.blocking(move |inner| inner.fetch(&runtime)).await
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
        self.reading(move |objects, _| objects.blobs(ids, max_bytes_each))
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

    /// History from `head` along the base's own line, newest first, without `stop` and what lies behind it.
    pub async fn log(
        &self,
        head: &CommitId,
        stop: Option<&CommitId>,
        limit: usize,
    ) -> Result<Log, GitError> {
        let (head, stop) = (head.clone(), stop.cloned());
        self.reading(move |objects, inner| {
            objects.log(&head, stop.as_ref(), limit, &inner.committer_email)
        })
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
        self.reading(move |objects, _| objects.make_commit(&new))
            .await
    }

    /// Moves refs of the base, each by itself and only if it is where `expect` says. An error says nothing about
    /// whether the server took it (a cut connection): fetch and look.
    pub async fn push(&self, updates: Vec<RefUpdate>) -> Result<Vec<PushOutcome>, GitError> {
        if updates.is_empty() {
            return Ok(Vec::new());
        }
        let runtime = Handle::current();
        self.blocking(move |inner| inner.push(&updates, &runtime))
            .await
    }

    /// Whether a push moves a branch that somebody has checked out (a work tree used in place).
    pub fn base_is_checked_out(&self) -> bool {
        matches!(
            &self.inner.place,
            Place::InPlace {
                work_tree: Some(_),
                ..
            }
        )
    }

    /// What this repository is, in words and without secrets.
    pub fn describe(&self) -> String {
        match &self.inner.place {
            Place::Mirror { remote, .. } => remote.shown(),
            Place::InPlace {
                work_tree: Some(path),
                ..
            } => format!("{} (work tree, its own base)", path.display()),
            Place::InPlace { git_dir, .. } => format!("{} (bare, its own base)", git_dir.display()),
        }
    }

    /// Runs a job that only needs objects, and notes when it finds the mirror damaged.
    async fn reading<T: Send + 'static>(
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
            if let (Err(error), Place::Mirror { mirror, .. }) = (&result, &inner.place)
                && is_damage(error)
            {
                mirror.suspect();
            }
            result
        });
        done.await.map_err(|error| GitError::Local {
            message: format!("the work on the repository stopped: {error}"),
            transient: true,
        })?
    }
}

impl Inner {
    fn open(&self) -> Result<git2::Repository, GitError> {
        match &self.place {
            Place::Mirror { mirror, .. } => mirror.open(),
            Place::InPlace { git_dir, .. } => git2::Repository::open(git_dir)
                .map_err(|error| GitError::libgit2(&git_dir.display().to_string(), &error)),
        }
    }

    fn remembered(&self) -> MutexGuard<'_, Option<CommitId>> {
        self.last_base
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn fetch(&self, runtime: &Handle) -> Result<Fetched, GitError> {
        let mut last = self.remembered();
        let fetched = match &self.place {
            Place::InPlace { .. } => self.look(last.as_ref())?,
            Place::Mirror { mirror, remote } => {
                let _lock = mirror.lock()?;
                if mirror.is_suspect() {
                    mirror.renew()?;
                }
                match self.update(mirror, remote, runtime, last.as_ref()) {
                    Err(error) if is_damage(&error) => {
                        if mirror.open().is_ok_and(|handle| is_sound(&handle)) {
                            return Err(GitError::Network {
                                location: remote.shown(),
                                message: format!("what it sends cannot be read: {error}"),
                            });
                        }
                        mirror.renew()?;
                        self.update(mirror, remote, runtime, last.as_ref())?
                    }
                    Err(GitError::Locked(_)) => {
                        mirror.sweep_locks()?;
                        self.update(mirror, remote, runtime, last.as_ref())?
                    }
                    other => other?,
                }
            }
        };
        last.clone_from(&fetched.base);
        Ok(fetched)
    }

    fn update(
        &self,
        mirror: &Mirror,
        remote: &Remote,
        runtime: &Handle,
        last: Option<&CommitId>,
    ) -> Result<Fetched, GitError> {
        let handle = mirror.open()?;
        let shown = remote.shown();
        let before = refs_of(&handle).map_err(|error| GitError::libgit2(&shown, &error))?;
        let advertised = remote.update(&handle, runtime, |found| {
            if found.refs.is_empty() && !before.is_empty() {
                return Err(GitError::NotFound(format!(
                    "`{shown}` has no branches any more, though it had {}: nothing is done about it; delete `{}` if this is meant",
                    before.len(),
                    handle.path().display()
                )));
            }
            Ok(())
        })?;
        let branch = self.base_branch(&advertised, &shown)?;
        // The mirror's own ref knows of our pushes too; memory helps where the mirror was made anew.
        let last = match (before.get(&format!("refs/heads/{branch}")), last) {
            (Some(id), _) => Some(commit_id(*id)?),
            (None, last) => last.cloned(),
        };
        self.report(&handle, branch, last.as_ref())
    }

    fn base_branch(&self, advertised: &Advertised, shown: &str) -> Result<String, GitError> {
        let heads_empty = !advertised
            .refs
            .keys()
            .any(|name| name.starts_with("refs/heads/"));
        let default = advertised
            .default_branch
            .as_deref()
            .and_then(|name| name.strip_prefix("refs/heads/"));
        match (&self.base, default) {
            (Some(base), _) => Ok(base.clone()),
            (None, Some(name)) => Ok(name.to_owned()),
            (None, None) if heads_empty => Ok(DEFAULT_BRANCH.to_owned()),
            (None, None) => Err(GitError::NotFound(format!(
                "`{shown}` does not say which branch is its default: set `git.base`"
            ))),
        }
    }

    /// Reads a repository that is its own base.
    fn look(&self, last: Option<&CommitId>) -> Result<Fetched, GitError> {
        let handle = self.open()?;
        let shown = handle.path().display().to_string();
        let branch = match &self.base {
            Some(base) => base.clone(),
            None => {
                let head = handle
                    .find_reference("HEAD")
                    .map_err(|error| GitError::libgit2(&shown, &error))?;
                let target = head.symbolic_target().ok().flatten().map(str::to_owned);
                target
                    .as_deref()
                    .and_then(|name| name.strip_prefix("refs/heads/"))
                    .map(str::to_owned)
                    .ok_or_else(|| {
                        GitError::Invalid(format!(
                            "HEAD of `{shown}` is on no branch: check one out or set `git.base`"
                        ))
                    })?
            }
        };
        self.report(&handle, branch, last)
    }

    fn report(
        &self,
        handle: &git2::Repository,
        base_branch: String,
        last: Option<&CommitId>,
    ) -> Result<Fetched, GitError> {
        let shown = handle.path().display().to_string();
        let objects = Objects::new(handle);
        let mut refs = BTreeMap::new();
        for (name, id) in refs_of(handle).map_err(|error| GitError::libgit2(&shown, &error))? {
            if names_a_commit(handle, id).map_err(|error| objects.fail(&error))? {
                refs.insert(name, commit_id(id)?);
            }
        }
        let base = refs.get(&format!("refs/heads/{base_branch}")).cloned();
        if base.is_none() && refs.keys().any(|name| name.starts_with("refs/heads/")) {
            return Err(GitError::NotFound(format!(
                "`{}` has no branch `{base_branch}`",
                self.shown()
            )));
        }
        let moved_back = match (last, &base) {
            (Some(last), Some(base)) if !objects.is_ancestor(last, base)? => Some(last.clone()),
            _ => None,
        };
        if let Some(base) = &base {
            // A damaged mirror shows itself here, where it can still be made anew.
            objects.tree_of(base)?;
        }
        Ok(Fetched {
            base_branch,
            base,
            refs,
            moved_back,
            shallow: !shallow_of(handle)?.is_empty(),
        })
    }

    fn shown(&self) -> String {
        match &self.place {
            Place::Mirror { remote, .. } => remote.shown(),
            Place::InPlace { git_dir, .. } => git_dir.display().to_string(),
        }
    }

    fn push(&self, updates: &[RefUpdate], runtime: &Handle) -> Result<Vec<PushOutcome>, GitError> {
        let handle = self.open()?;
        let (mirror, remote) = match &self.place {
            Place::InPlace { .. } => return self.push_in_place(&handle, updates),
            Place::Mirror { mirror, remote } => (mirror, remote),
        };
        let outcomes = push(remote, &handle, updates, runtime)?;
        let done: BTreeSet<&str> = outcomes
            .iter()
            .filter(|outcome| outcome.result == PushResult::Done)
            .map(|outcome| outcome.name.as_str())
            .collect();
        let _memory = self.remembered();
        let _lock = mirror.lock()?;
        for update in updates.iter().filter(|u| done.contains(u.name.as_str())) {
            // What was pushed is true already; a mirror that lags is put right by the next fetch.
            if let Err(error) = follow(&handle, update) {
                tracing::debug!(git.reference = %update.name, %error, "the mirror lags behind a push");
            }
        }
        Ok(outcomes)
    }
}

impl Inner {
    fn push_in_place(
        &self,
        handle: &git2::Repository,
        updates: &[RefUpdate],
    ) -> Result<Vec<PushOutcome>, GitError> {
        let mut last = self.remembered();
        let outcomes = update_refs(handle, handle, updates)?;
        for (update, outcome) in updates.iter().zip(&outcomes) {
            let is_base = last.is_some() && update.expect == *last;
            if outcome.result == PushResult::Done && is_base && update.new.is_some() {
                last.clone_from(&update.new);
            }
        }
        Ok(outcomes)
    }
}

/// Moves the mirror's own ref to where the push put the remote's.
fn follow(handle: &git2::Repository, update: &RefUpdate) -> Result<(), git2::Error> {
    match &update.new {
        Some(new) => handle
            .reference(&update.name, Oid::from_str(new.as_str())?, true, "pushed")
            .map(|_| ()),
        None => match handle.find_reference(&update.name) {
            Ok(mut reference) => reference.delete(),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(()),
            Err(error) => Err(error),
        },
    }
}

/// Whether every ref of the mirror leads to a commit whose files are all there.
fn is_sound(handle: &git2::Repository) -> bool {
    let objects = Objects::new(handle);
    refs_of(handle).is_ok_and(|refs| {
        refs.into_values()
            .all(|id| commit_id(id).and_then(|id| objects.listing(&id)).is_ok())
    })
}

fn names_a_commit(handle: &git2::Repository, id: Oid) -> Result<bool, git2::Error> {
    handle
        .odb()?
        .read_header(id)
        .map(|(_, kind)| kind == git2::ObjectType::Commit)
}
