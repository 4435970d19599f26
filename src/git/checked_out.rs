//! Moving a branch that somebody has checked out: index and files go along where nobody has changed them, as Git's own
//! `receive.denyCurrentBranch = updateInstead` does, or the move is refused. They never stay behind unseen.

use std::collections::BTreeSet;

use git2::build::CheckoutBuilder;
use git2::{CheckoutNotificationType, ErrorCode, Oid, Repository, Tree};

use super::error::{GitError, clean};
use super::types::PushResult;

/// No more changed paths than this are named.
const NAMED: usize = 3;

/// What becomes of a checkout whose branch moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checkouts {
    /// They go along: the repository is used in place.
    GoAlong,
    /// Whoever moves the branch brings them along.
    InOurHands,
    /// As the repository's `receive.denyCurrentBranch` says, which refuses unless it says otherwise.
    AsConfigured,
}

enum Rule {
    GoAlong,
    Leave,
    Refuse,
}

/// Brings the checkout of the branch `name` to `new`, before the branch itself moves: a crash in between leaves changes that
/// are staged, and not ones that take the commit back. Tells what stands in the way, having touched nothing then.
pub(super) fn bring_along(
    target: &Repository,
    name: &str,
    new: Option<Oid>,
    checkouts: Checkouts,
) -> Result<Option<PushResult>, GitError> {
    let shown = target.path().display().to_string();
    let fail = |error: git2::Error| GitError::libgit2(&shown, &error);
    let Some(checkout) = checkout_of(target, name).map_err(fail)? else {
        return Ok(None);
    };
    let folder = checkout.workdir().unwrap_or_else(|| checkout.path());
    let folder = clean(&folder.display().to_string(), 300);
    let branch = name.strip_prefix("refs/heads/").unwrap_or(name);
    let rule = match checkouts {
        Checkouts::GoAlong => Rule::GoAlong,
        Checkouts::InOurHands => Rule::Leave,
        Checkouts::AsConfigured => configured(target).map_err(fail)?,
    };
    let message = match (rule, new) {
        (Rule::Leave, _) => return Ok(None),
        (_, None) => format!("`{branch}` is checked out in `{folder}`, so it is not deleted"),
        (Rule::Refuse, _) => format!(
            "`{branch}` is checked out in `{folder}`: push to a bare repository, or let `git config receive.denyCurrentBranch updateInstead` there bring its files along"
        ),
        (Rule::GoAlong, Some(new)) => match in_the_way(&checkout, new).map_err(fail)? {
            changed if changed.is_empty() => return Ok(None),
            changed => format!(
                "{} in `{folder}` {} not committed: commit or stash, and run again",
                listed(&changed),
                if changed.len() == 1 { "is" } else { "are" }
            ),
        },
    };
    Ok(Some(PushResult::Refused { message }))
}

/// The checkout, the repository's own or a linked one, that is on this branch.
fn checkout_of(target: &Repository, name: &str) -> Result<Option<Repository>, git2::Error> {
    let is_on = |repository: &Repository| {
        let head = repository.find_reference("HEAD").ok();
        let on = head.and_then(|head| head.symbolic_target().ok().flatten().map(str::to_owned));
        !repository.is_bare() && on.as_deref() == Some(name)
    };
    let mut places = vec![Repository::open(target.path())?];
    if target.is_worktree() {
        places.push(Repository::open(target.commondir())?);
    }
    for linked in target.worktrees()?.iter() {
        // One whose folder is gone has no files that could stay behind.
        let opened = linked.ok().flatten().and_then(|linked| {
            let tree = target.find_worktree(linked).ok()?;
            Repository::open_from_worktree(&tree).ok()
        });
        places.extend(opened);
    }
    Ok(places.into_iter().find(is_on))
}

fn configured(target: &Repository) -> Result<Rule, git2::Error> {
    let said = match target.config()?.get_string("receive.denyCurrentBranch") {
        Ok(said) => said.to_ascii_lowercase(),
        Err(error) if error.code() == ErrorCode::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    Ok(match said.as_str() {
        "updateinstead" => Rule::GoAlong,
        "ignore" | "warn" | "false" | "no" | "off" | "0" => Rule::Leave,
        _ => Rule::Refuse,
    })
}

/// Paths that somebody changed and the commit changes too; with none, index and files are at `new` afterwards.
fn in_the_way(checkout: &Repository, new: Oid) -> Result<BTreeSet<String>, git2::Error> {
    let new = checkout.find_commit(new)?.tree()?;
    let mut changed = staged(checkout, &new)?;
    if !changed.is_empty() {
        return Ok(changed);
    }
    let mut options = CheckoutBuilder::new();
    options
        .safe()
        .notify_on(CheckoutNotificationType::CONFLICT)
        .notify(|_, path, _, _, _| {
            changed.extend(path.map(|path| path.display().to_string()));
            true
        });
    let done = checkout.checkout_tree(new.as_object(), Some(&mut options));
    drop(options);
    match done {
        Err(error) if error.code() != ErrorCode::Conflict || changed.is_empty() => Err(error),
        _ => Ok(changed),
    }
}

/// Paths staged as something that neither the branch nor `new` has, and that `new` changes.
fn staged(checkout: &Repository, new: &Tree<'_>) -> Result<BTreeSet<String>, git2::Error> {
    let old = match checkout.head() {
        Ok(head) => Some(head.peel_to_tree()?),
        Err(error) if error.code() == ErrorCode::UnbornBranch => None,
        Err(error) => return Err(error),
    };
    let paths = |diff: &git2::Diff<'_>| -> BTreeSet<String> {
        let both = diff
            .deltas()
            .flat_map(|delta| [delta.old_file().path(), delta.new_file().path()]);
        both.flatten()
            .map(|path| path.display().to_string())
            .collect()
    };
    let changes = paths(&checkout.diff_tree_to_tree(old.as_ref(), Some(new), None)?);
    let from_old = paths(&checkout.diff_tree_to_index(old.as_ref(), None, None)?);
    let from_new = paths(&checkout.diff_tree_to_index(Some(new), None, None)?);
    Ok(changes
        .into_iter()
        .filter(|path| from_old.contains(path) && from_new.contains(path))
        .collect())
}

fn listed(paths: &BTreeSet<String>) -> String {
    let named = paths.iter().take(NAMED);
    let named: Vec<String> = named
        .map(|path| format!("`{}`", clean(path, 200)))
        .collect();
    let named = named.join(", ");
    match paths.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
