//! What hosts answered that gates ask, and Argo CD of applications.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// What a host answered, as far as it was wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// Headers by name in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
}

/// How an application fares, as Argo CD said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoCdFacts {
    /// `Synced`, `OutOfSync` or `Unknown`.
    pub sync: String,
    /// `Healthy`, `Progressing`, `Degraded`, `Suspended`, `Missing` or `Unknown`.
    pub health: String,
    /// Since when it fares so, where that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What is said about it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Images of its pods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// What was synced: one revision for each of its sources.
    pub revisions: Vec<String>,
    /// Revisions that were deployed, and when.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deployed: Vec<(Vec<String>, Timestamp)>,
}

/// A run that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dispatched {
    /// When.
    pub at: Timestamp,
    /// Its number at the forge, where that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
}
