//! Commits of the work tree's branch that the base does not have yet: what is pushed past them meets them at the next pull.

use crate::cli::engine::{Engine, edge};
use crate::cli::{CliError, Context};
use crate::git::{GitError, Repository, WorkTree};
use crate::model::{CommitId, RepoPath};

/// So many commits are looked through for one that the base has.
const MOST_COMMITS: usize = 1000;

/// What a work tree's branch has and the base has not.
pub(in crate::cli) struct Unpushed {
    /// The newest commit.
    pub(in crate::cli) head: CommitId,
    /// Files that it holds otherwise than the last commit that both have, sorted.
    pub(in crate::cli) paths: Vec<RepoPath>,
}

/// What the branch of a work tree has and the base has not; `None` where it has nothing of its own, or nothing in common
/// with the base.
pub(in crate::cli) async fn unpushed(
    context: &Context,
    engine: &Engine,
    tree: &WorkTree,
    base: &CommitId,
) -> Result<Option<Unpushed>, CliError> {
    let fail = |e: GitError| edge(&e);
    let Some(head) = tree.head().map_err(fail)? else {
        return Ok(None);
    };
    let is_on_base = async |id: &CommitId| engine.git.is_ancestor(id, base).await.map_err(fail);
    if is_on_base(&head).await? {
        return Ok(None);
    }
    let root = tree.root().display().to_string();
    let local = Repository::open(&root, &context.settings().git, true).map_err(fail)?;
    let mut start = head.clone();
    for _ in 0..MOST_COMMITS {
        let parents = local.commit_info(&start).await.map_err(fail)?.parents;
        for parent in &parents {
            if is_on_base(parent).await? {
                let changes = local.changes(Some(parent), &head).await.map_err(fail)?;
                let paths = changes.into_iter().map(|change| change.path).collect();
                return Ok(Some(Unpushed { head, paths }));
            }
        }
        let Some(first) = parents.into_iter().next() else {
            break;
        };
        start = first;
    }
    Ok(None)
}
