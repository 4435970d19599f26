//! The merge queue of a base: what is due is added to it, what it would merge bears our check, and what it throws out stays
//! out until something changed.

use headwater::plan::State as StageState;

use crate::support::fault_proxy::Rule;
use crate::support::github::{Fault, GitHub, Permission, Protection};
use crate::support::world::{World, small};

const ADD: &str = "/graphql$";

/// A base whose queue wants our check and that of others.
async fn begin(files: &[(&str, &str)]) -> (GitHub, World) {
    let github = GitHub::start().await;
    github.team("release", &["mara"]);
    let world = World::on_github(&github).await;
    github.set_time(world.now());
    if !files.is_empty() {
        github.push("main", files, "mara");
    }
    github.demand("main", "merge_queue");
    // It may push past what the base demands, as imports do.
    github.set_permission("headwater-bot", Permission::Admin);
    github.protect(
        "main",
        Some(Protection {
            checks: vec!["headwater/prod".to_owned()],
            ..Protection::default()
        }),
    );
    (github, world)
}

async fn proposed(world: &mut World, version: &str) -> u64 {
    world.good_build(version);
    world.settle().await;
    world.open_pull().await.id.parse().unwrap()
}

/// How often a pull request was added to the queue.
fn added(github: &GitHub, number: u64) -> usize {
    let events = github.pull(number).events.into_iter();
    events.filter(|e| e.event == "added_to_merge_queue").count()
}

/// What we say of a commit.
fn said(github: &GitHub, sha: &str) -> Option<String> {
    let statuses = github.records().statuses.into_iter().rev();
    let mut ours = statuses.filter(|s| s.sha == sha && s.context == "headwater/prod");
    ours.next().map(|status| status.state)
}

