//! What others say of a commit: the latest status of each context, and the latest run of each check.

use super::GitHubForge;
use super::wire::{CheckRun, CheckRuns, CombinedStatus, Status};
use crate::forge::error::ForgeError;
use crate::model::{CommitCheck, CommitId, CommitState};

const PER_PAGE: usize = 100;
/// So many pages are read of either; a commit of which more is said is not ours to understand.
const MOST_PAGES: usize = 5;

impl GitHubForge {
    /// Statuses and check runs of a commit.
    pub(super) async fn said_of(&self, commit: &CommitId) -> Result<Vec<CommitCheck>, ForgeError> {
        let what = format!("show what is said of {}", commit.short());
        let statuses = self.statuses_of(commit).await?;
        let mut said: Vec<CommitCheck> = statuses.into_iter().map(of_status).collect();
        for page in 1..=MOST_PAGES {
            let route = self.route(&format!("/commits/{commit}/check-runs"));
            let one: CheckRuns = self.page_of(&what, &route, page).await?;
            let full = one.check_runs.len() >= PER_PAGE;
            said.extend(one.check_runs.into_iter().map(of_run));
            if !full {
                break;
            }
        }
        Ok(said)
    }

    /// The latest status of each context, as far as pages are read.
    pub(super) async fn statuses_of(&self, commit: &CommitId) -> Result<Vec<Status>, ForgeError> {
        let what = format!("show the statuses of {}", commit.short());
        let route = self.route(&format!("/commits/{commit}/status"));
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            let one: CombinedStatus = self.page_of(&what, &route, page).await?;
            let full = one.statuses.len() >= PER_PAGE;
            all.extend(one.statuses);
            if !full {
                break;
            }
        }
        Ok(all)
    }

    async fn page_of<T: serde::de::DeserializeOwned>(
        &self,
        what: &str,
        route: &str,
        page: usize,
    ) -> Result<T, ForgeError> {
        let (size, page) = (PER_PAGE.to_string(), page.to_string());
        let parameters = [("per_page", size.as_str()), ("page", page.as_str())];
        self.client.get(what, route, &parameters).await
    }
}

fn of_status(status: Status) -> CommitCheck {
    CommitCheck {
        state: match status.state.as_str() {
            "success" => CommitState::Success,
            "pending" => CommitState::Pending,
            _ => CommitState::Failure,
        },
        name: status.context,
        at: status.updated_at,
        words: status.description.unwrap_or_default(),
    }
}

/// A run that was skipped proves nothing, so it is not done yet; a neutral one was made and found nothing wrong.
fn of_run(run: CheckRun) -> CommitCheck {
    let conclusion = run.conclusion.as_deref();
    let conclusion = conclusion.filter(|_| run.status == "completed");
    CommitCheck {
        state: match conclusion {
            Some("success" | "neutral") => CommitState::Success,
            None | Some("skipped" | "stale") => CommitState::Pending,
            Some(_) => CommitState::Failure,
        },
        name: run.name,
        at: run.completed_at.or(run.started_at),
        words: run
            .output
            .and_then(|output| output.title)
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_that_were_made_and_found_nothing_wrong_are_success() {
        let state = |status: &str, conclusion: Option<&str>| {
            let json =
                serde_json::json!({"name": "e2e", "status": status, "conclusion": conclusion});
            of_run(serde_json::from_value(json).unwrap()).state
        };
        for good in ["success", "neutral"] {
            assert_eq!(state("completed", Some(good)), CommitState::Success);
        }
        for open in [None, Some("skipped"), Some("stale")] {
            assert_eq!(state("completed", open), CommitState::Pending);
        }
        for bad in [
            "failure",
            "cancelled",
            "timed_out",
            "action_required",
            "startup_failure",
        ] {
            assert_eq!(state("completed", Some(bad)), CommitState::Failure, "{bad}");
        }
        assert_eq!(state("in_progress", None), CommitState::Pending);
        assert_eq!(
            state("queued", Some("success")),
            CommitState::Pending,
            "of the run before"
        );
    }
}
