//! What a stream's file no longer records: its items are trimmed, and the rest of the past is in Git.

use headwater::model::Digest;
use headwater::plan::State;
use headwater::plan::acts::{self, Named};

use crate::support::world::{World, small};

/// Two stages that commit, and the two newest items of each tag in the file.
const PIPELINE: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: app}\nspec: {stages: [{name: dev}, {name: qa}]}\n";

/// Builds that went to qa one after the other, more of them than the file records.
async fn more_than_recorded() -> (World, Vec<Digest>) {
    let config = small::CONFIG.replace("spec: {", "spec: {history: 2, ");
    let files = [
        ("headwater.yaml", config.as_str()),
        (small::PIPELINE_PATH, PIPELINE),
    ];
    let mut world = World::with(&files).await;
    let mut builds = Vec::new();
    for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
        builds.push(world.good_build(version));
        world.settle().await;
    }
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    assert!(!text.contains(builds[0].as_str()), "{text}");
    (world, builds)
}

fn qa_runs(world: &World, build: &Digest) {
    assert_eq!(world.head("app", "qa").as_ref(), Some(build));
    let output = world.rendered("qa", "app");
    let image = format!("image: registry.example/acme/app@{build}");
    assert!(output.contains(&image), "{image} is not in {output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_put_back_by_hand_to_a_set_that_no_item_records_runs_that_set() {
    let (mut world, builds) = more_than_recorded().await;
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    let at = text.find("    - name: qa\n").unwrap();
    let pin = format!("app@{}", builds[3]);
    let qa = text[at..].replacen(&pin, &format!("app@{}", builds[0]), 1);
    let edited = format!("{}{qa}", &text[..at]);
    world.person_commits(&[(small::STREAM_PATH, &edited)], "Pin it by hand");
    world.forget();
    world.settle().await;
    qa_runs(&world, &builds[0]);

    let next = world.good_build("1.4.0");
    world.settle().await;
    qa_runs(&world, &next);
    let promotion = world.repository.line().pop().unwrap();
    world.person_reverts(&promotion);
    world.settle().await;
    qa_runs(&world, &builds[0]);
    world.assert_stage("app/qa", State::Held, "reverted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_reaches_a_set_that_no_item_records() {
    let (world, builds) = more_than_recorded().await;
    let mara = acts::Person {
        by: "mara@example.com".to_owned(),
        reason: "it hurts".to_owned(),
    };
    let (qa, first) = (
        "app/qa".parse().unwrap(),
        Named::Text(builds[0].to_string()),
    );
    let act = world.act(|obs| acts::rollback(obs, &qa, &first, &mara));
    world.person_does(&act.await.unwrap());
    world.settle().await;
    qa_runs(&world, &builds[0]);
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    let image = format!(
        "dockerImageReference: registry.example/acme/app@{}",
        builds[0]
    );
    assert!(text.contains(&image), "{text}");
}
