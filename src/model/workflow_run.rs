//! Runs of workflows that are started for a set, and by what they are found again at the forge.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::name::StageKey;
use super::object::hash16;
use super::set::SetId;
use super::time::Timestamp;

/// The input of a workflow that hands over the key of a run.
pub const INPUT: &str = "headwater";

/// What the key of a run begins with.
const PREFIX: &str = "headwater-";
/// Digits of the part that stands for set, stage and gate.
const DIGITS: usize = 16;

/// What a run is for: a set, the stage that verifies it, and one of that stage's gates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Purpose(String);

impl Purpose {
    /// That of a set in a stage, by the gate of this definition.
    pub fn of(stage: &StageKey, set: &SetId, definition: &str) -> Self {
        let stage = String::from(stage.clone());
        Self(hash16(&format!("workflow\n{stage}\n{set}\n{definition}")))
    }

    /// The key of an attempt, counted from 1: what the workflow is given as its input [`INPUT`].
    pub fn key(&self, attempt: u32) -> RunKey {
        RunKey {
            purpose: self.clone(),
            attempt,
        }
    }
}

/// By which a run is found again: `headwater-<16 hex digits>-<attempt>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunKey {
    /// What it is for.
    pub purpose: Purpose,
    /// Which attempt it is, counted from 1.
    pub attempt: u32,
}

impl RunKey {
    /// The key in a title, if there is one.
    pub fn in_title(title: &str) -> Option<Self> {
        title.match_indices(PREFIX).find_map(|(at, _)| {
            let rest = title.get(at + PREFIX.len()..)?;
            let (purpose, rest) = rest.split_at_checked(DIGITS)?;
            let hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
            let number: String = rest
                .strip_prefix('-')?
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            let attempt = number.parse().ok().filter(|attempt| *attempt > 0)?;
            purpose.chars().all(hex).then(|| Self {
                purpose: Purpose(purpose.to_owned()),
                attempt,
            })
        })
    }
}

impl std::fmt::Display for RunKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}{}-{}", self.purpose.0, self.attempt)
    }
}

impl From<RunKey> for String {
    fn from(key: RunKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for RunKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let found = Self::in_title(&text).filter(|key| key.to_string() == text);
        found.ok_or("this is no key of a run")
    }
}

/// A workflow of a repository at the forge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowFile {
    /// `owner/name`.
    pub repository: String,
    /// Its file in `.github/workflows`.
    pub file: String,
}

/// A run as the forge tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowRun {
    /// Its number at the forge.
    pub id: u64,
    /// The key in its title, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<RunKey>,
    /// How it fares.
    pub state: RunState,
    /// When it was started, or started again.
    pub at: Timestamp,
    /// Its page.
    pub url: String,
}

/// How a run fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunState {
    /// It waits or runs.
    UnderWay,
    /// It succeeded.
    Success,
    /// It ended otherwise, in the forge's word: `failure`, `cancelled`, `timed_out`, ...
    Failure(String),
}

/// A run to be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dispatch {
    /// Of which workflow.
    pub workflow: WorkflowFile,
    /// On which branch or tag; `None`: the repository's default branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
    /// Inputs beside [`INPUT`].
    pub inputs: BTreeMap<String, String>,
    /// By which it is found again.
    pub key: RunKey,
    /// No run with that key was started before this instant.
    pub since: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_the_title_of_a_run_and_nothing_else_is_one() {
        let stage: StageKey = "app/qa".parse().unwrap();
        let set: SetId = "a".repeat(64).parse().unwrap();
        let key = Purpose::of(&stage, &set, "x").key(2);
        let title = format!("e2e of 1.2.0 ({key})");
        assert_eq!(RunKey::in_title(&title).as_ref(), Some(&key));
        assert_eq!(RunKey::try_from(key.to_string()), Ok(key.clone()));
        assert_ne!(key, Purpose::of(&stage, &set, "y").key(2));
        for none in [
            "",
            "headwater-",
            "headwater-0123",
            "headwater-0123456789abcdef",
            "headwater-0123456789abcdef-",
            "headwater-0123456789abcdef-0",
            "headwater-0123456789abcdeF-1",
            "headwater-0123456789abcde€-1",
        ] {
            assert_eq!(RunKey::in_title(none), None, "{none}");
        }
        let second = "headwater-x headwater-0123456789abcdef-10";
        assert_eq!(RunKey::in_title(second).unwrap().attempt, 10);
    }
}
