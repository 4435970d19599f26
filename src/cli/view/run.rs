//! What `apply` and `run` did: one line for each effect, then the plan's last line in the past tense.

use serde::{Deserialize, Serialize};

use super::plan::{EffectData, changes_in_words};
use super::words::{counted, hang, is_number, pad, safe, shown, told, widest};
use super::{Frame, View};
use crate::cli::output::{State as Shown, Style};
use crate::model::CommitId;
use crate::plan::report::State;
use crate::plan::{Effect, Plan};

/// One pass, carried out.
pub struct RunView<'a> {
    /// The plan that was carried out.
    pub plan: &'a Plan,
    /// What came of its effects, in order; those behind a failure may be missing.
    pub steps: Vec<Step<'a>>,
}

/// An effect and what came of it.
pub struct Step<'a> {
    /// The effect.
    pub effect: &'a Effect,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "outcome")]
pub enum Outcome {
    /// It was carried out.
    #[serde(rename_all = "camelCase")]
    Done {
        /// The commit it made, where it made one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<CommitId>,
        /// The pull request it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pull_request: Option<String>,
    },
    /// It was so already.
    Already,
    /// Somebody else was faster: what it was planned on is not there any more.
    Lost {
        /// What changed.
        why: String,
    },
    /// It did not work.
    Failed {
        /// Why.
        why: String,
    },
}

/// A pass as data (`v` 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunData {
    /// Version of this structure.
    pub v: u32,
    /// The base branch.
    pub branch: String,
    /// The base commit that was planned on.
    pub base: CommitId,
    /// What was done, in order.
    pub steps: Vec<StepData>,
    /// The last line of the text.
    pub summary: String,
}

/// A step as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepData {
    /// The effect.
    pub effect: EffectData,
    /// What came of it.
    pub outcome: Outcome,
}

impl View for RunView<'_> {
    type Data = RunData;

    fn text(&self, frame: &Frame) -> String {
        let lines: Vec<(String, String, String)> = self
            .steps
            .iter()
            .map(|step| step.words(&self.plan.branch, frame))
            .collect();
        let verbs = widest(lines.iter().map(|(verb, ..)| verb));
        let names = widest(lines.iter().map(|(_, name, _)| name)).min(40);
        let mut out: Vec<String> = lines
            .iter()
            .map(|(verb, name, text)| {
                let head = format!("{}   {}   ", pad(verb, verbs), pad(name, names));
                hang(&head, text, frame)
            })
            .collect();
        out.push(hang("", &Style::Bold.paint(&self.summary()), frame));
        out.join("\n")
    }

    /// Commits and pull requests.
    fn names(&self) -> Vec<String> {
        let names = self.steps.iter().filter_map(|step| match &step.outcome {
            Outcome::Done {
                pull_request: Some(id),
                ..
            } => Some(safe(id)),
            Outcome::Done {
                commit: Some(commit),
                ..
            } => Some(commit.to_string()),
            _ => None,
        });
        names.collect()
    }

    fn data(&self) -> RunData {
        let step = |step: &Step<'_>| StepData {
            effect: EffectData::of(step.effect, &self.plan.branch),
            outcome: step.outcome.clone(),
        };
        RunData {
            v: 1,
            branch: self.plan.branch.clone(),
            base: self.plan.base.clone(),
            steps: self.steps.iter().map(step).collect(),
            summary: self.summary(),
        }
    }
}

impl RunView<'_> {
    /// `Done: 2 imports, 1 promotion; 5 waiting, 1 broken.`
    fn summary(&self) -> String {
        let failed = self
            .steps
            .iter()
            .filter(|step| step.outcome.is_bad())
            .count();
        let missing = self.plan.effects.len().saturating_sub(self.steps.len());
        let done = changes_in_words(&self.plan.changes);
        let done = match (self.plan.effects.is_empty(), done.as_str()) {
            (true, _) => "nothing to do".to_owned(),
            (false, "") => counted(self.plan.effects.len(), "effect"),
            (false, done) => done.to_owned(),
        };
        let standing = self.standing();
        let rest = if standing.is_empty() {
            String::new()
        } else {
            format!("; {standing}")
        };
        match failed + missing {
            0 => format!("Done: {done}{rest}."),
            left => {
                let all = self.plan.effects.len();
                format!(
                    "Not done: {left} of {} ({done} planned){rest}.",
                    counted(all, "effect")
                )
            }
        }
    }

    fn standing(&self) -> String {
        let rows = super::status::rows(self.plan);
        let others = super::status::others(self.plan);
        let states = rows
            .iter()
            .map(|row| row.state)
            .chain(others.iter().map(|hold| hold.state));
        let mut states: Vec<Shown> = states
            .filter(|state| !matches!(state, State::Moving | State::None))
            .map(shown)
            .collect();
        states.sort();
        let mut words: Vec<String> = Vec::new();
        for group in states.chunk_by(|a, b| a == b).rev() {
            words.extend(
                group
                    .first()
                    .map(|state| format!("{} {state}", group.len())),
            );
        }
        words.join(", ")
    }
}

impl Outcome {
    /// Whether the effect is still to be done.
    const fn is_bad(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Failed { .. })
    }
}

impl Step<'_> {
    /// Verb, commit or pull request, and the rest.
    fn words(&self, base: &str, frame: &Frame) -> (String, String, String) {
        let data = EffectData::of(self.effect, base);
        let done = match self.effect {
            Effect::PushBase { .. } => "pushed",
            Effect::OpenPullRequest { .. } => "opened",
            Effect::UpdatePullRequest { .. } => "updated",
            Effect::MergePullRequest { .. } => "merged",
            Effect::ClosePullRequest { .. } => "closed",
        };
        let title = data.title.as_deref().map(safe).unwrap_or_default();
        let known = data.pull_request.as_deref().map(name);
        let files = match data.files.len() {
            0 => String::new(),
            files => format!(" ({})", counted(files, "file")),
        };
        match &self.outcome {
            Outcome::Done {
                commit,
                pull_request,
            } => {
                let pull = pull_request.as_deref().map(name).or(known);
                let on = match (self.effect, commit, &pull) {
                    (Effect::PushBase { .. }, Some(commit), _) => {
                        format!("{} to {}", commit.short(), safe(base))
                    }
                    (Effect::MergePullRequest { .. }, Some(commit), Some(pull)) => {
                        format!("{pull} as {}", commit.short())
                    }
                    (_, _, Some(pull)) => pull.clone(),
                    (_, Some(commit), None) => commit.short().to_owned(),
                    (_, None, None) => data.branch.as_deref().map(safe).unwrap_or_default(),
                };
                (Style::Green.paint(done), on, format!("{title}{files}"))
            }
            Outcome::Already => (
                Style::Dim.paint(done),
                place(&data, known),
                format!("{title}: it was so already"),
            ),
            Outcome::Lost { why } => {
                let text = format!("{title}: somebody was faster, {}", told(why, frame));
                (Style::Yellow.paint("lost"), place(&data, known), text)
            }
            Outcome::Failed { why } => (
                Style::BoldRed.paint("failed"),
                place(&data, known),
                format!("{title}: {}", told(why, frame)),
            ),
        }
    }
}

fn place(data: &EffectData, pull: Option<String>) -> String {
    pull.or_else(|| data.branch.as_deref().map(safe))
        .unwrap_or_default()
}

fn name(id: &str) -> String {
    let id = safe(id);
    if is_number(&id) { format!("#{id}") } else { id }
}
