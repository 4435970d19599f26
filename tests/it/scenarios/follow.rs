//! Tags that follow a rule: which newer tag they move to, what that costs, and what never moves them.

use headwater::forge::{PullRequest, PullState};
use headwater::plan::State;

use crate::support::world::{World, small};

/// The stream of app, whose tag `dev` follows a rule.
fn following(rule: &str, from: &str) -> String {
    small::STREAM
        .replace("registry.example/acme/app:main", from)
        .replace(
            "      importPolicy",
            &format!("      annotations: {{headwater.dev/follow: \"{rule}\"}}\n      importPolicy"),
        )
}

async fn world(rule: &str) -> World {
    let stream = following(rule, "registry.example/acme/app:25.0.2");
    World::with(&[(small::STREAM_PATH, &stream)]).await
}

/// A build that passed its tests, under its own version.
fn publish(world: &World, version: &str) -> headwater::model::Digest {
    let place = format!("acme/app:{version}");
    world.push_build(&place, version, &[("tests", "passed")])
}

fn stream(world: &World) -> String {
    world.repository.text("main", small::STREAM_PATH).unwrap()
}

/// The open pull request for dev.
async fn pull_of_dev(world: &World) -> PullRequest {
    let pulls = world.pulls().await.into_values();
    let mut open = pulls.filter(|p| p.state == PullState::Open && p.branch.contains("/app/dev/"));
    open.next().expect("one is open")
}

