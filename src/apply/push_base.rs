//! One commit on the base.

use super::push_branch::{Pushed, push};
use super::{Applier, Done, Ended, git_refusal, refused};
use crate::model::CommitId;
use crate::plan::Plan;
use crate::plan::effect::CommitContent;

pub(super) async fn run(
    applier: &Applier,
    expect: &CommitId,
    content: &CommitContent,
    plan: &Plan,
) -> Ended {
    let what = format!("push to {}", plan.branch);
    let commit = match applier.write(expect, content, plan.stamp).await {
        Ok(commit) => commit,
        Err(error) => return git_refusal(&what, &error),
    };
    match push(
        &applier.git,
        &format!("refs/heads/{}", plan.branch),
        Some(expect),
        &commit,
    )
    .await
    {
        Ok(Pushed::Done) => Ended::Done(Done::Pushed {
            commit,
            subject: content
                .message
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
            files: content.files.len(),
        }),
        Ok(Pushed::Lost) => Ended::Lost,
        Ok(Pushed::Refused(why)) => refused(what, why),
        Err(error) => git_refusal(&what, &error),
    }
}
