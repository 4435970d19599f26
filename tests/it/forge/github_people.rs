//! People around a pull request on GitHub: its labels, who is asked for a review, and whose approval counts.

use headwater::plan::State as StageState;

use crate::support::fault_proxy::Rule;
use crate::support::github::{Fault, GitHub, Permission};
use crate::support::world::World;

/// The small repository on a GitHub where Mara and Ines are of the release team, with rules of prod of its own.
async fn begin(rules: &str) -> (GitHub, World) {
    let github = GitHub::start().await;
    github.add_user("ines", Permission::Write);
    github.team("release", &["mara", "ines"]);
    let world = World::on_github(&github).await;
    world.person_edits(
        "environments/prod.yaml",
        "delivery: pullRequest\n  approvals: {count: 1, from: [\"@acme/release\"]}\n",
        &format!("delivery: pullRequest\n{rules}"),
    );
    (github, world)
}

/// A build that waits for its review; the number of its pull request.
async fn proposed(world: &mut World, version: &str) -> u64 {
    world.good_build(version);
    world.settle().await;
    world.open_pull().await.id.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_that_failed_come_with_a_later_pass_and_what_a_person_takes_off_stays_off() {
    let rules = "  pullRequest: {labels: [promotion, prod]}\n  approvals: {count: 1, from: [\"@acme/release\"]}\n";
    let (github, mut world) = begin(rules).await;
    github.fault(Rule::on("POST", "/labels$"), Fault::status(502));
    world.good_build("1.0.0");
    for _ in 0..5 {
        world.pass().await;
    }
    let number = world.open_pull().await.id.parse().unwrap();
    assert_eq!(github.pull(number).labels, Vec::<String>::new());
    github.heal();
    world.settle().await;
    assert_eq!(github.pull(number).labels, ["promotion", "prod"]);

    github.label(number, "otto", &["prod", "mine"]);
    world.settle().await;
    assert_eq!(github.pull(number).labels, ["prod", "mine"]);
    let newer = world.good_build("1.1.0");
    world.settle().await;
    assert!(github.pull(number).title.contains("1.1.0"));
    assert_eq!(
        github.pull(number).labels,
        ["prod", "mine"],
        "not even when it is made anew"
    );
    github.approve(number, "mara");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(newer));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_is_refused_is_told_and_hinders_nothing() {
    let long = "l".repeat(60);
    let rules = format!(
        "  pullRequest: {{labels: [promotion, {long}]}}\n  approvals: {{count: 1, from: [\"@acme/release\"]}}\n"
    );
    let (github, mut world) = begin(&rules).await;
    world.good_build("1.0.0");
    let mut refused = Vec::new();
    for _ in 0..6 {
        refused.extend(world.pass().await.receipt.refused);
    }
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].what.contains(&long), "{refused:?}");
    world.assert_hold("Untended", &long).await;
    let number = world.open_pull().await.id.parse().unwrap();
    assert_eq!(github.pull(number).labels, ["promotion"]);
    github.forget_requests();
    world.settle().await;
    assert_eq!(github.writing(), 0, "{:?}", github.seen());
    github.approve(number, "mara");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_rule_names_is_asked_once_and_not_again_after_somebody_took_it_back() {
    let rules = "  approvals: {count: 2, from: [\"@acme/release\", \"@otto\"]}\n";
    let (github, mut world) = begin(rules).await;
    let number = proposed(&mut world, "1.0.0").await;
    let asked = |github: &GitHub| {
        let pull = github.pull(number);
        (pull.reviewers, pull.teams)
    };
    assert_eq!(
        asked(&github),
        (vec!["otto".into()], vec!["release".into()])
    );
    assert_eq!(github.requests("POST", "/requested_reviewers$"), 1);

    github.unask(number, "mara", "otto");
    world.settle().await;
    world.good_build("1.1.0");
    world.settle().await;
    assert_eq!(asked(&github), (vec![], vec!["release".into()]));
    github.approve(number, "mara");
    github.unask(number, "mara", "team/release");
    world.settle().await;
    assert_eq!(github.requests("POST", "/requested_reviewers$"), 1);
    github.approve(number, "otto");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_that_is_not_there_is_told_and_all_others_are_asked() {
    let rules = "  approvals: {count: 1, from: [\"@acme/gone\", \"@other/team\", \"@nobody\", \"@otto\"]}\n";
    let (github, mut world) = begin(rules).await;
    world.good_build("1.0.0");
    let mut refused = Vec::new();
    for _ in 0..6 {
        refused.extend(world.pass().await.receipt.refused);
    }
    let what: Vec<&str> = refused.iter().map(|r| r.what.as_str()).collect();
    assert_eq!(
        what,
        [
            "give pull request 1 a review by @acme/gone",
            "give pull request 1 a review by @other/team",
            "give pull request 1 a review by @nobody",
        ]
    );
    for who in ["@acme/gone", "@other/team", "@nobody"] {
        world.assert_hold("Untended", who).await;
    }
    assert_eq!(github.pull(1).reviewers, ["otto"]);
    // Who is in a team matters once somebody approved.
    github.approve(1, "mara");
    world.settle().await;
    world
        .assert_stage("app/prod", StageState::Waiting, "CannotReadTeams")
        .await;
    github.approve(1, "otto");
    world.settle().await;
    assert!(github.pull(1).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_whom_github_asks_by_itself_are_not_asked_a_second_time() {
    let rules = "  approvals: {count: 1, from: [\"@acme/release\", \"@otto\"]}\n";
    let (github, mut world) = begin(rules).await;
    world.person_commits(
        &[(
            ".github/CODEOWNERS",
            "* @rita\n/environments/prod/ @acme/release\n/pipelines/ @otto\n",
        )],
        "Say who owns what",
    );
    let number = proposed(&mut world, "1.0.0").await;
    let pull = github.pull(number);
    assert_eq!(
        (pull.reviewers, pull.teams),
        (vec!["otto".into()], vec!["release".into()])
    );
    assert_eq!(github.requests("POST", "/requested_reviewers$"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asked_is_known_by_their_address_and_does_not_count() {
    let rules = "  approvals: {count: 1, from: [\"@acme/release\"]}\n  enter: [{age: 2h}]\n";
    let (github, mut world) = begin(rules).await;
    github.add_email("mara", "mara@example.com");
    world.good_build("1.0.0");
    world.settle().await;
    world.promotes("app/prod").await;
    world.advance("3h");
    world.settle().await;
    let number = world.open_pull().await.id.parse().unwrap();
    github.approve(number, "mara");
    world.settle().await;
    world
        .assert_stage("app/prod", StageState::Waiting, "0 of 1 @acme/release")
        .await;
    github.approve(number, "ines");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asked_and_is_not_known_makes_one_approval_more_necessary() {
    let rules = "  approvals: {count: 1, from: [\"@acme/release\"]}\n  enter: [{age: 2h}]\n";
    let (github, mut world) = begin(rules).await;
    world.good_build("1.0.0");
    world.settle().await;
    world.promotes("app/prod").await;
    world.advance("3h");
    world.settle().await;
    let number = world.open_pull().await.id.parse().unwrap();
    github.approve(number, "mara");
    world.settle().await;
    let why =
        "1 of 2 @acme/release; whose account mara@example.com is who asked for it is not known";
    world
        .assert_stage("app/prod", StageState::Waiting, why)
        .await;
    github.approve(number, "ines");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_anybody_may_approve_it_is_anybody_who_may_write() {
    let (github, mut world) = begin("  approvals: {count: 1}\n").await;
    let number = proposed(&mut world, "1.0.0").await;
    github.approve(number, "rita");
    world.settle().await;
    let why = "0 of 1 anybody; without the right to write: @rita";
    world
        .assert_stage("app/prod", StageState::Waiting, why)
        .await;
    github.approve(number, "otto");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn reviews_are_a_state_machine_and_only_the_last_word_on_this_head_counts() {
    let (github, mut world) =
        begin("  approvals: {count: 2, from: [\"@acme/release\", \"@otto\"]}\n").await;
    let number = proposed(&mut world, "1.0.0").await;
    let have = async |world: &World, count: usize| {
        let why = format!("{count} of 2 @acme/release, @otto");
        world
            .assert_stage("app/prod", StageState::Waiting, &why)
            .await;
    };
    have(&world, 0).await;
    github.approve(number, "mara");
    have(&world, 1).await;
    github.approve(number, "mara");
    have(&world, 1).await;
    github.request_changes(number, "mara");
    have(&world, 0).await;
    let review = github.approve(number, "mara");
    have(&world, 1).await;
    github.dismiss(number, review, "otto");
    have(&world, 0).await;
    github.approve(number, "mara");
    github.comment(number, "mara", "looks good");
    have(&world, 1).await;
    github.approve(number, "rita");
    have(&world, 1).await;

    // A newer build does not take it over any more; that somebody brings it up to date leaves all approvals behind.
    world.person_commits(&[("README.md", "hello\n")], "Say hello");
    github.update_branch(number, "otto");
    have(&world, 0).await;
    github.approve(number, "ines");
    have(&world, 1).await;
    github.approve(number, "otto");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}
