//! The other side of a mirror: a server over HTTP or a repository on this disk; listing and fetching its refs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::{AutotagOption, Direction, FetchOptions, ObjectType, Oid};
use tokio::runtime::Handle;

use super::copy::{Copier, copy_packs};
use super::credentials::Lender;
use super::error::GitError;
use super::http::Server;
use super::location::HttpUrl;
use super::traffic::Traffic;
use super::transport::{self, Channel};
use crate::config::git::GitSettings;

/// The refs that matter here: branches, and what the offline forge keeps.
pub(super) const NAMESPACES: [&str; 2] = ["refs/heads/", "refs/headwater/"];

const REFSPECS: [&str; 2] = [
    "+refs/heads/*:refs/heads/*",
    "+refs/headwater/*:refs/headwater/*",
];

/// Whether a ref is one that is mirrored.
pub(super) fn is_ours(name: &str) -> bool {
    NAMESPACES.iter().any(|prefix| name.starts_with(prefix))
}

/// Where a mirror fetches from and pushes to.
#[derive(Debug, Clone)]
pub(super) enum Remote {
    Http(Server),
    File(PathBuf),
}

/// What the remote says it has.
#[derive(Debug, Default)]
pub(super) struct Advertised {
    /// Full name of the branch its HEAD stands for.
    pub(super) default_branch: Option<String>,
    /// Refs in our namespaces.
    pub(super) refs: BTreeMap<String, Oid>,
    /// Commits at which its history is cut.
    pub(super) shallow: Vec<Oid>,
}

impl Remote {
    pub(super) fn http(
        url: &HttpUrl,
        settings: &GitSettings,
        lender: Option<Arc<dyn Lender>>,
    ) -> Result<Self, GitError> {
        transport::register()?;
        Server::new(url, settings, lender).map(Self::Http)
    }

    pub(super) fn file(path: PathBuf) -> Result<Self, GitError> {
        transport::register()?;
        Ok(Self::File(path))
    }

    /// What was exchanged with a server.
    pub(super) fn traffic(&self) -> Traffic {
        match self {
            Self::Http(server) => server.tally.read(),
            Self::File(_) => Traffic::default(),
        }
    }

    /// The address, without secrets.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Http(server) => server.shown().to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Where the remote's refs of our namespaces are now.
    pub(super) fn refs(
        &self,
        repository: &git2::Repository,
        runtime: &Handle,
    ) -> Result<BTreeMap<String, Oid>, GitError> {
        self.talk(runtime, |address| {
            let mut remote = repository.remote_anonymous(address)?;
            let connection = remote.connect_auth(Direction::Fetch, None, None)?;
            list(&connection).map(|advertised| advertised.refs)
        })
    }

    /// Runs `work` with the address that libgit2 is to use; failures of the transport come back typed.
    pub(super) fn talk<T>(
        &self,
        runtime: &Handle,
        work: impl FnOnce(&str) -> Result<T, git2::Error>,
    ) -> Result<T, GitError> {
        match self {
            Self::Http(server) => {
                let channel = Channel::open(server, runtime.clone());
                work(&channel.url()).map_err(|error| {
                    channel
                        .failure()
                        .unwrap_or_else(|| GitError::libgit2(server.shown(), &error))
                })
            }
            Self::File(path) => {
                let text = path.to_str().ok_or_else(|| {
                    GitError::Invalid(format!("the path `{}` is not UTF-8", path.display()))
                })?;
                work(text).map_err(|error| GitError::libgit2(text, &error))
            }
        }
    }

    /// Brings `mirror` up to date with the remote: `check` sees what the remote says it has and may refuse it before
    /// anything is changed.
    pub(super) fn update(
        &self,
        mirror: &git2::Repository,
        runtime: &Handle,
        check: impl FnOnce(&Advertised) -> Result<(), GitError>,
    ) -> Result<Advertised, GitError> {
        match self {
            Self::File(path) => self.update_from_disk(mirror, path, check),
            Self::Http(server) => {
                let channel = Channel::open(server, runtime.clone());
                self.update_over(mirror, &channel, check)
                    .map_err(|error| channel.failure().unwrap_or(error))
            }
        }
    }

    fn update_over(
        &self,
        mirror: &git2::Repository,
        channel: &Channel,
        check: impl FnOnce(&Advertised) -> Result<(), GitError>,
    ) -> Result<Advertised, GitError> {
        let shown = self.shown();
        let fail = |error: git2::Error| GitError::fetching(&shown, mirror, &error);
        let mut remote = mirror.remote_anonymous(&channel.url()).map_err(fail)?;
        let mut connection = remote
            .connect_auth(Direction::Fetch, None, None)
            .map_err(fail)?;
        let mut advertised = list(&connection).map_err(fail)?;
        advertised.shallow = channel.shallow();
        check(&advertised)?;
        let here = refs_of(mirror).map_err(fail)?;
        if here == advertised.refs {
            return Ok(advertised);
        }
        prune(mirror, &here, &advertised).map_err(fail)?;
        mark_shallow(mirror, &advertised.shallow)?;
        let mut options = FetchOptions::new();
        options
            .download_tags(AutotagOption::None)
            .update_fetchhead(false);
        connection
            .remote()
            .fetch(&REFSPECS, Some(&mut options), None)
            .map_err(fail)?;
        Ok(advertised)
    }