/// How often a list was asked for, and a manifest.
fn requests(world: &World) -> (usize, usize) {
    let all = world.registry.requests();
    let lists = all.iter().filter(|r| r.path.ends_with("/tags/list"));
    let manifests = all.iter().filter(|r| r.path.contains("/manifests/"));
    (lists.count(), manifests.count())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_follows_a_rule_moves_to_the_newest_and_is_promoted_like_any_other() {
    let mut world = world("semver ~25.0").await;
    for version in ["25.0.2", "25.0.1", "26.0.0", "25.0.4-rc1", "latest"] {
        publish(&world, version);
    }
    let newest = publish(&world, "25.0.3");
    world.settle().await;
    let text = stream(&world);
    let source = "name: \"registry.example/acme/app:25.0.3\" # quoted on purpose";
    assert!(
        text.contains(source) && text.contains("# what main builds"),
        "{text}"
    );
    assert!(!text.contains("25.0.2"), "{text}");
    for tag in ["dev", "qa"] {
        assert_eq!(world.head("app", tag).as_ref(), Some(&newest), "{tag}");
    }
    let subjects = world.repository.subjects().join("\n");
    assert!(
        subjects.contains("to dev (25.0.2 -> 25.0.3, newest by semver ~25.0)"),
        "{subjects}"
    );
    world.assert_nothing_to_do().await;

    // Numbers are numbers, and a move changes one scalar, one line of ours and the history.
    let later = publish(&world, "25.0.10");
    world.advance("1m");
    let before = stream(&world);
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(later));
    let after = stream(&world);
    let gone: Vec<&str> = before
        .lines()
        .filter(|line| !after.contains(line))
        .collect();
    // Source and memory of dev, and what the promotion to qa changes of it.
    assert_eq!(gone.len(), 4, "{gone:#?}");
    world.advance("1m");
    world.settle().await;
    assert_eq!(stream(&world), after);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_list_serves_every_tag_that_chooses_from_it_and_a_move_costs_one_request_more() {
    let mut stream = following("semver ~25.0", "registry.example/acme/app:25.0.2");
    for (name, rule) in [
        ("newest", "semver >=25"),
        ("nightly", "glob n-*"),
        ("odd", "regex ^2\\\\d\\\\."),
    ] {
        stream += &format!(
            "    - name: {name}\n      annotations: {{headwater.dev/follow: \"{rule}\"}}\n      from: {{kind: DockerImage, name: \"registry.example/acme/app:25.0.2\"}}\n"
        );
    }
    let mut world = World::with(&[(small::STREAM_PATH, &stream)]).await;
    for version in ["25.0.2", "26.0.0", "n-9", "n-10"] {
        publish(&world, version);
    }
    world.settle().await;
    let nightly = world.head("app", "nightly");
    assert_eq!(nightly, Some(publish(&world, "n-10")));
    assert_eq!(world.head("app", "newest"), world.head("app", "odd"));
    let (lists, _) = requests(&world);
    assert_eq!(lists, 1, "four tags choose from it");

    // Later: one list, and the one tag that is scheduled. The others only look for newer ones.
    world.advance("1m");
    let (_, before) = requests(&world);
    world.settle().await;
    assert_eq!(requests(&world), (2, before + 1));
    // Not before their time.
    world.advance("10s");
    world.settle().await;
    assert_eq!(requests(&world), (2, before + 1));
    // A newer one: its manifest is fetched once, and its labels are not read, for no pipeline wants them.
    publish(&world, "n-11");
    world.advance("1m");
    world.settle().await;
    assert_eq!(requests(&world), (3, before + 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_fails_is_a_failing_import_and_the_tag_itself_is_still_looked_at() {
    let mut world = world("semver ~25.0").await;
    publish(&world, "25.0.2");
    world.settle().await;
    world.registry.hide_lists(true);
    publish(&world, "25.0.3");
    world.advance("1m");
    world.settle().await;
    world
        .assert_hold(
            "ImportFailed",
            "`registry.example/acme/app` is not in the registry",
        )
        .await;
    world
        .assert_stage("app/dev", State::Broken, "import: ")
        .await;
    // The tag it has is pushed anew, and taken.
    let rebuilt = world.push_build("acme/app:25.0.2", "25.0.2", &[("rebuilt", "yes")]);
    world.advance("1m");
    world.settle().await;
    assert_eq!(world.head("app", "dev").as_ref(), Some(&rebuilt));

    // After an hour it is written down, once, however well the tag itself is.
    world.advance("61m");
    world.settle().await;
    let written = stream(&world);
    let message = "dockerimage \\\"registry.example/acme/app\\\" not found";
    assert!(
        written.contains("NotFound") && written.contains("registry.example/acme/app"),
        "{message}: {written}"
    );
    for _ in 0..3 {
        world.advance("20m");
        world.settle().await;
        assert_eq!(stream(&world), written);
    }
    // Also by somebody who remembers nothing: then it is looked at anew, and written down after another hour.
    world.registry.hide_lists(false);
    world.advance("1m");
    world.settle().await;
    assert_ne!(world.head("app", "dev"), Some(rebuilt));
    let text = stream(&world);
    assert!(
        text.contains("acme/app:25.0.3") && !text.contains("NotFound"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_leads_nowhere_or_back_is_told_and_the_tag_stays() {
    let mut world = world("semver ~26").await;
    let has = publish(&world, "25.0.2");
    world.settle().await;
    assert_eq!(world.head("app", "dev").as_ref(), Some(&has));
    world.assert_hold("NotFollowed", "the only tag of registry.example/acme/app does not match `semver ~26`: it stays at 25.0.2").await;
    // Told in every pass, not only where the list was asked for.
    world.advance("10s");
    world.assert_hold("NotFollowed", "it stays at 25.0.2").await;
    world.assert_stage("app/dev", State::Held, "import: ").await;

    // The newest is taken away: a list that lacks it leads nobody back.
    world.person_edits(small::STREAM_PATH, "~26", "~25");
    let newest = publish(&world, "25.0.3");
    world.settle().await;
    assert_eq!(world.head("app", "dev").as_ref(), Some(&newest));
    world.registry.untag("acme/app", "25.0.3");
    world.advance("1m");
    world.settle().await;
    world
        .assert_hold(
            "NotFollowed",
            "25.0.2 now, which is older than 25.0.3: it stays there",
        )
        .await;
    world.assert_hold("ImportFailed", "25.0.3").await;
    assert_eq!(world.head("app", "dev").as_ref(), Some(&newest));
    // Whoever says so goes back, and stays there.
    world.person_edits(small::STREAM_PATH, "acme/app:25.0.3\"", "acme/app:25.0.2\"");
    world.settle().await;
    assert_eq!(world.head("app", "dev").as_ref(), Some(&has));
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_keeps_a_following_tag_where_it_is_and_a_pin_sticks() {
    let mut world = world("semver ~25.0").await;
    let first = publish(&world, "25.0.2");
    world.settle().await;
    let hold = small::hold("stop", "app", "dev");
    world.person_commits(&[("holds/stop.yaml", &hold)], "Stop");
    let second = publish(&world, "25.0.3");
    world.advance("1m");
    let before = stream(&world);
    world.settle().await;
    assert_eq!(stream(&world), before);
    world.person_deletes(&["holds/stop.yaml"], "Go on");
    world.settle().await;
    assert_eq!(world.head("app", "qa").as_ref(), Some(&second));

    // Pinned to an image of its history, as `rollback app:dev` does it, it follows nothing.
    let followed = "kind: DockerImage\n        name: \"registry.example/acme/app:25.0.3\"";
    let pinned = format!("kind: ImageStreamImage\n        name: \"app@{first}\"");
    world.person_edits(small::STREAM_PATH, followed, &pinned);
    for version in ["25.0.4", "25.0.5"] {
        publish(&world, version);
        world.advance("1m");
        world.settle().await;
        assert_eq!(world.head("app", "dev").as_ref(), Some(&first), "{version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_pull_request_source_and_image_wait_together_and_move_on_together() {
    let mut world = World::with(&[
        (
            small::STREAM_PATH,
            &following("semver ~25.0", "registry.example/acme/app:25.0.2"),
        ),
        ("environments/dev.yaml", &small::by_pull_request("dev")),
    ])
    .await;
    publish(&world, "25.0.2");
    world.settle().await;
    let pull = pull_of_dev(&world).await;
    world.approve(&pull, "Ines").await;
    world.settle().await;
    let has = world.head("app", "dev");
    for version in ["25.0.3", "25.0.4"] {
        let new = publish(&world, version);
        world.advance("1m");
        world.settle().await;
        let pull = pull_of_dev(&world).await;
        let branch = world
            .repository
            .text(&pull.branch, small::STREAM_PATH)
            .unwrap();
        assert!(
            branch.contains(&format!("acme/app:{version}\" # quoted"))
                && branch.contains(new.as_str()),
            "{branch}"
        );
        assert!(
            pull.title.contains(&format!("-> {version}")),
            "{}",
            pull.title
        );
        assert_eq!(world.head("app", "dev"), has);
    }
    // What is approved stays, also where it has to be built anew and a newer one is there.
    let pull = pull_of_dev(&world).await;
    let approved = world.repository.heads(&pull.branch)["app:dev"].clone();
    world.approve(&pull, "Ines").await;
    publish(&world, "25.0.5");
    world.advance("1m");
    world.settle().await;
    assert_eq!(world.head("app", "dev"), Some(approved));
    let text = stream(&world);
    assert!(text.contains("acme/app:25.0.4\" # quoted"), "{text}");
    let pull = pull_of_dev(&world).await;
    assert!(pull.title.contains("25.0.5"), "{}", pull.title);
}
