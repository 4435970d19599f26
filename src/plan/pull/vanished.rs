//! Promotions' pull requests that no stage speaks for any more: their stages are gone, or hand over commits by now.

use super::closing::closing;
use super::flow::Outcome;
use crate::model::{Delivery, StageKey};
use crate::plan::desk::Desk;
use crate::plan::facts::pull::{PullRequestFacts, PullState};
use crate::plan::road::StageView;

/// Closes each of them, unless others pushed to it. A pipeline that may only be unreadable is not gone.
pub fn vanished(views: &[&StageView<'_>], desk: &Desk<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    for pull in desk.obs.facts.pulls.iter().flatten() {
        let branch = pull.branch_facts.as_ref();
        let foreign = branch.is_some_and(|branch| branch.foreign.is_some());
        if pull.state != PullState::Open || foreign {
            continue;
        }
        if let Some((stage, why)) = useless(pull, views, desk) {
            let (pipeline, stage) = (stage.pipeline.as_str(), stage.stage.as_str());
            let (change, effect) = closing(pipeline, stage, pull, why);
            outcome.changes.push(change);
            outcome.effects.push(effect);
        }
    }
    outcome
}

/// Why no stage of it will see to it, and the first of them.
fn useless(
    pull: &PullRequestFacts,
    views: &[&StageView<'_>],
    desk: &Desk<'_>,
) -> Option<(StageKey, &'static str)> {
    let whys = pull.marker.promotions().into_iter().map(|carried| {
        let why = why_left(&carried.stage, views, desk)?;
        Some((carried.stage, why))
    });
    let whys: Option<Vec<(StageKey, &'static str)>> = whys.collect();
    whys?.into_iter().next()
}

fn why_left(stage: &StageKey, views: &[&StageView<'_>], desk: &Desk<'_>) -> Option<&'static str> {
    match views.iter().find(|view| view.key == *stage) {
        Some(view) => (view.delivery == Delivery::Commit && view.broken.is_none())
            .then_some("its stage hands over commits now"),
        None => {
            let sound = desk.docs.errors().next().is_none();
            let gone = sound || desk.docs.pipelines.contains_key(&stage.pipeline);
            gone.then_some("there is no such stage any more")
        }
    }
}
