//! Words of a promotion's pull request: its text, the message of its commits, and what is told of each step.

use super::command::boxes;
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
use crate::plan::text::{Moved, promotion_body, promotion_message, promotion_title};

impl Flow<'_, '_> {
    /// Message of the commit on the branch, or of the squash commit on the base.
    pub(super) fn message(
        &self,
        title: &str,
        proposal: &Proposal,
        base: Option<&CommitId>,
    ) -> String {
        promotion_message(title, &[trailer(self.decided.view, proposal)], base)
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
        let before = view.timeline.latest(&proposal.id);
        let marker = Marker {
            after: before.map(|stay| stay.commit.clone()),
            asked_by: proposal.asked_by.clone(),
            ..Marker::promotion(view.key.clone(), proposal.id.clone())
        };
        let moved = self.moved(judged, desk);
        let paths: Vec<String> = files.keys().map(ToString::to_string).collect();
        let boxes = boxes(&[&view.key], desk);
        let place = match view.environments.as_slice() {
            [] => view.key.stage.to_string(),
            names => names
                .iter()
                .map(Name::as_str)
                .collect::<Vec<_>>()
                .join(", "),
        };
        PullRequestText {
            title: promotion_title(&moved, &place),
            body: promotion_body(&marker, &moved, &paths, &boxes),
            labels: view.labels.clone(),
            marker,
        }
    }

    /// The promotion of a set, for people.
    pub(super) fn moved(&self, judged: &Judged, desk: &mut Desk<'_>) -> Moved {
        let view = self.decided.view;
        let set = &judged.candidate.set;
        let current = view.timeline.current().map(|stay| stay.set.clone());
        let old = current.as_ref().map(|set| desk.version_of_set(set));
        let new = desk.version_of_set(set);
        let images = set.members().filter_map(|(stream, digest)| {
            let now = current.as_ref().and_then(|set| set.digest(stream));
            let now = now.and_then(|digest| desk.image(stream, digest));
            Some((stream.name.to_string(), now, desk.image(stream, digest)?))
        });
        let images = images.collect();
        let approvals = view.approvals.iter();
        let approvals = approvals.map(|ruled| (ruled.rule.count, ruled.rule.from.join(", ")));
        let mut approvals: Vec<(u32, String)> = approvals.collect();
        // An operator may name the very people whom the environment does.
        approvals.dedup();
        Moved {
            key: view.key.clone(),
            old,
            new,
            images,
            conditions: judged.conditions.clone(),
            approvals,
            from: view.from.stages().iter().map(ToString::to_string).collect(),
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
