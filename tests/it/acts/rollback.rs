//! `rollback`: pushed, it sticks over later builds until it is lifted; refused, it becomes a pull request.

use headwater::plan::State;

use super::{PROD_OUTPUT, STREAM_FILE, World};
use crate::support::git_http::GitHttp;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pushed_rollback_sticks_over_later_builds_until_it_is_lifted() {
    let world = World::by_commit().await;
    let (first, second) = world.two_in_prod().await;
    assert!(world.on_base(PROD_OUTPUT).contains(second.as_str()));

    let said = world
        .run(&[
            "rollback",
            "shop/prod",
            "--reason",
            "login 500s, INC-2291",
            "--push",
            "--yes",
        ])
        .ok();
    assert!(said.stdout.contains("shop/prod  1.1.0"), "{}", said.stdout);
    assert!(said.stdout.contains("-> 1.0.0"), "{}", said.stdout);
    assert!(said.stdout.contains("which ran here"), "{}", said.stdout);
    assert!(
        said.stdout
            .contains("held: 1.1.0 in prod until `headwater unhold shop/prod`"),
        "{}",
        said.stdout
    );
    assert!(
        said.stdout.contains("to main (3 files, 1 image)"),
        "{}",
        said.stdout
    );
    assert_eq!(
        world.base(&["log", "-1", "--format=%an <%ae> %cn <%ce>", "main"]),
        "Mara <mara@example.com> Mara <mara@example.com>"
    );
    assert!(world.on_base(PROD_OUTPUT).contains(first.as_str()));
    assert!(
        world
            .on_base(STREAM_FILE)
            .contains("name: shop # kept as it is")
    );
    assert_eq!(world.dirty(), [""; 0], "no local branch and no file moves");

    world.build("1.2.0");
    world.passes().await;
    assert_eq!(world.holds("shop/qa").await.as_deref(), Some("1.2.0"));
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
    let (state, why) = world.state("shop/prod").await;
    assert_eq!(state, State::Held);
    assert!(why.contains("INC-2291"), "{why}");
    assert!(world.on_base(PROD_OUTPUT).contains(first.as_str()));

    let said = world
        .run(&[
            "unhold",
            "shop/prod",
            "--reason",
            "fixed in 1.2.0",
            "--push",
            "-y",
        ])
        .ok();
    assert!(said.stderr.contains("lifts holds/"), "{}", said.stderr);
    assert!(
        said.stdout.contains("next: 1.2.0"),
        "the new build, not the one that was taken back: {}",
        said.stdout
    );
    assert!(!said.stdout.contains("here before"), "{}", said.stdout);
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.2.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_lifts_a_rollback_reads_that_the_set_comes_back_and_when() {
    let world = World::by_commit().await;
    let (_, second) = world.two_in_prod().await;
    let back = ["rollback", "shop/prod", "--reason", "bad", "--push", "-y"];
    let said = world.run(&back).ok();
    let lets_in = "until `headwater unhold shop/prod`, which lets it in again";
    assert!(said.stdout.contains(lets_in), "{}", said.stdout);
    world.passes().await;
    let line = ["unhold", "shop/prod", "--reason", "it was the network"];
    let mut dry = line.to_vec();
    dry.push("--dry-run");
    let mut push = line.to_vec();
    push.extend(["--push", "-y"]);
    for line in [dry, push] {
        let said = world.run(&line).ok();
        let words = [
            "next: 1.1.0",
            "to prod: every condition is open: it moves with the next run",
            "it was here before, and what it has shown since (soak, age) counts",
        ];
        for words in words {
            assert!(said.stdout.contains(words), "{}", said.stdout);
        }
    }
    let json = world.run(&["status", "-o", "json"]).ok().stdout;
    assert!(json.contains("1.1.0"), "{json}");
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.1.0"));
    assert!(world.on_base(PROD_OUTPUT).contains(second.as_str()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_terminal_a_push_needs_yes_and_a_dry_run_writes_nothing() {
    let world = World::by_commit().await;
    let (first, second) = world.two_in_prod().await;
    let head = world.base(&["rev-parse", "main"]);
    world
        .run(&["rollback", "shop/prod", "--reason", "x", "--push"])
        .fails(2, &["push to main", "--yes"]);
    let said = world
        .run(&[
            "rollback",
            "shop/prod",
            "--reason",
            "x",
            "--push",
            "--dry-run",
        ])
        .ok();
    assert!(
        said.stdout.contains("+++ b/holds/shop-prod-"),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains(&format!(
        "-          image: registry.example/acme/shop@{second}"
    )));
    assert!(said.stdout.contains(&format!(
        "+          image: registry.example/acme/shop@{first}"
    )));
    assert!(
        said.stdout
            .contains("nothing written (3 files, 1 image would be)")
    );
    let said = world
        .run(&[
            "rollback",
            "shop/prod",
            "--reason",
            "x",
            "--dry-run",
            "-o",
            "json",
        ])
        .ok();
    let data: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(data["new"]["version"], "1.0.0");
    assert_eq!(data["written"]["to"], "nowhere");
    assert_eq!(world.base(&["rev-parse", "main"]), head);
    assert_eq!(world.dirty(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sets_are_named_in_many_ways_and_ambiguous_names_are_listed() {
    let world = World::by_commit().await;
    let (first, _) = world.two_in_prod().await;
    let other = world.build_with("1.0.0", "the same version again");
    world.passes().await;
    world.build("1.3.0");
    world.passes().await;
    let roll = |to: &str| {
        world.run(&[
            "rollback",
            "shop/prod",
            "--to",
            to,
            "--reason",
            "x",
            "--dry-run",
        ])
    };
    roll("1.0.0").fails(2, &["`1.0.0` names 2 sets", first.short(), other.short()]);
    assert!(roll(&first.hex()[..8]).ok().stdout.contains(first.short()));
    assert!(
        roll(&format!("sha256:{}", other.hex()))
            .ok()
            .stdout
            .contains(other.short())
    );
    roll("9.9.9").fails(2, &["no set of shop/prod is named `9.9.9`", "1.1.0"]);
    roll("1.3.0").fails(1, &["shop/prod holds 1.3.0", "already"]);
    world
        .run(&["rollback", "shop/stagging", "--reason", "x"])
        .fails(2, &["no stage `stagging`", "known here: dev, qa, prod"]);
    world
        .run(&["rollback", "shop/dev", "--reason", "x"])
        .fails(1, &["takes what the registry offers"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_that_takes_no_push_gets_a_pull_request_that_people_merge() {
    let world = World::by_commit().await;
    let (first, _) = world.two_in_prod().await;
    world.base(&["config", "http.receivepack", "true"]);
    let hook = world.bare.join("hooks/update");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(
        &hook,
        "#!/bin/sh\n[ \"$1\" != refs/heads/main ] || { echo 'main is protected' >&2; exit 1; }\n",
    )
    .unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let server = GitHttp::serve(world.machine.folder(), None).await;
    let url = server.url("gitops.git");
    let identify = ["--global", "user.name", "Mara"];
    world.git(&world.clone, &[&["config"], &identify[..]].concat());
    world.git(
        &world.clone,
        &["config", "--global", "user.email", "mara@example.com"],
    );
    let head = world.base(&["rev-parse", "main"]);

    let said = world
        .run_at(
            &url,
            &[
                "rollback",
                "shop/prod",
                "--reason",
                "bad build",
                "--push",
                "--yes",
            ],
        )
        .ok();
    assert!(
        said.stderr.contains("main takes no push"),
        "{}",
        said.stderr
    );
    assert!(
        said.stdout.contains("proposed as act-rollback-shop-prod-"),
        "{}",
        said.stdout
    );
    assert_eq!(world.base(&["rev-parse", "main"]), head);
    let again = ["rollback", "shop/prod", "--reason", "worse", "--push", "-y"];
    let again = world.run_at(&url, &again).ok();
    assert!(
        again
            .stderr
            .contains("is open already: nothing is proposed a second time"),
        "{again:?}"
    );
    assert!(again.stdout.contains("proposed as act-rollback-shop-prod-"));

    std::fs::remove_file(&hook).unwrap();
    world.passes().await;
    let ids = world.open_pulls();
    assert_eq!(ids.len(), 1, "a pass leaves it alone");
    let said = world.run(&["pr", "show", "shop/prod"]).ok();
    assert!(said.stdout.contains("labels: rollback"), "{}", said.stdout);
    assert!(said.stdout.contains("bad build"), "{}", said.stdout);
    assert!(said.stdout.contains("+++ b/holds/"), "{}", said.stdout);
    world.run(&["pr", "merge", &ids[0]]).ok();
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
    assert_eq!(world.state("shop/prod").await.0, State::Held);
    assert!(world.on_base(PROD_OUTPUT).contains(first.as_str()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guarded_environment_gets_a_pull_request_under_its_rollback_approvals() {
    let world = World::with(
        "  delivery: commit\n  rollback: {approvals: 1}\n",
        "guards: {\"pr*\": {delivery: pullRequest}}\n",
    )
    .await;
    for version in ["1.0.0", "1.1.0"] {
        world.build(version);
        world.passes().await;
        assert_eq!(world.holds("shop/prod").await.as_deref(), Some(version));
    }
    let said = world
        .run(&[
            "rollback",
            "shop/prod",
            "--reason",
            "bad",
            "--push",
            "--yes",
        ])
        .ok();
    assert!(
        said.stderr.contains("environment prod is guarded"),
        "{}",
        said.stderr
    );
    assert!(said.stdout.contains("approval by 1 of"), "{}", said.stdout);
    world
        .run(&["pr", "merge", "shop/prod"])
        .fails(1, &["cannot be merged yet", "0 of 1"]);
    world
        .run(&["pr", "approve", "shop/prod"])
        .fails(1, &["does not count: you asked for it"]);
    world
        .run(&["pr", "merge", "shop/prod"])
        .fails(1, &["0 of 1"]);
    world.run_as("Ann", &["pr", "approve", "shop/prod"]).ok();
    world.run(&["pr", "merge", "shop/prod"]).ok();
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
}
