//! The same observation gives the same plan, to the byte, wherever it is made.

use headwater::plan::{Facts, Plan, plan};

use crate::support::world::{World, shown};

fn json(plan: &Plan) -> String {
    serde_json::to_string_pretty(plan).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_the_same_to_the_byte_after_a_restart_and_from_recorded_facts() {
    let mut world = World::small().await;
    world.delivered("1.0.0").await;
    world.good_build("1.1.0");
    world.pass().await;
    let (observation, made) = world.observed().await;
    assert!(!made.is_empty(), "{}", shown(&made));
    assert_eq!(json(&plan(&observation)), json(&made));

    world.restart();
    assert_eq!(json(&world.plan().await), json(&made));

    let facts = serde_json::to_string(&observation.facts).unwrap();
    let facts: Facts = serde_json::from_str(&facts).unwrap();
    assert_eq!(facts, observation.facts);
    let elsewhere = world.another_engine("elsewhere");
    let (_, replayed) = elsewhere.reconciler.replay(facts).await.unwrap();
    assert_eq!(json(&replayed), json(&made));

    world.forget();
    assert_eq!(world.plan().await.effects, made.effects);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_files_and_keys_does_not_matter() {
    let story = async |order: &[usize]| {
        let others = [
            ("pipelines/app/a.yaml", super::isolation::other_stream()),
            ("pipelines/app/b.yaml", super::isolation::other_pipeline()),
            (
                "environments/other.yaml",
                super::isolation::other_environment(),
            ),
        ];
        let mut world = World::small().await;
        let files: Vec<(&str, &str)> = order
            .iter()
            .map(|i| (others[*i].0, others[*i].1.as_str()))
            .collect();
        world.person_commits(&files, "Add the others");
        world.push_build("acme/other:main", "2.0.0", &[]);
        world.good_build("1.0.0");
        let mut plans = Vec::new();
        for pass in world.settle().await {
            plans.push(json(&pass.plan));
        }
        plans
    };
    assert_eq!(story(&[0, 1, 2]).await, story(&[2, 0, 1]).await);
}
