//! An approved pull request merged as one squash commit, on the base it was checked on.

use super::{Applier, Done, Ended, forge_ended};
use crate::forge::{MergeMethod, Merging};
use crate::model::{CommitId, Timestamp};

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
        Err(error) => forge_ended(&format!("merge pull request {id}"), &error),
    }
}
