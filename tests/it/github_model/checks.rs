//! Checks, statuses and deployments.

use octocrab::params::checks::{CheckRunConclusion, CheckRunStatus};
use serde_json::{Value, json};

use super::{BOT, BRANCH, refused, world};

#[tokio::test]
async fn an_app_has_check_runs_and_nobody_else_changes_them() {
    let (github, client) = world().await;
    let head = github.head(BRANCH).unwrap();
    let plain = client.checks("acme", "deploy");
    let refusal = refused(plain.create_check_run("headwater/prod", &head).send().await);
    assert_eq!(refusal.status_code, 403);

    let app = github.app_client();
    let checks = app.checks("acme", "deploy");
    let run = checks
        .create_check_run("headwater/prod", &head)
        .status(CheckRunStatus::InProgress)
        .send()
        .await
        .unwrap();
    let run = checks
        .update_check_run(run.id)
        .status(CheckRunStatus::Completed)
        .conclusion(CheckRunConclusion::Success)
        .send()
        .await
        .unwrap();
    assert_eq!(run.conclusion.as_deref(), Some("success"));
    github.check(&head, "ci", "failure");
    github.check(&head, "ci", "pending");
    let listed = checks
        .list_check_runs_for_git_ref(octocrab::params::repos::Commitish(head.clone()))
        .send()
        .await
        .unwrap();
    assert_eq!(listed.total_count, 2, "the latest of each name");
    assert_eq!(github.records().runs.len(), 3);
    let theirs = github.records().runs[1].id.into();
    assert_eq!(
        refused(checks.update_check_run(theirs).send().await).status_code,
        403
    );
}

#[tokio::test]
async fn the_worst_of_the_last_statuses_is_that_of_the_commit() {
    let (github, client) = world().await;
    let head = github.head(BRANCH).unwrap();
    let url = format!("/repos/acme/deploy/commits/{head}/status");
    let state = async || {
        let combined: Value = client.get(&url, None::<&()>).await.unwrap();
        combined["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state().await, "pending");
    github.status(&head, "lint", "failure", BOT);
    assert_eq!(state().await, "failure");
    github.status(&head, "lint", "success", BOT);
    assert_eq!(state().await, "success");
    let body = json!({ "state": "pending", "context": "headwater/prod" });
    let url = format!("/repos/acme/deploy/statuses/{head}");
    let _: Value = client.post(url, Some(&body)).await.unwrap();
    assert_eq!(state().await, "pending");
    let url = format!("/repos/acme/deploy/commits/{BRANCH}/statuses");
    let all: Value = client.get(url, None::<&()>).await.unwrap();
    assert_eq!(all.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_new_success_ends_the_deployment_before_it() {
    let (github, client) = world().await;
    for number in 0..2 {
        let body = json!({ "ref": "main", "environment": "prod", "payload": { "set": number }, "required_contexts": [] });
        let url = "/repos/acme/deploy/deployments";
        let made: Value = client.post(url, Some(&body)).await.unwrap();
        let url = format!("/repos/acme/deploy/deployments/{}/statuses", made["id"]);
        let body = json!({ "state": "success", "description": "it runs" });
        let _: Value = client.post(url, Some(&body)).await.unwrap();
    }
    let url = "/repos/acme/deploy/deployments?environment=prod";
    let listed: Value = client.get(url, None::<&()>).await.unwrap();
    assert_eq!(listed[0]["payload"]["set"], 1, "the newest comes first");
    let url = format!(
        "/repos/acme/deploy/deployments/{}/statuses",
        listed[1]["id"]
    );
    let statuses: Value = client.get(url, None::<&()>).await.unwrap();
    assert_eq!(statuses[0]["state"], "inactive");
    assert_eq!(github.writing(), 4);
}

#[tokio::test]
async fn a_commit_knows_its_files_and_its_pull_requests() {
    let (github, client) = world().await;
    let number = github.open(BRANCH, "Promote", BOT);
    let head = github.head(BRANCH).unwrap();
    let commit = client.commits("acme", "deploy").get(BRANCH).await.unwrap();
    assert_eq!(commit.sha, head);
    let files = commit.files.unwrap();
    assert_eq!(
        (files[0].filename.as_str(), files[0].additions),
        ("a.yaml", 1)
    );
    let url = format!("/repos/acme/deploy/commits/{head}/pulls");
    let pulls: Value = client.get(url, None::<&()>).await.unwrap();
    assert_eq!(pulls[0]["number"], number);
    let branch: Value = client
        .get("/repos/acme/deploy/branches/main", None::<&()>)
        .await
        .unwrap();
    assert_eq!(branch["protected"], false);
    let url = "/repos/acme/deploy/branches/main/protection";
    let mara = github.client(&github.token("mara"));
    let none: Result<Value, _> = mara.get(url, None::<&()>).await;
    assert_eq!(refused(none).message, "Branch not protected");
}
