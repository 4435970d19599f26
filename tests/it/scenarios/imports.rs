//! What registries say, and fail to say.

use headwater::demo::registry::BuildSpec;
use headwater::plan::State;
use headwater::plan::edges::edges;

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
        // It waits for its next try; what has not healed in an hour is for somebody to look at.
        for (later, state) in [
            ("2h", State::Waiting),
            ("59m", State::Waiting),
            ("2m", State::Broken),
            ("2h", State::Broken),
        ] {
            world.advance(later);
            world.registry.fail_next(status, 20, None);
            let last = world.settle().await.pop().unwrap();
            let why = world.assert_hold("ImportFailed", "").await;
            let asked = why.contains(&status.to_string()) || why.contains("no more requests");
            assert!(asked, "{why}");
            assert_eq!(why.contains("next try"), state == State::Waiting, "{why}");
            let help = world.stage("app/dev").await.help.unwrap_or_default();
            assert!(help.contains("by itself"), "{help}");
            world.assert_stage("app/dev", state, "import: ").await;
            let found = edges(&last.observation, &last.plan);
            let found: Vec<_> = found.iter().map(|e| (e.name.as_str(), e.state)).collect();
            assert_eq!(found, [("registry.example", state)]);
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
    let read = crate::support::upstream::read(&text);
    assert!(
        read[0]
            .status
            .iter()
            .flat_map(|s| &s.tags)
            .any(|t| t.conditions.len() == 1)
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
async fn a_digest_that_no_manifest_was_hashed_to_is_imported_nowhere() {
    // A tag that holds an image is asked by HEAD, a new one by GET: neither is believed.
    for known in [true, false] {
        let mut world = World::small().await;
        let held = known.then(|| world.good_build("1.0.0"));
        if known {
            world.settle().await;
        }
        let line = world.repository.line().len();
        let next = world.good_build("1.1.0");
        world.registry.lie(true);
        world.settle().await;
        let why = world.assert_hold("ImportFailed", "DigestMismatch").await;
        assert!(why.contains("does not match its digest"), "{why}");
        world.assert_stage("app/dev", State::Broken, "digest").await;
        for tag in ["dev", "qa"] {
            assert_eq!(world.head("app", tag), held, "{tag}");
        }
        assert_eq!(world.repository.line().len(), line);
        world.registry.lie(false);
        world.advance("2m");
        world.settle().await;
        assert_eq!(world.head("app", "qa"), Some(next));
    }
}

/// What the registry was asked of `main` since `before`: by tag, and by digest.
fn asked(world: &World, before: usize) -> [Vec<String>; 2] {
    let seen = world.registry.requests();
    let manifests = seen[before..]
        .iter()
        .filter(|r| r.path.contains("/manifests/"));
    let (digests, tags): (Vec<_>, Vec<_>) =
        manifests.partition(|r| r.path.contains("/manifests/sha256"));
    [tags, digests].map(|seen| seen.iter().map(|r| r.method.clone()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_tag_costs_one_get_a_known_one_a_head_and_a_changed_one_one_get_more() {
    let other = small::STREAM.replace("name: app #", "name: other #");
    let mut world = World::with(&[("streams/other.yaml", &other)]).await;
    world.good_build("1.0.0");
    world.pass().await;
    let [tags, _] = asked(&world, 0);
    assert_eq!(tags, ["GET"], "two streams watch one tag");

    world.settle().await;
    let before = world.requests();
    world.advance("2m");
    world.pass().await;
    assert_eq!(asked(&world, before), [vec!["HEAD".to_owned()], vec![]]);

    world.good_build("1.1.0");
    let before = world.requests();
    let (observation, _) = world.observed().await;
    assert_eq!(observation.facts.resolved.len(), 1, "one question");
    let [tags, digests] = asked(&world, before);
    assert_eq!(tags, ["HEAD"]);
    // Once to check it, once for its labels.
    assert_eq!(digests, ["GET", "GET"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_imports_what_a_person_asks_for_at_once_and_lets_the_rest_settle() {
    let mut world = World::small().await;
    let first = world.good_build("1.0.0");
    world.settle().await;
    let daemon = world.daemon();
    daemon.reconciler.run(world.now()).await.unwrap();

    // A tag that moves by itself may be moving on.
    let second = world.good_build("1.1.0");
    daemon.reconciler.run(world.now()).await.unwrap();
    assert_eq!(world.head("app", "dev"), Some(first.clone()));
    for _ in 0..3 {
        world.advance("10s");
        daemon.reconciler.run(world.now()).await.unwrap();
    }
    assert_eq!(world.head("app", "dev"), Some(second.clone()));

    // A changed `from` is a wish.
    let old = world.push_build("acme/app:v1", "1.0.1", &[("tests", "passed")]);
    world.person_edits(small::STREAM_PATH, "acme/app:main", "acme/app:v1");
    daemon.reconciler.run(world.now()).await.unwrap();
    assert_eq!(world.head("app", "dev"), Some(old));

    // So it is where somebody replaces it in the whole file, our annotation included.
    let build = BuildSpec {
        content: "1.2.0".to_owned(),
        ..BuildSpec::default()
    };
    let new = world.registry.push("acme/app", "v2", build.clone());
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    assert_eq!(text.matches("acme/app:v1").count(), 2, "{text}");
    let text = text.replace("acme/app:v1", "acme/app:v2");
    world.person_commits(&[(small::STREAM_PATH, &text)], "Search and replace");
    daemon.reconciler.run(world.now()).await.unwrap();
    assert_eq!(world.head("app", "dev"), Some(new.clone()));

    // The same digest in another repository is no news that could settle, and is written down all the same.
    assert_eq!(world.registry.push("acme/copy", "v2", build), new);
    world.person_edits(small::STREAM_PATH, "acme/app:v2", "acme/copy:v2");
    daemon.reconciler.run(world.now()).await.unwrap();
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    assert!(text.contains(&format!("acme/copy@{new}")), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_forgets_the_failures_of_a_source_that_was_mended() {
    let mut world = World::small().await;
    world.good_build("1.0.0");
    world.settle().await;
    let daemon = world.daemon();
    world.person_edits(small::STREAM_PATH, "acme/app:main", "acme/app:mian");
    for _ in 0..3 {
        world.advance("1m");
        daemon.reconciler.run(world.now()).await.unwrap();
    }
    let mended = world.push_build("acme/app:v1", "1.0.1", &[("tests", "passed")]);
    world.person_edits(small::STREAM_PATH, "acme/app:mian", "acme/app:v1");
    daemon.reconciler.run(world.now()).await.unwrap();
    assert_eq!(world.head("app", "dev"), Some(mended));
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

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_must_wait_for_its_first_image_is_not_asked_for_whole_again() {
    let mut world = World::small().await;
    world.person_commits(&[("holds/broken.yaml", "{")], "Break a hold");
    world.good_build("1.0.0");
    world.settle().await;
    assert_eq!(world.head("app", "dev"), None, "everything is held");
    let asked = world.requests();
    world.advance("1m");
    world.pass().await;
    let requests = world.registry.requests();
    let whole: Vec<_> = requests[asked..]
        .iter()
        .filter(|r| r.method != "HEAD")
        .collect();
    assert!(whole.is_empty(), "{whole:?}");
}
