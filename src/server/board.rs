//! The board: what the daemon shows of itself, filled by whoever runs the passes. Without secrets.

use serde::Serialize;

use crate::model::{CommitId, Timestamp};
use crate::plan::due::Lateness;
use crate::plan::edges::EdgeReport;
use crate::plan::report::{HoldReport, StageReport};

/// What the server shows.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    /// Version of this structure.
    pub v: u32,
    /// The repository that is served, without a login.
    pub repository: String,
    /// When the daemon started.
    pub started: Timestamp,
    /// When the last pass ended.
    pub last_pass: Option<Timestamp>,
    /// Since when a pass is under way; absent between two.
    pub pass_since: Option<Timestamp>,
    /// Passes since the start.
    pub passes: u64,
    /// Why the last pass did not come to a plan, and since when none did.
    pub failure: Option<String>,
    /// When the row of failures began.
    pub failing_since: Option<Timestamp>,
    /// Failed passes in a row.
    pub failures: u32,
    /// Edges that do not answer.
    pub edges: Vec<EdgeReport>,
    /// The operator's settings in use.
    pub settings: SettingsInUse,
    /// Panics caught since the start: bugs of this program, each of which stopped one item.
    pub bugs: u64,
    /// Log lines lost since the start because nobody read them in time.
    pub dropped_log_lines: u64,
    /// How late the tags were that were last asked for again.
    pub lateness: Lateness,
    /// The base branch of the last plan.
    pub branch: String,
    /// The base commit of the last plan.
    pub commit: Option<CommitId>,
    /// Stages of the last plan.
    pub stages: Vec<StageReport>,
    /// What the last plan held back.
    pub holds: Vec<HoldReport>,
    /// What Git or the forge refused in the last pass.
    pub refused: Vec<String>,
}

/// Which settings the passes are made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingsInUse {
    /// When they were read.
    pub read: Timestamp,
    /// Why later ones could not be used; the ones read before stay.
    pub failure: Option<String>,
    /// Changed settings that only a restart brings into use.
    pub needs_restart: Vec<&'static str>,
}

impl Board {
    /// The board before the first pass.
    pub const fn new(repository: String, started: Timestamp) -> Self {
        Self {
            v: 1,
            repository,
            started,
            last_pass: None,
            pass_since: None,
            passes: 0,
            failure: None,
            failing_since: None,
            failures: 0,
            edges: Vec::new(),
            settings: SettingsInUse {
                read: started,
                failure: None,
                needs_restart: Vec::new(),
            },
            bugs: 0,
            dropped_log_lines: 0,
            lateness: Lateness {
                checked: 0,
                p99_seconds: 0,
                most_seconds: 0,
            },
            branch: String::new(),
            commit: None,
            stages: Vec::new(),
            holds: Vec::new(),
            refused: Vec::new(),
        }
    }
}
