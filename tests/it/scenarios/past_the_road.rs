//! Images that come into an environment by no stage: what guards, freezes and reviewers make of them.

use headwater::model::{Digest, Guard};

use crate::support::world::{World, small};

/// Everything runs 1.0.0; then the pipeline is taken away, and the template names the tag that builds are imported to.
async fn without_its_road(world: &mut World) -> Digest {
    let before = world.delivered("1.0.0").await;
    world.person_edits(small::TEMPLATE_PATH, "{{image}}", "{{image \"app:dev\"}}");
    world.person_deletes(&[small::PIPELINE_PATH], "No road any more");
    before
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_no_pipeline_gets_past_no_gate_of_the_operators() {
    let mut world = World::small().await;
    world.operator(|settings| {
        let gates = serde_json::from_str::<Guard>(r#"{"gates": ["expression", "approvals"]}"#);
        settings
            .guards
            .insert("prod".parse().unwrap(), gates.unwrap());
    });
    let before = without_its_road(&mut world).await;
    let build = world.good_build("1.1.0");
    world.settle().await;
    assert!(world.rendered("dev", "app").contains(build.as_str()));
    assert!(world.rendered("prod", "app").contains(before.as_str()));
    world.assert_hold("Template", "guards.prod.gates").await;
    let pulls = world.pulls().await;
    let asks = pulls.values().filter(|p| p.branch.contains("/env/prod/"));
    assert_eq!(asks.count(), 0, "{pulls:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_alone_are_asked_of_an_image_of_no_pipeline_too() {
    let mut world = World::small().await;
    world.operator(|settings| {
        let gates = serde_json::from_str::<Guard>(r#"{"gates": ["approvals"]}"#).unwrap();
        settings.guards.insert("prod".parse().unwrap(), gates);
    });
    let before = without_its_road(&mut world).await;
    let build = world.good_build("1.1.0");
    world.settle().await;
    assert!(world.rendered("prod", "app").contains(before.as_str()));
    let pull = world.open_pull().await;
    let image = format!("- `app:dev` `{build}`");
    assert!(pull.body.contains(&image), "{}", pull.body);
    assert!(pull.body.contains("by no stage"), "{}", pull.body);
    world.approve(&pull, "Ines").await;
    world.settle().await;
    assert!(world.rendered("prod", "app").contains(build.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_stops_an_image_of_no_pipeline_by_commit_and_by_pull_request() {
    for by_commit in [true, false] {
        let mut world = World::small().await;
        let before = without_its_road(&mut world).await;
        if by_commit {
            let prod = small::by_commit("prod");
            world.person_commits(&[("environments/prod.yaml", &prod)], "By commit");
        }
        let freeze = small::freeze("inventory", "prod");
        world.person_commits(&[("freezes/inventory.yaml", &freeze)], "Inventory");
        let build = world.good_build("1.1.0");
        world.settle().await;
        assert!(world.rendered("dev", "app").contains(build.as_str()));
        assert!(world.rendered("prod", "app").contains(before.as_str()));
        let words = world
            .assert_hold("Frozen", "app:dev would come by no stage")
            .await;
        assert!(words.contains("inventory"), "{words}");
        let pulls = world.pulls().await;
        let open = pulls.values().filter(|p| p.branch.contains("/env/"));
        assert_eq!(open.count(), 0, "{pulls:#?}");

        world.person_deletes(&["freezes/inventory.yaml"], "Counted");
        world.settle().await;
        if !by_commit {
            let pull = world.open_pull().await;
            world.approve(&pull, "Ines").await;
            world.settle().await;
        }
        assert!(world.rendered("prod", "app").contains(build.as_str()));
        world.assert_nothing_to_do().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_proposed_already_waits_for_the_end_of_a_freeze_with_its_approvals() {
    let mut world = World::small().await;
    let before = without_its_road(&mut world).await;
    let build = world.good_build("1.1.0");
    world.settle().await;
    let pull = world.open_pull().await;
    let freeze = small::freeze("inventory", "prod");
    world.person_commits(&[("freezes/inventory.yaml", &freeze)], "Inventory");
    world.approve(&pull, "Ines").await;
    world.settle().await;
    let waiting = world.open_pull().await;
    assert_eq!((&waiting.id, &waiting.head), (&pull.id, &pull.head));
    assert!(world.rendered("prod", "app").contains(before.as_str()));
    world.person_deletes(&["freezes/inventory.yaml"], "Counted");
    world.settle().await;
    assert!(world.rendered("prod", "app").contains(build.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_road_that_lost_its_head_is_named_and_nothing_is_imported_past_it() {
    let mut world = World::small().await;
    let before = world.delivered("1.0.0").await;
    let headless =
        small::PIPELINE.replace("apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\n", "");
    world.person_commits(&[(small::PIPELINE_PATH, &headless)], "A slip");
    world.good_build("1.1.0");
    world.settle().await;
    assert_eq!(world.head("app", "dev"), Some(before));
    let plan = world.plan().await;
    let reasons: Vec<&str> = plan.holds.iter().map(|h| h.reason.as_str()).collect();
    let told = ["PipelineUnreadable", "Invalid"];
    assert_eq!(reasons, told, "no template is blamed");
    assert!(plan.holds[0].why.contains(small::PIPELINE_PATH));
}
