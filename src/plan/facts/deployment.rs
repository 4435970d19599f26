//! What is remembered of the deployment that was last recorded in a place.

use serde::{Deserialize, Serialize};

use crate::model::{DeploymentState, Timestamp};

/// What is remembered of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentMemory {
    /// Its key.
    pub key: String,
    /// How it fares, as the forge was last told.
    pub state: DeploymentState,
    /// When we told it; `None` where it was found there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Timestamp>,
}
