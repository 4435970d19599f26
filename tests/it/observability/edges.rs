//! Which pipelines a broken edge concerns, and which go on.

use headwater::model::Party;
use headwater::plan::edges::{EdgeKind, edges};
use headwater::plan::{Observation, Plan};

use crate::support::world::World;
use crate::support::world::small;

/// A second pipeline, whose images come from a host that nobody allowed.
async fn two_hosts() -> World {
    let stream = small::stream("web").replace("registry.example", "elsewhere.example");
    let pipeline = small::PIPELINE.replace("name: app", "name: web");
    let pipeline = pipeline.replace("- name: dev\n", "- {name: dev, environments: []}\n");
    let pipeline = pipeline.replace("- name: qa\n", "- name: qa\n      environments: []\n");
    let pipeline = pipeline.replace("- name: prod\n", "- name: prod\n      environments: []\n");
    World::with(&[
        ("pipelines/web/imagestream.yaml", &stream),
        ("pipelines/web/pipeline.yaml", &pipeline),
    ])
    .await
}

async fn last(world: &World) -> (Observation, Plan) {
    let pass = world.pass().await;
    (pass.observation, pass.plan)
}

#[tokio::test]
async fn a_broken_edge_concerns_the_pipelines_behind_it_and_no_others() {
    let mut world = two_hosts().await;
    let build = world.good_build("1.2.0");
    let (observation, plan) = last(&world).await;
    let found = edges(&observation, &plan);
    assert_eq!(found.len(), 1, "{found:#?}");
    let edge = &found[0];
    assert_eq!(
        (edge.kind, edge.name.as_str()),
        (EdgeKind::Registry, "elsewhere.example")
    );
    assert_eq!(
        (edge.reason.as_str(), edge.fault),
        ("Forbidden", Some(Party::Operator))
    );
    assert!(
        edge.answered.contains("not among the allowed registries"),
        "{edge:?}"
    );
    let names: Vec<&str> = edge.affected.iter().map(|name| name.as_str()).collect();
    assert_eq!(names, ["web"]);
    assert_eq!((edge.affected_pipelines, edge.unaffected_pipelines), (1, 1));
    assert_eq!(
        (edge.tags, edge.tries, edge.since),
        (1, 1, Some(world.now()))
    );
    assert!(edge.next_try > edge.since);

    // The other pipeline goes on; the row of failures gets longer, and is remembered from one pass to the next.
    let begun = world.now();
    world.settle().await;
    assert_eq!(world.head("app", "dev"), Some(build));
    world.advance("10m");
    let (observation, plan) = last(&world).await;
    let edge = edges(&observation, &plan).remove(0);
    assert!(edge.tries > 1 && edge.since == Some(begun), "{edge:?}");
}

#[tokio::test]
async fn a_tag_that_is_not_there_is_no_broken_edge() {
    let world = World::small().await;
    let (observation, plan) = last(&world).await;
    assert!(
        plan.holds.iter().any(|hold| hold.why.contains("NotFound")),
        "{:?}",
        plan.holds
    );
    assert_eq!(edges(&observation, &plan), []);
}
