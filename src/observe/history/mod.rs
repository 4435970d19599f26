//! History: which tags moved at which commit of the base, and what became of outputs. Read from Git once per commit and
//! kept, in memory and on disk; what was read before is never read again unless the base was moved back behind it.
//!
//! Which files hold streams, and the namespace of those that name none, are taken from the present settings of the
//! repository for its whole past: a commit that renames a folder is where the tags in it first appear.

mod fold;
mod line;
mod store;
mod view;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};

use super::blobs::{Wanted, cores, read_each};
use super::documents::DocumentReader;
use super::error::{ObserveError, aside};
use crate::git::{BlobProblem, CommitInfo, FileChange, GitError, Log, Repository};
use crate::manifests::yaml::MAX_BYTES;
use crate::manifests::{Role, load, role_of};
use crate::model::repository_config::{ConfigSpec, Paths};
use crate::model::{BlobId, CommitId, Namespace, RepoPath};
use crate::plan::History;
use fold::{ChangedFile, Fold};
use line::CommitLine;
use store::{Header, Store};
use view::FileView;

/// Older commits than this many are not looked at; History says then that it is not complete.
const MOST_COMMITS: usize = 100_000;
/// How many commits are reduced at a time.
const AT_ONCE: usize = 256;

/// Reads the past of one base.
#[derive(Debug)]
pub struct HistoryReader {
    our_email: String,
    store: Option<Store>,
    writes: bool,
    known: Option<Known>,
}

/// What is asked of a reader.
#[derive(Debug)]
pub struct HistoryRequest<'a> {
    /// Where to read.
    pub repository: &'a Repository,
    /// Head of the base.
    pub head: &'a CommitId,
    /// Whether history is cut somewhere.
    pub shallow: bool,
    /// The repository's present choices: folders and default namespace.
    pub config: &'a ConfigSpec,
    /// Files that were parsed already.
    pub documents: &'a DocumentReader,
}

#[derive(Debug)]
struct Known {
    settings: String,
    shallow: bool,
    /// Whether contents are missing from the repository that History would need: then it is not kept on disk.
    holes: bool,
    fold: Fold,
    /// Files whose content before the present commit was taken in.
    met: HashSet<RepoPath>,
}

impl Known {
    fn last(&self) -> Option<&CommitId> {
        self.fold.history.commits.last().map(|last| &last.id)
    }

    /// Forgets all before a commit whose contents are not here: what it changed is as unknown as at any other cut.
    fn cut(&mut self, commit: &CommitInfo) {
        self.holes = true;
        self.met.clear();
        self.fold = self.fold.anew(false);
        let line = self.fold.reduce(commit, &[], &[]);
        self.fold.push(line);
    }
}

/// Commits to add, and what they need.
struct Work<'a> {
    request: &'a HistoryRequest<'a>,
    /// Commits reduced before, which a rebuilt History may take over.
    reuse: HashMap<CommitId, CommitLine>,
    /// What is to be written to disk.
    lines: Vec<u8>,
}

/// A commit on its way into History.
enum Item {
    /// It was reduced before.
    Reduced(Box<CommitLine>),
    /// It has to be read.
    Fresh(Fresh),
}

/// What a commit changed on the base, as far as History cares.
#[derive(Default)]
struct Fresh {
    documents: Vec<(FileChange, Role)>,
    outputs: Vec<FileChange>,
}

/// Contents by blob and role; `None` where the repository does not have them.
type Views = HashMap<(BlobId, Role), Option<Arc<FileView>>>;

impl HistoryReader {
    /// A reader for a base on which we commit with this e-mail address. Without a file nothing outlives the process.
    pub fn new(our_email: &str, file: Option<PathBuf>) -> Self {
        Self {
            our_email: our_email.to_owned(),
            store: file.map(Store::new),
            writes: true,
            known: None,
        }
    }

    /// The same, leaving the file as it is: for looking at another commit than the base's head.
    pub fn read_only(our_email: &str, file: Option<PathBuf>) -> Self {
        Self {
            writes: false,
            ..Self::new(our_email, file)
        }
    }

