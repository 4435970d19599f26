//! Workflows that are started by hand, and their runs.

use serde_json::{Value, json};

use super::super::call::{Call, Outcome, Refusal, Reply};
use crate::support::github::records::WorkflowRun;

/// Starts a run: only with inputs that the workflow declares. Its number is told where that is asked for.
pub(super) fn dispatch(call: &mut Call<'_>) -> Outcome {
    let file = call.at("workflow_id").to_owned();
    let workflow = call.state.records.workflows.get(&file).cloned();
    let workflow = workflow.ok_or_else(Refusal::not_found)?;
    let reference = call.text("ref").unwrap_or_default().to_owned();
    let missing = || Refusal::unprocessable(&format!("No ref found for: {reference}"));
    let sha = call.state.git.resolve(&reference).ok_or_else(missing)?;
    let inputs = call.body["inputs"].as_object().cloned().unwrap_or_default();
    let unexpected: Vec<&str> = inputs
        .keys()
        .map(String::as_str)
        .filter(|name| !workflow.inputs.iter().any(|known| known == name))
        .collect();
    if !unexpected.is_empty() {
        let message = format!("Unexpected inputs provided: {unexpected:?}");
        return Err(Refusal::unprocessable(&message));
    }
    let input = |name: &str| inputs.get(name).and_then(Value::as_str).unwrap_or_default();
    let title = match workflow.names_runs {
        true => format!("e2e {}", input("headwater")),
        false => "e2e".to_owned(),
    };
    let given = inputs.iter().map(|(name, value)| {
        let text = value.as_str().unwrap_or_default();
        (name.clone(), text.to_owned())
    });
    let run = WorkflowRun {
        id: call.state.id(),
        actor: call.state.people.login(&call.actor),
        number: call.state.records.workflow_runs.len() as u64 + 1,
        attempt: 1,
        given: given.collect(),
        conclusion: None,
        created: call.state.now,
        started: call.state.now,
        file,
        title,
        reference,
        sha,
    };
    call.state.records.workflow_runs.push(run.clone());
    if call.body["return_run_details"] != true || !call.state.records.tells_runs {
        return Reply::nothing();
    }
    let url = format!("{}/actions/runs/{}", call.view.repo_url(), run.id);
    let page = format!("{}/actions/runs/{}", call.view.repo_page(), run.id);
    Reply::ok(json!({"workflow_run_id": run.id, "run_url": url, "html_url": page}))
}

/// Lists runs, the newest first.
pub(super) fn runs(call: &mut Call<'_>) -> Outcome {
    let file = call.at("workflow_id").to_owned();
    if !call.state.records.workflows.contains_key(&file) {
        return Err(Refusal::not_found());
    }
    let day = |run: &WorkflowRun| run.created.to_string()[..10].to_owned();
    let since = call
        .asked("created")
        .and_then(|text| text.strip_prefix(">="));
    let since = since.map(str::to_owned);
    let event = call.asked("event").unwrap_or("workflow_dispatch") == "workflow_dispatch";
    let runs = call.state.records.workflow_runs.iter().rev();
    let found = runs.filter(|run| {
        run.file == file && event && since.as_ref().is_none_or(|since| day(run) >= *since)
    });
    let view = |run: &WorkflowRun| call.view.workflow_run(call.state, run);
    let page = call.page(found.map(view).collect());
    let body = json!({"total_count": page.total, "workflow_runs": page.items.clone()});
    page.inside(body)
}
