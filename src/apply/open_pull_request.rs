//! A new branch with one commit, and its pull request. Both steps look before they create.

use super::push_branch::{Pushed, put};
use super::{Applier, Done, Ended, forge_ended, refused};
use crate::forge::{NewPull, PullText};
use crate::model::{CommitId, Timestamp};
use crate::plan::effect::{CommitContent, PullRequestText};

pub(super) struct Opening<'a> {
    pub(super) branch: &'a str,
    pub(super) expect: Option<&'a CommitId>,
    pub(super) start: &'a CommitId,
    pub(super) commit: &'a CommitContent,
    pub(super) text: &'a PullRequestText,
}

pub(super) async fn run(applier: &Applier, opening: Opening<'_>, time: Timestamp) -> Ended {
    let Opening { branch, text, .. } = opening;
    let what = format!("open a pull request from {branch}");
    let commit = (opening.start, opening.commit);
    match put(applier, branch, opening.expect, commit, time).await {
        Ok(Pushed::Done) => {}
        Ok(Pushed::Lost) => return Ended::Lost,
        Ok(Pushed::Refused(why)) => {
            return refused(what, why);
        }
        Err(error) => return forge_ended(&what, &error),
    }
    let pull = NewPull {
        branch: branch.to_owned(),
        text: pull_text(text),
        now: time,
    };
    match applier.forge.open(pull).await {
        Ok(opened) => Ended::Done(Done::Opened {
            id: opened.id,
            title: text.title.clone(),
        }),
        Err(error) => forge_ended(&what, &error),
    }
}

pub(super) fn pull_text(text: &PullRequestText) -> PullText {
    PullText {
        title: text.title.clone(),
        body: text.body.clone(),
        labels: text.labels.clone(),
    }
}