    /// The past of `head`.
    pub async fn read(
        &mut self,
        request: &HistoryRequest<'_>,
    ) -> Result<Arc<History>, ObserveError> {
        let settings = self.settings(request.config);
        if self.known.as_ref().is_none_or(|k| k.settings != settings) {
            self.known = self.recall(settings.clone()).await?;
        }
        let usable = self.known.as_ref().filter(|k| k.shallow == request.shallow);
        let last = usable.and_then(Known::last).cloned();
        if last.as_ref() != Some(request.head) {
            let stop = last.as_ref().filter(|_| usable.is_some_and(|k| !k.holes));
            let log = request
                .repository
                .log(request.head, stop, MOST_COMMITS)
                .await?;
            match self.known.take().filter(|_| reaches(&log, stop)) {
                Some(known) => self.extend(known, log, request).await?,
                None => self.rebuild(settings, log, request).await?,
            }
        }
        Ok(self
            .known
            .as_ref()
            .map_or_else(Arc::default, |known| Arc::clone(&known.fold.history)))
    }

    /// What the reduction of a commit depends on besides the commit.
    fn settings(&self, config: &ConfigSpec) -> String {
        let all = (&config.paths, &config.namespace, &self.our_email);
        let text = serde_json::to_string(&all).unwrap_or_default();
        hex::encode(Sha256::digest(text))
    }

    /// Reads what was kept on disk.
    async fn recall(&mut self, settings: String) -> Result<Option<Known>, ObserveError> {
        let Some(mut store) = self.store.take() else {
            return Ok(None);
        };
        let our_email = self.our_email.clone();
        let (store, known) = aside(move || {
            let mut fold = None;
            let header = store.load(&settings, |header, line| {
                fold.get_or_insert_with(|| Fold::new(&our_email, header.complete))
                    .push(line);
            });
            let known = header.zip(fold).map(|(header, fold)| Known {
                settings,
                shallow: header.shallow,
                holes: false,
                fold,
                met: HashSet::new(),
            });
            (store, known)
        })
        .await?;
        self.store = Some(store);
        Ok(known)
    }

    /// Goes on from what is known.
    async fn extend(
        &mut self,
        mut known: Known,
        log: Log,
        request: &HistoryRequest<'_>,
    ) -> Result<(), ObserveError> {
        let mut work = Work {
            request,
            reuse: HashMap::new(),
            lines: Vec::new(),
        };
        work.add(&mut known, log).await?;
        if !known.holes {
            self.write(move |store| store.append(&work.lines)).await?;
        }
        self.known = Some(known);
        Ok(())
    }

    /// Begins anew: nothing is known, or the base was moved back. What was reduced before is taken over from disk.
    async fn rebuild(
        &mut self,
        settings: String,
        log: Log,
        request: &HistoryRequest<'_>,
    ) -> Result<(), ObserveError> {
        let mut work = Work {
            request,
            reuse: self.kept(settings.clone(), log.complete).await?,
            lines: Vec::new(),
        };
        let mut known = Known {
            settings,
            shallow: request.shallow,
            holes: false,
            fold: Fold::new(&self.our_email, log.complete),
            met: HashSet::new(),
        };
        work.add(&mut known, log).await?;
        if !known.holes {
            let header = Header {
                v: store::VERSION,
                settings: known.settings.clone(),
                complete: known.fold.history.complete,
                shallow: known.shallow,
            };
            self.write(move |store| store.replace(&header, &work.lines))
                .await?;
        }
        self.known = Some(known);
        Ok(())
    }

    /// Reduced commits on disk, by id. Those after a cut were reduced without knowing what came before, and are not used.
    async fn kept(
        &mut self,
        settings: String,
        complete: bool,
    ) -> Result<HashMap<CommitId, CommitLine>, ObserveError> {
        let Some(mut store) = self.store.take() else {
            return Ok(HashMap::new());
        };
        let (store, kept) = aside(move || {
            let mut kept = HashMap::new();
            store.load(&settings, |header, line| {
                if header.complete && complete {
                    kept.insert(line.id.clone(), line);
                }
            });
            (store, kept)
        })
        .await?;
        self.store = Some(store);
        Ok(kept)
    }

