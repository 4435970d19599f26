//! Words of a shared pull request: its text, the message of its commit, and what is told of each step.

use super::super::command::boxes;
use super::Group;
use super::make::{Change as Made, Proposed};
use super::parts::Part;
use crate::model::{CommitId, Name, RepoPath, StageKey};
use crate::plan::desk::Desk;
use crate::plan::effect::PullRequestText;
use crate::plan::facts::marker::{Marker, Subject as Carries};
use crate::plan::report::{Change, ChangeKind};
use crate::plan::stage::trailer;
use crate::plan::text::{self, Body, Trailer};

impl Group<'_, '_> {
    /// Message of the commit on the branch, or of the squash commit on the base: the trailers of every part.
    pub(super) fn message(
        &self,
        title: &str,
        parts: &[Part],
        proposals: &[Proposed],
        base: Option<&CommitId>,
    ) -> String {
        let pairs = parts.iter().zip(proposals);
        let trailers =
            pairs.map(|(part, proposed)| trailer(self.members[part.at].view(), &proposed.proposal));
        let trailers: Vec<Trailer> = trailers.collect();
        text::promotion_message(title, &trailers, base)
    }

    /// Title, body, labels and marker.
    pub(super) fn text(
        &mut self,
        parts: &[Part],
        made: &Made,
        environments: Vec<Name>,
        desk: &mut Desk<'_>,
    ) -> PullRequestText {
        let mut labels: Vec<String> = Vec::new();
        let mut moves = Vec::new();
        for part in parts {
            let flow = self.alone(part.at);
            for label in &flow.decided.view.labels {
                if !labels.contains(label) {
                    labels.push(label.clone());
                }
            }
            moves.push(flow.moved(&part.judged, desk));
        }
        let members = self.members_of(parts, made);
        let place: Vec<String> = environments.iter().map(ToString::to_string).collect();
        let subject = Carries::Group {
            environments,
            members,
        };
        let marker = Marker::of(subject);
        let paths: Vec<String> = made.files.keys().map(ToString::to_string).collect();
        let keys: Vec<&StageKey> = moves.iter().map(|moved| &moved.key).collect();
        let boxes = boxes(&keys, desk);
        let body = Body {
            boxes: &boxes,
            marker: &marker,
            place: &place.join(", "),
            moves: &moves,
            files: &paths,
        };
        PullRequestText {
            title: text::group_title(&body),
            body: text::group_body(&body),
            labels,
            marker,
        }
    }

    /// What is told to people of one step of its life.
    pub(super) fn told<'p>(
        &self,
        kind: ChangeKind,
        parts: &[Part],
        files: impl Iterator<Item = &'p RepoPath>,
        how: &str,
        desk: &mut Desk<'_>,
    ) -> Change {
        let mine: Vec<usize> = parts.iter().map(|part| part.at).collect();
        let (group, place) = self.names(&mine);
        let verb = match kind {
            ChangeKind::Merge => "Merge",
            ChangeKind::Update => "Update",
            _ => "Open",
        };
        let moves = parts.iter().map(|part| {
            let pipeline = &self.members[part.at].view().key.pipeline;
            format!(
                "{pipeline} {}",
                desk.version_of_set(&part.judged.candidate.set)
            )
        });
        let moves: Vec<String> = moves.collect();
        Change {
            kind,
            group,
            place,
            subject: format!("{verb} {how}"),
            old: None,
            new: Some(text::some_of(&moves)),
            why: None,
            delivery: how.to_owned(),
            files: files.cloned().collect(),
        }
    }

    /// What it is of, for people: the pipelines, and where they go.
    pub(super) fn names(&self, mine: &[usize]) -> (String, String) {
        let views = mine.iter().map(|at| self.members[*at].view());
        let mut pipelines: Vec<String> = views.map(|view| view.key.pipeline.to_string()).collect();
        pipelines.dedup();
        let view = mine.first().map(|at| self.members[*at].view());
        let place = view.map_or_else(String::new, |view| match view.environments.as_slice() {
            [] => view.key.stage.to_string(),
            names => names
                .iter()
                .map(Name::as_str)
                .collect::<Vec<_>>()
                .join(", "),
        });
        (text::some_of(&pipelines), place)
    }
}
