//! A stream that imports a whole repository, under a pipeline: the tag that its first stage begins with comes like all
//! others, and what promotions move is theirs.

use headwater::forge::PullState;

use crate::support::world::{World, small};

const STREAM: &str = "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {name: app}
spec:
  dockerImageRepository: registry.example/acme/app # all of it
";

async fn world(more: &[(&str, &str)]) -> World {
    let files = [&[(small::STREAM_PATH, STREAM)], more].concat();
    let world = World::with(&files).await;
    for tag in ["dev", "qa", "other"] {
        world.push_build(&format!("acme/app:{tag}"), tag, &[("tests", "passed")]);
    }
    world
}

fn lists(world: &World) -> usize {
    let all = world.registry.requests();
    all.iter()
        .filter(|r| r.path.ends_with("/tags/list"))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_begins_with_a_tag_of_a_whole_repository_and_moves_its_own() {
    let mut world = world(&[]).await;
    let before = world.repository.subjects().len();
    world.settle().await;
    let dev = world.head("app", "dev").expect("it is imported");
    assert_eq!(
        world.head("app", "qa").as_ref(),
        Some(&dev),
        "promoted, not imported"
    );
    assert!(world.head("app", "other").is_some_and(|other| other != dev));
    assert!(world.rendered("qa", "app").contains(dev.as_str()));
    assert!(
        world.repository.subjects().len() <= before + 3,
        "{:?}",
        world.repository.subjects()
    );
    assert_eq!(lists(&world), 1);
    world.assert_nothing_to_do().await;
    // Looked at again only where somebody says so, and then promoted like any other.
    world.push_build("acme/app:dev", "2", &[("tests", "passed")]);
    world.advance("20m");
    world.settle().await;
    assert_eq!(world.head("app", "dev").as_ref(), Some(&dev));
    world.person_edits(
        small::STREAM_PATH,
        "- name: dev\n",
        "- name: dev\n      importPolicy: {scheduled: true}\n",
    );
    world.advance("20m");
    world.settle().await;
    let newer = world.head("app", "dev");
    assert_ne!(newer, Some(dev));
    assert_eq!(world.head("app", "qa"), newer);
    assert_eq!(lists(&world), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_of_a_whole_repository_waits_for_its_pull_request_like_any_other() {
    let dev = small::by_pull_request("dev");
    let world = world(&[("environments/dev.yaml", &dev)]).await;
    world.settle().await;
    assert_eq!(world.head("app", "dev"), None, "nobody approved it");
    assert!(world.head("app", "other").is_some());
    assert_eq!(lists(&world), 1, "once");
    let pulls = world.pulls().await.into_values();
    let open: Vec<_> = pulls.filter(|p| p.state == PullState::Open).collect();
    assert_eq!(open.len(), 1, "{open:?}");
    world.approve(&open[0], "Ines").await;
    world.settle().await;
    let dev = world.head("app", "dev");
    assert!(dev.is_some());
    assert_eq!(world.head("app", "qa"), dev);
    world.assert_nothing_to_do().await;
}
