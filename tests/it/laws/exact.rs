//! Edits change the lines they are about, and a world at rest is left alone.

use crate::support::world::{World, small};

#[tokio::test(flavor = "multi_thread")]
async fn our_commits_touch_only_lines_about_the_tags_they_move() {
    let mut world = World::small().await;
    world.delivered("1.0.0").await;
    world.delivered("1.1.0").await;
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    let mut lines = text.lines();
    for line in small::STREAM.lines() {
        assert!(
            lines.any(|l| l == line),
            "`{line}` is gone or moved:\n{text}"
        );
    }
    let ours = world.repository.line().into_iter().skip(1);
    for commit in ours {
        let diff = world.repository.diff(&commit);
        for line in diff
            .lines()
            .filter(|l| l.starts_with('-') && !l.starts_with("---"))
        {
            let about = ["from", "name: ", "headwater.dev/", "image:", "version"];
            assert!(
                about.iter().any(|w| line.contains(w)) || line == "-colour",
                "{commit} takes away `{line}`:\n{diff}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn promoting_to_prod_leaves_the_lines_of_other_tags_alone() {
    let mut world = World::small().await;
    world.delivered("1.0.0").await;
    let (_, pull) = world.proposed("1.1.0").await;
    let head = world
        .repository
        .resolve(&format!("refs/heads/{}", pull.branch))
        .unwrap();
    let diff = world.repository.diff(&head);
    let stream = diff
        .split("diff --git")
        .find(|d| d.contains("imagestream.yaml"))
        .unwrap();
    let changed = stream
        .lines()
        .filter(|l| l.starts_with(['+', '-']) && !l.starts_with("+++") && !l.starts_with("---"));
    for line in changed {
        assert!(
            !line.contains("tag: qa") && !line.contains("tag: dev") && !line.contains("scheduled"),
            "{stream}"
        );
    }
    // Tags of other stages are context at most.
    assert!(
        stream.lines().filter(|l| l.starts_with("@@")).count() <= 3,
        "{stream}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_world_at_rest_sees_no_commit_no_ref_no_write_and_no_body() {
    let mut world = World::example().await;
    world.push_build("acme/myapp:main", "1.2.0", &[("tests", "passed")]);
    world.push_build("keycloak/keycloak:25.0.2", "25.0.2", &[]);
    world.push_build("keycloak/keycloak:19.0", "19.0.3", &[]);
    world.settle().await;
    for wait in ["1s", "20m", "8h"] {
        world.advance(wait);
        world.settle().await;
        let (refs, asked) = (world.repository.refs(), world.requests());
        for _ in 0..3 {
            let pass = world.pass().await;
            assert!(pass.receipt.done.is_empty() && pass.receipt.refused.is_empty());
        }
        assert_eq!(world.repository.refs(), refs);
        let requests = world.registry.requests();
        assert!(requests[asked..].is_empty(), "{:?}", &requests[asked..]);
    }
}
