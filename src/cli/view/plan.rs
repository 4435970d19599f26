//! `plan` on screen: what changes by pipeline, what stands still and until when, and one last line to count by.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::status::{is_told_by_its_tag, rows};
use super::words::{counted, hang, safe};
use super::{Frame, View, diff, plan_text};
use crate::cli::output::Style;
use crate::model::{CommitId, RepoPath, Timestamp};
use crate::plan::report::{Change, ChangeKind, HoldReport, StageReport, State, Subject};
use crate::plan::{Effect, Plan};

/// A plan before it is carried out.
pub struct PlanView<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The file it was written to (`--out`), as the last line names it.
    pub saved_as: Option<&'a str>,
    /// The present text of files, for `--diff`.
    pub old: Option<diff::Old<'a>>,
}

/// A plan as data (`v` 1): what changes and what holds. The whole plan, with the bytes of files, is what `--out` writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanData {
    /// Version of this structure.
    pub v: u32,
    /// The base branch.
    pub branch: String,
    /// The base commit.
    pub base: CommitId,
    /// The instant it was made for.
    pub now: Timestamp,
    /// Until when it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// Whether there is nothing to do.
    pub nothing_to_do: bool,
    /// The last line of the text.
    pub summary: String,
    /// What changes.
    pub changes: Vec<Change>,
    /// What is due and does not move.
    pub holds: Vec<HoldReport>,
    /// Every stage.
    pub stages: Vec<StageReport>,
    /// What will be done, in order, with the files it writes.
    pub effects: Vec<EffectData>,
    /// How many facts are still missing.
    pub questions: usize,
}

/// An effect without the bytes it writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EffectData {
    /// `pushBase`, `openPullRequest`, `updatePullRequest`, `mergePullRequest`, `enqueuePullRequest`, `setCommitStatus`, `tendPullRequest`,
    /// `recordMerge`, `recordDeployment`, `closePullRequest`.
    #[serde(rename = "do")]
    pub kind: String,
    /// The branch it writes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The pull request it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<String>,
    /// Title of the commit or of the pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Files it writes or deletes.
    pub files: Vec<RepoPath>,
}

impl EffectData {
    /// An effect of a plan on this base.
    pub fn of(effect: &Effect, base: &str) -> Self {
        let (kind, branch, pull, title) = match effect {
            Effect::PushBase { .. } => ("pushBase", Some(base), None, None),
            Effect::OpenPullRequest { branch, text, .. } => (
                "openPullRequest",
                Some(branch.as_str()),
                None,
                Some(text.title.clone()),
            ),
            Effect::UpdatePullRequest {
                id, branch, text, ..
            } => {
                let title = text.as_ref().map(|text| text.title.clone());
                ("updatePullRequest", Some(branch.as_str()), Some(id), title)
            }
            Effect::MergePullRequest {
                id,
                branch,
                message,
                ..
            } => {
                let title = message.lines().next().map(str::to_owned);
                ("mergePullRequest", Some(branch.as_str()), Some(id), title)
            }
            Effect::EnqueuePullRequest { id, branch, .. } => {
                ("enqueuePullRequest", Some(branch.as_str()), Some(id), None)
            }
            Effect::SetCommitStatus { id, status, .. } => {
                let title = format!("{}: {}", status.context, status.state.as_str());
                ("setCommitStatus", None, Some(id), Some(title))
            }
            Effect::TendPullRequest { id, .. } => ("tendPullRequest", None, Some(id), None),
            Effect::RecordMerge { id } => ("recordMerge", None, Some(id), None),
            Effect::ClearBranches { .. } => ("clearBranches", None, None, None),
            Effect::RecordDeployment {
                deployment, state, ..
            } => {
                let title = format!("{}: {}", deployment.title, state.as_str());
                ("recordDeployment", None, None, Some(title))
            }
            Effect::DispatchWorkflow { dispatch, .. } => {
                let title = format!("{}: {}", dispatch.workflow.file, dispatch.key);
                ("dispatchWorkflow", None, None, Some(title))
            }
            Effect::ClosePullRequest { id, reason, .. } => {
                ("closePullRequest", None, Some(id), Some(reason.clone()))
            }
        };
        let commit = diff::commit(effect, base).map(|(_, commit)| commit);
        Self {
            kind: kind.to_owned(),
            branch: branch.map(str::to_owned),
            pull_request: pull.cloned(),
            title: title.or_else(|| commit.map(diff::title)),
            files: commit.map_or_else(Vec::new, |c| c.files.keys().cloned().collect()),
        }
    }
}

