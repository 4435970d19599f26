//! Merges of ours that were cut off behind their push to the base: what the base shows is written down at the forge.

use super::flow::Outcome;
use crate::plan::desk::Desk;
use crate::plan::effect::Effect;
use crate::plan::facts::marker::Subject;
use crate::plan::report::{Change, ChangeKind};

/// Every merge that is not written down yet.
pub fn unrecorded(desk: &Desk<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let pulls = desk.obs.facts.pulls.iter().flatten();
    for pull in pulls.filter(|pull| pull.unrecorded) {
        let (group, place) = match &pull.marker.subject {
            Subject::Promotion { stage, .. } | Subject::Act { stage, .. } => {
                (stage.pipeline.to_string(), stage.stage.to_string())
            }
            Subject::Group { environments, .. } => {
                let names: Vec<String> = environments.iter().map(ToString::to_string).collect();
                (names.join(", "), String::new())
            }
            Subject::Environment { environment, .. } => (environment.clone(), String::new()),
            Subject::Streams { act, streams, .. } => (streams.join(", "), act.clone()),
        };
        outcome.changes.push(Change {
            kind: ChangeKind::Merge,
            group,
            place,
            subject: format!("Write down that pull request {} is merged", pull.id),
            old: None,
            new: None,
            why: None,
            delivery: format!("pull request {}", pull.id),
            files: Vec::new(),
        });
        let id = pull.id.clone();
        outcome.effects.push(Effect::RecordMerge { id });
    }
    outcome
}
