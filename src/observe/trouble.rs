//! Rows of failures of the Git remote and of the forge: since when, and how many tries. A file that may be deleted; it is
//! written only when something failed, and once when it is over.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::{ObserveError, aside};
use super::store;
use crate::config::known::hide;
use crate::git::GitError;
use crate::model::{Faulty as _, Timestamp};
use crate::plan::facts::{Failure, Trouble};

/// Version of the file.
const VERSION: u32 = 1;
/// A larger file is none of ours.
const MOST_BYTES: u64 = 64 << 10;
/// Longer messages are cut.
const MOST_CHARACTERS: usize = 500;

/// What is going on at both edges.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Kept {
    v: u32,
    /// At the Git remote.
    pub(super) git: Option<Trouble>,
    /// At the forge.
    pub(super) forge: Option<Trouble>,
}

/// The same with its file.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    path: Option<PathBuf>,
    pub(super) now: Kept,
}

impl Troubles {
    /// What an earlier process left in a file.
    pub(super) fn open(path: Option<PathBuf>) -> Self {
        let read = path
            .as_ref()
            .and_then(|path| store::read_json::<Kept>(path, MOST_BYTES, VERSION));
        Self {
            path,
            now: read.unwrap_or_default(),
        }
    }

    /// Takes in how asking the Git remote went.
    pub(super) async fn git(
        &mut self,
        failed: Option<&GitError>,
        at: Timestamp,
    ) -> Result<(), ObserveError> {
        let before = self.now.clone();
        self.now.git = failed.map(|error| {
            let fault = error.fault();
            let trouble = Trouble {
                reason: reason(error).to_owned(),
                message: hide(&error.to_string())
                    .chars()
                    .take(MOST_CHARACTERS)
                    .collect(),
                party: Some(fault.party),
                next_try: fault.retry.at(),
                ..Trouble::default()
            };
            once_more(self.now.git.as_ref(), trouble, at)
        });
        self.save(before).await
    }

    /// Takes in how asking the forge went.
    pub(super) async fn forge(
        &mut self,
        failed: Option<&Failure>,
        at: Timestamp,
    ) -> Result<(), ObserveError> {
        let before = self.now.clone();
        self.now.forge = failed.map(|failure| {
            let trouble = Trouble {
                reason: failure.reason.clone(),
                message: failure.message.clone(),
                party: failure.party,
                next_try: failure.retry_at,
                ..Trouble::default()
            };
            once_more(self.now.forge.as_ref(), trouble, at)
        });
        self.save(before).await
    }

    async fn save(&mut self, before: Kept) -> Result<(), ObserveError> {
        self.now.v = VERSION;
        let Some(path) = self
            .path
            .clone()
            .filter(|_| before.git != self.now.git || before.forge != self.now.forge)
        else {
            return Ok(());
        };
        let kept = self.now.clone();
        aside(move || store::keep_json(&path, &kept)).await
    }
}

/// A row of failures gets one longer; another reason does not begin a new one: the edge has not answered in between.
fn once_more(row: Option<&Trouble>, trouble: Trouble, at: Timestamp) -> Trouble {
    Trouble {
        since: row.and_then(|row| row.since).or(Some(at)),
        tries: row.map_or(0, |row| row.tries).saturating_add(1),
        ..trouble
    }
}

/// A stable word for what the Git remote answered.
pub(super) const fn reason(error: &GitError) -> &'static str {
    match error {
        GitError::Auth { .. } => "Unauthorized",
        GitError::Rejected { .. } => "Forbidden",
        GitError::NotFound(_) | GitError::NoBranch { .. } => "NotFound",
        GitError::Network { .. } => "Unreachable",
        GitError::Corrupt { .. } => "Corrupt",
        GitError::Tls { .. } => "Untrusted",
        GitError::Locked(_) => "Locked",
        GitError::Local { .. } | GitError::Owner { .. } => "Local",
        GitError::Unsupported(_) | GitError::Invalid(_) => "Invalid",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: u32) -> Timestamp {
        format!("2026-01-05T09:{minute:02}:00Z").parse().unwrap()
    }

    #[tokio::test]
    async fn a_row_of_failures_outlives_the_process_and_ends_with_an_answer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edges.json");
        let open = || Troubles::open(Some(path.clone()));
        let away = GitError::Network {
            location: "https://git.example/x".to_owned(),
            message: "connection refused".to_owned(),
        };
        let mut troubles = open();
        troubles.git(None, at(0)).await.unwrap();
        assert!(!path.exists(), "nothing happened");
        troubles.git(Some(&away), at(1)).await.unwrap();
        let mut troubles = open();
        let refused = GitError::Auth {
            location: "https://git.example/x".to_owned(),
            message: "no".to_owned(),
        };
        troubles.git(Some(&refused), at(2)).await.unwrap();
        let row = open().now.git.unwrap();
        assert_eq!((row.since, row.tries), (Some(at(1)), 2));
        assert_eq!(row.reason, "Unauthorized");
        troubles.git(None, at(3)).await.unwrap();
        assert_eq!(open().now.git, None);
    }
}
