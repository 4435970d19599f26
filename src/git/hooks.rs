//! Hooks of a repository on this disk that may refuse a push. No process is started here, so none of them can run, and a
//! push that would pass one by is refused instead.

use std::path::{Path, PathBuf};

use git2::{ConfigLevel, Repository};

use super::checked_out::Checkouts;
use super::error::GitError;
use super::types::{PushOutcome, PushResult, RefUpdate};

/// Hooks that a push has to pass.
const OF_PUSHES: [&str; 3] = ["pre-receive", "update", "proc-receive"];

/// The hook that every move of a ref has to pass, also in a work tree.
const OF_REFS: &str = "reference-transaction";

/// What becomes of the updates if a hook is in their way.
pub(super) fn refused(
    target: &Repository,
    updates: &[RefUpdate],
    checkouts: Checkouts,
) -> Result<Option<Vec<PushOutcome>>, GitError> {
    let Some(hook) = in_the_way(target, checkouts)? else {
        return Ok(None);
    };
    let result = PushResult::Refused {
        message: format!(
            "the repository has the hook `{hook}`, which a push to a folder cannot run; use its https address"
        ),
    };
    let outcome = |update: &RefUpdate| PushOutcome {
        name: update.name.clone(),
        result: result.clone(),
    };
    Ok(Some(updates.iter().map(outcome).collect()))
}

fn in_the_way(target: &Repository, checkouts: Checkouts) -> Result<Option<&'static str>, GitError> {
    let folder = folder(target)?;
    // Into a work tree used in place nothing is pushed: its refs only move.
    let is_push = target.is_bare() || checkouts == Checkouts::AsConfigured;
    let pushed = OF_PUSHES.iter().filter(|_| is_push);
    let mut hooks = pushed.chain(std::iter::once(&OF_REFS));
    Ok(hooks.find(|hook| runs(&folder.join(hook))).copied())
}

/// Where the hooks are: as the repository's own configuration says, else in its `hooks` folder.
fn folder(target: &Repository) -> Result<PathBuf, GitError> {
    let shown = target.path().display().to_string();
    let fail = |error: git2::Error| GitError::libgit2(&shown, &error);
    let config = target.config().map_err(fail)?;
    let own = config.open_level(ConfigLevel::Local);
    let said = own.and_then(|own| own.get_path("core.hooksPath"));
    match said {
        // A relative one counts from where Git runs them.
        Ok(path) => Ok(target.workdir().unwrap_or_else(|| target.path()).join(path)),
        Err(error) if error.code() == git2::ErrorCode::NotFound => {
            Ok(target.commondir().join("hooks"))
        }
        Err(error) => Err(fail(error)),
    }
}

#[cfg(unix)]
fn runs(hook: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(hook).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn runs(hook: &Path) -> bool {
    hook.is_file()
}
