//! Streams edited in a work tree: only what is asked for changes, and whatever somebody was doing there stays.

use crate::acts::{PROD_OUTPUT, STREAM_FILE, World};

/// Lines that one text has and the other has not.
fn changed(before: &str, after: &str) -> Vec<String> {
    let diff = similar::TextDiff::from_lines(before, after);
    let changes = diff.iter_all_changes();
    let changes = changes.filter(|c| c.tag() != similar::ChangeTag::Equal);
    changes
        .map(|c| format!("{}{}", c.tag(), c.value().trim_end()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_of_a_registry_is_wished_in_its_sorted_place_and_the_next_pass_imports_it() {
    let world = World::by_commit().await;
    let before = world.here(STREAM_FILE);
    let said = world
        .run(&["tag", "registry.example/acme/db:16", "shop:database"])
        .ok();
    assert_eq!(
        said.stdout,
        "Tag shop:database set to registry.example/acme/db:16.\n"
    );
    assert!(
        said.stderr.contains(&format!("wrote {STREAM_FILE}")),
        "{}",
        said.stderr
    );
    assert_eq!(
        changed(&before, &world.here(STREAM_FILE)),
        [
            "+    - name: database",
            "+      from:",
            "+        kind: DockerImage",
            "+        name: registry.example/acme/db:16",
        ]
    );
    let digest = world.build_at("acme/db", "16", "16.2");
    world.build("1.0.0");
    world.git(&world.clone, &["commit", "-qam", "Watch the database"]);
    world.git(&world.clone, &["push", "-q"]);
    world.passes().await;
    let stream = world.on_base(STREAM_FILE);
    assert!(
        stream.contains(&format!("registry.example/acme/db@{digest}")),
        "{stream}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_taken_from_another_stays_on_its_image_and_leaves_nothing_to_do() {
    let world = World::by_commit().await;
    let (_, second) = world.two_in_prod().await;
    world
        .run(&["tag", "shop:dev", "shop:keep", "shop:keep-too"])
        .ok();
    let stream = world.here(STREAM_FILE);
    assert_eq!(
        stream.matches(&format!("name: shop@{second}")).count(),
        4,
        "{stream}"
    );
    world.git(&world.clone, &["commit", "-qam", "Keep"]);
    world.git(&world.clone, &["push", "-q"]);
    let plan = world.plan().await;
    assert_eq!(plan.changes, [], "what is written is whole");
    let again = world.run(&["tag", "shop:dev", "shop:keep"]).ok();
    assert!(
        again.stderr.contains("the files say so already"),
        "{}",
        again.stderr
    );
    assert_eq!(world.dirty(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_made_named_shown_and_their_tags_deleted() {
    let world = World::by_commit().await;
    let said = world
        .run(&["create", "is", "keycloak", "--lookup-local"])
        .ok();
    assert_eq!(
        said.stdout,
        "imagestream.image.openshift.io/keycloak created\n"
    );
    assert_eq!(
        world.here("streams/keycloak.yaml"),
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata:\n  name: keycloak\nspec:\n  lookupPolicy:\n    local: true\n  tags: []\n"
    );
    world
        .run(&["create", "is", "team/cache", "-o", "name"])
        .ok();
    assert!(
        world
            .here("streams/team/cache.yaml")
            .contains("namespace: team")
    );
    let image = "quay.io/keycloak/keycloak:25.0.2";
    world
        .run(&[
            "create",
            "istag",
            "keycloak:25.0",
            "--from-image",
            image,
            "-A",
            "description=Login",
        ])
        .ok();
    world
        .run(&["tag", "keycloak:25.0", "keycloak:latest", "--alias"])
        .ok();
    let table = world.run(&["set", "image-lookup"]).ok().stdout;
    assert_eq!(
        table,
        "NAME       LOCAL\nkeycloak   true\nshop       false\n"
    );
    world
        .run(&["set", "image-lookup", "is/keycloak", "--enabled=false"])
        .ok();
    world.run(&["set", "image-lookup", "shop"]).ok();
    let table = world.run(&["set", "image-lookup"]).ok().stdout;
    assert_eq!(
        table,
        "NAME       LOCAL\nkeycloak   false\nshop       true\n"
    );
    let data = world
        .run(&["tag", "-d", "keycloak:25.0", "-o", "json"])
        .ok();
    let object: serde_json::Value = serde_json::from_str(&data.stdout).unwrap();
    assert_eq!(object["kind"], "ImageStream");
    assert_eq!(object["spec"]["tags"].as_array().unwrap().len(), 1);
    assert!(
        data.stderr.contains("tracked keycloak:25.0"),
        "{}",
        data.stderr
    );
    let checked = world.run(&["check"]);
    assert!(
        checked.stdout.contains("keycloak.yaml"),
        "an alias to nothing is found: {checked:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_has_not_committed_is_edited_along_and_never_lost() {
    let world = World::by_commit().await;
    let mine = world
        .here(STREAM_FILE)
        .replace("# kept as it is", "# my own words");
    world.write(STREAM_FILE, &mine);
    world.run(&["set", "image-lookup", "shop"]).ok();
    let edited = world.here(STREAM_FILE);
    assert!(
        edited.contains("# my own words") && edited.contains("local: true"),
        "{edited}"
    );
    world
        .run(&["tag", "-d", "shop:dev", "--commit"])
        .fails(1, &[STREAM_FILE, "would be committed along"]);
    assert_eq!(world.here(STREAM_FILE), edited);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_images_are_pruned_when_confirmed_and_those_in_use_stay() {
    let world = World::by_commit().await;
    let mut builds = Vec::new();
    for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
        builds.push(world.build(version));
        world.passes().await;
    }
    world.pull();
    let before = world.here(STREAM_FILE);
    let old: Vec<&str> = vec![
        "prune",
        "--keep-tag-revisions",
        "2",
        "--keep-younger-than",
        "0s",
    ];
    // Not only outputs name images.
    let by_hand = format!(
        "kind: Pod\nmetadata: {{name: old}}\nspec: {{containers: [{{name: a, image: \"x@{}\"}}]}}\n",
        builds[0]
    );
    world.write("apps/old.yaml", &by_hand);
    let shown = world.run(&old).ok();
    assert!(shown.stdout.contains("shop:dev"), "{shown:#?}");
    assert!(shown.stderr.contains("add --confirm"), "{shown:#?}");
    assert_eq!(world.here(STREAM_FILE), before);
    world.run(&[&old[..], &["--confirm"]].concat()).ok();
    let after = world.here(STREAM_FILE);
    let items = |text: &str| text.matches("dockerImageReference:").count();
    assert_eq!((items(&before), items(&after)), (12, 9), "{after}");
    std::fs::remove_file(world.clone.join("apps/old.yaml")).unwrap();
    world.run(&[&old[..], &["--confirm"]].concat()).ok();
    assert_eq!(items(&world.here(STREAM_FILE)), 6);
    world.git(&world.clone, &["commit", "-qam", "Prune"]);
    world.git(&world.clone, &["push", "-q"]);
    assert_eq!(world.plan().await.changes, []);
    // What the file forgot, Git remembers: every set that ran is a way back.
    let rollback = |to: usize| {
        let to = &builds[to].as_str()[7..19];
        world.run(&[
            "rollback",
            "shop/prod",
            "--reason",
            "x",
            "--to",
            to,
            "--push",
            "--yes",
        ])
    };
    for to in [2, 0] {
        rollback(to).ok();
        assert!(world.on_base(PROD_OUTPUT).contains(builds[to].as_str()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_goes_back_to_its_image_of_before() {
    let world = World::by_commit().await;
    let first = world.build_at("acme/db", "16", "16.1");
    let import = [
        "import-image",
        "db:16",
        "--from=registry.example/acme/db:16",
        "--confirm",
    ];
    world.run(&import).ok();
    let second = world.build_at("acme/db", "16", "16.2");
    world.run(&["import-image", "db:16"]).ok();
    assert!(world.here("streams/db.yaml").contains(second.as_str()));
    let said = world.run(&["rollback", "db:16", "--reason", "slow"]).ok();
    assert!(
        said.stdout
            .contains(&format!("Tag db:16 set to db@{first}.")),
        "{}",
        said.stdout
    );
    assert!(
        said.stdout
            .contains("headwater tag registry.example/acme/db:16 db:16"),
        "{}",
        said.stdout
    );
    assert!(
        world
            .here("streams/db.yaml")
            .contains(&format!("name: db@{first}"))
    );
    world
        .run(&["rollback", "shop:qa", "--reason", "x"])
        .fails(2, &["headwater rollback shop/qa"]);
}
