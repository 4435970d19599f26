//! An approved pull request added to the merge queue of the base, which merges it.

use super::merge_pull_request::blocked;
use super::{Applier, Done, Ended, forge_ended};
use crate::model::CommitId;

pub(super) async fn run(applier: &Applier, id: &str, head: &CommitId) -> Ended {
    match applier.forge.enqueue(id, head).await {
        Ok(position) => Ended::Done(Done::Queued {
            id: id.to_owned(),
            position,
        }),
        Err(error) => {
            let what = format!("add pull request {id} to the merge queue");
            blocked(forge_ended(&what, &error), &error, id, head)
        }
    }
}
