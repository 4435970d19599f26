//! An approved pull request merged as one squash commit, on the base it was checked on.

use super::{Applier, Done, Ended, Refusal, forge_ended};
use crate::forge::{ForgeError, MergeMethod, Merging};
use crate::model::{CommitId, Timestamp};
use crate::plan::refusal::merge_id;

pub(super) async fn run(
    applier: &Applier,
    id: &str,
    head: &CommitId,
    base: &CommitId,
    message: &str,
    time: Timestamp,
) -> Ended {
    let merging = Merging {
        head: head.clone(),
        base: base.clone(),
        method: MergeMethod::Squash,
        message: message.to_owned(),
        author: applier.committer.clone(),
        now: time,
    };
    match applier.forge.merge(id, merging).await {
        Ok(merged) => Ended::Done(Done::Merged {
            id: id.to_owned(),
            commit: merged.commit,
        }),
        Err(error) => {
            let ended = forge_ended(&format!("merge pull request {id}"), &error);
            blocked(ended, &error, id, head)
        }
    }
}

/// Asked again after growing waits: what is missing may take days.
pub(super) fn blocked(ended: Ended, error: &ForgeError, id: &str, head: &CommitId) -> Ended {
    match ended {
        Ended::Refused(refusal) if is_blocked(error) => Ended::Refused(Refusal {
            changes: vec![merge_id(id, head)],
            ..refusal
        }),
        other => other,
    }
}

/// Whether the forge would merge it, were it not for something that is missing.
fn is_blocked(error: &ForgeError) -> bool {
    matches!(
        error,
        ForgeError::Api {
            reason: "NotMergeable",
            ..
        }
    )
}
