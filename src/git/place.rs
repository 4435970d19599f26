//! What stands behind the facade: a mirror with its remote, or a repository that is its own base; fetching and pushing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use git2::{ErrorCode, Oid};
use tokio::runtime::Handle;

use super::checked_out::Checkouts;
use super::credentials::Lender;
use super::error::GitError;
use super::hooks;
use super::local::update_refs;
use super::location::{Location, locate};
use super::maintenance::{sweep_halves, tidy};
use super::mirror::{Mirror, is_damage, is_private};
use super::packs::Packs;
use super::push::push;
use super::read::{Objects, commit_id};
use super::remote::{Advertised, Remote, refs_of, shallow_of};
use super::signing::SigningKey;
use super::traffic::Traffic;
use super::types::{Fetched, NewCommit, PushOutcome, PushResult, RefUpdate};
use super::us::Us;
use crate::config::git::GitSettings;
use crate::model::CommitId;

const DEFAULT_BRANCH: &str = "main";

#[derive(Debug)]
pub(super) struct Inner {
    place: Place,
    base: Option<String>,
    pub(super) us: Us,
    /// With what commits of ours are signed.
    signing: Option<SigningKey>,
    /// Held while refs of the mirror change; remembers where the base was.
    last_base: Mutex<Option<CommitId>>,
    /// Where the base was before somebody moved it back, if that was noticed in between: the next fetch tells.
    moved_back: Mutex<Option<CommitId>>,
    packs: Packs,
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

impl Inner {
    pub(super) fn open_place(
        location: &str,
        settings: &GitSettings,
        local: bool,
        lender: Option<Arc<dyn Lender>>,
    ) -> Result<Self, GitError> {
        // Not only mirrors are kept there.
        is_private(&settings.cache_dir).map_err(|error| {
            let cache = settings.cache_dir.display();
            GitError::io(&format!("use `{cache}`"), &error)
        })?;
        let signing = settings.signing_key.as_deref().map(|path| {
            SigningKey::read(path).map_err(|problem| {
                let path = path.display();
                GitError::Invalid(format!("`git.signingKey: {path}`: {problem}"))
            })
        });
        let signing = signing.transpose()?;
        let place = match locate(location, local, None)? {
            Location::Http(url) => Place::Mirror {
                mirror: Mirror::prepare(&settings.cache_dir, url.url.as_str())?,
                remote: Remote::http(&url, settings, lender)?,
            },
            Location::File(path) => {
                let path = path
                    .canonicalize()
                    .map_err(|error| GitError::io(&format!("open `{}`", path.display()), &error))?;
                let address = format!("file://{}", path.display());
                Place::Mirror {
                    mirror: Mirror::prepare(&settings.cache_dir, &address)?,
                    remote: Remote::file(path)?,
                }
            }
            Location::InPlace { git_dir, work_tree } => Place::InPlace { git_dir, work_tree },
        };
        Ok(Self {
            place,
            base: settings.base.clone(),
            us: Us::from(settings),
            signing,
            last_base: Mutex::default(),
            moved_back: Mutex::default(),
            packs: Packs::default(),
        })
    }

    pub(super) fn describe(&self) -> String {
        match &self.place {
            Place::Mirror { remote, .. } => remote.shown(),
            Place::InPlace {
                work_tree: Some(path),
                ..
            } => format!("{} (work tree, its own base)", path.display()),
            Place::InPlace { git_dir, .. } => format!("{} (bare, its own base)", git_dir.display()),
        }
    }

    /// The same for everybody who works on the same repository, whichever way they came to it.
    pub(super) fn identity(&self) -> String {
        match &self.place {
            Place::Mirror { remote, .. } => remote.shown(),
            Place::InPlace { git_dir, .. } => {
                let path = git_dir.canonicalize();
                path.as_ref().unwrap_or(git_dir).display().to_string()
            }
        }
    }

