//! What workflows and deployment agents say of commits at GitHub, as gates wait for it.

use headwater::plan::State;

use crate::support::github::GitHub;
use crate::support::world::{World, small};

const DEPLOYED: &str =
    "delivery: commit\n  deployed: {check: \"argocd/{{app}}-{{environment}}\", timeout: 20m}";

/// The small repository on a GitHub, where these files are others.
async fn begin(files: &[(&str, &str)]) -> (GitHub, World) {
    let github = GitHub::start().await;
    github.team("release", &["mara"]);
    let world = World::on_github(&github).await;
    github.set_time(world.now());
    github.push("main", files, "mara");
    (github, world)
}

fn verified_by(gates: &str) -> String {
    small::PIPELINE.replace(
        "        - expression: 'image.labels[\"tests\"] == \"passed\"'\n",
        gates,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_soak_counts_from_when_the_agent_said_on_a_later_commit_that_the_set_runs() {
    let pipeline = verified_by("        - soak: 10m\n");
    let qa = small::environment("qa", DEPLOYED, &["app"]);
    let files = [
        (small::PIPELINE_PATH, pipeline.as_str()),
        ("environments/qa.yaml", &qa),
    ];
    let (github, mut world) = begin(&files).await;
    world.good_build("1.0.0");
    world.settle().await;
    assert!(world.head("app", "qa").is_some());
    world
        .assert_stage(
            "app/prod",
            State::Waiting,
            "argocd/app-qa has said nothing yet",
        )
        .await;

    world.advance("15m");
    github.push("main", &[("notes.txt", "unrelated")], "otto");
    let head = github.head("main").unwrap();
    github.set_time(world.now());
    github.check(&head, "argocd/app-qa", "pending");
    world.settle().await;
    world
        .assert_stage("app/prod", State::Waiting, "argocd/app-qa is not done")
        .await;
    github.check(&head, "argocd/app-qa", "success");
    github.check(&head, "argocd/another-qa", "failure");
    world.settle().await;
    world
        .assert_stage("app/prod", State::Waiting, "runs since")
        .await;
    assert_eq!(world.pulls().await.len(), 0, "it has not soaked");

    world.advance("11m");
    world.settle().await;
    let number: u64 = world.open_pull().await.id.parse().unwrap();

    // Degraded: what was said last counts, and shuts what is open already.
    github.push("main", &[("notes.txt", "more")], "otto");
    let head = github.head("main").unwrap();
    github.check(&head, "argocd/app-qa", "failure");
    github.approve(number, "mara");
    world.settle().await;
    assert!(github.pull(number).open, "nothing moves on what failed");
    world
        .assert_stage("app/qa", State::Refused, "argocd/app-qa: failed")
        .await;
    github.check(&head, "argocd/app-qa", "success");
    world.advance("11m");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_stays_silent_has_failed_when_its_time_is_up() {
    let qa = small::environment("qa", DEPLOYED, &["app"]);
    let (github, mut world) = begin(&[("environments/qa.yaml", &qa)]).await;
    world.good_build("1.0.0");
    world.settle().await;
    world.advance("19m");
    world.settle().await;
    world
        .assert_stage(
            "app/prod",
            State::Waiting,
            "argocd/app-qa has said nothing yet",
        )
        .await;
    world.advance("2m");
    world.settle().await;
    world
        .assert_stage("app/qa", State::Refused, "its time was up")
        .await;
    assert_eq!(world.pulls().await.len(), 0);
    let head = github.head("main").unwrap();
    github.status(&head, "argocd/app-qa", "success", "mara");
    world.settle().await;
    assert_eq!(world.pulls().await.len(), 1, "late is better than never");
}

#[tokio::test(flavor = "multi_thread")]
async fn named_checks_of_the_commit_must_all_be_well() {
    let pipeline = verified_by("        - checks: [e2e, load]\n");
    let (github, mut world) = begin(&[(small::PIPELINE_PATH, &pipeline)]).await;
    world.good_build("1.0.0");
    world.settle().await;
    let head = github.head("main").unwrap();
    let waits = async |world: &World, words: &str| {
        world.assert_stage("app/prod", State::Waiting, words).await;
    };
    waits(&world, "e2e has said nothing yet").await;
    github.status(&head, "e2e", "success", "mara");
    github.check(&head, "load", "skipped");
    world.settle().await;
    waits(&world, "load is not done").await;
    github.check(&head, "load", "failure");
    world.settle().await;
    world
        .assert_stage("app/qa", State::Refused, "load: failed")
        .await;
    github.check(&head, "load", "success");
    world.settle().await;
    assert_eq!(world.pulls().await.len(), 1);

    github.forget_requests();
    world.pass().await;
    let asked = github
        .seen()
        .iter()
        .filter(|seen| seen.path.contains("check-runs"))
        .count();
    assert!(asked <= 6, "{:?}", github.seen());
    assert_eq!(
        github.reading(),
        1,
        "all else is known already: {:?}",
        github.seen()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forge_that_keeps_no_checks_says_so() {
    let pipeline = verified_by("        - checks: [e2e]\n");
    let mut world = World::with(&[(small::PIPELINE_PATH, &pipeline)]).await;
    world.good_build("1.0.0");
    world.settle().await;
    world
        .assert_stage(
            "app/prod",
            State::Waiting,
            "the offline forge keeps no checks",
        )
        .await;
}
