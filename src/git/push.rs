//! Pushing over HTTP as compare-and-swap, and reading a server's answer for what it is: done, lost, or refused.

use std::cell::RefCell;
use std::collections::BTreeMap;

use git2::{ErrorClass, ErrorCode, Oid, PushOptions, RemoteCallbacks, Repository};
use tokio::runtime::Handle;

use super::checked_out::Checkouts;
use super::error::{GitError, clean};
use super::hooks;
use super::local::{oid, update_refs};
use super::read::commit_id;
use super::remote::{Remote, is_ours};
use super::types::{PushOutcome, PushResult, RefUpdate};

/// The words of servers (Git itself, GitHub, GitLab, Gitea, libgit2) for: somebody was faster.
const LOST: [&str; 10] = [
    "cannot lock ref",
    "failed to update ref",
    "failed to lock",
    "unable to lock ref",
    "incorrect old value provided",
    "reference already exists",
    "fetch first",
    "stale info",
    "expected old value",
    "ref updated since",
];
const MAX_MESSAGE: usize = 600;
const MAX_SIDEBAND: usize = 16 << 10;

/// Moves refs of the remote, each only if it is where it is expected; those that are not are `Lost` and hinder no other.
pub(super) fn push(
    remote: &Remote,
    repository: &Repository,
    updates: &[RefUpdate],
    runtime: &Handle,
) -> Result<Vec<PushOutcome>, GitError> {
    check_updates(repository, updates)?;
    if let Remote::File(path) = remote {
        let target =
            Repository::open(path).map_err(|error| GitError::libgit2(&remote.shown(), &error))?;
        return match hooks::refused(&target, updates, Checkouts::AsConfigured)? {
            Some(refused) => Ok(refused),
            None => update_refs(repository, &target, updates, Checkouts::AsConfigured),
        };
    }
    let mut results: BTreeMap<String, PushResult> = BTreeMap::new();
    let mut left: Vec<&RefUpdate> = updates.iter().collect();
    while !left.is_empty() {
        match push_once(remote, repository, &left, runtime)? {
            Round::Stale(stale) if stale.is_empty() => {
                return Err(GitError::Invalid(
                    "the push stopped without a reason".to_owned(),
                ));
            }
            Round::Stale(stale) => {
                left.retain(|update| !stale.contains_key(&update.name));
                for (name, found) in stale {
                    results.insert(name, PushResult::Lost { found });
                }
            }
            Round::Answered(mut answers) => {
                overtaken(&mut answers, &left, remote, repository, runtime);
                results.extend(answers);
                break;
            }
        }
    }
    updates
        .iter()
        .map(|update| {
            let result = results
                .remove(&update.name)
                .ok_or_else(|| GitError::Network {
                    location: remote.shown(),
                    message: format!("it did not say what became of `{}`", update.name),
                })?;
            Ok(PushOutcome {
                name: update.name.clone(),
                result,
            })
        })
        .collect()
}

/// A refused ref that is not where it was expected any more was overtaken, whatever words the server has for that. Where nobody
/// can look, its words stand.
fn overtaken(
    answers: &mut BTreeMap<String, PushResult>,
    updates: &[&RefUpdate],
    remote: &Remote,
    repository: &Repository,
    runtime: &Handle,
) {
    let is_refused = |answer: &PushResult| matches!(answer, PushResult::Refused { .. });
    if !answers.values().any(is_refused) {
        return;
    }
    let Ok(there) = remote.refs(repository, runtime) else {
        return;
    };
    for update in updates {
        let found = there.get(&update.name).copied().map(commit_id).transpose();
        let Ok(found) = found else { continue };
        let moved = found.as_ref() != update.expect.as_ref();
        if let Some(answer) = answers.get_mut(&update.name).filter(|a| is_refused(a))
            && moved
        {
            *answer = PushResult::Lost { found };
        }
    }
}

/// Refuses what makes no sense before anything is sent.
pub(super) fn check_updates(
    repository: &Repository,
    updates: &[RefUpdate],
) -> Result<(), GitError> {
    let mut seen = std::collections::BTreeSet::new();
    for update in updates {
        if !is_ours(&update.name) || !git2::Reference::is_valid_name(&update.name) {
            return Err(GitError::Invalid(format!(
                "`{}` is not a ref below `refs/heads/` or `refs/headwater/`",
                clean(&update.name, 200)
            )));
        }
        if !seen.insert(&update.name) {
            return Err(GitError::Invalid(format!(
                "`{}` is pushed twice",
                update.name
            )));
        }
        if let Some(new) = &update.new {
            repository.find_commit(oid(new)?).map_err(|_| {
                GitError::NotFound(format!("commit `{new}` is not here to be pushed"))
            })?;
        }
    }
    Ok(())
}

enum Round {
    /// Nothing was sent: these refs are not where they were expected.
    Stale(BTreeMap<String, Option<crate::model::CommitId>>),
    /// What the server says about each ref.
    Answered(BTreeMap<String, PushResult>),
}

