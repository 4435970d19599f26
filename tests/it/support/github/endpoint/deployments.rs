//! Deployments and how they fare.

use serde_json::json;

use super::super::call::{Call, Outcome, Refusal, Reply};
use crate::support::github::records::{Deployment, DeploymentStatus};

pub(super) fn list(call: &mut Call<'_>) -> Outcome {
    let fits = |name: &str, value: &str| call.asked(name).is_none_or(|given| given == value);
    let deployments = call.state.records.deployments.iter().rev();
    let found = deployments.filter(|d| {
        fits("sha", &d.sha)
            && fits("ref", &d.reference)
            && fits("task", &d.task)
            && fits("environment", &d.environment)
    });
    let view = |deployment: &Deployment| call.view.deployment(call.state, deployment);
    call.page(found.map(view).collect()).list()
}

pub(super) fn create(call: &mut Call<'_>) -> Outcome {
    let reference = call.text("ref").unwrap_or_default().to_owned();
    let missing = || Refusal::unprocessable(&format!("No ref found for: {reference}"));
    let sha = call.state.git.resolve(&reference).ok_or_else(missing)?;
    let wanted = call.body["required_contexts"].as_array();
    let wanted: Option<Vec<&str>> = wanted.map(|w| w.iter().filter_map(|c| c.as_str()).collect());
    let statuses = call.state.records.statuses.iter();
    let reported = statuses
        .filter(|s| s.sha == sha)
        .map(|s| s.context.as_str());
    let wanted = wanted.unwrap_or_else(|| reported.collect());
    let failed = |context: &&str| call.state.check(&sha, context) != Some("success");
    if wanted.iter().any(failed) {
        let message = format!("Conflict: Commit status checks failed for {reference}.");
        return Err(Refusal::new(409, &message));
    }
    let payload = &call.body["payload"];
    let deployment = Deployment {
        author: call.state.people.login(&call.actor),
        sha,
        task: call.text("task").unwrap_or("deploy").to_owned(),
        environment: call.text("environment").unwrap_or("production").to_owned(),
        description: call.text("description").map(str::to_owned),
        payload: if payload.is_null() {
            json!({})
        } else {
            payload.clone()
        },
        at: call.state.now,
        statuses: Vec::new(),
        id: call.state.id(),
        reference,
    };
    call.state.records.deployments.push(deployment.clone());
    Reply::created(call.view.deployment(call.state, &deployment))
}

pub(super) fn statuses(call: &mut Call<'_>) -> Outcome {
    let at = known(call)?;
    let deployment = &call.state.records.deployments[at];
    let statuses = deployment.statuses.iter().rev();
    let view = |s: &DeploymentStatus| call.view.deployment_status(call.state, deployment, s);
    call.page(statuses.map(view).collect()).list()
}

/// A success ends what ran in that environment before, unless told otherwise or in one of production.
pub(super) fn set_status(call: &mut Call<'_>) -> Outcome {
    let at = known(call)?;
    let text = |name: &str| call.text(name).unwrap_or_default().to_owned();
    let environment = call.text("environment").map(str::to_owned);
    let description = text("description");
    if description.chars().count() > 140 {
        let message = "description is too long (maximum is 140 characters)";
        return Err(Refusal::custom("DeploymentStatus", message));
    }
    let mut status = DeploymentStatus {
        author: call.state.people.login(&call.actor),
        state: text("state"),
        description,
        environment: String::new(),
        environment_url: text("environment_url"),
        log_url: call
            .text("log_url")
            .map_or_else(|| text("target_url"), str::to_owned),
        at: call.state.now,
        id: call.state.id(),
    };
    let ends_others = status.state == "success" && call.body["auto_inactive"] != false;
    let deployments = &mut call.state.records.deployments;
    status.environment = environment.unwrap_or_else(|| deployments[at].environment.clone());
    deployments[at].statuses.push(status.clone());
    if ends_others {
        for other in deployments.iter_mut().take(at) {
            let same = other.environment == status.environment && !other.is_production();
            let runs = other
                .statuses
                .last()
                .is_some_and(|last| last.state == "success");
            if same && runs {
                let ended = DeploymentStatus {
                    state: "inactive".to_owned(),
                    id: status.id + 1_000_000 + other.id,
                    ..status.clone()
                };
                other.statuses.push(ended);
            }
        }
    }
    let deployment = &call.state.records.deployments[at];
    Reply::created(call.view.deployment_status(call.state, deployment, &status))
}

fn known(call: &Call<'_>) -> Result<usize, Refusal> {
    let id = call.number("deployment_id")?;
    let deployments = &call.state.records.deployments;
    let at = deployments
        .iter()
        .position(|deployment| deployment.id == id);
    at.ok_or_else(Refusal::not_found)
}
