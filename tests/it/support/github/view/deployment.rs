//! How deployments look in answers.

use serde_json::{Value, json};

use super::{View, time};
use crate::support::github::records::{Deployment, DeploymentStatus};
use crate::support::github::state::State;

impl View {
    /// A deployment.
    pub(in crate::support::github) fn deployment(
        &self,
        state: &State,
        deployment: &Deployment,
    ) -> Value {
        let url = format!("{}/deployments/{}", self.repo_url(), deployment.id);
        json!({
            "url": url, "id": deployment.id, "node_id": format!("DE_{}", deployment.id), "sha": deployment.sha,
            "ref": deployment.reference, "task": deployment.task, "payload": deployment.payload,
            "original_environment": deployment.environment, "environment": deployment.environment,
            "description": deployment.description, "creator": self.person(state, Some(&deployment.author)),
            "created_at": time(deployment.at), "updated_at": time(deployment.at), "statuses_url": format!("{url}/statuses"),
            "repository_url": self.repo_url(), "transient_environment": false,
            "production_environment": deployment.is_production(), "performed_via_github_app": null,
        })
    }

    /// How a deployment fares.
    pub(in crate::support::github) fn deployment_status(
        &self,
        state: &State,
        deployment: &Deployment,
        status: &DeploymentStatus,
    ) -> Value {
        let url = format!("{}/deployments/{}", self.repo_url(), deployment.id);
        let mut body = json!({
            "url": format!("{url}/statuses/{}", status.id), "id": status.id, "node_id": format!("DES_{}", status.id),
            "state": status.state, "creator": self.person(state, Some(&status.author)), "description": status.description,
            "environment": status.environment, "target_url": status.log_url, "created_at": time(status.at),
            "updated_at": time(status.at), "deployment_url": url, "repository_url": self.repo_url(),
            "log_url": status.log_url, "environment_url": status.environment_url, "performed_via_github_app": null,
        });
        // An address that was never given is an empty text, which is no address: left out where the description allows it.
        for field in ["log_url", "environment_url"] {
            if body[field] == "" {
                body.as_object_mut().unwrap().remove(field);
            }
        }
        body
    }
}