    pub(super) const fn is_in_place(&self) -> bool {
        matches!(self.place, Place::InPlace { .. })
    }

    /// What was exchanged with the server, if there is one.
    pub(super) fn traffic(&self) -> Traffic {
        match &self.place {
            Place::Mirror { remote, .. } => remote.traffic(),
            Place::InPlace { .. } => Traffic::default(),
        }
    }

    /// Remembers for the next fetch that the mirror is damaged.
    pub(super) fn note(&self, error: &GitError) {
        if let (true, Place::Mirror { mirror, .. }) = (is_damage(error), &self.place) {
            mirror.suspect();
        }
    }

    pub(super) fn open(&self) -> Result<git2::Repository, GitError> {
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

    pub(super) fn fetch(&self, runtime: &Handle) -> Result<Fetched, GitError> {
        let mut last = self.remembered();
        let mut fetched = match &self.place {
            Place::InPlace { .. } => self.look(last.as_ref())?,
            Place::Mirror { mirror, remote } => {
                let _lock = mirror.lock()?;
                self.renewing(mirror, remote, runtime, last.as_ref())?
            }
        };
        last.clone_from(&fetched.base);
        let noticed = self.noticed().take();
        fetched.moved_back = noticed.or(fetched.moved_back);
        Ok(fetched)
    }

    /// Fetches in between: that the base was moved back is news for the next fetch all the same.
    pub(super) fn fetch_between(&self, runtime: &Handle) -> Result<Fetched, GitError> {
        let fetched = self.fetch(runtime)?;
        if let Some(from) = &fetched.moved_back {
            let mut noticed = self.noticed();
            noticed.get_or_insert_with(|| from.clone());
        }
        Ok(fetched)
    }

    fn noticed(&self) -> MutexGuard<'_, Option<CommitId>> {
        let noticed = self.moved_back.lock();
        noticed.unwrap_or_else(PoisonError::into_inner)
    }

    /// What the mirror holds from an earlier fetch, without asking the server; `None` where there never was one.
    pub(super) fn recall(&self) -> Result<Option<Fetched>, GitError> {
        let Place::Mirror { mirror, .. } = &self.place else {
            return Ok(None);
        };
        let handle = mirror.open()?;
        let head = handle.find_reference("HEAD").ok();
        let head = head.and_then(|head| head.symbolic_target().ok().flatten().map(str::to_owned));
        let head = head.and_then(|head| head.strip_prefix("refs/heads/").map(str::to_owned));
        let Some(branch) = self.base.clone().or(head) else {
            return Ok(None);
        };
        match handle.find_reference(&format!("refs/heads/{branch}")) {
            Ok(_) => self.report(&handle, branch, None).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Fetches; what stands in the way inside the mirror (damage, dead locks) is cleared once.
    fn renewing(
        &self,
        mirror: &Mirror,
        remote: &Remote,
        runtime: &Handle,
        last: Option<&CommitId>,
    ) -> Result<Fetched, GitError> {
        if mirror.is_suspect() {
            mirror.renew()?;
        }
        let fetched = match self.update(mirror, remote, runtime, last) {
            Err(error) if is_damage(&error) => {
                let sound = |handle| mirror.has_whole_refs(&handle) && is_sound(&handle);
                if mirror.open().is_ok_and(sound) {
                    return Err(GitError::Network {
                        location: remote.shown(),
                        message: format!("what it sends cannot be read: {error}"),
                    });
                }
                mirror.renew()?;
                self.update(mirror, remote, runtime, last)?
            }
            Err(GitError::Locked(_)) => {
                mirror.sweep_locks()?;
                self.update(mirror, remote, runtime, last)?
            }
            other => other?,
        };
        // A mirror that could not be tidied is still a good mirror.
        let tidied = mirror
            .open()
            .and_then(|handle| sweep_halves(&handle).and_then(|()| tidy(&handle)));
        if let Err(error) = tidied {
            tracing::debug!(%error, "the mirror could not be tidied");
        }
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
        keep_default(&handle, &branch);
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
            if names_a_commit(handle, id).map_err(|error| objects.damaged(&error))? {
                refs.insert(name, commit_id(id)?);
            }
        }
        let base_ref = format!("refs/heads/{base_branch}");
        let base = refs.get(&base_ref).cloned();
        if base.is_none() {
            // A damaged ref is left out of the list; it must not pass for an empty repository.
            match handle.find_reference(&base_ref) {
                Err(error) if error.code() != ErrorCode::NotFound => {
                    return Err(objects.fail(&error));
                }
                _ => {}
            }
        }
        if base.is_none() && refs.keys().any(|name| name.starts_with("refs/heads/")) {
            return Err(GitError::NoBranch {
                location: self.shown(),
                branch: base_branch,
            });
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

    pub(super) fn push(
        &self,
        updates: &[RefUpdate],
        runtime: &Handle,
    ) -> Result<Vec<PushOutcome>, GitError> {
        let handle = self.open()?;
        let (mirror, remote) = match &self.place {
            Place::InPlace { .. } => return self.push_in_place(&handle, updates),
            Place::Mirror { mirror, remote } => (mirror, remote),
        };
        if let Remote::File(path) = remote {
            self.hand_over(&handle, path, updates);
        }
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
                tracing::debug!(reference = %update.name, %error, "the mirror lags behind a push");
            }
        }
        Ok(outcomes)
    }
}

impl Inner {
    /// The key for a commit, if it is one of ours: nobody else's is signed in our name.
    pub(super) fn signing_of(&self, new: &NewCommit) -> Option<&SigningKey> {
        let ours = self.us.committed(&new.committer.email);
        self.signing.as_ref().filter(|_| ours)
    }

