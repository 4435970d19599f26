//! Check runs and statuses of commits.

use serde_json::{Value, json};

use super::repository::resolved;
use crate::support::github::call::{Call, Outcome, Refusal, Reply};
use crate::support::github::people::Actor;
use crate::support::github::records::{CheckRun, Status};
use crate::support::github::state::State;

pub(super) fn create(call: &mut Call<'_>) -> Outcome {
    let app = app(call)?;
    let sha = call.text("head_sha").unwrap_or_default().to_owned();
    if !call.state.git.is_commit(&sha) {
        let message = format!("No commit found for SHA: {sha}");
        return Err(Refusal::unprocessable(&message));
    }
    let run = CheckRun {
        id: call.state.id(),
        app,
        name: call.text("name").unwrap_or_default().to_owned(),
        sha,
        status: "queued".to_owned(),
        conclusion: None,
        external_id: None,
        details_url: None,
        title: None,
        summary: None,
        text: None,
        started: call.state.now,
        completed: None,
    };
    let run = changed(call, run)?;
    call.state.records.runs.push(run.clone());
    Reply::created(call.view.check_run(call.state, &run))
}

pub(super) fn update(call: &mut Call<'_>) -> Outcome {
    let app = app(call)?;
    let id = call.number("check_run_id")?;
    let runs = &call.state.records.runs;
    let at = runs.iter().position(|run| run.id == id);
    let at = at.ok_or_else(Refusal::not_found)?;
    if runs[at].app != app {
        return Err(Refusal::new(
            403,
            "Invalid app_id `4242` - check run can only be modified by the GitHub App that created it.",
        ));
    }
    let mut run = runs[at].clone();
    if let Some(name) = call.text("name") {
        name.clone_into(&mut run.name);
    }
    let run = changed(call, run)?;
    call.state.records.runs[at] = run.clone();
    Reply::ok(call.view.check_run(call.state, &run))
}

/// Lists the latest run of each name and App, unless all are asked for.
pub(super) fn runs(call: &mut Call<'_>) -> Outcome {
    let sha = resolved(call, "ref")?;
    let all = call.asked("filter") == Some("all");
    let fits = |given: Option<&str>, value: &str| given.is_none_or(|given| given == value);
    let runs = &call.state.records.runs;
    let mut found: Vec<&CheckRun> = Vec::new();
    for run in runs.iter().rev().filter(|run| run.sha == sha) {
        let newer = found
            .iter()
            .any(|other| other.name == run.name && other.app == run.app);
        let wanted =
            fits(call.asked("check_name"), &run.name) && fits(call.asked("status"), &run.status);
        if wanted && (all || !newer) {
            found.push(run);
        }
    }
    let view = |run: &&CheckRun| call.view.check_run(call.state, run);
    let page = call.page(found.iter().map(view).collect());
    let body = json!({ "total_count": page.total, "check_runs": page.items });
    page.inside(body)
}

pub(super) fn set_status(call: &mut Call<'_>) -> Outcome {
    let sha = call.at("sha").to_owned();
    if !call.state.git.is_commit(&sha) {
        let message = format!("No commit found for SHA: {sha}");
        return Err(Refusal::unprocessable(&message));
    }
    let description = call.text("description").map(str::to_owned);
    if description
        .as_ref()
        .is_some_and(|text| text.chars().count() > 140)
    {
        let message = "description is too long (maximum is 140 characters)";
        return Err(Refusal::custom("Status", message));
    }
    let status = Status {
        id: call.state.id(),
        author: call.state.people.login(&call.actor),
        sha,
        context: call.text("context").unwrap_or("default").to_owned(),
        state: call.text("state").unwrap_or_default().to_owned(),
        description,
        target_url: call.text("target_url").map(str::to_owned),
        at: call.state.now,
    };
    call.state.records.statuses.push(status.clone());
    Reply::created(call.view.status(call.state, &status))
}

pub(super) fn statuses(call: &mut Call<'_>) -> Outcome {
    let sha = resolved(call, "ref")?;
    let statuses = call.state.records.statuses.iter().rev();
    let found = statuses.filter(|status| status.sha == sha);
    let view = |status: &Status| call.view.status(call.state, status);
    call.page(found.map(view).collect()).list()
}

pub(super) fn combined(call: &mut Call<'_>) -> Outcome {
    let sha = resolved(call, "ref")?;
    let latest = latest(call.state, &sha);
    let any = |words: &[&str]| latest.iter().any(|s| words.contains(&s.state.as_str()));
    let state = if any(&["error", "failure"]) {
        "failure"
    } else if latest.is_empty() || any(&["pending"]) {
        "pending"
    } else {
        "success"
    };
    let view = |status: &&Status| call.view.short_status(status);
    let page = call.page(latest.iter().map(view).collect());
    let url = format!("{}/commits/{sha}", call.view.repo_url());
    let body = json!({
        "state": state, "sha": sha, "total_count": page.total, "statuses": page.items,
        "repository": call.view.small_repository(call.state), "commit_url": url, "url": format!("{url}/status"),
    });
    page.inside(body)
}

fn latest<'a>(state: &'a State, sha: &str) -> Vec<&'a Status> {
    let mut found: Vec<&Status> = Vec::new();
    for status in state.records.statuses.iter().rev().filter(|s| s.sha == sha) {
        if !found.iter().any(|other| other.context == status.context) {
            found.push(status);
        }
    }
    found
}

/// Only Apps have check runs.
fn app(call: &Call<'_>) -> Result<String, Refusal> {
    match &call.actor {
        Actor::Installation => Ok(call.state.people.login(&call.actor)),
        Actor::User(login) if login.ends_with("[bot]") => Ok(login.clone()),
        _ => Err(Refusal::new(403, "You must authenticate via a GitHub App.")),
    }
}

/// A run as the body says.
fn changed(call: &Call<'_>, mut run: CheckRun) -> Result<CheckRun, Refusal> {
    let text = |name: &str| call.text(name).map(str::to_owned);
    run.external_id = text("external_id").or(run.external_id);
    run.details_url = text("details_url").or(run.details_url);
    run.status = text("status").unwrap_or(run.status);
    if let Some(conclusion) = text("conclusion") {
        run.conclusion = Some(conclusion);
        run.status = "completed".to_owned();
    } else if run.status != "completed" {
        run.conclusion = None;
        run.completed = None;
    }
    if run.status == "completed" {
        if run.conclusion.is_none() {
            let message = "Missing required `conclusion` for a completed check run";
            return Err(Refusal::unprocessable(message));
        }
        let given = call.text("completed_at").and_then(|text| text.parse().ok());
        run.completed = given.or(run.completed).or(Some(call.state.now));
    }
    if let Some(at) = call.text("started_at").and_then(|text| text.parse().ok()) {
        run.started = at;
    }
    let output = &call.body["output"];
    if output.is_object() {
        let text = |name: &str| output[name].as_str().map(str::to_owned);
        if output["summary"] == Value::Null {
            return Err(Refusal::unprocessable(
                "Invalid request.\n\n\"summary\" wasn't supplied.",
            ));
        }
        run.title = text("title").or(run.title);
        run.summary = text("summary");
        run.text = text("text");
    }
    Ok(run)
}
