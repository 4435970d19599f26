//! Branches that commits were made on and that nobody needs any more, taken away if they are where they were seen.

use std::collections::BTreeMap;

use super::{Applier, Done, Ended, git_refusal, refused};
use crate::git::{PushResult, RefUpdate};
use crate::model::CommitId;

pub(super) async fn run(applier: &Applier, branches: &BTreeMap<String, CommitId>) -> Ended {
    let what = "clear left-over branches".to_owned();
    let updates = branches.iter().map(|(name, head)| RefUpdate {
        name: format!("refs/heads/{name}"),
        expect: Some(head.clone()),
        new: None,
    });
    let outcomes = match applier.git.push(updates.collect()).await {
        Ok(outcomes) => outcomes,
        Err(error) => return git_refusal(&what, &error),
    };
    for outcome in outcomes {
        if let PushResult::Refused { message } = outcome.result {
            return refused(what, message);
        }
    }
    // One that is gone or somewhere else by now was needed for something; the next pass looks again.
    Ended::Done(Done::Cleared {
        branches: branches.keys().cloned().collect(),
    })
}
