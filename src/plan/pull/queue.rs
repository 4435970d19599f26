//! The merge queue of a base: what is due is added to it instead of merged, once; what is in it is left alone; and the heads
//! of its groups bear the same check as those of pull requests, green only while that holds for every one of ours in them.

use std::collections::{BTreeMap, BTreeSet};

use super::flow::Outcome;
use crate::model::{CommitState, CommitStatus};
use crate::plan::desk::Desk;
use crate::plan::effect::Effect;
use crate::plan::facts::marker::Subject as Carries;
use crate::plan::facts::pull::{PullRequestFacts, QueueFacts};
use crate::plan::report::{Change, ChangeKind, HoldReport, State, Subject};

/// Why a green group is not: one of ours in it was not looked at in this pass.
const UNJUDGED: &str = "another pull request of the group is not judged yet";

/// What is said of a head that is in the queue and must not be merged as it is.
pub const NOT_SO: &str = "is not what would be merged now; the merge queue has it still";

/// What was said of a pull request's head.
#[derive(Debug, Clone)]
pub struct Mark {
    /// The pull request.
    pub pull: String,
    /// A pipeline or an environment, for people.
    pub group: String,
    /// Where.
    pub place: String,
    /// What.
    pub status: CommitStatus,
}

/// What the queue has done with one that is due.
pub enum Landing {
    /// There is no queue.
    Merge,
    /// It is to be added.
    Add,
    /// It is in it; in words.
    Under(String),
    /// It was thrown out.
    ThrownOut(Box<HoldReport>),
}

/// Whether it is in the queue: whoever changes it takes it out.
pub fn is_queued(pull: &PullRequestFacts) -> bool {
    matches!(pull.queue, Some(QueueFacts::In { .. }))
}

/// What is to become of a pull request that may be merged.
pub fn landing(pull: &PullRequestFacts, subject: Subject) -> Landing {
    let id = &pull.id;
    match &pull.queue {
        None => Landing::Merge,
        // What our own check kept out is let in again now that it is green.
        Some(QueueFacts::Out | QueueFacts::ThrownOut { by_us: true, .. }) => Landing::Add,
        Some(QueueFacts::In { position }) => Landing::Under(match position {
            Some(position) => {
                format!("pull request {id} is in the merge queue, position {position}")
            }
            None => format!("pull request {id} is in the merge queue"),
        }),
        Some(QueueFacts::ThrownOut { why, by_us: false }) => {
            Landing::ThrownOut(Box::new(HoldReport {
                subject,
                reason: "ThrownOut".to_owned(),
                why: format!("the merge queue threw out pull request {id}: {why}"),
                until: None,
                help: Some(
                    "see what failed; add it to the queue again on the forge, or it goes on with the next change of its branch"
                        .to_owned(),
                ),
                state: State::Refused,
            }))
        }
    }
}

/// Adding it to the queue.
pub fn adding(pull: &PullRequestFacts) -> Effect {
    Effect::EnqueuePullRequest {
        id: pull.id.clone(),
        branch: pull.branch.clone(),
        head: pull.head.clone(),
    }
}

/// Sets what differs beside the heads of groups.
pub fn mark_groups(marks: &[Mark], desk: &Desk<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let facts = &desk.obs.facts;
    let ours: BTreeSet<&str> = facts
        .pulls
        .iter()
        .flatten()
        .filter(|pull| is_judged(&pull.marker.subject))
        .map(|pull| pull.id.as_str())
        .collect();
    for group in &facts.groups {
        let judged = |id: &&String| marks.iter().any(|mark| mark.pull == **id);
        let pulls = group.pulls.iter();
        let open = pulls
            .filter(|id| ours.contains(id.as_str()))
            .any(|id| !judged(&id));
        let of_group = marks.iter().filter(|mark| group.pulls.contains(&mark.pull));
        let mut worst: BTreeMap<&str, &Mark> = BTreeMap::new();
        for mark in of_group {
            let known = worst.entry(&mark.status.context).or_insert(mark);
            if weight(mark.status.state) > weight(known.status.state) {
                *known = mark;
            }
        }
        for (context, mark) in worst {
            let mut status = mark.status.clone();
            if open && status.state == CommitState::Success {
                status.state = CommitState::Pending;
                UNJUDGED.clone_into(&mut status.words);
            }
            let shown = group.statuses.iter().find(|s| s.context == context);
            if shown == Some(&status) {
                continue;
            }
            outcome.changes.push(change(mark, &status));
            outcome.effects.push(Effect::SetCommitStatus {
                id: mark.pull.clone(),
                head: group.head.clone(),
                status,
            });
        }
    }
    outcome
}

/// Whether plans say something of its head.
const fn is_judged(subject: &Carries) -> bool {
    matches!(
        subject,
        Carries::Promotion { .. } | Carries::Group { .. } | Carries::Environment { .. }
    )
}

const fn weight(state: CommitState) -> u8 {
    match state {
        CommitState::Failure => 2,
        CommitState::Pending => 1,
        CommitState::Success => 0,
    }
}

fn change(mark: &Mark, status: &CommitStatus) -> Change {
    Change {
        kind: ChangeKind::Update,
        group: mark.group.clone(),
        place: mark.place.clone(),
        subject: format!(
            "Set {} of a merge group of pull request {}: {}",
            status.context, mark.pull, status.words
        ),
        old: None,
        new: None,
        why: None,
        delivery: format!("pull request {}", mark.pull),
        files: Vec::new(),
    }
}
