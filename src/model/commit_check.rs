//! Checks of commits: what others (a workflow, a deployment agent) say of a commit, as commit status or check run.

use serde::{Deserialize, Serialize};

use super::commit_status::CommitState;
use super::time::Timestamp;

/// What somebody says of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitCheck {
    /// Context of the status, or name of the check run.
    pub name: String,
    /// Whether it is well, not decided yet, or not well.
    pub state: CommitState,
    /// Since when it is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// A few words beside it, as their author wrote them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
}
