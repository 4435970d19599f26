//! `pr`: listed, shown, approved, merged, closed; a closed one holds its set until it is lifted.

use headwater::plan::State;

use super::{PROD_OUTPUT, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approved_pull_request_is_merged_by_the_next_pass() {
    let world = World::new().await;
    let first = world.build("1.0.0");
    world.passes().await;
    let ids = world.open_pulls();
    let [id] = ids.as_slice() else {
        panic!("{ids:?}")
    };
    assert!(id.starts_with("promote-shop-prod-"), "{id}");

    let said = world.run(&["pr", "list"]).ok();
    assert!(said.stdout.contains("0 of 1"), "{}", said.stdout);
    let said = world.run(&["pr", "show", "shop/prod"]).ok();
    assert!(
        said.stdout.contains(&format!(
            "+          image: registry.example/acme/shop@{first}"
        )),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains("0 of 1"), "{}", said.stdout);
    world
        .run(&["pr", "merge", id])
        .fails(1, &["cannot be merged yet", "approval by 1 of anybody"]);

    let said = world.run(&["pr", "approve", &id[..14]]).ok();
    assert!(
        said.stdout
            .contains("recorded as mara@example.com, not authenticated"),
        "{}",
        said.stdout
    );
    assert!(
        said.stderr.contains("the next `headwater run` merges it"),
        "{}",
        said.stderr
    );
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
    assert!(world.on_base(PROD_OUTPUT).contains(first.as_str()));
    assert_eq!(world.open_pulls(), [""; 0]);
    let said = world.run(&["pr", "list", "--all", "-o", "json"]).ok();
    let data: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(data[0]["state"], "merged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_merges_and_the_move_counts() {
    for method in ["squash", "merge", "rebase"] {
        let world = World::with(
            "  delivery: pullRequest\n  pullRequest: {merge: person}\n  approvals: {count: 1}\n",
            "",
        )
        .await;
        world.build("1.0.0");
        world.passes().await;
        world.run_as("Ann", &["pr", "approve", "shop/prod"]).ok();
        world.passes().await;
        assert_eq!(
            world.holds("shop/prod").await,
            None,
            "nobody but a person merges"
        );
        let said = world
            .run(&["pr", "merge", "shop/prod", "--method", method])
            .ok();
        assert!(
            said.stdout.contains("merged promote-shop-prod-"),
            "{}",
            said.stdout
        );
        let who = world.base(&["log", "-1", "--format=%ae %ce", "main"]);
        assert!(who.ends_with(" headwater@localhost"), "{who}");
        assert!(
            method == "rebase" || who.starts_with("mara@example.com"),
            "{who}"
        );
        assert_eq!(
            world.holds("shop/prod").await.as_deref(),
            Some("1.0.0"),
            "{method}"
        );
        world.passes().await;
        assert_eq!(world.state("shop/prod").await.0, State::Settled, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_pull_request_holds_its_set_until_unhold_opens_it_again() {
    let world = World::new().await;
    world.build("1.0.0");
    world.passes().await;
    let ids = world.open_pulls();
    let said = world
        .run(&["pr", "close", "shop/prod", "--reason", "wrong build"])
        .ok();
    assert!(
        said.stdout.contains("until `headwater unhold shop/prod`"),
        "{}",
        said.stdout
    );
    let by = "by mara@example.com: wrong build";
    for word in [ids[0].as_str(), "shop/prod"] {
        let said = world.run(&["pr", "close", word, "--reason", "again"]).ok();
        let words = format!("closed already, {by}");
        assert!(said.stdout.contains(&words), "{}", said.stdout);
    }
    let said = world.run(&["pr", "show", &ids[0]]).ok();
    let words = format!("closed {by}");
    assert!(said.stdout.contains(&words), "{}", said.stdout);
    world.run(&["pr", "merge", &ids[0]]).fails(
        1,
        &["is closed", &format!("headwater pr reopen {}", ids[0])],
    );
    world.passes().await;
    assert_eq!(world.open_pulls(), [""; 0]);
    let (state, why) = world.state("shop/prod").await;
    assert_eq!(state, State::Held);
    assert!(why.contains(&format!("was closed {by}")), "{why}");

    world
        .run(&["unhold", "shop/prod", "--reason", "it is right"])
        .fails(1, &["add --push to open it again"]);
    let said = world
        .run(&[
            "unhold",
            "shop/prod",
            "--reason",
            "it is right",
            "--push",
            "--yes",
        ])
        .ok();
    assert!(
        said.stdout.contains("reopened pull request"),
        "{}",
        said.stdout
    );
    assert_eq!(world.open_pulls(), ids);
    world.run_as("Ann", &["pr", "approve", "shop/prod"]).ok();
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_pull_request_is_reopened_by_name_and_holds_nothing_any_more() {
    let world = World::new().await;
    world.build("1.0.0");
    world.passes().await;
    let ids = world.open_pulls();
    let said = world.run(&["pr", "reopen", "shop/prod"]).ok();
    assert!(said.stdout.contains("is open already"), "{}", said.stdout);

    // While its stage is away it is listed all the same.
    world.pull();
    let clone = world.clone.clone();
    let removed = ["rm", "-q", "pipelines/shop/pipeline.yaml"];
    for line in [&removed[..], &["commit", "-qm", "Away"], &["push", "-q"]] {
        world.git(&clone, line);
    }
    let said = world.run(&["pr", "list"]).ok();
    assert!(
        said.stdout.contains(&ids[0])
            && said.stdout.contains("there is no stage shop/prod any more"),
        "{}",
        said.stdout
    );
    for line in [&["revert", "--no-edit", "HEAD"][..], &["push", "-q"]] {
        world.git(&clone, line);
    }
    world
        .run(&["pr", "close", "shop/prod", "--reason", "wrong build"])
        .ok();
    world.passes().await;
    let said = world.run(&["pr", "reopen", "shop/prod"]).ok();
    assert!(
        said.stdout.contains("its set may enter shop/prod again"),
        "{}",
        said.stdout
    );
    assert!(said.stderr.contains("still in its way"), "{}", said.stderr);
    assert_eq!(world.open_pulls(), ids);
    let said = world.run(&["pr", "reopen", &ids[0], "-o", "name"]).ok();
    assert_eq!(said.stdout, format!("{}\n", ids[0]));
    world.run_as("Ann", &["pr", "approve", "shop/prod"]).ok();
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
    for verb in [
        &["reopen", &ids[0]][..],
        &["close", &ids[0], "--reason", "late"],
    ] {
        world
            .run(&[&["pr"][..], verb].concat())
            .fails(1, &["is merged", "headwater rollback shop/prod"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_reopened_says_what_lifts_its_hold() {
    let world = World::new().await;
    world.build("1.0.0");
    world.passes().await;
    let first = world.open_pulls().remove(0);
    world
        .run(&["pr", "close", &first, "--reason", "wrong build"])
        .ok();
    world.build("1.1.0");
    world.passes().await;
    let second = world.open_pulls().remove(0);
    world
        .run(&["pr", "reopen", &first])
        .fails(1, &["stays closed", &second, "headwater unhold shop/prod"]);
    world
        .run(&["pr", "close", &second, "--reason", "wrong too"])
        .ok();
    world
        .run(&["pr", "reopen", "shop/prod"])
        .fails(2, &["names 2 pull requests", &first, &second]);
    let branches = world.base(&[
        "for-each-ref",
        "--format=%(refname)",
        "refs/heads/headwater",
    ]);
    for branch in branches.lines() {
        world.base(&["update-ref", "-d", branch]);
    }
    world
        .run(&["pr", "reopen", &second])
        .fails(1, &["its branch is gone", "headwater unhold shop/prod"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_closed_after_a_rollback_of_its_set_stays_closed_until_it_is_reopened() {
    let world = World::new().await;
    for version in ["1.0.0", "1.1.0"] {
        world.build(version);
        world.passes().await;
        world.run_as("Ann", &["pr", "approve", "shop/prod"]).ok();
        world.passes().await;
        assert_eq!(world.holds("shop/prod").await.as_deref(), Some(version));
    }
    for act in ["rollback", "unhold"] {
        let reason = ["--reason", "x", "--push", "--yes"];
        world.run(&[&[act, "shop/prod"][..], &reason].concat()).ok();
    }
    world.passes().await;
    let proposed = world.open_pulls();
    assert!(proposed[0].ends_with("-2"), "{proposed:?}");
    world
        .run(&["pr", "close", "shop/prod", "--reason", "no"])
        .ok();
    for _ in 0..2 {
        world.passes().await;
        assert_eq!(world.open_pulls(), [""; 0]);
    }
    let (state, why) = world.state("shop/prod").await;
    assert_eq!(state, State::Held, "{why}");
    assert!(why.contains("was closed by mara@example.com"), "{why}");

    world.run(&["pr", "reopen", &proposed[0]]).ok();
    world.run_as("Ann", &["pr", "approve", "shop/prod"]).ok();
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.1.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asked_does_not_count_as_an_approver() {
    let world = World::new().await;
    world.build("1.0.0");
    world.passes().await;
    world
        .run(&["pr", "close", "shop/prod", "--reason", "later"])
        .ok();
    world.build("1.1.0");
    world.passes().await;
    world
        .run(&[
            "promote",
            "shop/prod",
            "--to",
            "1.1.0",
            "--reason",
            "CHG-1",
            "--push",
            "--yes",
        ])
        .ok();
    world.passes().await;
    let said = world.run(&["pr", "approve", "shop/prod"]);
    let why = "does not count: you asked for it";
    assert!(said.stdout.contains(why), "{}", said.stdout);
    said.fails(1, &["0 of 1", why]);
    let said = world.run(&["pr", "show", "shop/prod"]).ok();
    assert!(
        said.stdout.contains("does not count: they asked for it"),
        "{}",
        said.stdout
    );
    let said = world.run_as("Ann", &["pr", "approve", "shop/prod"]).ok();
    assert!(
        said.stderr.contains("nothing stands in its way"),
        "{}",
        said.stderr
    );
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.1.0"));
    assert!(
        !world
            .on_base(super::STREAM_FILE)
            .contains("headwater.dev/request")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_said_with_the_next_step() {
    let world = World::new().await;
    world.build("1.0.0");
    let said = world.run(&["pr", "list"]).ok();
    assert_eq!(said.stdout, "no open pull requests\n");
    world
        .run(&["pr", "show", "nothing"])
        .fails(2, &["no pull request `nothing`", "there are none yet"]);
    world
        .run(&["pr", "merge", "shop/prod"])
        .fails(1, &["no pull request of shop/prod is open"]);
}
