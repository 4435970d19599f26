//! One commit on the base; where the server refuses it by a rule of its own, or one of its files stands in the way of the
//! commit, its change sets one by one, as planned.

use std::collections::BTreeSet;

use super::push_branch::{Pushed, push};
use super::{Applier, Done, Ended, Refusal, by_forge, forge_ended, refused};
use crate::forge::ForgeError;
use crate::git::GitError;
use crate::model::{CommitId, Fault, Faulty as _, Party, RepoPath};
use crate::plan::Plan;
use crate::plan::effect::{ChangeSet, CommitContent};

pub(super) async fn run(
    applier: &Applier,
    expect: &CommitId,
    content: &CommitContent,
    sets: &[ChangeSet],
    plan: &Plan,
) -> Vec<Ended> {
    let what = format!("push to {}", plan.branch);
    match try_push(applier, expect, content, plan).await {
        Ok((Pushed::Refused(_), _)) | Err(ForgeError::Git(GitError::Invalid(_)))
            if sets.len() > 1 =>
        {
            one_by_one(applier, expect, sets, plan).await
        }
        Ok((pushed, commit)) => vec![ended(pushed, commit, content, what)],
        Err(error) => vec![forge_ended(&what, &error)],
    }
}

/// Each change set as a commit of its own, on top of those that were taken. One that writes a file of another that was
/// taken was made without it, so it is left to the next plan.
async fn one_by_one(
    applier: &Applier,
    expect: &CommitId,
    sets: &[ChangeSet],
    plan: &Plan,
) -> Vec<Ended> {
    let mut all = Vec::new();
    let mut head = expect.clone();
    let mut taken: BTreeSet<&RepoPath> = BTreeSet::new();
    for set in sets {
        let alone = set.alone.as_ref();
        let Some(content) = alone.filter(|c| !c.files.keys().any(|path| taken.contains(path)))
        else {
            all.push(Ended::Lost);
            continue;
        };
        let what = format!("push to {}: {}", plan.branch, subject(content));
        match try_push(applier, &head, content, plan).await {
            Ok((Pushed::Refused(why), _)) => {
                let fault = Fault::of(Party::Operator);
                all.push(refused_alone(what, why, fault, set));
            }
            Ok((pushed, commit)) => {
                let stop = matches!(pushed, Pushed::Lost);
                all.push(ended(pushed, commit.clone(), content, what.clone()));
                if stop {
                    break;
                }
                head = commit;
                taken.extend(content.files.keys());
                if let Err(error) = bring(applier).await {
                    all.push(forge_ended(&what, &error));
                    break;
                }
            }
            Err(ForgeError::Git(error @ GitError::Invalid(_))) => {
                all.push(refused_alone(what, error.to_string(), error.fault(), set));
            }
            Err(error) => {
                all.push(forge_ended(&what, &error));
                break;
            }
        }
    }
    all
}

/// Remembered by this change set and no other.
fn refused_alone(what: String, why: String, fault: Fault, set: &ChangeSet) -> Ended {
    Ended::Refused(Refusal {
        what,
        why,
        fault,
        changes: vec![set.id.clone()],
    })
}

async fn try_push(
    applier: &Applier,
    expect: &CommitId,
    content: &CommitContent,
    plan: &Plan,
) -> Result<(Pushed, CommitId), ForgeError> {
    if applier.forge_commits {
        return by_forge::on_base(applier, &plan.branch, expect, content, plan.stamp).await;
    }
    let commit = applier.write(expect, content, plan.stamp).await?;
    let name = format!("refs/heads/{}", plan.branch);
    let pushed = push(&applier.git, &name, Some(expect), &commit).await?;
    Ok((pushed, commit))
}

/// A commit that the forge made is needed here before another one goes on top of it.
async fn bring(applier: &Applier) -> Result<(), ForgeError> {
    if applier.forge_commits {
        applier.git.fetch_between().await?;
    }
    Ok(())
}

fn ended(pushed: Pushed, commit: CommitId, content: &CommitContent, what: String) -> Ended {
    match pushed {
        Pushed::Done => Ended::Done(Done::Pushed {
            commit,
            subject: subject(content),
            files: content.files.len(),
        }),
        Pushed::Lost => Ended::Lost,
        Pushed::Refused(why) => refused(what, why),
    }
}

fn subject(content: &CommitContent) -> String {
    content
        .message
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}
