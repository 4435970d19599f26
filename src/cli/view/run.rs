//! What `apply` and `run` did: one line for each effect, then one line to count by.

use serde::{Deserialize, Serialize};

use super::plan::changes_in_words;
use super::words::{counted, hang, is_number, pad, safe, told, widest};
use super::{Frame, View, status};
use crate::apply::{Done, Receipt, Refusal};
use crate::cli::output::Style;
use crate::model::CommitId;
use crate::plan::Plan;
use crate::plan::report::State;

/// A plan that was carried out.
pub struct RunView<'a> {
    /// The plan; of several passes the last one.
    pub plan: &'a Plan,
    /// What became of it; of several passes all that was done.
    pub receipt: &'a Receipt,
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
    pub done: Vec<StepData>,
    /// What was refused.
    pub refused: Vec<RefusalData>,
    /// Whether somebody else was faster, so that it must be planned again.
    pub again: bool,
    /// The last line of the text.
    pub summary: String,
}

/// A thing done, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepData {
    /// `pushed`, `opened`, `updated`, `merged`, `closed`.
    pub did: String,
    /// The pull request it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<String>,
    /// The commit on the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitId>,
    /// First line of the commit, title, or why it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How many files it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<usize>,
}

/// A refusal, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusalData {
    /// What was tried.
    pub what: String,
    /// The words of whoever refused.
    pub why: String,
    /// Whether a later pass may succeed without anybody changing anything.
    pub transient: bool,
}

impl StepData {
    fn of(done: &Done) -> Self {
        let step = |did: &str, pull: Option<&String>, commit: Option<&CommitId>| Self {
            did: did.to_owned(),
            pull_request: pull.cloned(),
            commit: commit.cloned(),
            title: None,
            files: None,
        };
        match done {
            Done::Pushed {
                commit,
                subject,
                files,
            } => Self {
                title: Some(subject.clone()),
                files: Some(*files),
                ..step("pushed", None, Some(commit))
            },
            Done::Opened { id, title } => Self {
                title: Some(title.clone()),
                ..step("opened", Some(id), None)
            },
            Done::Updated { id } => step("updated", Some(id), None),
            Done::Marked { id, status } => Self {
                title: Some(format!("{}: {}", status.context, status.words)),
                ..step("marked", Some(id), None)
            },
            Done::Tended { id, with } => Self {
                title: Some(with.join(", ")),
                ..step("tended", Some(id), None)
            },
            Done::Deployed { deployment, state } => Self {
                title: Some(format!("{}: {}", deployment.title, state.as_str())),
                ..step("recorded", None, Some(&deployment.commit))
            },
            Done::Queued { id, position } => Self {
                title: position.map(|position| format!("position {position} in the merge queue")),
                ..step("queued", Some(id), None)
            },
            Done::Merged { id, commit } => step("merged", Some(id), commit.as_ref()),
            Done::Cleared { branches } => Self {
                title: Some(branches.join(", ")),
                ..step("cleared", None, None)
            },
            Done::Dispatched { dispatch, .. } => Self {
                title: Some(format!("{}: {}", dispatch.workflow.file, dispatch.key)),
                ..step("started", None, None)
            },
            Done::Closed { id, reason } => Self {
                title: Some(reason.clone()),
                ..step("closed", Some(id), None)
            },
        }
    }

    /// Verb, pull request or commit, and the rest.
    fn words(&self, base: &str) -> [String; 3] {
        let commit = self.commit.as_ref().map(CommitId::short);
        let what = match (self.pull_request.as_deref().map(pull), commit) {
            (Some(pull), Some(commit)) => format!("{pull} as {commit}"),
            (Some(pull), None) => pull,
            (None, Some(commit)) => format!("{commit} to {}", safe(base)),
            (None, None) => String::new(),
        };
        let title = self.title.as_deref().map(safe).unwrap_or_default();
        let files = self
            .files
            .map(|files| format!(" ({})", counted(files, "file")));
        let text = format!("{title}{}", files.unwrap_or_default());
        [Style::Green.paint(&self.did), what, text]
    }
}

