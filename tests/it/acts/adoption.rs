//! `init --adopt`: environments in which something ran before the streams had a history.

use headwater::plan::State;

use super::{PROD_OUTPUT, STREAM, STREAM_FILE, Said, World};

/// dev and qa run 1.1.0, prod runs 1.0.0, and nothing but the outputs says so: streams and history were begun anew.
async fn begun_anew() -> World {
    let world = World::by_commit().await;
    world.build("1.0.0");
    world.passes().await;
    let hold = [
        "hold",
        "shop/prod",
        "--reason",
        "not yet",
        "--push",
        "--yes",
    ];
    world.run(&hold).ok();
    world.build("1.1.0");
    world.passes().await;
    world.pull();
    world.write(STREAM_FILE, STREAM);
    let clone = &world.clone;
    world.git(clone, &["rm", "-rq", "holds"]);
    world.git(clone, &["checkout", "-q", "--orphan", "anew"]);
    world.git(clone, &["add", "-A"]);
    world.git(clone, &["commit", "-qm", "Begin anew"]);
    world.git(clone, &["push", "-qf", "origin", "anew:main"]);
    world.git(clone, &["checkout", "-q", "-B", "main", "origin/main"]);
    world
}

fn adopts(world: &World, more: &[&str]) -> Said {
    world.run(&[&["init", "--adopt", "--push", "--yes"], more].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_already_is_written_down_and_stays_until_something_newer_comes() {
    let world = begun_anew().await;
    let before = world.on_base(PROD_OUTPUT);
    let said = adopts(&world, &[]).ok();
    for (stage, version) in [("dev", "1.1.0"), ("qa", "1.1.0"), ("prod", "1.0.0")] {
        let adopted = format!("shop/{stage} adopted with {version} (");
        assert!(said.stdout.contains(&adopted), "{said:#?}");
    }
    let changed = world.base(&["show", "--name-only", "--format=", "main"]);
    assert_eq!(changed, STREAM_FILE);

    let head = world.base(&["rev-parse", "main"]);
    let plan = world.plan().await;
    assert!(plan.is_empty(), "{plan:#?}");
    world.passes().await;
    assert_eq!(world.base(&["rev-parse", "main"]), head);
    assert_eq!(world.on_base(PROD_OUTPUT), before);
    let (state, why) = world.state("shop/prod").await;
    assert_eq!(state, State::Settled);
    assert!(
        why.contains("what qa held then comes only when it is asked for"),
        "{why}"
    );
    let history = world.run(&["history", "shop/prod"]).ok().stdout;
    assert!(
        history.contains("adopted, asked by mara@example.com"),
        "{history}"
    );
    adopts(&world, &["shop/prod"]).fails(1, &["shop/prod has a history"]);
    let again = adopts(&world, &[]).ok();
    assert!(again.stderr.contains("nothing to adopt"), "{again:#?}");

    assert_eq!(
        world
            .on_base(STREAM_FILE)
            .matches("cause\":\"adopted")
            .count(),
        3
    );

    world.build("1.2.0");
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.2.0"));
    let records = world.on_base(STREAM_FILE);
    assert!(!records.contains("cause\":\"adopted"), "{records}");
    let back = [
        "rollback",
        "shop/prod",
        "--reason",
        "login 500s",
        "--push",
        "--yes",
    ];
    world.run(&back).ok();
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
    assert_eq!(world.on_base(PROD_OUTPUT), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_replaces_what_runs_before_it_is_adopted_and_then_what_is_there_can_be_asked_for() {
    let world = begun_anew().await;
    world.build("1.2.0");
    let head = world.base(&["rev-parse", "main"]);
    world.passes().await;
    assert_eq!(world.base(&["rev-parse", "main"]), head);
    for stage in ["shop/dev", "shop/prod"] {
        let (state, why) = world.state(stage).await;
        assert_eq!(state, State::Held, "{stage}");
        assert!(why.contains("NotAdopted"), "{why}");
    }
    let why = world.run(&["why", "shop/dev"]).ok().stdout;
    assert!(why.contains("headwater init --adopt shop/dev"), "{why}");

    // One alone goes into the work tree first, and is a commit of the person's own.
    let said = world.run(&["init", "--adopt", "shop/qa", "--commit"]).ok();
    assert!(
        said.stdout.contains("shop/qa adopted with 1.1.0"),
        "{said:#?}"
    );
    assert_eq!(world.base(&["rev-parse", "main"]), head);
    world.git(&world.clone, &["push", "-q", "origin", "HEAD:main"]);
    world.passes().await;
    assert_eq!(world.holds("shop/qa").await.as_deref(), Some("1.1.0"));
    assert_eq!(world.state("shop/prod").await.0, State::Held);

    adopts(&world, &[]).ok();
    world.passes().await;
    for (stage, version) in [
        ("shop/dev", "1.2.0"),
        ("shop/qa", "1.2.0"),
        ("shop/prod", "1.2.0"),
    ] {
        assert_eq!(
            world.holds(stage).await.as_deref(),
            Some(version),
            "{stage}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_of_which_outputs_do_not_agree_is_left_and_named_and_the_others_are_adopted() {
    let world = begun_anew().await;
    let other = world.on_base("environments/qa/rendered/shop/deployment.yaml");
    world.write("environments/prod/rendered/shop/job.yaml", &other);
    world.git(&world.clone, &["add", "-A"]);
    world.git(&world.clone, &["commit", "-qm", "Another output"]);
    world.git(&world.clone, &["push", "-q", "origin", "HEAD:main"]);
    let said = adopts(&world, &[]).fails(
        4,
        &["shop/prod is not adopted: outputs there name different images"],
    );
    assert!(said.stdout.contains("shop/qa adopted"), "{said:#?}");
    assert!(!said.stdout.contains("shop/prod"), "{said:#?}");
    adopts(&world, &["shop/prod"]).fails(1, &["different images", "headwater promote shop/prod"]);
    adopts(&world, &["shop/pord"]).fails(2, &["has no stage `pord`", "prod"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adoption_of_something_else_than_the_outputs_have_brings_nothing_into_them() {
    let world = begun_anew().await;
    world
        .run(&["init", "--adopt", "shop/prod", "--commit"])
        .ok();
    let qa = world.here("environments/qa/rendered/shop/deployment.yaml");
    let digest = |text: &str| text.split_once("@sha256:").unwrap().1[..64].to_owned();
    let prod = world.here(PROD_OUTPUT);
    let other = prod.replace(&digest(&prod), &digest(&qa));
    assert_ne!(other, prod);
    world.write(PROD_OUTPUT, &other);
    world.git(&world.clone, &["commit", "-qa", "--amend", "--no-edit"]);
    world.git(&world.clone, &["push", "-q", "origin", "HEAD:main"]);
    world.passes().await;
    assert_eq!(world.on_base(PROD_OUTPUT).trim_end(), other.trim_end());
    let (state, why) = world.state("shop/prod").await;
    assert_eq!(state, State::Held);
    let words = format!("but {PROD_OUTPUT} has {}", &digest(&qa)[..12]);
    assert!(why.contains(&words), "{why}");

    adopts(&world, &["shop/qa"]).ok();
    let asks = [
        "promote",
        "shop/prod",
        "--reason",
        "it is time",
        "--push",
        "--yes",
    ];
    world.run(&asks).ok();
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.1.0"));
    assert_eq!(world.state("shop/prod").await.0, State::Settled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_stage_adopted_with_something_else_than_runs_goes_on_by_an_import_that_is_asked_for()
 {
    let world = begun_anew().await;
    let output = "environments/dev/rendered/shop/deployment.yaml";
    world.run(&["init", "--adopt", "shop/dev", "--commit"]).ok();
    world.write(
        output,
        &world.here(PROD_OUTPUT).replace("shop-prod", "shop-dev"),
    );
    world.git(&world.clone, &["commit", "-qa", "--amend", "--no-edit"]);
    world.git(&world.clone, &["push", "-q", "origin", "HEAD:main"]);
    let there = world.on_base(output);
    world.passes().await;
    assert_eq!(world.on_base(output), there);
    let why = world.run(&["why", "shop/dev"]).ok().stdout;
    assert!(
        why.contains("headwater import-image shop:dev --push"),
        "{why}"
    );

    world.build("1.2.0");
    let import = ["import-image", "shop:dev", "--push", "--yes"];
    world.run(&import).ok();
    world.passes().await;
    assert_eq!(world.holds("shop/dev").await.as_deref(), Some("1.2.0"));
    assert_ne!(world.on_base(output), there);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_is_named_with_its_file_and_an_adoption_that_is_not_pushed_yet_is_gone_on_with() {
    let world = begun_anew().await;
    let why = world.run(&["why", "shop/prod"]).ok().stdout;
    let runs = format!("runs here already ({PROD_OUTPUT})");
    let flat = why.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(&runs), "{why}");
    world.run(&["init", "--adopt", "shop/prod"]).ok();
    let said = world.run(&["init", "--adopt"]).ok();
    assert!(
        said.stderr.contains("shop:prod is recorded here already"),
        "{said:#?}"
    );
    world.git(&world.clone, &["commit", "-qam", "Adopt what runs"]);
    world.git(&world.clone, &["push", "-q", "origin", "HEAD:main"]);
    let plan = world.plan().await;
    assert!(plan.is_empty(), "{plan:#?}");
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
    assert_eq!(world.state("shop/qa").await.0, State::Settled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proposed_adoption_is_not_said_to_be_stopped_by_what_it_mends() {
    let world = begun_anew().await;
    world
        .run(&["init", "--adopt", "shop/prod", "--pull-request", "--yes"])
        .ok();
    let list = world.run(&["pr", "list"]).ok().stdout;
    assert!(list.contains("act-init"), "{list}");
    assert!(!list.contains("NotAdopted"), "{list}");
    let again = ["init", "--adopt", "shop/prod", "--pull-request", "--yes"];
    let said = world.run(&again).ok();
    assert!(
        said.stderr.contains("nothing is proposed a second time"),
        "{said:#?}"
    );
    let list = world.run(&["pr", "list", "-o", "name"]).ok().stdout;
    assert_eq!(list.matches("act-init").count(), 1, "{list}");
}
