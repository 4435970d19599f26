//! Going back by itself: a set that its stage refuses soon after it came makes room for the last one that passed there.

use headwater::model::{Delivery, Digest, Guard};
use headwater::plan::State;

use crate::support::github::GitHub;
use crate::support::world::{World, small};

/// `qa` goes back by itself within an hour.
fn pipeline(verify: &str) -> String {
    let auto = format!("      autoRollback: {{within: 1h}}\n{verify}");
    let gate = "        - expression: 'image.labels[\"tests\"] == \"passed\"'\n";
    small::PIPELINE.replace(
        &format!("      verify:\n{gate}"),
        &match verify {
            "" => format!("{auto}      verify:\n{gate}"),
            _ => auto,
        },
    )
}

fn bad_build(world: &mut World, version: &str) -> Digest {
    world.advance("1m");
    world.push_build("acme/app:main", version, &[("tests", "failed")])
}

async fn begin() -> (World, Digest) {
    let mut world = World::with(&[(small::PIPELINE_PATH, &pipeline(""))]).await;
    let good = world.good_build("1.0.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(good.clone()));
    (world, good)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_its_stage_refuses_makes_room_for_the_last_one_that_passed_there() {
    let (mut world, good) = begin().await;
    world.person_commits(&[("freezes/f.yaml", &small::freeze("f", "prod"))], "Freeze");
    let bad = bad_build(&mut world, "1.1.0");
    world.settle().await;
    assert_eq!(world.head("app", "dev"), Some(bad.clone()));
    assert_eq!(world.head("app", "qa"), Some(good.clone()));
    assert!(world.rendered("qa", "app").contains(good.as_str()));
    let subjects = world.repository.subjects();
    let back = subjects.iter().find(|s| s.starts_with("Roll app/qa back"));
    let back = back.expect("it went back");
    assert!(
        back.contains("1.1.0") && back.contains("-> 1.0.0"),
        "{back}"
    );
    world
        .assert_stage("app/qa", State::Held, "went back by itself: expression")
        .await;
    world.assert_nothing_to_do().await;
    // The next one waits for somebody to say that it may come.
    let next = world.good_build("1.2.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(good));
    world.unholds("app/qa").await;
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(next));
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_back_once_for_each_word_of_a_person_and_never_in_a_circle() {
    let (mut world, good) = begin().await;
    bad_build(&mut world, "1.1.0");
    world.settle().await;
    for turn in 1..=3 {
        let back = |world: &World| {
            let subjects = world.repository.subjects();
            let back = subjects
                .iter()
                .filter(|s| s.starts_with("Roll app/qa back"));
            back.count()
        };
        assert_eq!(back(&world), turn);
        world.advance("3h");
        world.settle().await;
        assert_eq!(back(&world), turn, "nobody said anything");
        assert_eq!(world.head("app", "qa"), Some(good.clone()));
        world.unholds("app/qa").await;
        world.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_set_that_passed_there_is_nothing_to_go_back_to() {
    let mut world = World::with(&[(small::PIPELINE_PATH, &pipeline(""))]).await;
    bad_build(&mut world, "1.0.0");
    world.settle().await;
    let bad = bad_build(&mut world, "1.1.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(bad));
    let words = "no set that passed here before is left to go back to";
    world.assert_stage("app/qa", State::Refused, words).await;
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_in_a_gate_takes_nothing_back() {
    let (mut world, _) = begin().await;
    let next = world.good_build("1.1.0");
    world.settle().await;
    world.person_edits(small::PIPELINE_PATH, "== \"passed\"", "=== \"passed\"");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(next));
    world
        .assert_stage("app/qa", State::Refused, "expression")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_operator_lets_nobody_push_or_a_person_went_back_it_stays() {
    let (mut world, good) = begin().await;
    world.operator(|settings| {
        let guard = Guard {
            delivery: Some(Delivery::PullRequest),
            ..Guard::default()
        };
        settings.guards.insert("qa".parse().unwrap(), guard);
    });
    let bad = bad_build(&mut world, "1.1.0");
    world.settle().await;
    let pull = world.open_pull().await;
    world.approve(&pull, "Ines").await;
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(bad));
    let words = "environment qa is guarded (delivery: pullRequest)";
    world.assert_stage("app/qa", State::Refused, words).await;
    world.rolls_back("app/qa").await;
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(good));
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_that_only_pull_requests_write_go_back_as_well_and_what_breaks_late_stays() {
    let github = GitHub::start().await;
    github.team("release", &["mara"]);
    let mut world = World::on_github(&github).await;
    github.set_time(world.now());
    let prod = "    - name: prod\n      from: [qa]\n      autoRollback: {within: 1h}\n      verify: [{checks: [e2e]}]\n";
    let pipeline = small::PIPELINE.replace("    - name: prod\n      from: [qa]\n", prod);
    github.push("main", &[(small::PIPELINE_PATH, &pipeline)], "mara");
    let mut number = 0;
    let mut brought = Vec::new();
    for (version, said) in [("1.0.0", "success"), ("1.1.0", "failure")] {
        let build = world.good_build(version);
        world.settle().await;
        number += 1;
        github.approve(number, "mara");
        world.settle().await;
        assert_eq!(world.head("app", "prod"), Some(build.clone()));
        github.set_time(world.now());
        github.check(&github.head("main").unwrap(), "e2e", said);
        world.settle().await;
        brought.push(build);
    }
    assert_eq!(world.head("app", "prod"), Some(brought[0].clone()));
    assert!(world.rendered("prod", "app").contains(brought[0].as_str()));
    world
        .assert_stage("app/prod", State::Held, "went back by itself: checks")
        .await;
    world.assert_nothing_to_do().await;
    // What was well for two hours is not broken by this set.
    world.unholds("app/prod").await;
    let late = world.good_build("1.2.0");
    world.settle().await;
    let open = github.pulls().last().unwrap().number;
    github.approve(open, "mara");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(late.clone()));
    world.advance("2h");
    github.set_time(world.now());
    github.check(&github.head("main").unwrap(), "e2e", "failure");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(late));
    world
        .assert_stage("app/prod", State::Refused, "checks")
        .await;
}
