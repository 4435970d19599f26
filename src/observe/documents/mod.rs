//! The documents of a commit. Each file is parsed once: what is kept is its typed content, by path, blob and role, so
//! that a pass reads only what changed since the one before.

pub(crate) mod oddities;
pub(crate) mod tree;

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::blobs::{Wanted, read_each};
use super::error::{ObserveError, aside};
use crate::git::{BlobProblem, EntryKind, Repository, TreeListing};
use crate::manifests::role::CONFIG_FILES;
use crate::manifests::yaml::MAX_BYTES;
use crate::manifests::{
    Diagnostic, Documents, Expansions, Loaded, Role, assemble, code, config_of, load, role_of,
};
use crate::model::repository_config::Paths;
use crate::model::{BlobId, CommitId, RepoPath};
use crate::plan::FileEntry;
use tree::{BlobTexts, Tree};

/// Reads commits one after the other and remembers what it parsed.
#[derive(Debug, Default)]
pub struct DocumentReader {
    known: HashMap<RepoPath, Known>,
    /// Results of matrices, which hang on folders too.
    expansions: Expansions,
    last: Option<Reading>,
}

#[derive(Debug)]
struct Known {
    blob: BlobId,
    role: Role,
    loaded: Arc<Loaded>,
}

/// What a commit holds.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The commit.
    pub commit: CommitId,
    /// Its documents.
    pub documents: Arc<Documents>,
    /// All its files.
    pub files: Arc<BTreeMap<RepoPath, FileEntry>>,
    /// How many files had to be parsed for it.
    pub parsed: usize,
}

impl DocumentReader {
    /// The documents of a commit. What cannot be read is in `problems`; only Git itself fails.
    pub async fn read(
        &mut self,
        repository: &Repository,
        commit: &CommitId,
    ) -> Result<Reading, ObserveError> {
        if let Some(last) = self.last.as_ref().filter(|last| last.commit == *commit) {
            return Ok(Reading {
                parsed: 0,
                ..last.clone()
            });
        }
        let listing = repository.tree(commit).await?;
        let mut batch = Batch::default();
        let settings = CONFIG_FILES.iter().filter_map(|name| name.parse().ok());
        let settings = settings.filter_map(|path: RepoPath| wanted(&listing, &path, Role::Config));
        self.load(repository, settings.collect(), &mut batch)
            .await?;
        let paths = paths_of(&batch);
        let documents = listing.entries.keys().filter_map(|path| {
            let role = role_of(path, &paths).filter(|role| *role != Role::Config)?;
            wanted(&listing, path, role)
        });
        self.load(repository, documents.collect(), &mut batch)
            .await?;
        batch.files.extend(oddities::of(&listing, &paths));
        let reading = self.assemble(repository, commit, listing, batch).await?;
        Ok(reading)
    }

    /// What is known of a file with this content, if it was parsed for the last commit read.
    pub(super) fn loaded(
        &self,
        path: &RepoPath,
        blob: &BlobId,
        role: Role,
    ) -> Option<&Arc<Loaded>> {
        let known = self.known.get(path)?;
        (known.blob == *blob && known.role == role).then_some(&known.loaded)
    }

    /// Adds the wanted files to the batch, parsing those that are not known.
    async fn load(
        &self,
        repository: &Repository,
        wanted: Vec<Wanted>,
        batch: &mut Batch,
    ) -> Result<(), ObserveError> {
        let mut unknown = Vec::new();
        for file in wanted {
            match self.loaded(&file.path, &file.blob, file.role) {
                Some(loaded) => batch.keep(file, Arc::clone(loaded)),
                None => unknown.push(file),
            }
        }
        batch.parsed += unknown.len();
        let loaded = read_each(
            repository,
            unknown,
            MAX_BYTES,
            |file, content| match content {
                Ok(bytes) => (Arc::new(parsed(file, bytes)), true),
                Err(problem) => (
                    Arc::new(unreadable(&file.path, problem)),
                    is_lasting(problem),
                ),
            },
        );
        for (file, (loaded, lasting)) in loaded.await? {
            if lasting {
                batch.keep(file, loaded);
            } else {
                batch.whole = false;
                batch.files.push((file.path, file.role, loaded));
            }
        }
        Ok(())
    }