fn push_once(
    remote: &Remote,
    repository: &Repository,
    updates: &[&RefUpdate],
    runtime: &Handle,
) -> Result<Round, GitError> {
    let expected = expectations(updates)?;
    let stale: RefCell<BTreeMap<String, Oid>> = RefCell::default();
    let answers: RefCell<BTreeMap<String, Option<String>>> = RefCell::default();
    let said: RefCell<Vec<u8>> = RefCell::default();
    let lacking: RefCell<Option<String>> = RefCell::default();
    let specs: Vec<String> = updates
        .iter()
        .map(|update| match &update.new {
            // The lease is what guards the ref, so the fast-forward rule of the client would only stand in the way.
            Some(new) => format!("+{new}:{}", update.name),
            None => format!(":{}", update.name),
        })
        .collect();
    let sent = remote.talk(runtime, |address| {
        let mut callbacks = RemoteCallbacks::new();
        callbacks
            .push_negotiation(|offered| {
                for update in offered {
                    let name = update.dst_refname()?;
                    if expected.get(name) != Some(&update.src()) {
                        stale.borrow_mut().insert(name.to_owned(), update.src());
                    }
                }
                if stale.borrow().is_empty() {
                    Ok(())
                } else {
                    Err(git2::Error::from_str("a ref is not where it was expected"))
                }
            })
            .push_update_reference(|name, problem| {
                let problem = problem.map(str::to_owned);
                answers.borrow_mut().insert(name.to_owned(), problem);
                Ok(())
            })
            .sideband_progress(|text| {
                let mut said = said.borrow_mut();
                let room = MAX_SIDEBAND.saturating_sub(said.len());
                said.extend_from_slice(&text[..text.len().min(room)]);
                true
            });
        let mut options = PushOptions::new();
        options.remote_callbacks(callbacks);
        let mut anonymous = repository.remote_anonymous(address)?;
        anonymous
            .push(&specs, Some(&mut options))
            .inspect_err(|error| {
                if (error.class(), error.code()) == (ErrorClass::Odb, ErrorCode::NotFound) {
                    *lacking.borrow_mut() = Some(clean(error.message(), MAX_MESSAGE));
                }
            })
    });
    let stale = stale.into_inner();
    if !stale.is_empty() {
        return found_by_name(stale).map(Round::Stale);
    }
    let answers = answers.into_inner();
    if answers.is_empty() {
        sent.map_err(|error| damage(error, lacking.into_inner(), repository))?;
    }
    let said = String::from_utf8_lossy(&said.into_inner()).into_owned();
    Ok(Round::Answered(
        answers
            .into_iter()
            .map(|(name, problem)| {
                let result = problem.map_or(PushResult::Done, |text| classify(&text, &said));
                (name, result)
            })
            .collect(),
    ))
}

/// What a commit of ours names and our own copy lacks is our damage, and nothing that the server has not found.
fn damage(error: GitError, lacking: Option<String>, repository: &Repository) -> GitError {
    match lacking {
        Some(message) if matches!(error, GitError::NotFound(_)) => GitError::Corrupt {
            location: repository.path().display().to_string(),
            message,
        },
        _ => error,
    }
}

fn expectations(updates: &[&RefUpdate]) -> Result<BTreeMap<String, Oid>, GitError> {
    updates
        .iter()
        .map(|update| {
            let expect = update.expect.as_ref().map(oid).transpose()?;
            Ok((update.name.clone(), expect.unwrap_or(Oid::ZERO_SHA1)))
        })
        .collect()
}

fn found_by_name(
    stale: BTreeMap<String, Oid>,
) -> Result<BTreeMap<String, Option<crate::model::CommitId>>, GitError> {
    stale
        .into_iter()
        .map(|(name, found)| {
            let found = (!found.is_zero()).then_some(found);
            Ok((name, found.map(commit_id).transpose()?))
        })
        .collect()
}

/// What a server's refusal of one ref means. `said` is what it told beside it (a hook's own words).
fn classify(status: &str, said: &str) -> PushResult {
    let lower = status.to_ascii_lowercase();
    // A branch `a` in the way of `a/b` is no race: it would be lost for ever.
    let blocked = lower.contains("cannot create");
    if !blocked && LOST.iter().any(|words| lower.contains(words)) {
        return PushResult::Lost { found: None };
    }
    let status = clean(status, MAX_MESSAGE);
    let said = clean(said, MAX_MESSAGE);
    PushResult::Refused {
        message: match (status.is_empty(), said.is_empty()) {
            (_, true) => status,
            (true, false) => said,
            (false, false) => format!("{status}: {said}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_race_is_told_from_a_refusal() {
        for lost in [
            "failed to update ref",
            "cannot lock ref 'refs/heads/main': is at 1 but expected 2",
            "incorrect old value provided",
            "fetch first",
            "stale info",
            "reference already exists",
        ] {
            assert_eq!(
                classify(lost, ""),
                PushResult::Lost { found: None },
                "{lost}"
            );
        }
        for refused in [
            "pre-receive hook declined",
            "protected branch hook declined",
            "deny updating a hidden ref",
            "branch is currently checked out",
            "cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists; cannot create 'refs/heads/a/b'",
            "non-fast-forward",
        ] {
            assert!(
                matches!(classify(refused, "GH006: no"), PushResult::Refused { message } if message.contains("GH006")),
                "{refused}"
            );
        }
    }
}
