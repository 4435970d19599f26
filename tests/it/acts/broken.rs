//! What `status`, `why` and `plan` say of an import that fails, and of a stage that several things stop.

use super::{STREAM, STREAM_FILE, Said, World};

/// A command in a world whose operator does not allow its registry.
fn shut(world: &World, line: &[&str]) -> Said {
    let mut command = world.command(&world.clone.display().to_string(), line);
    command.env("HEADWATER_REGISTRY__ALLOWED", "quay.io");
    super::said(command)
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_import_that_fails_is_broken_with_all_that_is_known_of_it() {
    let world = World::by_commit().await;
    let said = shut(&world, &["status"]).ok();
    has(
        &said.stdout,
        &["no registry was asked yet", "dev: nothing was imported yet"],
    );
    let said = shut(&world, &["plan"]);
    assert_eq!(said.code, 4, "{said:?}");
    let help = "list registry.example under registry.allowed of the settings";
    has(
        &said.stdout,
        &["`registry.example` may not be asked", "1 try"],
    );
    for tries in ["1 try", "2 tries"] {
        let said = shut(&world, &["status"]).ok();
        has(
            &said.stdout,
            &[
                "1 broken",
                "dev import: `registry.example` may not be asked",
                "(Forbidden) since ",
                tries,
                ", next try ",
            ],
        );
        let said = shut(&world, &["why", "shop/dev"]).ok();
        has(
            &said.stdout,
            &[
                "shop/dev   broken",
                tries,
                "dev holds nothing",
                "next check",
                help,
            ],
        );
        let json = shut(&world, &["why", "shop/dev", "-o", "json"]).ok().stdout;
        let data: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(data["stage"]["blocks"][0]["reason"], "ImportFailed");
        shut(&world, &["run"]).fails(4, &[]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_that_was_written_down_is_told_where_no_check_is_remembered() {
    let world = World::by_commit().await;
    let status = "status:
  tags:
    - tag: dev
      items: []
      conditions:
        - type: ImportSuccess
          status: \"False\"
          lastTransitionTime: \"2026-01-05T09:00:00Z\"
          reason: NotFound
          message: dockerimage \"registry.example/acme/shop:main\" not found
          generation: 1
";
    world.write(STREAM_FILE, &format!("{STREAM}{status}"));
    world.git(
        &world.clone,
        &["commit", "-qam", "As an earlier pass left it"],
    );
    world.git(&world.clone, &["push", "-q"]);
    let said = world.run(&["status"]).ok();
    has(&said.stdout, &["broken", "not found (NotFound) since "]);
    let said = world.run(&["why", "shop/dev"]).ok();
    has(&said.stdout, &["push registry.example/acme/shop:main"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_stops_a_stage_is_listed() {
    let world = World::new().await;
    world.build("1.0.0");
    world.passes().await;
    // A foreign commit on the branch of the open pull request, a stage held, and its tag put elsewhere by hand.
    let branch = world.base(&[
        "for-each-ref",
        "--format=%(refname:short)",
        "refs/heads/headwater",
    ]);
    world.git(&world.clone, &["fetch", "-q"]);
    world.git(&world.clone, &["checkout", "-q", &branch]);
    world.write("pipelines/shop/notes.txt", "mine\n");
    world.git(&world.clone, &["add", "-A"]);
    world.git(&world.clone, &["commit", "-qm", "My own"]);
    world.git(&world.clone, &["push", "-q"]);
    world.git(&world.clone, &["checkout", "-q", "main"]);
    world.pull();
    world
        .run(&["hold", "shop/prod", "--reason", "audit", "--push", "--yes"])
        .ok();
    let said = world.run(&["why", "shop/prod"]).ok();
    has(
        &said.stdout,
        &["because", "audit (mara@example.com)", "is left alone"],
    );
    has(
        &said.stdout,
        &[
            "headwater unhold shop/prod",
            "take the foreign commit off its branch",
        ],
    );
    let json = world.run(&["why", "shop/prod", "-o", "json"]).ok().stdout;
    let data: serde_json::Value = serde_json::from_str(&json).unwrap();
    let blocks = data["stage"]["blocks"].as_array().unwrap().iter();
    let reasons: Vec<&str> = blocks.map(|b| b["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["Held", "Foreign"]);
    let said = world.run(&["status"]).ok();
    has(&said.stdout, &["prod: audit", "(+1 more)"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_stage_whose_tag_the_stream_lacks_is_broken_and_says_what_was_meant() {
    let world = World::by_commit().await;
    world.build("1.0.0");
    let text = world.here("pipelines/shop/pipeline.yaml");
    let text = text.replace("- name: dev\n", "- name: dev\n      tag: dve\n");
    world.write("pipelines/shop/pipeline.yaml", &text);
    world.git(&world.clone, &["commit", "-qam", "A slip of the pen"]);
    world.git(&world.clone, &["push", "-q"]);
    let said = world.run(&["run"]);
    assert_eq!(said.code, 4, "{said:?}");
    let said = world.run(&["status"]).ok();
    has(&said.stdout, &["1 broken", "default/shop has no tag `dve`"]);
    let said = world.run(&["why", "shop/dev"]).ok();
    has(
        &said.stdout,
        &[
            "shop/dev   broken",
            "(TagMissing)",
            "did you mean `tag: dev` in the pipeline's stage?",
            "headwater tag <image> shop:dve",
        ],
    );
    assert!(
        !said.stdout.contains("the next run asks"),
        "{}",
        said.stdout
    );

    // A tag without a source, and one that takes what another one holds, promise no import either.
    for (from, words) in [
        ("", "default/shop:dve has no source"),
        (
            "\n      from: {kind: ImageStreamTag, name: other}",
            "takes what other holds, which is nothing yet",
        ),
    ] {
        world.write(STREAM_FILE, &format!("{STREAM}    - name: dve{from}\n"));
        world.git(&world.clone, &["commit", "-qam", "Another"]);
        world.git(&world.clone, &["push", "-q"]);
        for line in [&["status"][..], &["why", "shop/dev"]] {
            let said = world.run(line).ok();
            has(&said.stdout, &[words]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_its_source_gave_up_is_let_in_again_by_the_command_that_why_names() {
    let world = World::new().await;
    world.build("1.0.0");
    world.passes().await;
    let bad = world.build("1.1.0");
    world.passes().await;
    world
        .run(&["rollback", "shop/qa", "--reason", "slow", "--push", "-y"])
        .ok();
    world.passes().await;
    let said = world.run(&["why", "shop/prod"]).ok();
    let named = format!(
        "headwater unhold shop/prod --set {} --reason ...",
        bad.short()
    );
    has(
        &said.stdout,
        &[
            "held",
            "it left qa by going back, and comes again once qa has it",
            &named,
        ],
    );
    let plain = [
        "unhold",
        "shop/prod",
        "--reason",
        "fast enough",
        "--push",
        "-y",
    ];
    world.run(&plain).fails(1, &["nothing holds shop/prod"]);
    let by_name = ["--set", bad.short()];
    let said = world.run(&[&plain[..], &by_name].concat()).ok();
    has(&said.stdout, &["next: 1.1.0", "to prod"]);
    has(&said.stderr, &["lifts its going back in qa"]);
    let said = world.run(&["check"]).ok();
    has(&said.stdout, &["no problems"]);
    world.passes().await;
    let said = world.run(&["why", "shop/prod"]).ok();
    has(
        &said.stdout,
        &["candidate", "1.1.0", "waits for an approval"],
    );
}
