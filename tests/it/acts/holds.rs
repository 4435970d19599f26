//! `hold`, `unhold` and `promote` against the real reconciler, and against what lies in the work tree.

use headwater::plan::State;

use super::{PROD_OUTPUT, STREAM_FILE, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_stage_takes_nothing_until_it_is_lifted() {
    let world = World::by_commit().await;
    world.two_in_prod().await;
    let said = world
        .run(&[
            "hold",
            "shop/prod",
            "--reason",
            "audit until Friday",
            "--push",
            "--yes",
        ])
        .ok();
    assert!(
        said.stdout
            .contains("takes nothing until `headwater unhold shop/prod`"),
        "{}",
        said.stdout
    );
    world
        .run(&["hold", "shop/prod", "--reason", "again"])
        .fails(1, &["held in shop/prod already: audit until Friday"]);
    world.build("1.2.0");
    world.passes().await;
    assert_eq!(world.holds("shop/qa").await.as_deref(), Some("1.2.0"));
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.1.0"));
    world
        .run(&["unhold", "shop/prod", "--reason", "over", "--push", "--yes"])
        .ok();
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.2.0"));
    world
        .run(&["unhold", "shop/prod", "--reason", "again"])
        .fails(1, &["nothing holds shop/prod", "headwater why shop/prod"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_set_is_kept_out_and_the_next_goes_past_it() {
    let world = World::new().await;
    let first = world.build("1.0.0");
    world.passes().await;
    world
        .run(&[
            "hold",
            "shop/prod",
            "--set",
            first.short(),
            "--reason",
            "broken login",
            "--push",
            "-y",
        ])
        .ok();
    world.passes().await;
    let (state, why) = world.state("shop/prod").await;
    assert_eq!(state, State::Held, "{why}");
    world
        .run(&["pr", "merge", "shop/prod"])
        .fails(1, &["broken login"]);
    world.build("1.1.0");
    world.passes().await;
    world.run_as("Ann", &["pr", "approve", "shop/prod"]).ok();
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.1.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revert_holds_its_set_and_unhold_lifts_it_by_a_file() {
    let world = World::by_commit().await;
    world.two_in_prod().await;
    let log = world.git(&world.clone, &["log", "--format=%H", "--", PROD_OUTPUT]);
    let last = log.lines().next().unwrap().to_owned();
    world.git(&world.clone, &["revert", "--no-edit", &last]);
    world.git(&world.clone, &["push", "-q"]);
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
    world.pull();
    let said = world
        .run(&[
            "unhold",
            "shop/prod",
            "--reason",
            "it was not the image",
            "--commit",
        ])
        .ok();
    assert!(said.stderr.contains("lifts the revert"), "{}", said.stderr);
    assert!(said.stdout.contains("committed"), "{}", said.stdout);
    world.git(&world.clone, &["push", "-q"]);
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.1.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_edited_by_hand_is_rendered_again_by_unhold() {
    let world = World::by_commit().await;
    let (first, second) = world.two_in_prod().await;
    let edited = world
        .here(PROD_OUTPUT)
        .replace(second.as_str(), first.as_str());
    world.write(PROD_OUTPUT, &edited);
    world.git(
        &world.clone,
        &["commit", "-qam", "Pin the old one at night"],
    );
    world.git(&world.clone, &["push", "-q"]);
    world.passes().await;
    assert!(
        world.on_base(PROD_OUTPUT).contains(first.as_str()),
        "never put back silently"
    );
    let (state, why) = world.state("shop/prod").await;
    assert_eq!(state, State::Held);
    assert!(why.contains("EditedByHand"), "{why}");
    world
        .run(&[
            "unhold",
            "shop/prod",
            "--reason",
            "it is well again",
            "--push",
            "-y",
        ])
        .ok();
    assert!(world.on_base(PROD_OUTPUT).contains(second.as_str()));
    assert_eq!(world.state("shop/prod").await.0, State::Settled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promote_chooses_a_set_and_skips_only_what_is_allowed() {
    let world = World::with(
        "  delivery: commit\n  enter: [{age: 30d}]\n  overrides: {skip: [age], by: [mara@example.com]}\n",
        "",
    )
    .await;
    world.build("1.0.0");
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await, None);
    let promote = |line: &[&str]| {
        let mut all = vec![
            "promote",
            "shop/prod",
            "--reason",
            "CHG-1",
            "--push",
            "--yes",
        ];
        all.extend(line);
        world.run(&all)
    };
    promote(&["--skip", "soak"]).fails(1, &["does not allow to skip soak"]);
    promote(&["--skip", "from"]).fails(1, &["no gate that can be skipped"]);
    promote(&["--to", "7.7.7"]).fails(2, &["no set of shop/prod is named `7.7.7`"]);
    world
        .run_as(
            "Ann",
            &[
                "promote",
                "shop/prod",
                "--skip",
                "age",
                "--reason",
                "x",
                "--push",
                "--yes",
            ],
        )
        .fails(1, &["ann@example.com may not skip age"]);
    promote(&[]).ok();
    assert!(world.on_base(STREAM_FILE).contains("headwater.dev/request"));
    promote(&[]).fails(1, &["asked for in shop/prod already"]);
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await, None, "it passes no gate");
    let said = promote(&["--skip", "age", "--to", "1.0.0"]).ok();
    assert!(said.stdout.contains("skipped: age"), "{}", said.stdout);
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
    let stream = world.on_base(STREAM_FILE);
    assert!(!stream.contains("headwater.dev/request"), "{stream}");
    assert!(
        stream.contains("\"askedBy\":\"mara@example.com\""),
        "{stream}"
    );
    assert!(stream.contains("\"verdict\":\"skipped\""), "{stream}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_a_refused_set_hears_that_it_is_one() {
    let world = World::by_commit().await;
    world.build("1.0.0");
    world.passes().await;
    let file = "pipelines/shop/pipeline.yaml";
    let only = "    - name: qa\n      verify: [{expression: 'image.version == \"1.0.0\"'}]\n";
    world.pull();
    world.write(file, &world.on_base(file).replace("    - name: qa\n", only));
    world.git(&world.clone, &["commit", "-qam", "Let 1.0.0 pass"]);
    world.git(&world.clone, &["push", "-q", "origin", "HEAD:main"]);
    world.build("1.1.0");
    world.passes().await;
    assert_eq!(world.holds("shop/qa").await.as_deref(), Some("1.1.0"));
    let ask = ["promote", "shop/prod", "--reason", "now", "--push", "--yes"];
    let said = world.run(&ask).ok();
    let told = format!("{}{}", said.stdout, said.stderr);
    for words in [
        "that set is refused (expression: ",
        "nothing else enters shop/prod before it",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

const HOLD: [&str; 4] = ["hold", "shop/prod", "--reason", "audit"];
const UNHOLD: [&str; 4] = ["unhold", "shop/prod", "--reason", "over"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_that_is_not_committed_is_seen_and_can_be_lifted() {
    let world = World::by_commit().await;
    world.two_in_prod().await;
    world.run(&HOLD).ok();
    let file = "holds/shop-prod.yaml";
    assert_eq!(world.dirty(), [format!("?? {file}")]);
    world
        .run(&HOLD)
        .fails(1, &["held in shop/prod already: audit"]);
    let push = ["--push", "--yes"];
    world
        .run(&[&HOLD[..], &push].concat())
        .fails(1, &["not on main yet", "commit and push it"]);
    world
        .run(&[&UNHOLD[..], &push].concat())
        .fails(1, &[file, "not on main", "leave --push"]);
    world
        .run(&[&UNHOLD[..], &["--commit"]].concat())
        .fails(1, &["never committed", "leave --commit out"]);
    let said = world.run(&UNHOLD).ok();
    assert!(
        said.stdout.contains(&format!("removed {file}")),
        "{}",
        said.stdout
    );
    assert_eq!(world.dirty(), [""; 0]);
    world.run(&UNHOLD).fails(1, &["nothing holds shop/prod"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_that_is_committed_and_not_pushed_can_be_lifted() {
    let world = World::by_commit().await;
    world.two_in_prod().await;
    world.run(&[&HOLD[..], &["--commit"]].concat()).ok();
    world.run(&HOLD).fails(1, &["already: audit"]);
    world.run(&[&UNHOLD[..], &["--commit"]].concat()).ok();
    assert_eq!(world.dirty(), [""; 0]);
    assert!(!world.clone.join("holds/shop-prod.yaml").exists());
    world.git(&world.clone, &["push", "-q"]);
    world.build("1.2.0");
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.2.0"));
}