    async fn write(
        &mut self,
        job: impl FnOnce(&mut Store) + Send + 'static,
    ) -> Result<(), ObserveError> {
        if let Some(mut store) = self.store.take_if(|_| self.writes) {
            let store = aside(move || {
                job(&mut store);
                store
            });
            self.store = Some(store.await?);
        }
        Ok(())
    }
}

/// Whether a log that was to stop at a commit found it, rather than the beginning of all or a cut.
fn reaches(log: &Log, stop: Option<&CommitId>) -> bool {
    let beginning = log
        .commits
        .last()
        .is_none_or(|last| last.parents.is_empty());
    stop.is_some() && log.complete && !beginning
}

impl Work<'_> {
    /// Adds the commits of a log to what is known.
    async fn add(&mut self, known: &mut Known, log: Log) -> Result<(), ObserveError> {
        let commits: Vec<CommitInfo> = log.commits.into_iter().rev().collect();
        let mut rest = commits.as_slice();
        while !rest.is_empty() {
            let batch = &rest[..rest.len().min(AT_ONCE)];
            let items = self.items(known, batch).await?;
            let views = self.views(known, &items).await?;
            if let Some(at) = items.iter().rposition(|item| item.lacks(&views)) {
                known.cut(&batch[at]);
                rest = &rest[at + 1..];
                continue;
            }
            for (commit, item) in batch.iter().zip(items) {
                let line = match item {
                    Item::Reduced(line) => *line,
                    Item::Fresh(fresh) => fresh.reduce(known, commit, &views),
                };
                serde_json::to_writer(&mut self.lines, &line)
                    .map_err(|error| ObserveError::Stopped(error.to_string()))?;
                self.lines.push(b'\n');
                known.fold.push(line);
            }
            rest = &rest[batch.len()..];
        }
        Ok(())
    }

    /// What each commit changed on the base, where that was not reduced before.
    async fn items(
        &mut self,
        known: &Known,
        batch: &[CommitInfo],
    ) -> Result<Vec<Item>, ObserveError> {
        let repository = self.request.repository;
        let complete = known.fold.history.complete;
        let mut parent = known.last();
        let mut work = Vec::new();
        for commit in batch {
            let reduced = self.reuse.remove(&commit.id);
            let reduced = reduced.filter(|line| line.parent.as_ref() == parent);
            work.push((parent, commit, reduced));
            parent = Some(&commit.id);
        }
        let paths = &self.request.config.paths;
        let work = work
            .into_iter()
            .map(|(parent, commit, reduced)| async move {
                if let Some(line) = reduced {
                    return Ok(Item::Reduced(Box::new(line)));
                }
                if parent.is_none() && !complete {
                    // What the first commit after a cut changed is not known.
                    return Ok(Item::Fresh(Fresh::default()));
                }
                let changes = repository.changes(parent, &commit.id).await?;
                Ok(Item::Fresh(Fresh::new(changes, paths)))
            });
        futures_util::stream::iter(work)
            .buffered(2 * cores())
            .try_collect()
            .await
    }

    /// What the changed files say: those after each commit, and those before where that was not read yet.
    async fn views(&self, known: &Known, items: &[Item]) -> Result<Views, ObserveError> {
        let mut views = Views::new();
        let mut wanted = Vec::new();
        let mut met = HashSet::new();
        let namespace = self.request.config.namespace.clone();
        for (change, role) in items.iter().flat_map(Item::documents) {
            let first = met.insert(&change.path) && !known.met.contains(&change.path);
            let before = change.old.as_ref().filter(|_| first);
            for blob in before.into_iter().chain(&change.new) {
                let key = (blob.clone(), *role);
                if views.contains_key(&key) {
                    continue;
                }
                match self.request.documents.loaded(&change.path, blob, *role) {
                    Some(loaded) => {
                        let view = FileView::of(loaded, &namespace);
                        views.insert(key, Some(Arc::new(view)));
                    }
                    None => {
                        views.insert(key, None);
                        wanted.push(Wanted {
                            path: change.path.clone(),
                            blob: blob.clone(),
                            role: *role,
                        });
                    }
                }
            }
        }
        let read = read_each(
            self.request.repository,
            wanted,
            MAX_BYTES,
            move |file, content| view_of(file, content, &namespace),
        );
        for (file, view) in read.await? {
            let view = match view {
                Ok(view) => Some(Arc::new(view)),
                Err(Gone::Missing) => None,
                Err(Gone::Damaged(message)) => {
                    return Err(ObserveError::Git(GitError::Corrupt {
                        location: self.request.repository.describe(),
                        message: format!("`{}` ({}): {message}", file.path, file.blob),
                    }));
                }
            };
            views.insert((file.blob, file.role), view);
        }
        Ok(views)
    }
}

