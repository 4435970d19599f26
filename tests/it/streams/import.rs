//! `import-image`: what a registry says now, in spec, source and event together.

use crate::acts::{STREAM_FILE, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_is_whole_and_the_next_pass_has_nothing_to_add() {
    let world = World::by_commit().await;
    let digest = world.build("1.0.0");
    world
        .run(&["import-image", "shop:dev", "--push", "--yes"])
        .ok();
    let stream = world.on_base(STREAM_FILE);
    assert!(
        stream.contains(&format!("registry.example/acme/shop@{digest}")),
        "{stream}"
    );
    assert!(stream.contains("# kept as it is"), "{stream}");
    assert_eq!(
        world.base(&["log", "-1", "--format=%an, %cn: %s", "main"]),
        "Mara, headwater: Import shop:dev from registry.example/acme/shop:main"
    );
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
    assert_eq!(
        world.on_base(STREAM_FILE).matches(digest.as_str()).count(),
        stream.matches(digest.as_str()).count() + 8,
        "imported once, promoted twice"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_again_changes_not_a_byte() {
    let world = World::by_commit().await;
    world.build("1.0.0");
    let said = world.run(&["import-image", "shop:dev"]).ok();
    assert!(
        said.stderr.contains("committed by hand it is not"),
        "{}",
        said.stderr
    );
    let once = world.here(STREAM_FILE);
    let again = world.run(&["import-image", "shop:dev"]).ok();
    assert_eq!(world.here(STREAM_FILE), once);
    assert!(
        again.stderr.contains("the files say so already"),
        "{}",
        again.stderr
    );
    assert!(
        !again.stderr.contains("--commit"),
        "nothing is left to commit: {}",
        again.stderr
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_repository_comes_in_its_order_and_what_is_left_out_is_counted() {
    let world = World::by_commit().await;
    for minor in 0..60 {
        world.build_at("acme/many", &format!("1.{minor}"), &minor.to_string());
    }
    world.build_at("acme/many", "latest", "latest");
    let said = world
        .run(&[
            "import-image",
            "many",
            "--from=registry.example/acme/many",
            "--all",
            "--confirm",
        ])
        .ok();
    assert!(said.stderr.contains("11 more tags"), "{}", said.stderr);
    let stream = world.here("streams/many.yaml");
    assert_eq!(stream.matches("kind: DockerImage").count(), 50);
    for (tag, there) in [
        ("latest", true),
        ("\"1.59\"", true),
        ("\"1.11\"", true),
        ("\"1.10\"", false),
    ] {
        assert_eq!(
            stream.contains(&format!("name: {tag}\n")),
            there,
            "{tag}: {stream}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_told_tag_by_tag_and_the_rest_is_imported() {
    let world = World::by_commit().await;
    world.build_at("acme/db", "16", "16.1");
    world
        .run(&["tag", "registry.example/acme/db:16", "db:16"])
        .ok();
    world
        .run(&["tag", "registry.example/acme/db:17", "db:17"])
        .ok();
    let said = world.run(&["import-image", "db", "--all"]);
    let said = said.fails(1, &["db:17", "1 of 2 tags were not imported"]);
    assert!(said.stderr.contains("acme/db:17"), "{}", said.stderr);
    let stream = world.here("streams/db.yaml");
    assert_eq!(
        stream.matches("dockerImageReference:").count(),
        1,
        "{stream}"
    );
    let before = stream;
    world
        .run(&["import-image", "db:17"])
        .fails(1, &["db:17 was not imported", "nothing was written"]);
    assert_eq!(world.here("streams/db.yaml"), before);
    world
        .run(&[
            "import-image",
            "new:1",
            "--from=registry.other/acme/db:1",
            "--confirm",
        ])
        .fails(1, &["new:1 was not imported"]);
    assert!(!world.clone.join("streams/new.yaml").exists());
}
