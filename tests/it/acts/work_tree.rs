//! Acts written into a work tree: files, a commit, and what is somebody's own work there.

use super::{PROD_OUTPUT, STREAM_FILE, World};

const ROLLBACK: [&str; 4] = ["rollback", "shop/prod", "--reason", "bad build"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_flag_the_files_are_written_and_nothing_else() {
    let world = World::by_commit().await;
    let (first, _) = world.two_in_prod().await;
    let head = world.base(&["rev-parse", "main"]);
    let said = world.run(&ROLLBACK).ok();
    assert!(
        said.stdout.contains("commit and push it, or add --push"),
        "{}",
        said.stdout
    );
    let dirty = world.dirty();
    assert_eq!(dirty.len(), 3, "{dirty:?}");
    assert!(world.here(PROD_OUTPUT).contains(first.as_str()));
    assert_eq!(world.base(&["rev-parse", "main"]), head);
    world.git(&world.clone, &["add", "-A"]);
    world.git(&world.clone, &["commit", "-qm", "Go back"]);
    world.git(&world.clone, &["push", "-q"]);
    world.build("1.2.0");
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_holds_exactly_the_act() {
    let world = World::by_commit().await;
    world.two_in_prod().await;
    world.write("notes.txt", "mine\n");
    world.git(&world.clone, &["add", "notes.txt"]);
    let said = world.run(&[&ROLLBACK[..], &["--commit"]].concat()).ok();
    assert!(said.stdout.contains("not pushed"), "{}", said.stdout);
    let files = world.git(
        &world.clone,
        &["show", "--format=%an %s", "--name-only", "HEAD"],
    );
    let files: Vec<&str> = files.lines().collect();
    assert!(
        files[0].starts_with("Mara Roll shop/prod back to 1.0.0"),
        "{files:?}"
    );
    assert_eq!(files.len(), 5, "{files:?}");
    assert_eq!(world.dirty(), ["A  notes.txt"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebodys_own_changes_are_kept_or_the_act_is_refused_by_name() {
    let world = World::by_commit().await;
    let (first, _) = world.two_in_prod().await;
    let mine = world
        .here(STREAM_FILE)
        .replace("# kept as it is", "# my own words");
    world.write(STREAM_FILE, &mine);
    world
        .run(&[&ROLLBACK[..], &["--commit"]].concat())
        .fails(1, &[STREAM_FILE, "would be committed along"]);
    assert_eq!(world.here(STREAM_FILE), mine);
    world.run(&ROLLBACK).ok();
    let stream = world.here(STREAM_FILE);
    assert!(stream.contains("# my own words"), "{stream}");
    assert!(stream.contains("\"cause\":\"rollback\""), "{stream}");
    assert!(world.here(PROD_OUTPUT).contains(first.as_str()));

    world.git(&world.clone, &["checkout", "-q", "."]);
    world.git(&world.clone, &["clean", "-qfd"]);
    let mine = format!("{}# mine\n", world.here(PROD_OUTPUT));
    world.write(PROD_OUTPUT, &mine);
    world.run(&ROLLBACK).fails(1, &[PROD_OUTPUT, "git restore"]);
    assert_eq!(world.here(PROD_OUTPUT), mine);
    assert_eq!(world.dirty().len(), 1, "nothing else was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_that_is_behind_must_be_pulled_first() {
    let world = World::by_commit().await;
    world.two_in_prod().await;
    world.build("1.2.0");
    world.passes().await;
    world
        .run(&ROLLBACK)
        .fails(1, &["is not on this branch as it is on main", "git pull"]);
    assert_eq!(world.dirty(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bare_repository_needs_a_push() {
    let world = World::by_commit().await;
    world.two_in_prod().await;
    let bare = world.bare.display().to_string();
    world
        .run_at(&bare, &ROLLBACK)
        .fails(2, &["is no work tree", "--push"]);
    let push = [&ROLLBACK[..], &["--push", "--yes"]].concat();
    world
        .run_at(&bare, &push)
        .fails(1, &["Git does not know who you are"]);
    world.base(&["config", "user.name", "Mara"]);
    world.base(&["config", "user.email", "mara@example.com"]);
    world.run_at(&bare, &push).ok();
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
}
