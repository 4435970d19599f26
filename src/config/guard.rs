//! Guards: what the operator fixes for an environment, whatever the repository says.

use serde::{Deserialize, Serialize};

use crate::model::Delivery;

/// What is fixed for one environment. The repository may only be stricter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Guard {
    /// How every write below the environment is handed over.
    pub delivery: Option<Delivery>,
}
