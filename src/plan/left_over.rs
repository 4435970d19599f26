//! Branches on which commits were made for us and that an earlier pass left behind: taken away behind everything else, so that
//! whoever can still use one does.

use std::collections::BTreeMap;

use super::desk::Desk;
use super::effect::Effect;
use super::pull::flow::Outcome;
use super::report::{Change, ChangeKind};
use crate::model::CommitId;
use crate::model::staging::is_staging;

/// Takes all of them away.
pub(super) fn branches(desk: &Desk<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let all = desk.obs.facts.branches.iter();
    let left = all.filter(|(name, _)| is_staging(name));
    let branches: BTreeMap<String, CommitId> = left
        .map(|(name, head)| (name.clone(), head.clone()))
        .collect();
    if branches.is_empty() {
        return outcome;
    }
    let count = match branches.len() {
        1 => "a branch that is".to_owned(),
        several => format!("{several} branches that are"),
    };
    outcome.changes.push(Change {
        kind: ChangeKind::Clear,
        group: String::new(),
        place: String::new(),
        subject: format!("Clear {count} left over from commits"),
        old: None,
        new: None,
        why: None,
        delivery: "push".to_owned(),
        files: Vec::new(),
    });
    outcome.effects.push(Effect::ClearBranches { branches });
    outcome
}