    /// libgit2 packs everything anew to fetch from a path; copying is several times faster.
    fn update_from_disk(
        &self,
        mirror: &git2::Repository,
        path: &Path,
        check: impl FnOnce(&Advertised) -> Result<(), GitError>,
    ) -> Result<Advertised, GitError> {
        let shown = self.shown();
        let fail = |error: git2::Error| GitError::fetching(&shown, mirror, &error);
        let there = git2::Repository::open(path).map_err(fail)?;
        let advertised = list_disk(&there).map_err(fail)?;
        let advertised = Advertised {
            shallow: shallow_of(&there)?,
            ..advertised
        };
        check(&advertised)?;
        let here = refs_of(mirror).map_err(fail)?;
        if here == advertised.refs {
            return Ok(advertised);
        }
        prune(mirror, &here, &advertised).map_err(fail)?;
        mark_shallow(mirror, &advertised.shallow)?;
        let mut copier = if here.is_empty() {
            copy_packs(&there, mirror)?;
            Copier::thorough(&there, mirror)
        } else {
            Copier::new(&there, mirror)
        }
        .map_err(fail)?;
        let news = advertised.refs.iter();
        let news = news.filter(|(name, id)| here.get(*name) != Some(*id));
        for (_, id) in news.clone() {
            copier.history(*id).map_err(fail)?;
        }
        copier.finish().map_err(fail)?;
        for (name, id) in news {
            mirror.reference(name, *id, true, "fetched").map_err(fail)?;
        }
        Ok(advertised)
    }
}

/// Removes branches that are gone at the remote, before new ones come: `a` may have become `a/b`.
fn prune(
    mirror: &git2::Repository,
    here: &BTreeMap<String, Oid>,
    advertised: &Advertised,
) -> Result<(), git2::Error> {
    for gone in here
        .keys()
        .filter(|name| !advertised.refs.contains_key(*name))
    {
        mirror.find_reference(gone)?.delete()?;
    }
    Ok(())
}

fn list_disk(there: &git2::Repository) -> Result<Advertised, git2::Error> {
    let odb = there.odb()?;
    let mut refs = BTreeMap::new();
    for (name, id) in refs_of(there)? {
        // An unreadable object is an error, not a ref that is gone: the mirror would forget it.
        if odb.read_header(id)?.1 == ObjectType::Commit {
            refs.insert(name, id);
        }
    }
    let head = there.find_reference("HEAD")?;
    Ok(Advertised {
        default_branch: head.symbolic_target().ok().flatten().map(str::to_owned),
        refs,
        shallow: Vec::new(),
    })
}

fn list(connection: &git2::RemoteConnection<'_, '_, '_>) -> Result<Advertised, git2::Error> {
    let mut advertised = Advertised::default();
    for head in connection.list()? {
        if is_ours(head.name()) && !head.name().ends_with("^{}") {
            advertised.refs.insert(head.name().to_owned(), head.oid());
        }
    }
    advertised.default_branch = connection
        .default_branch()
        .ok()
        .and_then(|name| name.as_str().ok().map(str::to_owned));
    Ok(advertised)
}

/// All refs of our namespaces in a repository on this disk.
pub(super) fn refs_of(repository: &git2::Repository) -> Result<BTreeMap<String, Oid>, git2::Error> {
    let mut found = BTreeMap::new();
    for reference in repository.references()? {
        let reference = reference?;
        let Ok(name) = reference.name() else { continue };
        if !is_ours(name) {
            continue;
        }
        if let Some(target) = reference.target() {
            found.insert(name.to_owned(), target);
        }
    }
    Ok(found)
}

/// The commits at which a repository's own history is cut.
pub(super) fn shallow_of(repository: &git2::Repository) -> Result<Vec<Oid>, GitError> {
    let file = repository.commondir().join("shallow");
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok(text
            .lines()
            .filter_map(|line| Oid::from_str(line.trim()).ok())
            .collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(GitError::io(&format!("read `{}`", file.display()), &error)),
    }
}

/// Notes in the mirror where the remote's history is cut, so that walks end there instead of failing.
fn mark_shallow(mirror: &git2::Repository, shallow: &[Oid]) -> Result<(), GitError> {
    if shallow.is_empty() {
        return Ok(());
    }
    let mut all = shallow_of(mirror)?;
    all.extend(shallow);
    all.sort_unstable();
    all.dedup();
    let text: String = all.iter().map(|id| format!("{id}\n")).collect();
    let file = mirror.commondir().join("shallow");
    super::mirror::write_file(&file, text.as_bytes())
}
