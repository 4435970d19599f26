//! A pull request of no use closed by ourselves, marked `superseded` in the same step.

use super::open_pull_request::pull_text;
use super::{Applier, Done, Ended, forge_ended};
use crate::forge::Closing;
use crate::model::Timestamp;
use crate::plan::effect::PullRequestText;

pub(super) async fn run(
    applier: &Applier,
    id: &str,
    text: &PullRequestText,
    reason: &str,
    time: Timestamp,
) -> Ended {
    let closing = Closing {
        by: None,
        reason: reason.to_owned(),
        text: Some(pull_text(text)),
        now: time,
    };
    match applier.forge.close(id, closing).await {
        Ok(_) => Ended::Done(Done::Closed {
            id: id.to_owned(),
            reason: reason.to_owned(),
        }),
        Err(error) => forge_ended(&format!("close pull request {id}"), &error),
    }
}
