//! Where verbs that only look at files read them: the work tree as it lies there, a plain folder, the base of a remote, or
//! the base as it was.

mod at;
mod files;
mod look;
mod pick;

use std::path::Path;

pub(super) use files::{Files, Lookup};
pub(super) use look::Looked;
pub(super) use pick::{Asked, Part, Thing};

use super::args::{At, Repository as Place};
use super::{CliError, Context, engine};
use crate::git::{CommitInfo, Fetched, GitError, Repository, WorkTree};
use crate::model::{CommitId, Timestamp};
use crate::reconciler::ObserveError;

/// What was read, and where.
pub(super) struct Read {
    /// The files.
    pub(super) files: Files,
    /// Where they are.
    pub(super) origin: Origin,
}

/// Where files were read.
pub(super) enum Origin {
    /// On disk.
    Disk(WorkTree),
    /// In a commit; with the past where that was asked for by `--at`.
    Commit {
        /// The repository.
        repository: Repository,
        /// The commit.
        commit: CommitId,
        /// The past, if it is not the present.
        asked: Option<Past>,
    },
}

/// The past that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Past {
    /// The commit that stood then.
    pub(super) commit: Box<CommitInfo>,
    /// The instant: the commit's own, where that was named.
    pub(super) instant: Timestamp,
}

/// Reads the files that `--repo` names, or those of the base as it was.
///
/// # Errors
/// When there is nothing to read.
pub(super) async fn read(context: &Context, at: Option<&At>) -> Result<Read, CliError> {
    let tree = match &context.globals.repository {
        Place::Path(path) => work_tree(path)?,
        Place::Url(_) => None,
    };
    if let Some(at) = at {
        return at::read(context, tree.as_ref(), at).await;
    }
    if let Some(tree) = tree {
        let read = tree.clone();
        let files = tokio::task::spawn_blocking(move || Files::of_work_tree(read)).await;
        let files = files.map_err(|e| CliError::failed(format!("reading stopped: {e}")))?;
        return Ok(Read {
            files: files.map_err(|e| engine::edge(&e))?,
            origin: Origin::Disk(tree),
        });
    }
    let (repository, _, head) = base(context, context.globals.local).await?;
    of_commit(repository, head, None).await
}

/// The base: its repository, what a fetch found, and its head.
async fn base(context: &Context, local: bool) -> Result<(Repository, Fetched, CommitId), CliError> {
    let location = context.globals.repository.location();
    let repository = engine::repository(context.settings(), &location, local)?;
    let fetched = repository.fetch().await;
    let fetched = fetched.map_err(|e| engine::unobserved(&e.into()))?;
    let Some(head) = fetched.base.clone() else {
        let empty = ObserveError::Empty(repository.describe());
        return Err(engine::unobserved(&empty));
    };
    Ok((repository, fetched, head))
}

async fn of_commit(
    repository: Repository,
    commit: CommitId,
    asked: Option<Past>,
) -> Result<Read, CliError> {
    let files = Files::of_commit(&repository, &commit).await;
    Ok(Read {
        files: files.map_err(|e| engine::edge(&e))?,
        origin: Origin::Commit {
            repository,
            commit,
            asked,
        },
    })
}

/// The checkout at a path; without any Git the folder itself; `None` for a bare repository.
fn work_tree(path: &Path) -> Result<Option<WorkTree>, CliError> {
    if is_bare(path) {
        return Ok(None);
    }
    match WorkTree::discover(path) {
        Ok(tree) => Ok(Some(tree)),
        Err(GitError::NotFound(_)) if path.is_dir() => {
            let folder = WorkTree::folder(path).map_err(|e| engine::unopened(&e))?;
            Ok(Some(folder))
        }
        Err(error) => Err(engine::unopened(&error)),
    }
}

/// Whether a folder is a repository without a work tree.
pub(super) fn is_bare(path: &Path) -> bool {
    path.join("HEAD").is_file() && path.join("objects").is_dir()
}