    async fn assemble(
        &mut self,
        repository: &Repository,
        commit: &CommitId,
        listing: TreeListing,
        batch: Batch,
    ) -> Result<Reading, ObserveError> {
        let Batch {
            files,
            known,
            parsed,
            whole,
        } = batch;
        let mut expansions = std::mem::take(&mut self.expansions);
        let mut files = files;
        let tree = Tree::new(listing);
        let texts = BlobTexts::new(repository.clone(), Arc::clone(&tree.files));
        let (tree, documents, expansions) = aside(move || {
            expansions.carry_out(&mut files, &tree);
            let documents = assemble(files, &texts, &tree);
            (tree, documents, expansions)
        })
        .await?;
        self.expansions = expansions;
        self.known = known;
        let reading = Reading {
            commit: commit.clone(),
            documents: Arc::new(documents),
            files: tree.files,
            parsed,
        };
        self.last = whole.then(|| reading.clone());
        Ok(reading)
    }
}

/// Files on their way to become documents.
#[derive(Debug)]
struct Batch {
    files: Vec<(RepoPath, Role, Arc<Loaded>)>,
    known: HashMap<RepoPath, Known>,
    parsed: usize,
    /// Whether everything that Git names could be had; if not, the next pass looks again.
    whole: bool,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            known: HashMap::new(),
            parsed: 0,
            whole: true,
        }
    }
}

impl Batch {
    fn keep(&mut self, file: Wanted, loaded: Arc<Loaded>) {
        self.files
            .push((file.path.clone(), file.role, Arc::clone(&loaded)));
        let known = Known {
            blob: file.blob,
            role: file.role,
            loaded,
        };
        self.known.insert(file.path, known);
    }
}

fn wanted(listing: &TreeListing, path: &RepoPath, role: Role) -> Option<Wanted> {
    let entry = listing.entries.get(path)?;
    matches!(entry.kind, EntryKind::File | EntryKind::Executable).then(|| Wanted {
        path: path.clone(),
        blob: entry.blob.clone(),
        role,
    })
}

/// The folders that the settings name. Of two settings files the last by name counts, as it does when they are assembled.
fn paths_of(settings: &Batch) -> Paths {
    let mut files: Vec<_> = settings.files.iter().collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let mut configs = files.iter().filter_map(|(_, _, loaded)| config_of(loaded));
    configs.next_back().unwrap_or_default().spec.paths
}

/// A file parsed; one that makes the parser panic is broken like one that cannot be read.
fn parsed(file: &Wanted, bytes: &[u8]) -> Loaded {
    let parsing = AssertUnwindSafe(|| load(&file.path, bytes, file.role));
    catch_unwind(parsing).unwrap_or_else(|_| {
        broken(
            &file.path,
            "a bug in headwater stops the reading of this file",
        )
    })
}

fn unreadable(path: &RepoPath, problem: &BlobProblem) -> Loaded {
    let message = match problem {
        BlobProblem::TooLarge { bytes, limit } => {
            format!("the file has {bytes} bytes; at most {limit} are read")
        }
        other => other.to_string(),
    };
    broken(path, message)
}

fn broken(path: &RepoPath, message: impl Into<String>) -> Loaded {
    Loaded {
        problems: vec![Diagnostic::error(path, code::UNREADABLE, message)],
        unreadable: true,
        ..Loaded::default()
    }
}

/// Whether a problem belongs to the content itself, rather than to our copy of it.
fn is_lasting(problem: &BlobProblem) -> bool {
    matches!(
        problem,
        BlobProblem::TooLarge { .. } | BlobProblem::NotABlob
    )
}
