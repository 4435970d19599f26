//! Workflows: runs that were started by hand or by program, and starting one. GitHub tells the number of a run since February
//! 2026; an Enterprise server of before tells nothing, and the run is found by the key in its name.

use serde::Deserialize;
use serde_json::json;

use super::GitHubForge;
use crate::forge::error::ForgeError;
use crate::model::Timestamp;
use crate::model::workflow_run::{Dispatch, INPUT, RunKey, RunState, WorkflowFile, WorkflowRun};

const PER_PAGE: usize = 100;
/// So many pages of runs are read, the newest first.
const MOST_PAGES: usize = 5;

#[derive(Debug, Deserialize)]
struct Page {
    workflow_runs: Vec<Run>,
}

#[derive(Debug, Deserialize)]
struct Run {
    id: u64,
    #[serde(default)]
    display_title: String,
    status: Option<String>,
    conclusion: Option<String>,
    created_at: Timestamp,
    #[serde(default)]
    run_started_at: Option<Timestamp>,
    html_url: String,
}

#[derive(Debug, Deserialize)]
struct Started {
    workflow_run_id: u64,
}

#[derive(Debug, Deserialize)]
struct Repository {
    default_branch: String,
}

impl GitHubForge {
    /// Runs of a workflow that were started since the day of this instant.
    pub(super) async fn runs_of(
        &self,
        workflow: &WorkflowFile,
        since: Timestamp,
    ) -> Result<Vec<WorkflowRun>, ForgeError> {
        self.may_run(workflow)?;
        let WorkflowFile { repository, file } = workflow;
        let what = format!("list the runs of {file} in {repository}");
        let route = format!("/repos/{repository}/actions/workflows/{file}/runs");
        let day: String = since.to_string().chars().take(10).collect();
        let (created, size) = (format!(">={day}"), PER_PAGE.to_string());
        let mut runs = Vec::new();
        for page in 1..=MOST_PAGES {
            let page = page.to_string();
            let parameters = [
                ("event", "workflow_dispatch"),
                ("created", created.as_str()),
                ("per_page", size.as_str()),
                ("page", page.as_str()),
            ];
            let one: Page = self.client.get(&what, &route, &parameters).await?;
            let full = one.workflow_runs.len() >= PER_PAGE;
            runs.extend(one.workflow_runs.into_iter().map(of));
            if !full {
                break;
            }
        }
        Ok(runs)
    }

    /// What the repository asks for is done only where the operator lets it: a token may well reach further.
    fn may_run(&self, workflow: &WorkflowFile) -> Result<(), ForgeError> {
        let repository = &workflow.repository;
        let mut listed = self.workflows.iter();
        match listed.any(|listed| listed.eq_ignore_ascii_case(repository)) {
            true => Ok(()),
            false => Err(ForgeError::Invalid(format!(
                "the operator's settings do not list `{repository}` under `forge.github.workflows`, so none of its workflows is started"
            ))),
        }
    }

    /// Looks first, so that it may be repeated. Gives the run's number, where it is told.
    pub(super) async fn start(&self, dispatch: &Dispatch) -> Result<Option<u64>, ForgeError> {
        let runs = self.runs_of(&dispatch.workflow, dispatch.since).await?;
        let there = runs
            .iter()
            .find(|run| run.key.as_ref() == Some(&dispatch.key));
        if let Some(run) = there {
            return Ok(Some(run.id));
        }
        let WorkflowFile { repository, file } = &dispatch.workflow;
        let what = format!("start {file} in {repository}");
        let git_ref = match &dispatch.git_ref {
            Some(git_ref) => git_ref.clone(),
            None => {
                let route = format!("/repos/{repository}");
                let facts: Repository = self.client.get(&what, &route, &[]).await?;
                facts.default_branch
            }
        };
        let mut inputs = dispatch.inputs.clone();
        inputs.insert(INPUT.to_owned(), dispatch.key.to_string());
        let route = format!("/repos/{repository}/actions/workflows/{file}/dispatches");
        let body = json!({"ref": git_ref, "inputs": inputs, "return_run_details": true});
        let started: Option<Started> = self.client.post_maybe(&what, &route, &body).await?;
        Ok(started.map(|started| started.workflow_run_id))
    }
}

fn of(run: Run) -> WorkflowRun {
    let done = run.status.as_deref() == Some("completed");
    WorkflowRun {
        id: run.id,
        key: RunKey::in_title(&run.display_title),
        state: match run.conclusion.as_deref().filter(|_| done) {
            None if !done => RunState::UnderWay,
            Some("success") => RunState::Success,
            other => RunState::Failure(other.unwrap_or("without a conclusion").to_owned()),
        },
        at: run.run_started_at.unwrap_or(run.created_at),
        url: run.html_url,
    }
}