impl View for PlanView<'_> {
    type Data = PlanData;

    fn text(&self, frame: &Frame) -> String {
        let mut parts = Vec::new();
        if let Some(old) = self.old {
            parts.push(diff::effects(&self.plan.effects, &self.plan.branch, old));
        }
        parts.push(plan_text::groups(self.plan, frame));
        parts.push(self.last_lines(frame));
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n")
    }

    fn names(&self) -> Vec<String> {
        let places = self.plan.changes.iter().map(|change| {
            let place = change.place.split(" <- ").next().unwrap_or_default();
            safe(&format!("{}/{place}", change.group))
        });
        places.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn data(&self) -> PlanData {
        let plan = self.plan;
        let effects = plan.effects.iter();
        PlanData {
            v: 1,
            branch: plan.branch.clone(),
            base: plan.base.clone(),
            now: plan.now,
            valid_until: plan.valid_until,
            nothing_to_do: plan.is_empty(),
            summary: summary(plan),
            changes: plan.changes.clone(),
            holds: plan.holds.clone(),
            stages: plan.stages.clone(),
            effects: effects.map(|e| EffectData::of(e, &plan.branch)).collect(),
            questions: plan.questions.len(),
        }
    }
}

impl PlanView<'_> {
    fn last_lines(&self, frame: &Frame) -> String {
        let mut lines = vec![hang("", &Style::Bold.paint(&summary(self.plan)), frame)];
        if !self.plan.questions.is_empty() {
            let missing = counted(self.plan.questions.len(), "fact");
            let text = format!("{missing} could not be learnt: what needs them waits.");
            lines.push(hang("", &text, frame));
        }
        if !self.plan.is_empty() {
            let file = self
                .saved_as
                .map_or_else(String::new, |f| format!(" {}", safe(f)));
            let mut text = format!("Nothing written; `headwater apply{file}` carries this out.");
            if let Some(until) = self.plan.valid_until.filter(|_| self.saved_as.is_some()) {
                let until = frame.zone.near(until, frame.now);
                text.push_str(&format!(" After {until} it is planned again first."));
            }
            lines.push(hang("", &text, frame));
        }
        lines.join("\n")
    }
}

/// `Plan: 2 imports, 3 promotions, 1 pull request; 5 waiting, 1 broken.`: changes by kind, then what stands still, as many
/// as there are lines; or `Plan: nothing to do. 40 settled.`, where pipelines are counted.
pub fn summary(plan: &Plan) -> String {
    let held = standing(plan).into_iter().map(|hold| hold.state);
    let held = in_words(held);
    let changes = changes_in_words(&plan.changes);
    if plan.is_empty() {
        let settled = rows(plan)
            .iter()
            .filter(|row| row.state == State::Settled)
            .count();
        let settled = (settled > 0).then(|| format!("{settled} settled"));
        let rest: Vec<String> = held.into_iter().chain(settled).collect();
        return match rest.as_slice() {
            [] => "Plan: nothing to do.".to_owned(),
            rest => format!("Plan: nothing to do. {}.", rest.join(", ")),
        };
    }
    let changes = if changes.is_empty() {
        counted(plan.effects.len(), "effect")
    } else {
        changes
    };
    if held.is_empty() {
        format!("Plan: {changes}.")
    } else {
        format!("Plan: {changes}; {}.", held.join(", "))
    }
}

fn in_words(states: impl Iterator<Item = State>) -> Vec<String> {
    let mut counts: BTreeMap<State, usize> = BTreeMap::new();
    states.for_each(|state| *counts.entry(state).or_default() += 1);
    // Those who only wait come first, as they are the many; what needs somebody ends the line.
    let states = counts.iter().rev();
    states
        .map(|(state, count)| format!("{count} {state}"))
        .collect()
}

/// `2 imports, 3 promotions, 1 pull request`, in the order in which things are done.
pub fn changes_in_words(changes: &[Change]) -> String {
    const WORDS: [(ChangeKind, &str); 12] = [
        (ChangeKind::Import, "import"),
        (ChangeKind::Promote, "promotion"),
        (ChangeKind::Rollback, "rollback"),
        (ChangeKind::Render, "rendering"),
        (ChangeKind::Record, "record"),
        (ChangeKind::Hold, "hold"),
        (ChangeKind::Open, "pull request"),
        (ChangeKind::Update, "update"),
        (ChangeKind::Merge, "merge"),
        (ChangeKind::Close, "closing"),
        (ChangeKind::Clear, "clearing"),
        (ChangeKind::Start, "run"),
    ];
    let counted = WORDS.iter().filter_map(|(kind, word)| {
        let count = changes.iter().filter(|c| c.kind == *kind).count();
        (count > 0).then(|| counted(count, word))
    });
    counted.collect::<Vec<_>>().join(", ")
}

/// What stands still: the plan's holds, and stages that nobody reported a hold of.
pub(super) fn standing(plan: &Plan) -> Vec<HoldReport> {
    let mut holds = plan.holds.clone();
    let still = |s: &&StageReport| !matches!(s.state, State::Settled | State::Moving | State::None);
    for stage in plan.stages.iter().filter(still) {
        let subject = Subject::Stage(stage.key.clone());
        let told = holds.iter().any(|hold| hold.subject == subject);
        if !told && !is_told_by_its_tag(stage, plan) {
            holds.push(HoldReport {
                subject,
                reason: String::new(),
                why: stage.why.clone(),
                until: stage.until,
                help: stage.help.clone(),
                state: stage.state,
            });
        }
    }
    holds
}