/// A pull request by number or by id.
fn pull(id: &str) -> String {
    let id = safe(id);
    if is_number(&id) { format!("#{id}") } else { id }
}

impl View for RunView<'_> {
    type Data = RunData;

    fn text(&self, frame: &Frame) -> String {
        let steps = self.receipt.done.iter().map(StepData::of);
        let mut lines: Vec<[String; 3]> = steps.map(|step| step.words(&self.plan.branch)).collect();
        lines.extend(
            self.receipt
                .refused
                .iter()
                .map(|refusal| refused(refusal, frame)),
        );
        let verbs = widest(lines.iter().map(|[verb, ..]| verb));
        let names = widest(lines.iter().map(|[_, name, _]| name)).min(48);
        let line = |[verb, name, text]: &[String; 3]| {
            hang(
                &format!("{}   {}   ", pad(verb, verbs), pad(name, names)),
                text,
                frame,
            )
        };
        let mut out: Vec<String> = lines.iter().map(line).collect();
        if self.receipt.again {
            let text = "somebody else was faster: what is left must be planned again";
            out.push(hang("", &Style::Yellow.paint(text), frame));
        }
        out.push(hang("", &Style::Bold.paint(&self.summary()), frame));
        out.join("\n")
    }

    /// Pull requests and commits that were made or changed.
    fn names(&self) -> Vec<String> {
        let steps = self.receipt.done.iter().map(StepData::of);
        let name = |step: StepData| {
            let pull = step.pull_request.as_deref().map(safe);
            pull.or_else(|| step.commit.map(|commit| commit.to_string()))
        };
        steps.filter_map(name).collect()
    }

    fn data(&self) -> RunData {
        let refusal = |refusal: &Refusal| RefusalData {
            what: refusal.what.clone(),
            why: refusal.why.clone(),
            transient: refusal.fault.heals(),
        };
        RunData {
            v: 1,
            branch: self.plan.branch.clone(),
            base: self.plan.base.clone(),
            done: self.receipt.done.iter().map(StepData::of).collect(),
            refused: self.receipt.refused.iter().map(refusal).collect(),
            again: self.receipt.again,
            summary: self.summary(),
        }
    }
}

fn refused(refusal: &Refusal, frame: &Frame) -> [String; 3] {
    let again = if refusal.fault.heals() {
        "; it is tried again with the next pass"
    } else {
        ""
    };
    let text = format!("{}{again}", told(&refusal.why, frame));
    [Style::BoldRed.paint("refused"), safe(&refusal.what), text]
}

impl RunView<'_> {
    /// `Done: 2 imports, 1 promotion; 5 waiting, 1 broken.`
    fn summary(&self) -> String {
        let effects = self.plan.effects.len();
        let planned = match changes_in_words(&self.plan.changes) {
            words if words.is_empty() => counted(effects, "effect"),
            words => words,
        };
        let standing = self.standing();
        let rest = if standing.is_empty() {
            String::new()
        } else {
            format!("; {standing}")
        };
        let refused = self.receipt.refused.len();
        if effects == 0 && self.receipt.done.is_empty() {
            format!("Done: nothing to do{rest}.")
        } else if self.receipt.again || refused > 0 {
            let done = self.receipt.done.len();
            // A commit that was refused as a whole is tried in parts.
            let all = counted(effects.max(done + refused), "effect");
            format!("Done in part: {done} of {all} ({planned} planned), {refused} refused{rest}.")
        } else {
            format!("Done: {planned}{rest}.")
        }
    }

    /// `5 waiting, 1 broken`: pipelines and other things that are neither settled nor on their way.
    fn standing(&self) -> String {
        let rows = status::rows(self.plan);
        let others = status::others(self.plan);
        let states = rows.iter().map(|row| row.state);
        let states = states.chain(others.iter().map(|hold| hold.state));
        let still = |state: &State| !matches!(state, State::Moving | State::Settled | State::None);
        let mut states: Vec<State> = states.filter(still).collect();
        states.sort();
        let groups = states.chunk_by(|a, b| a == b).rev();
        let words = groups.filter_map(|group| Some(format!("{} {}", group.len(), group.first()?)));
        words.collect::<Vec<_>>().join(", ")
    }
}