fn mutations(github: &GitHub) -> usize {
    let seen = github.seen().into_iter();
    seen.filter(|s| s.body.contains("enqueuePullRequest"))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_approved_is_added_once_marked_in_its_group_and_merged_by_the_queue() {
    let (github, mut world) = begin(&[]).await;
    let build = world.good_build("1.0.0");
    world.settle().await;
    assert_eq!(github.requests("POST", ADD), 0, "nothing is due");
    github.approve(1, "mara");
    world.settle().await;
    assert_eq!((added(&github, 1), mutations(&github)), (1, 1));
    assert_eq!(github.requests("PUT", "/merge$"), 0);
    world
        .assert_stage(
            "app/prod",
            StageState::Waiting,
            "pull request 1 is in the merge queue, position 1",
        )
        .await;

    // It is on its way: nobody adds it again, and a process that knows nothing does not either.
    for _ in 0..3 {
        world.pass().await;
    }
    world.forget();
    world.settle().await;
    assert_eq!((added(&github, 1), mutations(&github)), (1, 1));

    let groups = github.build_groups();
    let group = &groups[0].1;
    assert!(group.branch.starts_with("gh-readonly-queue/main/pr-1-"));
    assert_eq!(said(&github, &group.head), None);
    github.run_queue();
    assert!(github.pull(1).open, "our check has not spoken");
    world.settle().await;
    assert_eq!(said(&github, &group.head).as_deref(), Some("success"));
    github.forget_requests();
    world.pass().await;
    assert_eq!(github.writing(), 0, "{:?}", github.seen());

    github.run_queue();
    assert_eq!(github.head("main").as_ref(), Some(&group.head));
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
    world
        .assert_stage("app/prod", StageState::Settled, "")
        .await;
    world.assert_nothing_to_do().await;
    let promoted = world.repository.subjects();
    let promoted = promoted.iter().filter(|s| s.contains("1.0.0 to prod"));
    assert_eq!(promoted.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_queue_threw_out_is_told_and_added_again_only_with_a_new_head() {
    let (github, mut world) = begin(&[]).await;
    github.protect(
        "main",
        Some(Protection {
            checks: vec!["headwater/prod".to_owned(), "ci".to_owned()],
            ..Protection::default()
        }),
    );
    let number = proposed(&mut world, "1.0.0").await;
    github.check(&github.pull(number).head_sha, "ci", "success");
    github.approve(number, "mara");
    world.settle().await;
    let group = github.build_groups().remove(0).1;
    world.settle().await;
    github.check(&group.head, "ci", "failure");
    github.run_queue();
    let why = "the merge queue threw out pull request 1: a check of its merge group failed";
    for _ in 0..5 {
        world.pass().await;
    }
    world
        .assert_stage("app/prod", StageState::Refused, why)
        .await;
    world.forget();
    world.settle().await;
    assert_eq!(
        added(&github, number),
        1,
        "the same head is not tried again"
    );
    github.forget_requests();
    world.pass().await;
    assert_eq!(
        github.requests("POST", ADD),
        0,
        "what became of it is known"
    );

    // Somebody adds it again: that is theirs to decide, and taking it out again is, too.
    github.enqueue(number, "otto");
    world
        .assert_stage(
            "app/prod",
            StageState::Waiting,
            "in the merge queue, position 1",
        )
        .await;
    github.dequeue(number);
    world
        .assert_stage("app/prod", StageState::Refused, "somebody took it out")
        .await;

    // A newer build is another matter.
    world.good_build("1.1.0");
    github.comment(number, "otto", "/headwater rebuild");
    world.settle().await;
    let head = github.pull(number).head_sha;
    github.check(&head, "ci", "success");
    github.approve(number, "mara");
    world.settle().await;
    assert_eq!(added(&github, number), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_shuts_while_it_is_in_the_queue_turns_its_group_red_and_lets_it_in_again_later()
{
    let (github, mut world) = begin(&[]).await;
    let number = proposed(&mut world, "1.0.0").await;
    github.approve(number, "mara");
    world.settle().await;
    let freeze = [("freezes/now.yaml", small::freeze("now", "prod"))];
    world.person_commits(&[(freeze[0].0, &freeze[0].1)], "Count the stock");
    world.settle().await;
    let group = github.build_groups().remove(0).1;
    world.settle().await;
    let state = said(&github, &group.head).unwrap();
    assert_ne!(state, "success");
    github.dequeue(number);
    world.settle().await;
    assert!(github.pull(number).open);
    assert_eq!(added(&github, number), 1, "nothing enters now");
    world
        .assert_stage("app/prod", StageState::Frozen, "freeze")
        .await;

    world.person_deletes(&["freezes/now.yaml"], "It is counted");
    world.settle().await;
    assert_eq!(
        added(&github, number),
        2,
        "it was our own check that kept it out"
    );
    github.build_groups();
    world.settle().await;
    github.run_queue();
    world.settle().await;
    world
        .assert_stage("app/prod", StageState::Settled, "")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_with_the_work_of_others_is_judged_for_what_is_ours_in_it() {
    let second = small::PIPELINE.replace("name: app", "name: web");
    let prod = "delivery: pullRequest\n  pullRequest: {merge: person}";
    let environment = |name: &str, rules: &str| small::environment(name, rules, &["app", "web"]);
    let (commit, stream) = ("delivery: commit", small::stream("web"));
    let files = [
        ("environments/dev.yaml", environment("dev", commit)),
        ("environments/qa.yaml", environment("qa", commit)),
        ("environments/prod.yaml", environment("prod", prod)),
        ("pipelines/web/pipeline.yaml", second),
        ("pipelines/web/imagestream.yaml", stream),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (*p, t.as_str())).collect();
    let (github, mut world) = begin(&files).await;
    world.push_build("acme/web:main", "7.0.0", &[("tests", "passed")]);
    world.good_build("1.0.0");
    world.settle().await;
    assert_eq!(github.pulls().len(), 2);
    github.push("feature", &[("notes.txt", "hello")], "otto");
    github.status(
        &github.head("feature").unwrap(),
        "headwater/prod",
        "success",
        "otto",
    );
    let other = github.open("feature", "Say hello", "otto");

    // People press the button; the work of others comes between and behind.
    for number in [1, other, 2] {
        github.enqueue(number, "mara");
    }
    let groups = github.build_groups();
    assert_eq!(groups.len(), 3);
    world
        .assert_stage("web/prod", StageState::Waiting, "position 3")
        .await;
    world.settle().await;
    for (number, group) in &groups {
        let said = said(&github, &group.head);
        assert_eq!(said.as_deref(), Some("success"), "the group of {number}");
    }

    // A hold on the second one turns the group that holds both red, and leaves that of the first.
    let hold = small::hold("stop", "web", "prod");
    world.person_commits(&[("holds/stop.yaml", &hold)], "Stop");
    world.settle().await;
    let shown: Vec<Option<String>> = groups.iter().map(|(_, g)| said(&github, &g.head)).collect();
    let names: Vec<&str> = shown.iter().flatten().map(String::as_str).collect();
    assert_eq!(names, ["success", "success", "pending"]);
    world.person_deletes(&["holds/stop.yaml"], "Go on");
    world.settle().await;
    github.run_queue();
    world.settle().await;
    let rebuilt = github.build_groups();
    world.settle().await;
    github.run_queue();
    world.settle().await;
    assert!(
        github.pulls().iter().all(|pull| pull.merged.is_some()),
        "{rebuilt:?}"
    );
    for key in ["app/prod", "web/prod"] {
        world.assert_stage(key, StageState::Settled, "").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_queue_is_left_alone_and_an_answer_that_is_lost_adds_it_once() {
    let rules = "delivery: pullRequest\n  pullRequest: {supersede: always}";
    let prod = small::environment("prod", rules, &["app"]);
    let (github, mut world) = begin(&[("environments/prod.yaml", &prod)]).await;
    github.die(Rule::on("POST", ADD).nth(2..=2), Fault::LoseAnswer);
    world.good_build("1.0.0");
    for _ in 0..12 {
        let _ = world.engine.reconciler.pass(world.now()).await;
        if github.is_dead() {
            github.heal();
            world.forget();
        }
    }
    assert_eq!(added(&github, 1), 1);
    let head = github.pull(1).head_sha;
    world.good_build("1.1.0");
    world.settle().await;
    assert_eq!(github.pull(1).head_sha, head, "its queue would be left");
    github.build_groups();
    world.settle().await;
    github.run_queue();
    world.settle().await;
    assert!(github.pull(1).merged.is_some());
    assert_eq!(github.pulls().len(), 2, "the newer one is next");
    assert!(github.pull(2).title.contains("1.1.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_only_a_refusal_tells_of_is_used_as_well() {
    let (github, mut world) = begin(&[]).await;
    let number = proposed(&mut world, "1.0.0").await;
    github.fault(Rule::on("GET", "/rules/branches/"), Fault::status(404));
    github.approve(number, "mara");
    for _ in 0..4 {
        world.pass().await;
    }
    assert_eq!(added(&github, number), 1);
    world
        .assert_stage(
            "app/prod",
            StageState::Waiting,
            "in the merge queue, position 1",
        )
        .await;
}
