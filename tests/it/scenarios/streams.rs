//! Tags that point to other tags: in their own stream they follow, into another one they are a snapshot.

use headwater::manifests::{Role, load};
use headwater::model::{Digest, ImageStream};

use crate::support::world::World;

const BASE: &str = "streams/base.yaml";
const OTHER: &str = "streams/other.yaml";

fn stream(name: &str, tags: &str) -> String {
    format!(
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: {name}}}\nspec:\n  tags:\n{tags}"
    )
}

fn base() -> String {
    stream(
        "base",
        "    - name: \"1\"\n      from: {kind: DockerImage, name: \"registry.example/acme/base:1\"}\n      importPolicy: {scheduled: true}\n",
    )
}

/// What a file of the base records of a tag, newest first: digest, or the string where there is none.
fn recorded(world: &World, path: &str, tag: &str) -> Vec<String> {
    let text = world.repository.text("main", path).unwrap();
    let loaded = load(&path.parse().unwrap(), text.as_bytes(), Role::Streams);
    let headwater::manifests::DocumentKind::ImageStream(stream) = &loaded.documents[0].kind else {
        panic!("{text}")
    };
    let stream: &ImageStream = stream;
    let items = stream.status_tag(tag).map(|list| list.items.clone());
    let items = items.unwrap_or_default().into_iter();
    items
        .map(|item| match item.digest() {
            Some(digest) => digest.to_string(),
            None => item.docker_image_reference().into_owned(),
        })
        .collect()
}

fn texts(digests: &[&Digest]) -> Vec<String> {
    digests.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_that_follow_one_another_get_the_same_event_in_the_same_commit() {
    let follow = "    - {name: last, from: {kind: ImageStreamTag, name: \"base:middle\"}}\n    - {name: middle, from: {kind: ImageStreamTag, name: \"1\"}}\n";
    let mut world = World::with(&[(BASE, &(base() + follow))]).await;
    let one = world.push_build("acme/base:1", "1.0.0", &[]);
    world.settle().await;
    let lines = world.repository.line().len();
    world.advance("20m");
    let two = world.push_build("acme/base:1", "1.1.0", &[]);
    world.settle().await;
    for tag in ["1", "middle", "last"] {
        assert_eq!(recorded(&world, BASE, tag), texts(&[&two, &one]), "{tag}");
    }
    assert_eq!(world.repository.line().len(), lines + 1);
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_of_another_stream_is_a_snapshot_until_somebody_changes_it() {
    let other = stream(
        "other",
        "    - {name: x, from: {kind: ImageStreamTag, name: \"base:1\"}}\n",
    );
    let mut world = World::with(&[(BASE, &base()), (OTHER, &other)]).await;
    let why = world.assert_hold("NoSource", "base:1").await;
    assert!(why.contains("points to no image yet"), "{why}");
    let one = world.push_build("acme/base:1", "1.0.0", &[]);
    world.settle().await;
    assert_eq!(recorded(&world, OTHER, "x"), texts(&[&one]));
    world.assert_nothing_to_do().await;
    world.advance("20m");
    let two = world.push_build("acme/base:1", "1.1.0", &[]);
    world.settle().await;
    assert_eq!(recorded(&world, BASE, "1"), texts(&[&two, &one]));
    assert_eq!(
        recorded(&world, OTHER, "x"),
        texts(&[&one]),
        "it never follows"
    );
    let short = format!(
        "{{kind: ImageStreamImage, name: \"base@{}\"}}",
        &two.as_str()[..19]
    );
    world.person_edits(OTHER, "{kind: ImageStreamTag, name: \"base:1\"}", &short);
    world.settle().await;
    assert_eq!(recorded(&world, OTHER, "x"), texts(&[&two, &one]));
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_not_there_is_named_and_holds_nobody_else() {
    let other = stream(
        "other",
        "    - {name: gone, from: {kind: ImageStreamImage, name: \"base@sha256:ffff\"}}\n    - {name: lost, from: {kind: ImageStreamTag, name: \"bass:1\"}}\n",
    );
    let mut world = World::with(&[(BASE, &base()), (OTHER, &other)]).await;
    let one = world.push_build("acme/base:1", "1.0.0", &[]);
    world.settle().await;
    assert_eq!(recorded(&world, BASE, "1"), texts(&[&one]));
    let plan = world.plan().await;
    let holds: Vec<String> = plan
        .holds
        .iter()
        .filter(|hold| hold.reason == "NoSource")
        .map(|hold| format!("{} {:?}", hold.why, hold.help))
        .collect();
    assert_eq!(holds.len(), 2, "{holds:?}");
    assert!(
        holds.iter().any(|why| why.contains("did you mean `base`")),
        "{holds:?}"
    );
    world.advance("1m");
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_keeps_its_string_and_no_registry_is_asked() {
    let other = stream(
        "other",
        "    - {name: raw, reference: true, from: {kind: DockerImage, name: \"registry.example/acme/raw:1\"}}\n",
    );
    let world = World::with(&[(OTHER, &other)]).await;
    world.settle().await;
    assert_eq!(
        recorded(&world, OTHER, "raw"),
        ["registry.example/acme/raw:1"]
    );
    let asked = world.registry.requests();
    assert!(
        !asked.iter().any(|request| request.path.contains("raw")),
        "{asked:?}"
    );
    world.person_edits(OTHER, "acme/raw:1", "acme/raw:2");
    world.settle().await;
    let now = recorded(&world, OTHER, "raw");
    assert_eq!(
        now,
        ["registry.example/acme/raw:2"],
        "rewritten where it stands, as upstream"
    );
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_whose_tag_tracks_another_is_moved_by_no_import() {
    let mut world = World::small().await;
    let path = crate::support::world::small::STREAM_PATH;
    let text = world.repository.text("main", path).unwrap();
    let track = "    - name: qa\n      from: {kind: ImageStreamTag, name: dev}\n";
    world.person_commits(&[(path, &(text + track))], "Let qa track dev");
    let build = world.push_build("acme/app:main", "1.0.0", &[("tests", "failed")]);
    world.pass().await;
    assert_eq!(recorded(&world, path, "dev"), texts(&[&build]));
    assert_eq!(recorded(&world, path, "qa"), Vec::<String>::new());
    world.settle().await;
    let text = world.repository.text("main", path).unwrap();
    let promoted = text.contains("headwater.dev/promotion");
    assert_eq!(
        recorded(&world, path, "qa").len(),
        usize::from(promoted),
        "what qa holds came by a promotion or not at all: {text}"
    );
    world.advance("1m");
    world.assert_nothing_to_do().await;
}
