//! The pure core: from an Observation to a Plan. No IO, no clock, no chance; limits count bytes and steps, never time.

pub mod acts;
pub mod broken;
pub mod change;
pub mod checks;
pub mod compare;
mod cut;
mod deployments;
pub mod desk;
mod dispatches;
pub mod due;
pub mod edges;
pub mod effect;
pub mod facts;
pub mod failing;
pub mod gate;
pub mod guard;
pub mod history;
pub mod import;
#[cfg(test)]
pub(crate) mod kit;
pub mod known;
mod left_over;
pub mod observation;
pub mod output;
mod planner;
mod pointed;
pub mod pull;
pub mod question;
pub mod refusal;
pub mod report;
pub mod rewound;
pub mod road;
mod room;
pub mod shield;
pub mod stage;
pub mod streams;
pub mod text;
pub mod version;

use serde::{Deserialize, Serialize};

pub use effect::Effect;
pub use facts::Facts;
pub use history::History;
pub use observation::{FileEntry, Observation, Snapshot};
pub use planner::plan;
pub use question::Question;
pub use report::{Change, HoldReport, StageReport, State};

use crate::model::{CommitId, Timestamp};

/// Version of the plan file this program writes and reads.
pub const PLAN_VERSION: u32 = 1;

/// What is to be done, why the rest is not, and what is not known yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Version of this format.
    pub v: u32,
    /// The base commit it was made from.
    pub base: CommitId,
    /// The base branch.
    pub branch: String,
    /// The instant it was made for.
    pub now: Timestamp,
    /// The instant its commits and events bear.
    pub stamp: Timestamp,
    /// The earliest instant at which a verdict it rests on may change; after it the plan is made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// What changes, for people.
    pub changes: Vec<Change>,
    /// What to do, in order.
    pub effects: Vec<Effect>,
    /// What is due and does not move.
    pub holds: Vec<HoldReport>,
    /// Every stage.
    pub stages: Vec<StageReport>,
    /// Facts it lacks; empty in a final plan.
    pub questions: Vec<Question>,
}

impl Plan {
    /// What it would do, without when it was made: two plans with the same outcome do the same to the world.
    pub fn outcome(&self) -> (&CommitId, &[Effect]) {
        (&self.base, &self.effects)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.effects.is_empty()
    }
}

#[cfg(test)]
mod tests;
