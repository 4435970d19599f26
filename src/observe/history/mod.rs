//! History: which tags moved at which commit of the base, and what became of outputs. Read from Git once per commit and
//! kept, in memory and on disk; what was read before is never read again unless the base was moved back behind it.
//!
//! Which files hold streams, and the namespace of those that name none, are taken from the present settings of the
//! repository for its whole past: a commit that renames a folder is where the tags in it first appear.

mod fold;
mod line;
mod store;
pub mod texts;
mod view;
mod work;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::documents::DocumentReader;
use super::error::{ObserveError, aside};
use crate::git::{CommitInfo, Log, Repository, Us};
use crate::model::repository_config::ConfigSpec;
use crate::model::{CommitId, RepoPath};
use crate::plan::History;
use fold::Fold;
use line::CommitLine;
use store::{Header, Store};
use work::Work;

/// Older commits than this many are not looked at; History says then that it is not complete.
const MOST_COMMITS: usize = 100_000;
/// Reads the past of one base.
#[derive(Debug)]
pub struct HistoryReader {
    us: Us,
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

impl HistoryReader {
    /// A reader for a base on which we are known like this. Without a file nothing outlives the process.
    pub fn new(us: &Us, file: Option<PathBuf>) -> Self {
        Self {
            us: us.clone(),
            store: file.map(Store::new),
            writes: true,
            known: None,
        }
    }

    /// The same, leaving the file as it is: for looking at another commit than the base's head.
    pub fn read_only(us: &Us, file: Option<PathBuf>) -> Self {
        Self {
            writes: false,
            ..Self::new(us, file)
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
        let us = (&self.us.email, &self.us.forge);
        let all = (&config.paths, &config.namespace, us);
        let text = serde_json::to_string(&all).unwrap_or_default();
        hex::encode(Sha256::digest(text))
    }

    /// Reads what was kept on disk.
    async fn recall(&mut self, settings: String) -> Result<Option<Known>, ObserveError> {
        let Some(mut store) = self.store.take() else {
            return Ok(None);
        };
        let us = self.us.clone();
        let (store, known) = aside(move || {
            let mut fold = None;
            let header = store.load(&settings, |header, line| {
                fold.get_or_insert_with(|| Fold::new(&us, header.complete))
                    .push(line);
            });
            let known = header.zip(fold).map(|(header, mut fold)| {
                fold.compact();
                Known {
                    settings,
                    shallow: header.shallow,
                    holes: false,
                    fold,
                    met: HashSet::new(),
                }
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
        let mut work = Work::new(request, HashMap::new());
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
        let kept = self.kept(settings.clone(), log.complete).await?;
        let mut work = Work::new(request, kept);
        let mut known = Known {
            settings,
            shallow: request.shallow,
            holes: false,
            fold: Fold::new(&self.us, log.complete),
            met: HashSet::new(),
        };
        work.add(&mut known, log).await?;
        known.fold.compact();
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
