//! Commits to reduced lines: what each changed on the base, and what the changed files say, read in batches.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::fold::ChangedFile;
use super::line::CommitLine;
use super::view::FileView;
use super::{HistoryRequest, Known};
use crate::git::{BlobProblem, CommitInfo, FileChange, GitError, Log};
use crate::manifests::yaml::MAX_BYTES;
use crate::manifests::{Role, load, role_of};
use crate::model::repository_config::Paths;
use crate::model::{BlobId, CommitId, Namespace, RepoPath};
use crate::observe::blobs::{Wanted, cores, read_each};
use crate::observe::error::ObserveError;

/// How many commits are reduced at a time.
const AT_ONCE: usize = 64;
/// How many commits are compared in one go.
const COMPARED_AT_ONCE: usize = 32;

/// Commits to add, and what they need.
pub(super) struct Work<'a> {
    request: &'a HistoryRequest<'a>,
    /// Commits reduced before, which a rebuilt History may take over.
    reuse: HashMap<CommitId, CommitLine>,
    /// What is to be written to disk.
    pub(super) lines: Vec<u8>,
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

/// Two commits to compare.
type Pair = (Option<CommitId>, CommitId);
/// Contents by blob and role; `None` where the repository does not have them.
type Views = HashMap<(BlobId, Role), Option<Arc<FileView>>>;

impl<'a> Work<'a> {
    /// Nothing read yet; `reuse` are commits that were reduced before.
    pub(super) fn new(
        request: &'a HistoryRequest<'a>,
        reuse: HashMap<CommitId, CommitLine>,
    ) -> Self {
        Self {
            request,
            reuse,
            lines: Vec::new(),
        }
    }

    /// Adds the commits of a log to what is known.
    pub(super) async fn add(&mut self, known: &mut Known, log: Log) -> Result<(), ObserveError> {
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
        let complete = known.fold.history.complete;
        let mut parent = known.last();
        let mut items = Vec::new();
        let mut pairs = Vec::new();
        for commit in batch {
            let reduced = self.reuse.remove(&commit.id);
            items.push(
                match reduced.filter(|line| line.parent.as_ref() == parent) {
                    Some(line) => Item::Reduced(Box::new(line)),
                    None => Item::Fresh(Fresh::default()),
                },
            );
            // What the first commit after a cut changed is not known.
            if matches!(items.last(), Some(Item::Fresh(_))) && (parent.is_some() || complete) {
                pairs.push((items.len() - 1, (parent.cloned(), commit.id.clone())));
            }
            parent = Some(&commit.id);
        }
        for (at, changes) in self.changes(pairs).await? {
            items[at] = Item::Fresh(Fresh::new(changes, &self.request.config.paths));
        }
        Ok(items)
    }

    async fn changes(
        &self,
        pairs: Vec<(usize, Pair)>,
    ) -> Result<Vec<(usize, Vec<FileChange>)>, ObserveError> {
        let repository = self.request.repository;
        let work = pairs.chunks(COMPARED_AT_ONCE).map(|chunk| async move {
            let (at, pairs): (Vec<usize>, Vec<Pair>) = chunk.iter().cloned().unzip();
            let changes = repository.changes_of_each(pairs).await?;
            Ok::<_, GitError>(at.into_iter().zip(changes).collect::<Vec<_>>())
        });
        let changes: Vec<_> = futures_util::stream::iter(work)
            .buffered(cores())
            .try_collect()
            .await?;
        Ok(changes.into_iter().flatten().collect())
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
pub(super) fn is_output(path: &RepoPath, environments: &RepoPath) -> bool {
    if !path.is_below(environments) {
        return false;
    }
    let inside = path.as_str().get(environments.as_str().len() + 1..);
    let mut parts = inside.unwrap_or_default().split('/');
    let file = parts.next_back();
    file.is_some() && parts.skip(1).any(|folder| folder == "rendered")
}
