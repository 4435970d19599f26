//! A branch of ours made anew in place, its pull request's text changed, or both.

use super::open_pull_request::pull_text;
use super::push_branch::{Pushed, put};
use super::{Applier, Done, Ended, forge_ended, refused};
use crate::model::{CommitId, Timestamp};
use crate::plan::effect::{PullRequestText, Rebuild};

pub(super) struct Update<'a> {
    pub(super) id: &'a str,
    pub(super) branch: &'a str,
    pub(super) expect: &'a CommitId,
    pub(super) rebuild: Option<&'a Rebuild>,
    pub(super) text: Option<&'a PullRequestText>,
}

pub(super) async fn run(applier: &Applier, update: Update<'_>, time: Timestamp) -> Ended {
    let what = format!("update pull request {}", update.id);
    if let Some(rebuild) = update.rebuild {
        let commit = (&rebuild.start, &rebuild.commit);
        match put(applier, update.branch, Some(update.expect), commit, time).await {
            Ok(Pushed::Done) => {}
            Ok(Pushed::Lost) => return Ended::Lost,
            Ok(Pushed::Refused(why)) => {
                return refused(what, why);
            }
            Err(error) => return forge_ended(&what, &error),
        }
    }
    if let Some(text) = update.text
        && let Err(error) = applier
            .forge
            .update_text(update.id, pull_text(text), time)
            .await
    {
        return forge_ended(&what, &error);
    }
    Ended::Done(Done::Updated {
        id: update.id.to_owned(),
    })
}
