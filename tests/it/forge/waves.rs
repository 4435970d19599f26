//! One review for a wave: what people approved in one stage counts for the same set in the stages that say so.

use headwater::model::Digest;
use headwater::plan::State;

use crate::support::github::{GitHub, Method, Permission};
use crate::support::world::World;
use crate::support::world::small;

/// Three regions, each with the same rules; the first one is reviewed.
const PIPELINE: &str = "apiVersion: headwater.dev/v1alpha1
kind: Pipeline
metadata: {name: app}
spec:
  stages:
    - name: dev
    - name: prod-eu
      verify: [{soak: 1h}]
    - {name: prod-us, from: [prod-eu], approvedBy: prod-eu}
    - {name: prod-ap, from: [prod-us], approvedBy: prod-eu}
";
const REGIONS: [&str; 3] = ["prod-eu", "prod-us", "prod-ap"];

async fn begin() -> (GitHub, World) {
    let github = GitHub::start().await;
    for login in ["ines", "zoe"] {
        github.add_user(login, Permission::Write);
    }
    github.team("release", &["mara", "ines"]);
    let mut world = World::on_github(&github).await;
    lay_out(&mut world);
    (github, world)
}

fn lay_out(world: &mut World) {
    world.person_commits(&[(small::PIPELINE_PATH, PIPELINE)], "Three regions");
    for region in REGIONS {
        let path = format!("environments/{region}.yaml");
        world.person_commits(&[(&path, &small::by_pull_request(region))], "A region");
    }
}

/// A build that waits in the first region for its review; the number of its pull request.
async fn proposed(github: &GitHub, world: &mut World, version: &str) -> (Digest, u64) {
    let build = world.good_build(version);
    world.settle().await;
    (build, github.pulls().last().unwrap().number)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_first_region_approved_is_not_reviewed_again_in_the_others() {
    let (github, mut world) = begin().await;
    let (build, number) = proposed(&github, &mut world, "1.0.0").await;
    world
        .assert_stage("app/prod-eu", State::Waiting, "approval 0 of 1")
        .await;
    github.approve(number, "mara");
    world.settle().await;
    assert_eq!(world.head("app", "prod-eu"), Some(build.clone()));
    world
        .assert_stage("app/prod-us", State::Waiting, "soak")
        .await;
    world.advance("61m");
    world.settle().await;
    for region in REGIONS {
        assert_eq!(world.head("app", region), Some(build.clone()), "{region}");
    }
    assert_eq!(github.pulls().len(), 3, "each region has its own");
    world.assert_nothing_to_do().await;
    // The next set is another one, and nobody approved it.
    let (next, number) = proposed(&github, &mut world, "1.1.0").await;
    github.merge_by(number, "ines", Method::Squash);
    world.settle().await;
    world.advance("61m");
    world.settle().await;
    assert_eq!(world.head("app", "prod-eu"), Some(next));
    let words = "0 of 1 @acme/release; in prod-eu: 0 of 1 @acme/release";
    world
        .assert_stage("app/prod-us", State::Waiting, words)
        .await;
    assert_eq!(world.head("app", "prod-us"), Some(build));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_pushed_to_the_branch_there_or_is_in_no_team_vouches_for_nothing_here() {
    let (github, mut world) = begin().await;
    let (build, number) = proposed(&github, &mut world, "1.0.0").await;
    github.approve(number, "zoe");
    github.push(&github.pull(number).head, &[("notes.md", "mine\n")], "mara");
    github.approve(number, "mara");
    github.merge_by(number, "mara", Method::Squash);
    world.settle().await;
    world.advance("61m");
    world.settle().await;
    assert_eq!(world.head("app", "prod-eu"), Some(build.clone()));
    assert_eq!(world.head("app", "prod-us"), None);
    world
        .assert_stage(
            "app/prod-us",
            State::Waiting,
            "what was approved in prod-eu does not count: ann@example.org pushed",
        )
        .await;
    let here = github.pulls().last().unwrap().number;
    github.approve(here, "ines");
    world.settle().await;
    assert_eq!(world.head("app", "prod-us"), Some(build));
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_a_wave_is_reviewed_once_as_well() {
    let mut world = World::small().await;
    lay_out(&mut world);
    let build = world.good_build("1.0.0");
    world.settle().await;
    let pull = world.open_pull().await;
    world.approve(&pull, "Ines").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod-eu"), Some(build.clone()));
    world.advance("61m");
    world.settle().await;
    for region in REGIONS {
        assert_eq!(world.head("app", region), Some(build.clone()), "{region}");
    }
    world.assert_nothing_to_do().await;
}
