//! Closing a pull request that is of no use any more.

use super::flow::Outcome;
use crate::plan::effect::{Effect, PullRequestText};
use crate::plan::facts::marker::Marker;
use crate::plan::facts::pull::PullRequestFacts;
use crate::plan::report::{Change, ChangeKind};
use crate::plan::road::StageView;

/// Closes a pull request that is of no use any more; the marker says first that it was us.
pub(super) fn close(
    view: &StageView<'_>,
    pull: &PullRequestFacts,
    reason: &str,
    outcome: &mut Outcome,
) {
    let (change, effect) = closing(
        view.key.pipeline.as_str(),
        view.key.stage.as_str(),
        pull,
        reason,
    );
    outcome.changes.push(change);
    outcome.effects.push(effect);
}

/// The change and the effect that close a pull request of ours.
pub fn closing(
    group: &str,
    place: &str,
    pull: &PullRequestFacts,
    reason: &str,
) -> (Change, Effect) {
    let marker = Marker {
        superseded: true,
        ..pull.marker.clone()
    };
    let rest = Marker::rest(&pull.body);
    let body = format!("{}\n{rest}", marker.to_line());
    let text = PullRequestText {
        title: pull.title.clone(),
        body,
        labels: pull.labels.clone(),
        marker,
    };
    let change = Change {
        kind: ChangeKind::Close,
        group: group.to_owned(),
        place: place.to_owned(),
        subject: format!("Close pull request {}: {reason}", pull.id),
        old: None,
        new: None,
        why: None,
        delivery: format!("pull request {}", pull.id),
        files: Vec::new(),
    };
    (
        change,
        Effect::ClosePullRequest {
            id: pull.id.clone(),
            text,
            reason: reason.to_owned(),
        },
    )
}
