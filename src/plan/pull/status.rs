//! The commit status of a promotion's head: `headwater/<environment>`, green only while the branch holds what would be
//! merged now and every condition holds, so that it can be made a condition of merging.

use super::queue::Mark;
use crate::model::{CommitState, CommitStatus};
use crate::plan::effect::Effect;
use crate::plan::facts::pull::PullRequestFacts;
use crate::plan::report::{Change, ChangeKind, Condition};

/// What there is to say of a head.
pub struct Standing<'s> {
    /// What the change is of, for people: a pipeline or an environment.
    pub group: &'s str,
    /// Environments; for a stage without any, its own name.
    pub places: Vec<&'s str>,
    /// Whether it may be merged.
    pub state: CommitState,
    /// Why.
    pub words: String,
}

/// Sets what differs from what the forge shows. A forge that keeps no statuses is not asked to.
pub fn set(
    standing: &Standing<'_>,
    pull: &PullRequestFacts,
    changes: &mut Vec<Change>,
    effects: &mut Vec<Effect>,
    marks: &mut Vec<Mark>,
) {
    let Some(shown) = &pull.statuses else {
        return;
    };
    for place in &standing.places {
        let status = CommitStatus::of(place, standing.state, &standing.words);
        marks.push(Mark {
            pull: pull.id.clone(),
            group: standing.group.to_owned(),
            place: (*place).to_owned(),
            status: status.clone(),
        });
        if shown.contains(&status) {
            continue;
        }
        changes.push(Change {
            kind: ChangeKind::Update,
            group: standing.group.to_owned(),
            place: (*place).to_owned(),
            subject: format!(
                "Set {} of pull request {}: {}",
                status.context, pull.id, status.words
            ),
            old: None,
            new: None,
            why: None,
            delivery: format!("pull request {}", pull.id),
            files: Vec::new(),
        });
        effects.push(Effect::SetCommitStatus {
            id: pull.id.clone(),
            head: pull.head.clone(),
            status,
        });
    }
}

/// The first condition that does not hold, without numbers that change by themselves.
pub fn shut(conditions: &[Condition]) -> Option<(CommitState, String)> {
    let shut = conditions.iter().filter(|c| !c.verdict.is_open());
    let refused = |c: &&Condition| c.verdict.is_refused();
    let worst = shut.clone().find(refused).or_else(|| shut.clone().next())?;
    Some(match worst.verdict.is_refused() {
        true => (CommitState::Failure, format!("refused by {}", worst.name)),
        false => (CommitState::Pending, format!("waits for {}", worst.name)),
    })
}
