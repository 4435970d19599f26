//! Pushes that others get in the way of, and places that cannot be pushed to.

use super::World;
use crate::support::git_http::{GitHttp, commit_to};

const ROLLBACK: [&str; 6] = [
    "rollback",
    "shop/prod",
    "--reason",
    "bad build",
    "--push",
    "--yes",
];

async fn served(world: &World) -> (GitHttp, String) {
    world.base(&["config", "http.receivepack", "true"]);
    for (key, value) in [("user.name", "Mara"), ("user.email", "mara@example.com")] {
        world.git(&world.clone, &["config", "--global", key, value]);
    }
    let server = GitHttp::serve(world.machine.folder(), None).await;
    let url = server.url("gitops.git");
    (server, url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_push_in_between_is_kept_and_the_act_goes_on_top() {
    let world = World::by_commit().await;
    world.two_in_prod().await;
    let (server, url) = served(&world).await;
    let bare = world.bare.clone();
    server.between(move || {
        commit_to(&bare, "main", &[("README.md", "hello\n")], "Say hello");
    });
    world.run_at(&url, &ROLLBACK).ok();
    let log = world.base(&["log", "-2", "--format=%s", "main"]);
    let log: Vec<&str> = log.lines().collect();
    assert!(
        log[0].starts_with("Roll shop/prod back to 1.0.0"),
        "{log:?}"
    );
    assert_eq!(log[1], "Say hello");
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_that_would_mean_something_else_by_now_is_not_done() {
    let world = World::by_commit().await;
    world.two_in_prod().await;
    let (server, url) = served(&world).await;
    let mut faster = world.command(&world.bare.display().to_string(), &ROLLBACK);
    server.between(move || assert!(faster.output().unwrap().status.success()));
    let said = world.run_at(&url, &ROLLBACK);
    said.fails(75, &["shop/prod moved meanwhile", "nothing was written"]);
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_work_tree_without_a_remote_is_committed_to_and_not_pushed() {
    let world = World::by_commit().await;
    world.two_in_prod().await;
    world.git(&world.clone, &["remote", "remove", "origin"]);
    let hold = ["hold", "shop/prod", "--reason", "audit"];
    world.run(&hold).fails(2, &["--local"]);
    let local = [&hold[..], &["--local"]].concat();
    world
        .run(&[&local[..], &["--push", "--yes"]].concat())
        .fails(2, &["its own base", "--commit"]);
    world.run(&[&local[..], &["--commit"]].concat()).ok();
    let subject = world.git(&world.clone, &["log", "-1", "--format=%s"]);
    assert_eq!(subject, "Hold shop/prod");
    assert!(world.here("holds/shop-prod.yaml").contains("audit"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_act_can_be_proposed_and_takes_effect_when_it_is_merged() {
    let world = World::by_commit().await;
    world.two_in_prod().await;
    let said = world
        .run(&["hold", "shop/prod", "--reason", "audit", "--pull-request"])
        .ok();
    assert!(
        said.stdout
            .contains("headwater pr merge act-hold-shop-prod-"),
        "{}",
        said.stdout
    );
    world.build("1.2.0");
    world.passes().await;
    assert_eq!(
        world.holds("shop/prod").await.as_deref(),
        Some("1.2.0"),
        "not merged yet"
    );
    world.run(&["pr", "merge", "shop/prod"]).ok();
    world.build("1.3.0");
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.2.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_signatures_count_an_approval_without_a_key_is_refused() {
    let world = World::new().await;
    world.build("1.0.0");
    world.passes().await;
    let mut command = world.command(
        &world.clone.display().to_string(),
        &["pr", "approve", "shop/prod"],
    );
    command.env("HEADWATER_FORGE__OFFLINE__TRUST", "signed");
    super::said(command).fails(2, &["counts only if it is signed", "--key"]);
}
