//! A merge of ours that the base shows and the forge does not say, written down.

use super::{Applier, Done, Ended, forge_ended};
use crate::model::Timestamp;

pub(super) async fn run(applier: &Applier, id: &str, time: Timestamp) -> Ended {
    match applier.forge.record_merge(id, time).await {
        Ok(commit) => Ended::Done(Done::Merged {
            id: id.to_owned(),
            commit,
        }),
        Err(error) => forge_ended(&format!("record the merge of pull request {id}"), &error),
    }
}
