//! Runs of workflows that gates want started, as effects: a few in a pass, since each is several calls.

use super::desk::Desk;
use super::effect::Effect;
use super::pull::flow::Outcome;
use super::report::{Change, ChangeKind};

/// So many are started in a pass; the rest come with the next ones.
const MOST: usize = 10;

/// What is to be started now.
pub(super) fn dispatches(desk: &mut Desk<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let due = std::mem::take(&mut desk.dispatches);
    for (stage, dispatch) in due.into_values().take(MOST) {
        let workflow = &dispatch.workflow;
        outcome.changes.push(Change {
            kind: ChangeKind::Start,
            group: stage.pipeline.to_string(),
            place: stage.stage.to_string(),
            subject: format!(
                "Start {} of {} for {stage}",
                workflow.file, workflow.repository
            ),
            old: None,
            new: None,
            why: Some(format!("attempt {}", dispatch.key.attempt)),
            delivery: "workflow".to_owned(),
            files: Vec::new(),
        });
        outcome
            .effects
            .push(Effect::DispatchWorkflow { stage, dispatch });
    }
    outcome
}
