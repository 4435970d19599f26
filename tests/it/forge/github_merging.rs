//! Merging on GitHub: by us, by people, in every way there is, and what stands in the way of it.

use headwater::plan::State as StageState;

use crate::support::fault_proxy::Rule;
use crate::support::github::{Fault, GitHub, Method, Protection};
use crate::support::world::World;

async fn begin() -> (GitHub, World) {
    let github = GitHub::start().await;
    github.team("release", &["mara"]);
    let world = World::on_github(&github).await;
    (github, world)
}

/// A build that waits for its review; the number of its pull request.
async fn proposed(world: &mut World, version: &str) -> u64 {
    world.good_build(version);
    world.settle().await;
    world.open_pull().await.id.parse().unwrap()
}

/// The set is in prod, nothing is left to do, and the next build gets a pull request of its own.
async fn arrived(github: &GitHub, world: &mut World, build: headwater::model::Digest) {
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
    world
        .assert_stage("app/prod", StageState::Settled, "")
        .await;
    world.assert_nothing_to_do().await;
    let before = github.pulls().len();
    world.good_build("2.0.0");
    world.settle().await;
    assert_eq!(github.pulls().len(), before + 1);
    assert!(world.open_pull().await.title.contains("2.0.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_by_a_person_is_found_by_its_content_however_they_merged() {
    for method in [Method::Squash, Method::Merge, Method::Rebase] {
        let (github, mut world) = begin().await;
        let build = world.good_build("1.0.0");
        world.settle().await;
        // Others go on beside it, so that no way of merging is a fast-forward.
        world.person_commits(&[("README.md", "hello\n")], "Say hello");
        github.approve(1, "mara");
        github.merge_by(1, "mara", method);
        arrived(&github, &mut world, build).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_somebody_pushed_by_hand_is_found_by_its_content() {
    for squash in [true, false] {
        let (github, mut world) = begin().await;
        let build = world.good_build("1.0.0");
        world.settle().await;
        world.person_commits(&[("README.md", "hello\n")], "Say hello");
        let branch = github.pull(1).head;
        if squash {
            world.repository.squash(&branch, "Mara", world.now());
        } else {
            world.repository.merge(&branch, "main", "Mara", world.now());
        }
        arrived(&github, &mut world, build).await;
        assert!(
            !github.pull(1).open,
            "closed by us, or merged by GitHub itself"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_in_the_middle_of_a_pass_is_no_second_one() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    let build = world.stage("app/prod").await.candidate.unwrap().set;
    let (_, build) = build.members().next().unwrap();
    let build = build.clone();
    github.approve(number, "mara");
    world.pass().await;
    if github.pull(number).open {
        let plan = world.plan().await;
        github.merge_by(number, "mara", Method::Squash);
        let receipt = world.engine.reconciler.applier.apply(&plan).await;
        assert!(receipt.refused.is_empty(), "{receipt:?}");
    }
    let commits = world.repository.line().len();
    arrived(&github, &mut world, build).await;
    let promoted = world.repository.subjects();
    let promoted = promoted.iter().filter(|s| s.contains("1.0.0 to prod"));
    assert_eq!(
        promoted.count(),
        1,
        "{:?} after {commits}",
        world.repository.subjects()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_allows_no_squash_is_merged_as_it_allows() {
    let (github, mut world) = begin().await;
    github.allow_methods(&[Method::Merge]);
    let build = world.good_build("1.0.0");
    world.settle().await;
    github.approve(1, "mara");
    arrived(&github, &mut world, build).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_github_asks_for_beside_us_is_told_and_waited_for() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    github.protect(
        "main",
        Some(Protection {
            checks: vec!["ci/build".to_owned()],
            ..Protection::default()
        }),
    );
    github.approve(number, "mara");
    for _ in 0..3 {
        world.pass().await;
    }
    let why = r#"Required status check "ci/build" is expected."#;
    world
        .assert_stage("app/prod", StageState::Waiting, why)
        .await;
    let tries = github.requests("PUT", "/merge$");
    for _ in 0..5 {
        world.pass().await;
    }
    assert_eq!(
        github.requests("PUT", "/merge$"),
        tries,
        "not in every pass"
    );
    github.check(&github.pull(number).head_sha, "ci/build", "success");
    world.advance("6m");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_merged_while_github_does_not_know_whether_it_merges() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    github.know_mergeability(false);
    github.approve(number, "mara");
    for _ in 0..3 {
        world.pass().await;
    }
    assert_eq!(github.requests("PUT", "/merge$"), 0, "{:?}", github.seen());
    world
        .assert_stage("app/prod", StageState::Waiting, "not found out yet")
        .await;
    github.know_mergeability(true);
    world.advance("6m");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_moves_under_the_merge_is_looked_at_again_at_once() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    github.approve(number, "mara");
    let json = [("content-type", "application/json; charset=utf-8")];
    let modified = r#"{"message": "Base branch was modified. Review and try the merge again."}"#;
    github.fault(
        Rule::on("PUT", "/merge$").once(),
        Fault::reply(405, &json, modified),
    );
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}
