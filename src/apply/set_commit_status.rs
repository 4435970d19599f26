//! A status beside the head of a pull request.

use super::{Applier, Done, Ended, forge_ended};
use crate::model::{CommitId, CommitStatus};

pub(super) async fn run(
    applier: &Applier,
    id: &str,
    head: &CommitId,
    status: &CommitStatus,
) -> Ended {
    match applier.forge.set_status(head, status).await {
        Ok(()) => Ended::Done(Done::Marked {
            id: id.to_owned(),
            status: status.clone(),
        }),
        Err(error) => forge_ended(
            &format!("set {} of pull request {id}", status.context),
            &error,
        ),
    }
}
