//! Clocks, orders, holds and versions: when a set may go on, and which one.

use headwater::plan::State;

use crate::support::world::{World, small};

const SOAK: &str = r#"apiVersion: headwater.dev/v1alpha1
kind: Pipeline
metadata: {name: app}
spec:
  stages:
    - name: dev
    - name: qa
      verify: [{soak: 30m}]
    - name: prod
      from: [qa]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_replaced_before_it_has_soaked_goes_nowhere_and_the_last_one_goes() {
    let mut world = World::with(&[(small::PIPELINE_PATH, SOAK)]).await;
    let mut last = None;
    for n in 0..5 {
        last = Some(world.good_build(&format!("1.0.{n}")));
        world.settle().await;
        world.advance("10m");
        world.settle().await;
        assert_eq!(world.pulls().await.len(), 0);
    }
    world.assert_stage("app/prod", State::Waiting, "soak").await;
    let until = world
        .stage("app/prod")
        .await
        .until
        .expect("it opens by itself");
    world.advance("19m");
    world.settle().await;
    assert_eq!(world.pulls().await.len(), 0, "it opens at {until}");
    world.advance("1m");
    world.settle().await;
    let pull = world.open_pull().await;
    world.approve(&pull, "Ines").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod"), last);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_of_a_merge_starts_when_it_was_merged_not_when_somebody_looked() {
    let qa = small::by_pull_request("qa");
    let mut world =
        World::with(&[(small::PIPELINE_PATH, SOAK), ("environments/qa.yaml", &qa)]).await;
    let (build, pull) = world.proposed("1.0.0").await;
    world.repository.squash(&pull.branch, "Mara", world.now());
    // Nobody looks over the weekend.
    world.advance("2d");
    world.settle().await;
    let prod = world.open_pull().await;
    assert!(prod.branch.contains("/prod/"), "{}", prod.branch);
    let carried = world
        .repository
        .heads(&format!("refs/heads/{}", prod.branch));
    assert_eq!(carried.get("app:prod"), Some(&build));
}

