//! What a plan says to people: the state of every stage, what it waits for, and what changes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{CommitId, Delivery, Name, RepoPath, Set, StageKey, TagKey, Timestamp, Verdict};

/// The eight words for a state, the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Something is wrong that a person must mend.
    Broken,
    /// A gate said no.
    Refused,
    /// A person said stop.
    Held,
    /// A freeze is on.
    Frozen,
    /// It opens by itself, or when somebody approves.
    Waiting,
    /// This plan moves it.
    Moving,
    /// Nothing to do.
    Settled,
    /// No set has ever been here.
    None,
}

impl State {
    /// All of them, the worst first.
    pub const ALL: [Self; 8] = [
        Self::Broken,
        Self::Refused,
        Self::Held,
        Self::Frozen,
        Self::Waiting,
        Self::Moving,
        Self::Settled,
        Self::None,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Refused => "refused",
            Self::Held => "held",
            Self::Frozen => "frozen",
            Self::Waiting => "waiting",
            Self::Moving => "moving",
            Self::Settled => "settled",
            Self::None => "none",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why something that was due does not move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldReport {
    /// What stands still.
    pub subject: Subject,
    /// A stable word: `EditedByHand`, `HistoryUnknown`, `NotYet`, `ImportFailed`, ...
    pub reason: String,
    /// Plain words.
    pub why: String,
    /// The earliest instant it could move by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What a person can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The state it puts its subject in.
    pub state: State,
}

/// What a hold is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// A stage.
    Stage(StageKey),
    /// A tag of a stream.
    Tag(TagKey),
    /// An application of an environment.
    Application {
        /// The environment.
        environment: Name,
        /// The application.
        application: String,
    },
    /// A whole pipeline.
    Pipeline(Name),
    /// A whole environment.
    Environment(Name),
    /// A file.
    File(RepoPath),
    /// The whole repository.
    Repository,
}

/// One condition and what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Name for people: `soak 30m`, `approval 0 of 1`.
    pub name: String,
    /// Kind of gate: `from`, `soak`, `age`, `expression`, `approvals`, `freeze`, `hold`, ...
    pub kind: String,
    /// What it said.
    pub verdict: Verdict,
    /// Who set it (`environment prod`, `pipeline myapp`), where that is worth saying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_by: Option<String>,
}

/// A set in a stage, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetReport {
    /// The set.
    pub set: Set,
    /// Its version as shown: semver label, imported tag, or short digest.
    pub version: String,
    /// Since when it is current there; `None` while the clock has not started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The commit that made it current there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitId>,
}

/// Something that stops a whole stage, whichever set is next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockReport {
    /// The state it puts the stage in.
    pub state: State,
    /// A stable word, as in [`HoldReport::reason`].
    pub reason: String,
    /// Plain words.
    pub why: String,
    /// The earliest instant it could go by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What a person can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl From<&HoldReport> for BlockReport {
    fn from(hold: &HoldReport) -> Self {
        Self {
            state: hold.state,
            reason: hold.reason.clone(),
            why: hold.why.clone(),
            until: hold.until,
            help: hold.help.clone(),
        }
    }
}

/// Where a stage is and what it waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StageReport {
    /// The stage.
    pub key: StageKey,
    /// Its tag.
    pub tag: String,
    /// Its state.
    pub state: State,
    /// In a few words, for the last column of `status`.
    pub why: String,
    /// How its changes are handed over.
    pub delivery: Delivery,
    /// Everything that stops the stage whichever set is next, the worst first: `state` and `why` are about that one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<BlockReport>,
    /// What is current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<SetReport>,
    /// What would come next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<SetReport>,
    /// Conditions of the candidate, in the order they are asked.
    pub conditions: Vec<Condition>,
    /// What the current set still has to show before the next stage may take it.
    pub verify: Vec<Condition>,
    /// Other sets that were looked at, and why each does not go first.
    pub passed_over: Vec<(SetReport, String)>,
    /// The open pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<String>,
    /// The earliest instant something may change by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What a person can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl StageReport {
    /// Adds what stops the stage. State and words are about the worst of all.
    pub fn stopped_by(&mut self, block: BlockReport) {
        if block.state < self.state || self.state == State::Moving {
            self.state = block.state;
            self.why.clone_from(&block.why);
            self.until = block.until;
            self.help.clone_from(&block.help);
        }
        let at = self.blocks.partition_point(|b| b.state <= block.state);
        self.blocks.insert(at, block);
    }
}

/// One line of a plan: something that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What kind of change.
    pub kind: ChangeKind,
    /// The pipeline or stream it belongs to, for grouping.
    pub group: String,
    /// `dev`, `qa <- dev`, an environment.
    pub place: String,
    /// What moves, in words (`registry.example/acme/myapp:main`).
    pub subject: String,
    /// Before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// After.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// Why, where that is not plain: `25.0.2 -> 25.0.3, newest by semver ~25.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// `commit on main`, `pull request`, ...
    pub delivery: String,
    /// Files it writes.
    pub files: Vec<RepoPath>,
}

/// Kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// A digest recorded from a registry.
    Import,
    /// A set moved to a stage.
    Promote,
    /// A stage taken back by itself to a set that passed there.
    Rollback,
    /// Outputs put right.
    Render,
    /// A failure written down or cleared.
    Record,
    /// A pull request opened.
    Open,
    /// A pull request changed.
    Update,
    /// A pull request merged.
    Merge,
    /// A pull request closed.
    Close,
    /// A stage held because somebody asked for it below a pull request.
    Hold,
    /// Branches that are left over taken away.
    Clear,
    /// A run of a workflow started.
    Start,
}
