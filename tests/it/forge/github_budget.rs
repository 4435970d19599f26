//! How much is asked of GitHub in a while: what does not fit waits for its turn.

use headwater::config::forge::{GitHubBudget, GitHubSettings};
use headwater::plan::State as StageState;

use crate::support::github::GitHub;
use crate::support::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_that_does_not_fit_waits_for_its_turn_and_nothing_else_does() {
    let github = GitHub::start().await;
    github.team("release", &["mara"]);
    let settings = GitHubSettings {
        token: github.token("headwater-bot").into(),
        budget: GitHubBudget {
            per_hour: 5,
            ..GitHubBudget::default()
        },
        ..GitHubSettings::default()
    };
    let mut world = World::on_github_as(&github, settings).await;
    for number in 1..=2 {
        let branch = format!("headwater/env/old/{number}");
        github.push(&branch, &[("notes.txt", &branch)], "headwater-bot");
        github.open(&branch, "An older one", "headwater-bot");
        github.advance("10m");
        world.advance("10m");
    }
    let build = world.good_build("1.0.0");
    for _ in 0..6 {
        world.pass().await;
    }
    assert_eq!(world.head("app", "qa"), Some(build), "commits go on");
    assert_eq!(github.pulls().len(), 2, "four of five calls are made");
    world
        .assert_stage("app/prod", StageState::Waiting, "waits for its turn")
        .await;
    let until = world.stage("app/prod").await.until.unwrap();
    assert_eq!(until.to_string(), "2026-01-05T10:00:00Z");

    world.restart();
    github.forget_requests();
    let pass = world.pass().await;
    assert_eq!(pass.receipt.refused, []);
    assert_eq!(github.content(), 0, "a new process counts what was opened");

    github.advance("41m");
    world.advance("41m");
    world.pass().await;
    assert_eq!(github.pulls().len(), 3);
}