    /// Makes a commit; no ref moves.
    pub(super) fn commit(
        &self,
        objects: &Objects<'_>,
        new: &NewCommit,
    ) -> Result<CommitId, GitError> {
        let (commit, batch) = objects.make_commit(new, self.signing_of(new))?;
        // Whoever has the lock may sweep up what looks like half a pack.
        let _lock = match &self.place {
            Place::Mirror { mirror, .. } if batch.is_many() => Some(mirror.lock()?),
            _ => None,
        };
        let stored = batch.store(objects.repository);
        if let Some(pack) = stored.map_err(|error| objects.fail(&error))? {
            self.packs.remember(commit.clone(), new, pack);
        }
        Ok(commit)
    }

    /// Whole packs first, where there are any: the push then finds little left to copy.
    fn hand_over(&self, mirror: &git2::Repository, remote: &Path, updates: &[RefUpdate]) {
        for commit in updates.iter().filter_map(|update| update.new.as_ref()) {
            if let Err(error) = self.packs.hand_over(commit, mirror, remote) {
                tracing::debug!(%commit, %error, "its objects are copied one by one");
            }
        }
    }

    fn push_in_place(
        &self,
        handle: &git2::Repository,
        updates: &[RefUpdate],
    ) -> Result<Vec<PushOutcome>, GitError> {
        let mut last = self.remembered();
        if let Some(refused) = hooks::refused(handle, updates, Checkouts::GoAlong)? {
            return Ok(refused);
        }
        let outcomes = update_refs(handle, handle, updates, Checkouts::GoAlong)?;
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

/// The mirror's own HEAD tells which branch is the base while the server cannot.
fn keep_default(handle: &git2::Repository, branch: &str) {
    let name = format!("refs/heads/{branch}");
    let known = handle.find_reference("HEAD").ok();
    let known = known.and_then(|head| head.symbolic_target().ok().flatten().map(str::to_owned));
    if known.as_deref() != Some(name.as_str())
        && let Err(error) = handle.set_head(&name)
    {
        tracing::debug!(%error, "the mirror does not keep which branch is the base");
    }
}
