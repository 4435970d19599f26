//! The base as it was at a commit or at an instant, read from Git objects.

use super::{Origin, Past, Read, base, of_commit};
use crate::cli::args::At;
use crate::cli::engine::edge;
use crate::cli::{CliError, Context, Exit};
use crate::git::{CommitInfo, GitError, Repository, Stood, WorkTree};
use crate::model::{CommitId, Timestamp};

/// Reads the files of the base at that time. A work tree without a remote is its own base here: nothing is written.
pub(super) async fn read(
    context: &Context,
    tree: Option<&WorkTree>,
    at: &At,
) -> Result<Read, CliError> {
    let mut local = context.globals.local;
    if let Some(tree) = tree {
        local |= !tree.has_remote().map_err(|e| no_past(&e))?;
    }
    let (repository, fetched, head) = base(context, local).await?;
    let branch = fetched.base_branch.as_str();
    let (commit, instant) = match at {
        At::Commit(digits) => {
            let found = repository.commit_by_prefix(digits).await;
            let commit = on_base(&repository, &head, branch, found).await?;
            let instant = commit.commit_time;
            (commit, instant)
        }
        At::Before(text) => {
            let found = repository.commit_before(&head, text).await;
            let commit = on_base(&repository, &head, branch, found).await?;
            let instant = commit.commit_time;
            (commit, instant)
        }
        At::Instant(instant) => {
            let instant = instant.resolve(context.now(), context.out.zone())?;
            let shown = |at: Timestamp| context.out.zone().day(at, context.now());
            let commit = by_instant(&repository, &head, branch, instant, &shown).await?;
            (commit, instant)
        }
    };
    let past = Past {
        commit: Box::new(commit.clone()),
        instant,
    };
    of_commit(repository, commit.id, Some(past)).await
}

async fn on_base(
    repository: &Repository,
    head: &CommitId,
    branch: &str,
    found: Result<CommitInfo, GitError>,
) -> Result<CommitInfo, CliError> {
    let commit = found.map_err(|error| match error {
        GitError::NotFound(_) | GitError::Invalid(_) => {
            let error = CliError::from_error(Exit::Usage, &error);
            error.help(format!("name a commit of {branch}, or an instant"))
        }
        other => edge(&other),
    })?;
    let is_on_base = repository.is_ancestor(&commit.id, head).await;
    if !is_on_base.map_err(|e| edge(&e))? {
        let message = format!("commit {} is not on {branch}", commit.id.short());
        return Err(CliError::usage(message).help(format!("name a commit of {branch}")));
    }
    Ok(commit)
}

async fn by_instant(
    repository: &Repository,
    head: &CommitId,
    branch: &str,
    instant: Timestamp,
    time: &(dyn Fn(Timestamp) -> String + Sync),
) -> Result<CommitInfo, CliError> {
    let stood = repository.stood_at(head, instant).await;
    let shown = |commit: &CommitInfo| {
        let time = time(commit.commit_time);
        format!("{} of {time}", commit.id.short())
    };
    match stood.map_err(|e| edge(&e))? {
        Stood::At(commit) => Ok(commit),
        Stood::Before(first) => Err(CliError::usage(format!(
            "{branch} is not that old: its first commit is {}",
            shown(&first)
        ))),
        Stood::Cut(oldest) => Err(CliError::failed(format!(
            "the history of {branch} is cut; the oldest commit that is here is {}",
            shown(&oldest)
        ))
        .help("fetch all of it: `git fetch --unshallow`")),
    }
}

/// A folder without Git has no past.
fn no_past(error: &GitError) -> CliError {
    match error {
        GitError::NotFound(_) => CliError::usage("a folder without Git has no past to look at")
            .help("leave --at out, or name a repository with --repo"),
        other => edge(other),
    }
}

impl Origin {
    /// The past that `--at` led to.
    pub(in crate::cli) const fn asked(&self) -> Option<&Past> {
        match self {
            Self::Commit { asked, .. } => asked.as_ref(),
            Self::Disk(_) => None,
        }
    }
}
