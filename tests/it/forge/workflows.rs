//! Workflows that verify sets, on a GitHub: started once, found again, run again, forgotten.

use headwater::model::Digest;
use headwater::plan::State;

use crate::support::github::GitHub;
use crate::support::world::{World, small};

const INPUTS: [&str; 3] = ["headwater", "environment", "image"];

/// qa is verified by a workflow with these words beside its file; prod takes by commit.
async fn begin(more: &str, names_runs: bool) -> (GitHub, World) {
    let github = GitHub::start().await;
    github.workflow("e2e.yaml", &INPUTS, names_runs);
    let mut world = World::on_github(&github).await;
    world.operator(|settings| settings.forge.github.workflows = vec!["acme/deploy".to_owned()]);
    github.set_time(world.now());
    let gate = format!(
        "        - workflow: {{repository: acme/deploy, ref: main, file: e2e.yaml, inputs: {{environment: qa, image: 'x@{{{{digest}}}}'}}{more}}}\n"
    );
    let pipeline = small::PIPELINE.replace(
        "        - expression: 'image.labels[\"tests\"] == \"passed\"'\n",
        &gate,
    );
    let prod = small::by_commit("prod");
    let files = [
        (small::PIPELINE_PATH, pipeline.as_str()),
        ("environments/prod.yaml", prod.as_str()),
    ];
    github.push("main", &files, "mara");
    world.advance("1m");
    (github, world)
}

fn later(world: &mut World, github: &GitHub, period: &str) {
    world.advance(period);
    github.set_time(world.now());
}

