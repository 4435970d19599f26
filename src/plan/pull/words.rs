//! Words of a promotion's pull request: its text, the message of its commits, and what is told of each step.

use super::flow::Flow;
use crate::model::{CommitId, Name};
use crate::plan::change::files::Files;
use crate::plan::change::propose::Proposal;
use crate::plan::desk::Desk;
use crate::plan::effect::PullRequestText;
use crate::plan::facts::marker::Marker;
use crate::plan::report::{Change, ChangeKind};
use crate::plan::stage::decide::Judged;
use crate::plan::stage::{change, trailer};
use crate::plan::text::{PromotionBody, promotion_body, promotion_message, promotion_title};

impl Flow<'_, '_> {
    /// Message of the commit on the branch, or of the squash commit on the base.
    pub(super) fn message(
        &self,
        title: &str,
        proposal: &Proposal,
        base: Option<&CommitId>,
    ) -> String {
        promotion_message(title, &trailer(self.decided.view, proposal), base)
    }

    /// Title, body, labels and marker of the pull request a set waits in.
    pub(super) fn text(
        &self,
        judged: &Judged,
        proposal: &Proposal,
        files: &Files,
        desk: &mut Desk<'_>,
    ) -> PullRequestText {
        let view = self.decided.view;
        let set = &judged.candidate.set;
        let before = view.timeline.latest(&proposal.id);
        let marker = Marker {
            after: before.map(|stay| stay.commit.clone()),
            asked_by: proposal.asked_by.clone(),
            ..Marker::promotion(view.key.clone(), proposal.id.clone())
        };
        let old = view
            .timeline
            .current()
            .map(|s| s.set.clone())
            .map(|s| desk.version_of_set(&s));
        let new = desk.version_of_set(set);
        let images: Vec<_> = set
            .members()
            .filter_map(|(stream, digest)| {
                let now = view
                    .timeline
                    .current()
                    .and_then(|s| s.set.digest(stream))
                    .and_then(|d| desk.image(stream, d));
                Some((stream.name.to_string(), now, desk.image(stream, digest)?))
            })
            .collect();
        let approvals: Vec<(u32, String)> = view
            .approvals
            .iter()
            .map(|r| (r.rule.count, r.rule.from.join(", ")))
            .collect();
        let paths: Vec<String> = files.keys().map(ToString::to_string).collect();
        let from: Vec<String> = view.from.stages().iter().map(ToString::to_string).collect();
        let body = PromotionBody {
            marker: &marker,
            key: &view.key,
            old: old.as_deref(),
            new: &new,
            images: &images,
            conditions: &judged.conditions,
            approvals: &approvals,
            files: &paths,
            from: &from,
        };
        let place = view
            .environments
            .iter()
            .map(Name::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let place = if place.is_empty() {
            view.key.stage.to_string()
        } else {
            place
        };
        PullRequestText {
            title: promotion_title(&body, &place),
            body: promotion_body(&body),
            labels: view.labels.clone(),
            marker,
        }
    }

    /// What is told to people of one step of its life.
    pub(super) fn told(
        &self,
        kind: ChangeKind,
        judged: &Judged,
        files: &Files,
        how: &str,
        desk: &mut Desk<'_>,
    ) -> Change {
        let told = change(self.decided.view, &judged.candidate.set, desk);
        let verb = match kind {
            ChangeKind::Merge => "Merge",
            ChangeKind::Update => "Update",
            _ => "Open",
        };
        Change {
            kind,
            subject: format!("{verb} {how}"),
            why: None,
            delivery: how.to_owned(),
            files: files.keys().cloned().collect(),
            ..told
        }
    }
}
