//! A branch put to a new commit by compare-and-swap. Finding the branch at that very commit already is success: an
//! earlier try of ours came that far.

use crate::git::{GitError, PushResult, RefUpdate, Repository};
use crate::model::CommitId;

/// How a push of one ref ended.
pub(super) enum Pushed {
    Done,
    Lost,
    Refused(String),
}

pub(super) async fn push(
    git: &Repository,
    name: &str,
    expect: Option<&CommitId>,
    new: &CommitId,
) -> Result<Pushed, GitError> {
    let update = RefUpdate {
        name: name.to_owned(),
        expect: expect.cloned(),
        new: Some(new.clone()),
    };
    let outcome = git
        .push(vec![update])
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
