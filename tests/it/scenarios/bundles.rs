//! Bundles: several streams that travel together, all or none.

use headwater::model::Digest;
use headwater::plan::State;

use crate::support::world::{World, small};

const PIPELINE: &str = r#"apiVersion: headwater.dev/v1alpha1
kind: Pipeline
metadata: {name: app}
spec:
  streams: [app, api]
  stages:
    - name: dev
    - name: qa
    - name: prod
      from: [qa]
"#;

async fn bundle() -> World {
    let api = small::stream("api");
    let both = |name, rules| small::environment(name, rules, &["app", "api"]);
    World::with(&[
        (small::PIPELINE_PATH, PIPELINE),
        ("pipelines/api/imagestream.yaml", &api),
        ("environments/dev.yaml", &both("dev", "delivery: commit")),
        ("environments/qa.yaml", &both("qa", "delivery: commit")),
        ("environments/prod.yaml", &both("prod", "delivery: commit")),
    ])
    .await
}

fn heads(world: &World, tag: &str) -> (Option<Digest>, Option<Digest>) {
    (world.head("app", tag), world.head("api", tag))
}

/// Every pair that a tag held on the base, commit by commit.
fn pairs(world: &World, tag: &str) -> Vec<(Option<Digest>, Option<Digest>)> {
    let line = world.repository.line();
    let at = |commit: &String| {
        let mut heads = world.repository.heads(commit);
        (
            heads.remove(&format!("app:{tag}")),
            heads.remove(&format!("api:{tag}")),
        )
    };
    let mut pairs: Vec<_> = line.iter().map(at).collect();
    pairs.dedup();
    pairs
}

#[tokio::test(flavor = "multi_thread")]
async fn two_streams_travel_as_one_set_and_no_stage_ever_mixes_them() {
    let mut world = bundle().await;
    let app = world.good_build("1.0.0");
    world.settle().await;
    assert_eq!(
        heads(&world, "qa"),
        (None, None),
        "api has not been seen yet"
    );
    let api = world.push_build("acme/api:main", "1.0.0", &[]);
    world.advance("1m");
    world.settle().await;
    assert_eq!(
        heads(&world, "prod"),
        (Some(app.clone()), Some(api.clone()))
    );

    let newer_api = world.push_build("acme/api:main", "1.1.0", &[]);
    let newer = world.good_build("1.1.0");
    world.settle().await;
    assert_eq!(heads(&world, "prod"), (Some(newer), Some(newer_api)));
    let in_dev = pairs(&world, "dev");
    for tag in ["qa", "prod"] {
        for pair in pairs(&world, tag) {
            assert!(
                pair == (None, None) || in_dev.contains(&pair),
                "{tag} held a set that dev never held"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_with_a_stream_that_was_not_seen_is_no_candidate() {
    let mut world = bundle().await;
    world.good_build("1.0.0");
    world.push_build("acme/api:main", "1.0.0", &[]);
    world.settle().await;
    let before = heads(&world, "qa");

    world.registry.untag("acme/api", "main");
    let newer = world.good_build("1.1.0");
    world.settle().await;
    assert_eq!(world.head("app", "dev").as_ref(), Some(&newer));
    assert_eq!(heads(&world, "qa"), before);
    world
        .assert_stage("app/qa", State::Waiting, "BundleIncomplete: default/api")
        .await;

    let api = world.push_build("acme/api:main", "1.1.0", &[]);
    world.advance("5m");
    world.settle().await;
    assert_eq!(heads(&world, "prod"), (Some(newer), Some(api)));
}
