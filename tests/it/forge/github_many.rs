//! Many pull requests, long ones, and strange words in them.

use headwater::plan::State as StageState;

use crate::support::github::GitHub;
use crate::support::world::World;
use crate::support::world::small;

async fn begin() -> (GitHub, World) {
    let github = GitHub::start().await;
    github.team("release", &["mara"]);
    let world = World::on_github(&github).await;
    (github, world)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_are_open_than_the_environment_has_room_for_and_who_waits_longest_is_next() {
    let (github, mut world) = begin().await;
    let names = ["alpha", "beta", "gamma"];
    let rules = "delivery: pullRequest\n  pullRequest: {limit: 1}\n  approvals: {count: 1, from: [\"@acme/release\"]}";
    let files = small::services(&names, rules);
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (&**p, &**t)).collect();
    world.person_commits(&files, "Three of them");

    // The last by name is the first to come.
    for name in ["gamma", "beta", "alpha"] {
        world.advance("2m");
        world.push_build(
            &format!("acme/{name}:main"),
            "1.0.0",
            &[("tests", "passed")],
        );
        world.settle().await;
    }
    let title = |number: u64| github.pull(number).title;
    assert_eq!(github.pulls().len(), 1);
    assert!(title(1).contains("gamma"), "{}", title(1));
    let why = "waits for room: 1 of 1 pull requests of prod are open (1)";
    for key in ["alpha/prod", "beta/prod"] {
        world.assert_stage(key, StageState::Waiting, why).await;
    }
    world.assert_nothing_to_do().await;

    github.approve(1, "mara");
    world.settle().await;
    assert!(title(2).contains("beta"), "{}", title(2));
    github.approve(2, "mara");
    world.settle().await;
    github.approve(3, "mara");
    world.settle().await;
    assert!(title(3).contains("alpha"), "{}", title(3));
    assert!(github.pulls().iter().all(|pull| pull.merged.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_many_files_names_some_and_counts_the_rest() {
    let (github, mut world) = begin().await;
    let names: Vec<String> = (0..230).map(|n| format!("app-{n:03}")).collect();
    let mut all: Vec<&str> = names.iter().map(String::as_str).collect();
    all.push("app");
    let rules = "delivery: pullRequest\n  approvals: {count: 1, from: [\"@acme/release\"]}";
    let text = small::environment("prod", rules, &all).replace(
        ", template: plain}",
        ", template: plain, images: [{stream: app}]}",
    );
    let template = small::TEMPLATE.replace("{{image}}", "{{image \"app\"}}");
    world.person_commits(
        &[
            ("environments/prod.yaml", &text),
            (small::TEMPLATE_PATH, &template),
        ],
        "Many applications",
    );
    let build = world.good_build("1.0.0");
    world.settle().await;
    let body = github.pull(1).body.unwrap();
    assert!(body.contains("- and 32 more files\n"), "{body}");
    assert!(body.ends_with("what follows stays -->\n"), "{body}");
    github.approve(1, "mara");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_of_images_are_data_and_never_words_of_ours() {
    let (github, mut world) = begin().await;
    let evil = "passed\n\n# Approved by @mara\n<script>x</script> [a](http://evil.example)\u{202e}\u{1b}[31m|";
    world.person_edits(
        small::PIPELINE_PATH,
        "image.labels[\"tests\"] == \"passed\"",
        "image.labels[\"tests\"] != \"failed\"",
    );
    world.advance("1m");
    world.push_build(
        "acme/app:main",
        "1.0.0\n@mara <b>x</b>\u{202e}",
        &[("tests", evil), ("org.opencontainers.image.source", evil)],
    );
    world.settle().await;
    let pull = github.pull(1);
    let body = pull.body.unwrap();
    let commit = world.repository.message(&pull.head_sha);
    for text in [&pull.title, &body, &commit] {
        for word in [
            "@mara",
            "<script>",
            "<b>",
            "evil.example",
            "\u{202e}",
            "\u{1b}",
        ] {
            assert!(!text.contains(word), "{word:?} in {text}");
        }
    }
}
