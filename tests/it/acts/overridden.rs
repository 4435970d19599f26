//! A promotion that somebody merges past the people who must approve: it stays, and `why` says so.

use super::World;

const PROD: &str = "  delivery: pullRequest\n  approvals: {count: 1, from: [ann@example.com]}\n";

/// What `why` says of prod, in words and as data.
fn why(world: &World) -> (String, Option<String>) {
    let text = world.run(&["why", "shop/prod"]).ok().stdout;
    let data = world.run(&["why", "shop/prod", "-o", "json"]).ok().stdout;
    let data: serde_json::Value = serde_json::from_str(&data).unwrap();
    (text, data["overridden"].as_str().map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_past_those_who_must_approve_stays_and_is_said() {
    let world = World::with(PROD, "").await;
    world.build("1.0.0");
    world.passes().await;
    let id = world.open_pulls().remove(0);
    let branch = world.base(&[
        "for-each-ref",
        "--format=%(refname:short)",
        "refs/heads/headwater",
    ]);
    world.pull();
    let clone = &world.clone;
    world.git(clone, &["fetch", "-q", "origin", &branch]);
    world.git(
        clone,
        &["merge", "-q", "--no-ff", "-m", "In a hurry", "FETCH_HEAD"],
    );
    world.git(clone, &["push", "-q", "origin", "HEAD:main"]);
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
    let (text, data) = why(&world);
    let words = format!("pull request {id} was merged with approval 0 of 1 ann@example.com");
    assert_eq!(data.as_deref(), Some(words.as_str()));
    assert!(text.contains("overridden"), "{text}");

    world.build("1.1.0");
    world.passes().await;
    world.run_as("Ann", &["pr", "approve", "shop/prod"]).ok();
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.1.0"));
    let (text, data) = why(&world);
    assert_eq!(data, None, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_overridden_where_nobody_must_approve() {
    let world = World::with("  delivery: pullRequest\n  approvals: {count: 0}\n", "").await;
    world.build("1.0.0");
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
    assert_eq!(why(&world).1, None);
}
