//! Pull requests of ours whose text lost the marker, because somebody edited it: what they are for is told by their branch,
//! its name and our commits on it.

use super::pulls::PullQuestion;
use crate::forge::{PullRequest, PullState};
use crate::git::GitError;
use crate::model::{CommitId, Name, SetId, StageKey};
use crate::plan::facts::marker::{Carried, Marker, Subject};

/// So many commits of a branch are looked at.
const MOST_COMMITS: usize = 20;
const ENVIRONMENTS: &str = "headwater/env/";
const GROUPS: &str = "headwater/group/";
/// Branches that plans make.
const PLANNED: [&str; 3] = ["headwater/promote/", GROUPS, ENVIRONMENTS];

/// What a pull request is for by its branch; `None` where that is not one that plans make, or holds nothing of ours beyond
/// the base.
pub(super) async fn of_branch(
    question: &PullQuestion<'_>,
    pull: &PullRequest,
) -> Result<Option<Marker>, GitError> {
    if !PLANNED.iter().any(|start| pull.branch.starts_with(start)) {
        return Ok(None);
    }
    let Some(message) = our_message(question, pull).await? else {
        return Ok(None);
    };
    let (environments, groups) = (
        pull.branch.strip_prefix(ENVIRONMENTS),
        pull.branch.strip_prefix(GROUPS),
    );
    let subject = match (environments, groups) {
        (Some(rest), _) => environment(rest),
        (None, Some(rest)) => group(rest, &message),
        (None, None) => promotion(&message),
    };
    Ok(subject.map(|subject| Marker {
        // We name nobody when we close one ourselves.
        superseded: pull.state == PullState::Closed && pull.closed_by.is_none(),
        ..Marker::of(subject)
    }))
}

fn environment(rest: &str) -> Option<Subject> {
    let (environment, tail) = rest.split_once('/')?;
    let change = tail.split('-').next().unwrap_or_default();
    let hex = change.len() == 8 && change.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex.then(|| Subject::Environment {
        environment: environment.to_owned(),
        change: change.to_owned(),
    })
}

/// The message of our newest commit on its branch.
async fn our_message(
    question: &PullQuestion<'_>,
    pull: &PullRequest,
) -> Result<Option<String>, GitError> {
    let repository = question.repository;
    let mut todo: Vec<CommitId> = vec![pull.head.clone()];
    for _ in 0..MOST_COMMITS {
        let Some(id) = todo.pop() else {
            break;
        };
        let commit = match repository.commit_info(&id).await {
            // A branch that is gone was perhaps never here.
            Err(GitError::NotFound(_)) => continue,
            found => found?,
        };
        if repository.is_ancestor(&id, question.base).await? {
            continue;
        }
        if question.us.made(&commit) {
            return Ok(Some(commit.message));
        }
        todo.extend(commit.parents.iter().rev().cloned());
    }
    Ok(None)
}

/// By the trailers of our commit.
fn promotion(message: &str) -> Option<Subject> {
    let trailer = |name: &str| {
        let mut lines = message.lines().rev();
        lines.find_map(|line| line.strip_prefix(name))
    };
    let set: SetId = trailer("Headwater-Set: ")?.trim().parse().ok()?;
    let stage: StageKey = trailer("Headwater-Stage: ")?.trim().parse().ok()?;
    Some(Subject::Promotion { stage, set })
}

/// By its branch and the trailers of our commit, a set and a stage for every promotion.
fn group(rest: &str, message: &str) -> Option<Subject> {
    let (names, _) = rest.split_once('/')?;
    let environments = names.split('+').map(str::parse);
    let environments = environments.collect::<Result<Vec<Name>, _>>().ok()?;
    let mut members = Vec::new();
    let mut set: Option<SetId> = None;
    for line in message.lines() {
        if let Some(text) = line.strip_prefix("Headwater-Set: ") {
            set = text.trim().parse().ok();
        }
        if let Some(text) = line.strip_prefix("Headwater-Stage: ") {
            let stage = text.trim().parse().ok()?;
            members.push(Carried {
                stage,
                set: set.take()?,
                asked_by: None,
                after: None,
            });
        }
    }
    members.sort_by(|a: &Carried, b| a.stage.cmp(&b.stage));
    (!members.is_empty()).then_some(Subject::Group {
        environments,
        members,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_named_by_its_branch_and_a_promotion_by_its_trailers() {
        let of = |rest: &str| environment(rest).map(|subject| format!("{subject:?}"));
        let wanted = Some(r#"Environment { environment: "prod", change: "1a2b3c4d" }"#.to_owned());
        assert_eq!(of("prod/1a2b3c4d"), wanted);
        assert_eq!(of("prod/1a2b3c4d-2"), wanted);
        assert_eq!(of("prod/notes"), None);
        let set = "a".repeat(64);
        let message = format!("Promote\n\nHeadwater-Set: {set}\nHeadwater-Stage: app/prod\n");
        let wanted = Subject::Promotion {
            stage: "app/prod".parse().unwrap(),
            set: set.parse().unwrap(),
        };
        assert_eq!(promotion(&message), Some(wanted));
        assert_eq!(promotion("Promote\n\nHeadwater-Stage: app/prod\n"), None);
    }

    #[test]
    fn a_group_is_told_by_its_branch_and_the_trailers_of_every_member() {
        let set = |word: &str| word.repeat(64);
        let trailers = |stage: &str, word: &str| {
            format!(
                "Headwater-Set: {}\nHeadwater-Stage: {stage}\nHeadwater-From: qa 1\n",
                set(word)
            )
        };
        let message = format!(
            "Promote 2\n\n{}{}",
            trailers("b/prod", "b"),
            trailers("a/prod", "a")
        );
        let Some(Subject::Group {
            environments,
            members,
        }) = group("eu+us/1a2b3c4d-2", &message)
        else {
            panic!("no group");
        };
        let names: Vec<String> = environments.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["eu", "us"]);
        let members = members
            .iter()
            .map(|m| (m.stage.to_string(), m.set.to_string()));
        let wanted = [("a/prod", "a"), ("b/prod", "b")];
        let wanted = wanted.map(|(stage, word)| (stage.to_owned(), set(word)));
        assert_eq!(members.collect::<Vec<_>>(), wanted);
        assert_eq!(
            group("eu/1a2b3c4d", "Promote\n\nHeadwater-Stage: a/prod\n"),
            None
        );
        assert_eq!(group("eu/1a2b3c4d", "Promote\n"), None);
    }
}
