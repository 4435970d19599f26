//! Roads that part and meet again, gates at the very beginning, queues, and a registry that goes back.

use headwater::model::Digest;
use headwater::plan::State;

use crate::support::world::{World, small};

/// Two trials of what dev has, and prod behind them.
fn trials(from: &str) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1
kind: Pipeline
metadata: {{name: app}}
spec:
  stages:
    - name: dev
    - name: load
      environments: []
      from: [dev]
      verify: [{{expression: 'image.labels[\"load\"] == \"ok\"'}}]
    - name: ui
      environments: []
      from: [dev]
      verify: [{{expression: 'image.labels[\"ui\"] == \"ok\"'}}]
    - {{name: prod, environments: [], from: {from}}}
"
    )
}

fn build(world: &mut World, version: &str, labels: &[(&str, &str)]) -> Digest {
    world.advance("1m");
    world.push_build("acme/app:main", version, labels)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_behind_two_trials_takes_what_passed_both_or_any_as_it_says() {
    for (from, takes_half) in [("[load, ui]", false), ("{any: [load, ui]}", true)] {
        let mut world = World::with(&[(small::PIPELINE_PATH, &trials(from))]).await;
        let good = build(&mut world, "1.0.0", &[("load", "ok"), ("ui", "ok")]);
        world.settle().await;
        for tag in ["load", "ui", "prod"] {
            assert_eq!(world.head("app", tag), Some(good.clone()), "{from} {tag}");
        }
        let half = build(&mut world, "1.1.0", &[("load", "ok"), ("ui", "broken")]);
        world.settle().await;
        for tag in ["load", "ui"] {
            assert_eq!(world.head("app", tag), Some(half.clone()), "{from} {tag}");
        }
        let prod = if takes_half { &half } else { &good };
        assert_eq!(world.head("app", "prod").as_ref(), Some(prod), "{from}");
        let (state, why) = match takes_half {
            true => (State::Settled, ""),
            false => (State::Refused, "expression"),
        };
        world.assert_stage("app/prod", state, why).await;
        world.assert_nothing_to_do().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pipelines_read_one_stream_and_neither_moves_the_others_tags() {
    let nightly = "    - name: nightly\n      from: {kind: DockerImage, name: \"registry.example/acme/app:nightly\"}\n      importPolicy: {scheduled: true}\n";
    let stream = format!("{}{nightly}", small::STREAM);
    let other = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: nightly}\nspec:\n  streams: [app]\n  stages:\n    - {name: nightly, environments: []}\n    - {name: lab, environments: []}\n";
    let mut world = World::with(&[
        (small::STREAM_PATH, &stream),
        ("pipelines/app/nightly.yaml", other),
    ])
    .await;
    let release = world.good_build("1.0.0");
    let night = world.push_build("acme/app:nightly", "2.0.0-n1", &[]);
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(release.clone()));
    assert_eq!(world.head("app", "lab"), Some(night));
    // A hold of one road stops nothing on the other.
    let hold = small::hold("lab", "nightly", "lab");
    world.person_commits(&[("holds/lab.yaml", &hold)], "Hold");
    let (next, held) = (world.good_build("1.1.0"), world.head("app", "lab"));
    world.push_build("acme/app:nightly", "2.0.0-n2", &[]);
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(next));
    assert_eq!(world.head("app", "lab"), held);
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_of_the_first_stage_withholds_the_import_itself() {
    let pipeline = small::PIPELINE.replace(
        "    - name: dev\n",
        "    - name: dev\n      enter: [{expression: 'image.labels[\"tests\"] == \"passed\"'}]\n",
    );
    let mut world = World::with(&[(small::PIPELINE_PATH, &pipeline)]).await;
    let good = world.good_build("1.0.0");
    world.settle().await;
    assert_eq!(world.head("app", "dev"), Some(good.clone()));
    build(&mut world, "1.1.0", &[("tests", "failed")]);
    world.settle().await;
    assert_eq!(world.head("app", "dev"), Some(good));
    world
        .assert_stage("app/dev", State::Refused, "expression")
        .await;
    world.assert_nothing_to_do().await;
    let next = world.good_build("1.2.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(next));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_enters_only_when_its_images_say_that_they_belong_together() {
    let release = "images[\"app\"].labels[\"release\"] == images[\"api\"].labels[\"release\"]";
    let pipeline = format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {{name: app}}\nspec:\n  streams: [app, api]\n  stages:\n    - {{name: dev, environments: [], enter: [{{expression: '{release}'}}]}}\n    - {{name: qa, environments: []}}\n"
    );
    let mut world = World::with(&[
        (small::PIPELINE_PATH, &pipeline),
        ("pipelines/api/imagestream.yaml", &small::stream("api")),
    ])
    .await;
    let push = |world: &mut World, name: &str, release: &str| {
        world.advance("1m");
        let place = format!("acme/{name}:main");
        world.push_build(&place, release, &[("release", release)])
    };
    let (app, api) = (push(&mut world, "app", "1"), push(&mut world, "api", "1"));
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(app.clone()));
    assert_eq!(world.head("api", "qa"), Some(api.clone()));
    // The frontend is pushed first: nothing moves until the backend of that release is there.
    let newer = push(&mut world, "app", "2");
    world.settle().await;
    for tag in ["dev", "qa"] {
        assert_eq!(world.head("app", tag), Some(app.clone()), "{tag}");
        assert_eq!(world.head("api", tag), Some(api.clone()), "{tag}");
    }
    let newer_api = push(&mut world, "api", "2");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(newer));
    assert_eq!(world.head("api", "qa"), Some(newer_api));
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_passes_over_what_can_never_soak_any_more_and_says_so() {
    let gate = "        - expression: 'image.labels[\"tests\"] == \"passed\"'\n";
    let pipeline = small::PIPELINE
        .replace(gate, "        - soak: 30m\n")
        .replace(
            "      from: [qa]\n",
            "      from: [qa]\n      order: queue\n      environments: []\n",
        );
    let mut world = World::with(&[(small::PIPELINE_PATH, &pipeline)]).await;
    world.good_build("1.0.0");
    world.settle().await;
    world.advance("10m");
    let second = world.good_build("1.1.0");
    world.settle().await;
    world.advance("31m");
    let plan = world.plan().await;
    let mut stages = plan.stages.iter();
    let prod = stages.find(|s| s.key.to_string() == "app/prod").unwrap();
    let (passed, why) = &prod.passed_over[0];
    assert_eq!(passed.version, "1.0.0");
    assert!(why.contains("never"), "{why}");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(second));
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_goes_back_is_a_change_like_any_other_and_is_told() {
    let mut world = World::small().await;
    let first = world.good_build("1.0.0");
    world.settle().await;
    let second = world.good_build("1.1.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(second.clone()));
    world.registry.retag("acme/app", "main", &first);
    world.advance("1m");
    world.settle().await;
    assert_eq!(world.head("app", "dev"), Some(first.clone()));
    assert_eq!(world.head("app", "qa"), Some(first));
    let line = world.repository.line();
    let mut messages = line.iter().map(|id| world.repository.message(id));
    let words = "to dev (goes back to an image that was here before)";
    assert!(messages.any(|message| message.contains(words)));
    world.assert_nothing_to_do().await;
}
