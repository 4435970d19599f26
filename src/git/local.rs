//! Compare-and-swap of refs on this disk. libgit2's own local push checks nothing, so it is not used: missing objects are
//! copied first, then each ref is locked, compared and moved.

use std::time::{Duration, Instant};

use git2::{ErrorCode, Oid, Repository};

use super::checked_out::{Along, Checkouts, bring_along};
use super::copy::Copier;
use super::error::GitError;
use super::push::check_updates;
use super::read::commit_id;
use super::types::{PushOutcome, PushResult, RefUpdate};

/// How long to wait for another process that holds a ref's lock.
const REF_WAIT: Duration = Duration::from_secs(5);

/// Moves refs of `target`, each by itself; new commits come from `source` unless it is the same repository.
pub(super) fn update_refs(
    source: &Repository,
    target: &Repository,
    updates: &[RefUpdate],
    checkouts: Checkouts,
) -> Result<Vec<PushOutcome>, GitError> {
    check_updates(source, updates)?;
    let shown = target.path().display().to_string();
    let fail = |error: git2::Error| GitError::libgit2(&shown, &error);
    let mut copier = Copier::new(source, target).map_err(fail)?;
    for new in updates.iter().filter_map(|update| update.new.as_ref()) {
        copier.history(oid(new)?).map_err(fail)?;
    }
    copier.finish().map_err(fail)?;
    let mut outcomes = Vec::new();
    for update in updates {
        let new = update.new.as_ref().map(oid).transpose()?;
        outcomes.push(PushOutcome {
            name: update.name.clone(),
            result: swap(target, update, new, checkouts)?,
        });
    }
    Ok(outcomes)
}

/// A checked id in libgit2's form.
pub(super) fn oid(id: &crate::model::CommitId) -> Result<Oid, GitError> {
    Oid::from_str(id.as_str()).map_err(|_| GitError::Invalid(format!("`{id}` is not a commit id")))
}

fn swap(
    target: &Repository,
    update: &RefUpdate,
    new: Option<Oid>,
    checkouts: Checkouts,
) -> Result<PushResult, GitError> {
    let shown = target.path().display().to_string();
    let fail = |error: git2::Error| GitError::libgit2(&shown, &error);
    let start = Instant::now();
    let mut transaction = loop {
        let mut transaction = target.transaction().map_err(fail)?;
        match transaction.lock_ref(&update.name) {
            Ok(()) => break transaction,
            Err(error) if error.code() == ErrorCode::Locked && start.elapsed() < REF_WAIT => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) if error.code() == ErrorCode::Locked => {
                return Err(GitError::Locked(format!(
                    "`{shown}{}.lock` has been there for {} seconds; remove it if no other Git command runs",
                    update.name,
                    REF_WAIT.as_secs()
                )));
            }
            Err(error) => return Err(fail(error)),
        }
    };
    let found = match target.refname_to_id(&update.name) {
        Ok(id) => Some(id),
        Err(error) if error.code() == ErrorCode::NotFound => None,
        Err(error) => return Err(fail(error)),
    };
    if found != update.expect.as_ref().map(oid).transpose()? {
        let found = found.map(commit_id).transpose()?;
        return Ok(PushResult::Lost { found });
    }
    let along = match bring_along(target, &update.name, new, checkouts)? {
        Along::Refused(refused) => return Ok(refused),
        Along::Nobody => None,
        Along::Moved(moved) => Some(moved),
    };
    let moved = match new {
        Some(new) => transaction.set_target(&update.name, new, None, "headwater"),
        None if found.is_none() => return Ok(PushResult::Done),
        None => transaction.remove(&update.name),
    }
    .and_then(|()| transaction.commit());
    match (moved, along) {
        (Ok(()), along) => {
            if let Some(along) = along {
                along.finish();
            }
            Ok(PushResult::Done)
        }
        (Err(error), along) => {
            if let Some(along) = along {
                along.undo();
            }
            Err(fail(error))
        }
    }
}
