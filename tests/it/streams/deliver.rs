//! Where an edit of a stream goes: nowhere, the work tree, a commit, the base, a pull request.

use crate::acts::{STREAM_FILE, World};

const LOOKUP: [&str; 3] = ["set", "image-lookup", "shop"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_shows_the_very_lines_and_writes_nothing() {
    let world = World::by_commit().await;
    let said = world.run(&[&LOOKUP[..], &["--dry-run"]].concat()).ok();
    assert!(said.stdout.contains("+    local: true"), "{}", said.stdout);
    assert!(
        said.stdout.contains("image lookup updated (dry run)"),
        "{}",
        said.stdout
    );
    assert_eq!(world.dirty(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_holds_the_stream_and_nothing_else() {
    let world = World::by_commit().await;
    world.write("notes.txt", "mine\n");
    world.git(&world.clone, &["add", "notes.txt"]);
    world.run(&[&LOOKUP[..], &["--commit"]].concat()).ok();
    let shown = world.git(
        &world.clone,
        &["show", "--format=%an %s", "--name-only", "HEAD"],
    );
    let lines: Vec<&str> = shown.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, ["Mara Turn image lookup of shop on", STREAM_FILE]);
    assert_eq!(world.dirty(), ["A  notes.txt"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_needs_no_work_tree_and_leaves_the_one_there_is_alone() {
    let world = World::by_commit().await;
    world
        .run(&[&LOOKUP[..], &["--push", "--yes"]].concat())
        .ok();
    assert!(world.on_base(STREAM_FILE).contains("local: true"));
    assert!(!world.here(STREAM_FILE).contains("local: true"));
    let bare = world.base(&["rev-parse", "--absolute-git-dir"]);
    world.base(&["config", "user.name", "Mara"]);
    world.base(&["config", "user.email", "mara@example.com"]);
    let made = ["create", "is", "cache", "--push", "--yes"];
    world.run_at(&bare, &made).ok();
    assert!(world.on_base("streams/cache.yaml").contains("name: cache"));
    world
        .run_at(&bare, &["create", "is", "other"])
        .fails(2, &["is no work tree", "--push"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_stage_points_neither_an_import_nor_a_merged_edit_counts_as_a_promotion() {
    let world = World::by_commit().await;
    let (first, _) = world.two_in_prod().await;
    world.build_at("acme/evil", "1", "evil");
    let from = "--from=registry.example/acme/evil:1";
    let old = format!("shop@{first}");
    let words = ["shop:", "is where stage", "headwater promote shop/prod"];
    world
        .run(&["tag", &old, "shop:prod", "--pull-request"])
        .fails(2, &words);
    world
        .run(&["tag", "-d", "shop:prod", "--pull-request"])
        .fails(2, &words);
    assert_eq!(world.open_pulls(), Vec::<String>::new());
    let without = world
        .here(STREAM_FILE)
        .replace("- name: prod\n", "- name: other\n");
    world.write(STREAM_FILE, &without);
    world.git(&world.clone, &["commit", "-qam", "Lose a tag"]);
    world.git(&world.clone, &["push", "-q"]);
    for further in ["--push", "--commit"] {
        let line = ["import-image", "shop:prod", from, further, "--yes"];
        world.run(&line).fails(2, &words);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_pushed_past_what_somebody_has_not_committed() {
    let world = World::by_commit().await;
    world.run(&["create", "is", "cache"]).ok();
    let image = "--from-image=registry.example/acme/cache:1";
    let made = ["create", "istag", "cache:1", image];
    for further in ["--push", "--pull-request"] {
        let line = [&made[..], &[further, "--yes"]].concat();
        let words = ["streams/cache.yaml", "not committed", "commit and push"];
        world.run(&line).fails(1, &words);
    }
    let head = world.base(&["ls-tree", "-r", "--name-only", "main"]);
    assert!(!head.contains("cache.yaml"), "{head}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_pushed_past_commits_that_are_not_pushed() {
    let world = World::by_commit().await;
    world.run(&["create", "is", "cache", "--commit"]).ok();
    let image = "registry.example/acme/cache:1";
    for further in ["--push", "--pull-request"] {
        let words = ["streams/cache.yaml", "not on main", "push them first"];
        world
            .run(&["tag", image, "cache:a", further, "--yes"])
            .fails(1, &words);
    }
    world
        .run(&["tag", "-d", "cache:a", "--push", "--yes"])
        .fails(2, &["no image stream `cache`", "is not on main"]);
    let head = world.base(&["ls-tree", "-r", "--name-only", "main"]);
    assert!(!head.contains("cache.yaml"), "{head}");
    // What is about other files goes through.
    world
        .run(&[&LOOKUP[..], &["--push", "--yes"]].concat())
        .ok();
    world.git(&world.clone, &["pull", "-q", "--rebase"]);
    world.git(&world.clone, &["push", "-q"]);
    world
        .run(&["tag", image, "cache:a", "--push", "--yes"])
        .ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_is_left_alone_by_plans_and_merged_by_people() {
    let world = World::by_commit().await;
    world.two_in_prod().await;
    let made = ["create", "is", "cache", "--pull-request"];
    let said = world.run(&made).ok();
    let pulls = world.open_pulls();
    assert_eq!(pulls.len(), 1);
    let next = format!("headwater pr merge {}", pulls[0]);
    assert!(said.stderr.contains(&next), "{}", said.stderr);
    world.build("1.2.0");
    world.passes().await;
    assert_eq!(world.open_pulls(), pulls, "no pass merges or closes it");
    let files = world.base(&["ls-tree", "-r", "--name-only", "main"]);
    assert!(!files.contains("streams/cache.yaml"), "{files}");
    world.run(&["pr", "merge", &pulls[0]]).ok();
    assert!(world.on_base("streams/cache.yaml").contains("name: cache"));
    assert_eq!(world.plan().await.changes, []);
}