impl Item {
    fn documents(&self) -> &[(FileChange, Role)] {
        match self {
            Self::Reduced(_) => &[],
            Self::Fresh(fresh) => &fresh.documents,
        }
    }

    /// Whether the repository does not have what this commit says.
    fn lacks(&self, views: &Views) -> bool {
        self.documents().iter().any(|(change, role)| {
            let blob = change.new.clone();
            blob.is_some_and(|blob| matches!(views.get(&(blob, *role)), Some(None)))
        })
    }
}

impl Fresh {
    fn new(changes: Vec<FileChange>, paths: &Paths) -> Self {
        let mut fresh = Self::default();
        for change in changes {
            match role_of(&change.path, paths) {
                Some(Role::Config) => {}
                Some(role) => fresh.documents.push((change, role)),
                None if is_output(&change.path, &paths.environments) => fresh.outputs.push(change),
                None => {}
            }
        }
        fresh
    }

    fn reduce(self, known: &mut Known, commit: &CommitInfo, views: &Views) -> CommitLine {
        let view = |blob: &Option<BlobId>, role: Role| {
            let blob = blob.clone()?;
            Some(views.get(&(blob, role))?.clone().unwrap_or_else(|| {
                // Not here: nothing can be said of it.
                Arc::new(FileView {
                    partial: true,
                    ..FileView::default()
                })
            }))
        };
        let documents = self.documents.into_iter().map(|(change, role)| {
            let first = known.met.insert(change.path.clone());
            ChangedFile {
                before: view(&change.old, role).filter(|_| first),
                after: view(&change.new, role),
                path: change.path,
            }
        });
        let documents: Vec<ChangedFile> = documents.collect();
        known.fold.reduce(commit, &documents, &self.outputs)
    }
}

/// Why a content cannot be had, though a commit names it.
enum Gone {
    /// It is not here (a clone without all contents).
    Missing,
    /// It is here and cannot be read.
    Damaged(String),
}

fn view_of(
    file: &Wanted,
    content: Result<&[u8], &BlobProblem>,
    namespace: &Namespace,
) -> Result<FileView, Gone> {
    let partial = || FileView {
        partial: true,
        ..FileView::default()
    };
    match content {
        Ok(bytes) => {
            let view = FileView::of(&load(&file.path, bytes, file.role), namespace);
            let no_file = view.streams.is_empty() && looks_like_a_link(bytes);
            Ok(if no_file { partial() } else { view })
        }
        Err(BlobProblem::TooLarge { .. } | BlobProblem::NotABlob) => Ok(partial()),
        Err(BlobProblem::Missing) => Err(Gone::Missing),
        Err(BlobProblem::Unreadable(message)) => Err(Gone::Damaged(message.clone())),
    }
}

/// A symbolic link is listed among changes like a file whose only line is a path. One that took the place of a file hides
/// what is in it rather than saying that it is gone; the same goes for a file with such a line.
fn looks_like_a_link(bytes: &[u8]) -> bool {
    let is_path = |byte: &u8| !byte.is_ascii_control() && !b":{}[]".contains(byte);
    !bytes.is_empty() && bytes.len() < 4096 && bytes.iter().all(is_path)
}

/// Whether a file lies in the output folder of an environment: `<environments>/<env>/.../rendered/...`.
fn is_output(path: &RepoPath, environments: &RepoPath) -> bool {
    if !path.is_below(environments) {
        return false;
    }
    let inside = path.as_str().get(environments.as_str().len() + 1..);
    let mut parts = inside.unwrap_or_default().split('/');
    let file = parts.next_back();
    file.is_some() && parts.skip(1).any(|folder| folder == "rendered")
}
