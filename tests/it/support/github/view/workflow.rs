//! How runs of workflows look in answers.

use serde_json::{Value, json};

use super::{View, time};
use crate::support::github::records::WorkflowRun;
use crate::support::github::state::State;

impl View {
    /// A run.
    pub(in crate::support::github) fn workflow_run(
        &self,
        state: &State,
        run: &WorkflowRun,
    ) -> Value {
        let url = format!("{}/actions/runs/{}", self.repo_url(), run.id);
        let status = match run.conclusion {
            Some(_) => "completed",
            None => "in_progress",
        };
        json!({
            "id": run.id, "name": "e2e", "node_id": format!("WFR_{}", run.id), "check_suite_id": run.id + 1,
            "head_branch": run.reference, "head_sha": run.sha, "path": format!(".github/workflows/{}", run.file),
            "run_number": run.number, "run_attempt": run.attempt, "event": "workflow_dispatch", "status": status,
            "conclusion": run.conclusion, "workflow_id": 4711, "url": url,
            "html_url": format!("{}/actions/runs/{}", self.repo_page(), run.id), "pull_requests": [],
            "created_at": time(run.created), "updated_at": time(run.started), "run_started_at": time(run.started),
            "actor": self.person(state, Some(&run.actor)), "triggering_actor": self.person(state, Some(&run.actor)),
            "jobs_url": format!("{url}/jobs"), "logs_url": format!("{url}/logs"),
            "check_suite_url": format!("{}/check-suites/{}", self.repo_url(), run.id + 1),
            "artifacts_url": format!("{url}/artifacts"), "cancel_url": format!("{url}/cancel"),
            "rerun_url": format!("{url}/rerun"), "previous_attempt_url": null,
            "workflow_url": format!("{}/actions/workflows/4711", self.repo_url()), "head_commit": null,
            "repository": self.small_repository(state), "head_repository": self.small_repository(state),
            "display_title": run.title,
        })
    }
}
