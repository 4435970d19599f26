//! What registries say, and fail to say.

use headwater::plan::State;

use crate::support::world::{World, small};

#[tokio::test(flavor = "multi_thread")]
async fn a_source_changed_by_a_person_is_imported_though_no_generation_moved() {
    let mut world = World::example().await;
    world.push_build("acme/myapp:main", "1.2.0", &[("tests", "passed")]);
    world.push_build("keycloak/keycloak:19.0", "19.0.3", &[]);
    let old = world.push_build("keycloak/keycloak:25.0.2", "25.0.2", &[]);
    let new = world.push_build("keycloak/keycloak:25.0.3", "25.0.3", &[]);
    world.settle().await;
    assert_eq!(world.head("keycloak", "25.0"), Some(old));
    world.person_edits(
        "pipelines/keycloak/imagestream.yaml",
        "keycloak:25.0.2",
        "keycloak:25.0.3",
    );
    world.settle().await;
    assert_eq!(world.head("keycloak", "25.0"), Some(new));
    let text = world
        .repository
        .text("main", "pipelines/keycloak/imagestream.yaml")
        .unwrap();
    assert!(!text.contains("dockerRepositoryCheck"), "{text}");
    let generations: Vec<&str> = text
        .lines()
        .filter(|l| l.trim().starts_with("generation:"))
        .collect();
    assert!(
        !generations.is_empty(),
        "items carry generations, the object and its tags do not"
    );
    world.advance("1m");
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_retry_may_mend_never_reaches_git() {
    for status in [503, 429] {
        let mut world = World::small().await;
        let good = world.good_build("1.0.0");
        world.settle().await;
        let line = world.repository.line();
        for _ in 0..3 {
            world.advance("2h");
            world.registry.fail_next(status, 20, None);
            world.settle().await;
            let why = world.assert_hold("ImportFailed", "").await;
            let asked = why.contains(&status.to_string()) || why.contains("no more requests");
            assert!(asked, "{why}");
            world.assert_stage("app/dev", State::Broken, "").await;
        }
        assert_eq!(world.repository.line(), line);
        assert_eq!(world.head("app", "dev"), Some(good));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_stays_away_for_an_hour_is_written_down_and_cleared_with_the_next_import() {
    let mut world = World::small().await;
    let good = world.good_build("1.0.0");
    world.settle().await;
    let line = world.repository.line().len();
    world.registry.untag("acme/app", "main");
    world.advance("1m");
    world.settle().await;
    world.advance("30m");
    world.settle().await;
    assert_eq!(world.repository.line().len(), line, "it may come back yet");
    world.advance("40m");
    world.settle().await;
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    assert!(
        text.contains("ImportSuccess") && text.contains("NotFound"),
        "{text}"
    );
    assert_eq!(world.repository.line().len(), line + 1);
    assert_eq!(world.head("app", "dev"), Some(good));
    world.advance("9h");
    world.settle().await;
    assert_eq!(world.repository.line().len(), line + 1, "it is said once");

    let back = world.good_build("1.1.0");
    world.advance("2m");
    world.settle().await;
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    assert!(!text.contains("ImportSuccess"), "{text}");
    assert_eq!(world.head("app", "dev"), Some(back));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_lies_about_bytes_is_not_believed() {
    let mut world = World::small().await;
    let good = world.good_build("1.0.0");
    world.settle().await;
    world.good_build("1.1.0");
    world.registry.lie(true);
    world.settle().await;
    assert_eq!(world.head("app", "prod"), None);
    let qa = world.stage("app/qa").await;
    let said = format!("{:?}", qa.verify);
    assert!(
        said.contains("Refused") || said.contains("Waiting"),
        "{said}"
    );
    assert!(said.contains("digest"), "{said}");
    assert!(world.open_pull().await.title.contains("1.0.0"));
    assert_ne!(world.head("app", "qa"), Some(good));
}

#[tokio::test(flavor = "multi_thread")]
async fn registries_that_refuse_are_named_with_their_reason() {
    for (status, word) in [
        (401, "Unauthorized"),
        (403, "Unauthorized"),
        (404, "NotFound"),
    ] {
        let mut world = World::small().await;
        world.good_build("1.0.0");
        world.registry.fail_next(status, 20, None);
        world.pass().await;
        world.advance("1m");
        world.registry.fail_next(status, 20, None);
        let why = world.assert_hold("ImportFailed", word).await;
        assert!(why.contains("registry.example"), "{why}");
        assert_eq!(world.head("app", "dev"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_nobody_allowed_is_not_asked() {
    let stream = small::STREAM.replace("registry.example", "169.254.169.254");
    let world = World::with(&[(small::STREAM_PATH, &stream)]).await;
    world.settle().await;
    let why = world.assert_hold("ImportFailed", "Forbidden").await;
    assert!(why.contains("169.254.169.254"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_for_several_platforms_stays_one_index_all_the_way() {
    let mut world = World::small().await;
    world.advance("1m");
    let index = world.push_image(
        "acme/app:main",
        "1.0.0",
        &[("tests", "passed")],
        &[("linux", "amd64"), ("linux", "arm64")],
    );
    world.settle().await;
    let pull = world.open_pull().await;
    world.approve(&pull, "Ines").await;
    world.settle().await;
    for tag in ["dev", "qa", "prod"] {
        assert_eq!(world.head("app", tag).as_ref(), Some(&index));
        assert!(world.rendered(tag, "app").contains(index.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumped_ahead_and_came_back_stops_no_import() {
    let mut world = World::small().await;
    world.good_build("1.0.0");
    world.settle().await;
    world.advance("30d");
    world.settle().await;
    world.turn_back("30d");
    let (newer, asked) = (world.good_build("1.1.0"), world.requests());
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(newer));
    let resolved = world.registry.requests();
    let resolved = resolved[asked..].iter().filter(|r| r.method == "HEAD");
    assert!(
        resolved.count() <= 2,
        "one tag is not asked for over and over"
    );
}
