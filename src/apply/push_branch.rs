//! A branch put to a new commit by compare-and-swap. Finding the branch at that very commit already is success: an
//! earlier try of ours came that far.

use super::{Applier, by_forge};
use crate::forge::ForgeError;
use crate::git::{GitError, PushResult, RefUpdate, Repository};
use crate::model::{CommitId, Timestamp};
use crate::plan::effect::CommitContent;

/// How a push of one ref ended.
pub(super) enum Pushed {
    Done,
    Lost,
    Refused(String),
}

/// A commit of ours as the head of a branch of ours.
pub(super) async fn put(
    applier: &Applier,
    branch: &str,
    expect: Option<&CommitId>,
    (start, content): (&CommitId, &CommitContent),
    time: Timestamp,
) -> Result<Pushed, ForgeError> {
    if applier.forge_commits {
        return by_forge::on_branch(applier, branch, expect, (start, content), time).await;
    }
    let commit = applier.write(start, content, time).await?;
    let name = format!("refs/heads/{branch}");
    Ok(push(&applier.git, &name, expect, &commit).await?)
}

pub(super) async fn push(
    git: &Repository,
    name: &str,
    expect: Option<&CommitId>,
    new: &CommitId,
) -> Result<Pushed, GitError> {
    push_all(git, name, expect, new, None).await
}

/// The same, with another ref moved in the same push: what becomes of that one is no matter.
pub(super) async fn push_with(
    git: &Repository,
    name: &str,
    expect: Option<&CommitId>,
    new: &CommitId,
    also: RefUpdate,
) -> Result<Pushed, GitError> {
    push_all(git, name, expect, new, Some(also)).await
}

async fn push_all(
    git: &Repository,
    name: &str,
    expect: Option<&CommitId>,
    new: &CommitId,
    also: Option<RefUpdate>,
) -> Result<Pushed, GitError> {
    let update = RefUpdate {
        name: name.to_owned(),
        expect: expect.cloned(),
        new: Some(new.clone()),
    };
    let updates = std::iter::once(update).chain(also);
    let outcome = git
        .push(updates.collect())
        .await?
        .into_iter()
        .find(|o| o.name == name);
    Ok(match outcome.map(|o| o.result) {
        Some(PushResult::Done) => Pushed::Done,
        Some(PushResult::Lost { found }) if found.as_ref() == Some(new) => Pushed::Done,
        Some(PushResult::Lost { .. }) | None => Pushed::Lost,
        Some(PushResult::Refused { message }) => Pushed::Refused(message),
    })
}