#[tokio::test(flavor = "multi_thread")]
async fn release_tags_are_set_beside_the_pointer_and_never_decide() {
    let pipeline = small::PIPELINE.to_owned() + "      releaseTag: \"v{{version.majorMinor}}\"\n";
    let mut world = World::with(&[(small::PIPELINE_PATH, &pipeline)]).await;
    let feature = world.delivered("1.3.0").await;
    let hotfix = world.delivered("1.2.5").await;
    assert_eq!(world.head("app", "v1.3").as_ref(), Some(&feature));
    assert_eq!(world.head("app", "v1.2").as_ref(), Some(&hotfix));
    assert!(world.rendered("prod", "app").contains(hotfix.as_str()));

    world.rolls_back("app/prod").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod").as_ref(), Some(&feature));
    assert_eq!(world.head("app", "v1.2"), Some(hotfix));
    assert!(world.rendered("prod", "app").contains(feature.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_tag_without_a_clear_version_holds_only_its_stage() {
    let pipeline = small::PIPELINE.to_owned() + "      releaseTag: \"v{{version.majorMinor}}\"\n";
    let mut world = World::with(&[(small::PIPELINE_PATH, &pipeline)]).await;
    let build = world.good_build("quite new");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build));
    let why = world.assert_hold("VersionUnclear", "").await;
    assert!(
        why.contains("org.opencontainers.image.version") || why.contains("unclear"),
        "{why}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_takes_sets_in_their_order_and_newest_jumps() {
    for (order, expected) in [("queue", "1.0.0"), ("newest", "1.1.0")] {
        let pipeline = small::PIPELINE.replace(
            "      verify:",
            &format!("      order: {order}\n      verify:"),
        );
        let mut world = World::with(&[(small::PIPELINE_PATH, &pipeline)]).await;
        world.person_commits(
            &[("holds/qa.yaml", &small::hold("qa", "app", "qa"))],
            "Hold qa",
        );
        let mut builds = Vec::new();
        for version in ["1.0.0", "1.1.0"] {
            builds.push((version, world.good_build(version)));
            world.settle().await;
        }
        world.person_deletes(&["holds/qa.yaml"], "Let go");
        world.pass().await;
        let first = world.head("app", "qa").unwrap();
        let taken = builds.iter().find(|(_, d)| *d == first).unwrap().0;
        assert_eq!(taken, expected, "{order}");
        world.settle().await;
        assert_eq!(
            world.head("app", "qa").as_ref(),
            Some(&builds[1].1),
            "{order}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_whose_tests_failed_is_refused_with_the_reason_and_the_next_one_goes() {
    let mut world = World::small().await;
    world.advance("1m");
    world.push_build("acme/app:main", "1.0.0", &[("tests", "failed")]);
    world.settle().await;
    world
        .assert_stage("app/prod", State::Refused, "expression")
        .await;
    let (_, pull) = world.proposed("1.1.0").await;
    assert!(pull.title.contains("1.1.0"), "{}", pull.title);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_stops_new_sets_until_its_file_is_gone() {
    let freeze = small::freeze("now", "qa");
    let mut world = World::with(&[("freezes/now.yaml", &freeze)]).await;
    let build = world.good_build("1.0.0");
    world.settle().await;
    assert_eq!(world.head("app", "dev").as_ref(), Some(&build));
    assert_eq!(world.head("app", "qa"), None);
    world
        .assert_stage("app/qa", State::Frozen, "inventory")
        .await;
    world.person_deletes(&["freezes/now.yaml"], "Thaw");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_lets_commits_in_from_its_first_second_and_shuts_at_its_last() {
    let window = "enter: [{window: {allow: [\"Mon 10:00-11:00\"], timeZone: UTC}}]";
    let pipeline = small::PIPELINE.replace(
        "    - name: qa\n",
        &format!("    - name: qa\n      {window}\n"),
    );
    // Monday, nine o'clock.
    let mut world = World::with(&[(small::PIPELINE_PATH, &pipeline)]).await;
    let build = world.good_build("1.0.0");
    world.settle().await;
    let qa = world.stage("app/qa").await;
    assert_eq!(qa.state, State::Waiting);
    assert!(qa.why.contains("Mon 10:00-11:00 UTC, opens "), "{}", qa.why);
    let opens = "2026-01-05T10:00:00Z".parse().ok();
    assert_eq!(qa.until, opens);
    world.advance("58m");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), None, "{}", world.now());
    world.advance("1m");
    assert_eq!(Some(world.now()), opens);
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build.clone()));
    world.advance("59m");
    world.good_build("1.1.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build), "{}", world.now());
    world.assert_stage("app/qa", State::Waiting, "opens ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_its_window_a_set_is_proposed_and_approved_and_merged_when_it_opens() {
    let rules = "delivery: pullRequest\n  approvals: {count: 1, from: [\"@acme/release\"]}\n  enter: [{window: {allow: [\"10:00-11:00\"], deny: [Tue], timeZone: UTC}}]";
    let prod = small::environment("prod", rules, &["app"]);
    let mut world = World::with(&[("environments/prod.yaml", &prod)]).await;
    let (build, pull) = world.proposed("1.0.0").await;
    world.approve(&pull, "Ines").await;
    world.settle().await;
    let words = "10:00-11:00 but not Tue UTC, opens ";
    world.assert_stage("app/prod", State::Waiting, words).await;
    assert!(world.stage("app/prod").await.until.is_some());
    assert_eq!(world.head("app", "prod"), None);
    world.advance("1h");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));

    world.advance("1d");
    let (next, pull) = world.proposed("1.1.0").await;
    world.approve(&pull, "Ines").await;
    world.settle().await;
    assert_ne!(
        world.head("app", "prod").as_ref(),
        Some(&next),
        "on a Tuesday"
    );
    world.advance("1d");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(next));
}