async fn in_qa(world: &mut World, github: &GitHub, version: &str) -> Digest {
    let build = world.good_build(version);
    github.set_time(world.now());
    world.settle().await;
    assert_eq!(world.head("app", "qa").as_ref(), Some(&build));
    build
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_started_once_for_a_set_and_its_success_lets_it_on() {
    let (github, mut world) = begin("", true).await;
    let build = in_qa(&mut world, &github, "1.0.0").await;
    let runs = github.workflow_runs();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].given["environment"], "qa");
    assert_eq!(runs[0].given["image"], format!("x@{build}"));
    assert!(runs[0].title.contains(&runs[0].given["headwater"]));
    world
        .assert_stage("app/prod", State::Waiting, "runs since")
        .await;
    // Nobody starts it again: not after a restart, nor without any cache, nor another process.
    world.restart();
    later(&mut world, &github, "10m");
    world.settle().await;
    world.forget();
    world.settle().await;
    assert_eq!(github.workflow_runs().len(), 1);

    github.ends(runs[0].id, "success");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
    let recorded = world.repository.text("main", small::STREAM_PATH).unwrap();
    assert!(recorded.contains("/actions/runs/"), "{recorded}");
    // The forge forgets its runs; what the next stage wrote down stands.
    github.forget_runs();
    later(&mut world, &github, "90d");
    world.forget();
    world.settle().await;
    assert_eq!(github.workflow_runs().len(), 0);
    in_qa(&mut world, &github, "1.1.0").await;
    assert_eq!(github.workflow_runs().len(), 1, "the next set has its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_is_tried_again_as_often_as_said_and_running_it_again_changes_the_verdict() {
    let (github, mut world) = begin(", retries: 1", true).await;
    let build = in_qa(&mut world, &github, "1.0.0").await;
    let first = github.workflow_runs()[0].clone();
    later(&mut world, &github, "5m");
    github.ends(first.id, "failure");
    world.settle().await;
    let runs = github.workflow_runs();
    assert_eq!(runs.len(), 2);
    assert!(runs[0].given["headwater"].ends_with("-1"));
    assert!(runs[1].given["headwater"].ends_with("-2"));
    later(&mut world, &github, "5m");
    github.ends(runs[1].id, "cancelled");
    world.settle().await;
    assert_eq!(github.workflow_runs().len(), 2, "no third time");
    world
        .assert_stage("app/qa", State::Refused, "cancelled: http")
        .await;
    world
        .assert_stage("app/prod", State::Refused, "cancelled: http")
        .await;

    // Somebody runs the first one's failed jobs again.
    later(&mut world, &github, "5m");
    github.runs_again(first.id);
    world.settle().await;
    world
        .assert_stage("app/prod", State::Waiting, "runs since")
        .await;
    github.ends(first.id, "success");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
    assert_eq!(github.workflow_runs().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_takes_too_long_counts_as_failed() {
    let (github, mut world) = begin(", timeout: 1h, retries: 1", true).await;
    in_qa(&mut world, &github, "1.0.0").await;
    // When it has failed is no time at which it opens, but a plan is made anew by then.
    assert_eq!(world.stage("app/prod").await.until, None);
    let until = world.plan().await.valid_until.unwrap();
    assert_eq!(until.as_second(), world.now().as_second() + 3_600);
    later(&mut world, &github, "59m");
    world.settle().await;
    assert_eq!(github.workflow_runs().len(), 1);
    later(&mut world, &github, "1m");
    world.settle().await;
    assert_eq!(github.workflow_runs().len(), 2);
    later(&mut world, &github, "1h");
    world.settle().await;
    world
        .assert_stage("app/prod", State::Refused, "its time was up at")
        .await;
    assert_eq!(github.workflow_runs().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_the_key_in_its_name_is_known_by_its_number_and_an_older_server_by_its_name()
{
    for (names_runs, tells) in [(false, true), (true, false)] {
        let (github, mut world) = begin("", names_runs).await;
        github.tells_runs(tells);
        let build = in_qa(&mut world, &github, "1.0.0").await;
        later(&mut world, &github, "10m");
        world.settle().await;
        let runs = github.workflow_runs();
        assert_eq!(runs.len(), 1, "{names_runs} {tells}");
        github.ends(runs[0].id, "success");
        world.settle().await;
        assert_eq!(world.head("app", "prod"), Some(build));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_started_waits_with_the_words_of_the_forge_and_is_tried_later() {
    let (github, mut world) = begin("", true).await;
    github.workflow("e2e.yaml", &["environment", "image"], true);
    let build = world.good_build("1.0.0");
    for _ in 0..6 {
        world.pass().await;
    }
    let words = "it cannot be started: ";
    world.assert_stage("app/prod", State::Waiting, words).await;
    let words = "Unexpected inputs provided";
    world.assert_stage("app/prod", State::Waiting, words).await;
    assert!(github.workflow_runs().is_empty());
    github.workflow("e2e.yaml", &INPUTS, true);
    later(&mut world, &github, "10m");
    world.settle().await;
    let runs = github.workflow_runs();
    github.ends(runs[0].id, "success");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));

    // Nobody may have it started who only writes to the repository.
    world.operator(|settings| settings.forge.github.workflows.clear());
    let words = "do not list `acme/deploy` under `forge.github.workflows`";
    world.good_build("1.1.0");
    world.settle().await;
    world.assert_stage("app/prod", State::Waiting, words).await;
    assert_eq!(github.workflow_runs().len(), 1);

    // A workflow that is not there.
    world.operator(|settings| settings.forge.github.workflows = vec!["acme/deploy".to_owned()]);
    github.forget_workflows();
    let words = "the runs of e2e.yaml in acme/deploy";
    world.assert_stage("app/prod", State::Waiting, words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_left_before_its_run_ended_well_goes_nowhere_and_no_run_is_started_for_it() {
    let (github, mut world) = begin("", true).await;
    let old = in_qa(&mut world, &github, "1.0.0").await;
    let new = in_qa(&mut world, &github, "1.1.0").await;
    let runs = github.workflow_runs();
    assert_eq!(runs.len(), 2);
    github.ends(runs[1].id, "failure");
    github.ends(runs[0].id, "success");
    world.settle().await;
    assert_ne!(old, new);
    // Started earlier, it is still the word on its own set.
    assert_eq!(world.head("app", "prod"), Some(old));
    assert_eq!(github.workflow_runs().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_git_server_runs_no_workflows_and_says_so() {
    let pipeline = small::PIPELINE.replace(
        "expression: 'image.labels[\"tests\"] == \"passed\"'",
        "workflow: {repository: acme/app, ref: main, file: e2e.yaml}",
    );
    let mut world = World::with(&[(small::PIPELINE_PATH, &pipeline)]).await;
    let build = world.good_build("1.0.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build));
    let words = "the offline forge runs no workflows";
    world.assert_stage("app/prod", State::Waiting, words).await;
    assert_eq!(world.pulls().await.len(), 0);
}
