//! What environments run: rendered for the tag of their stage, delivered as they ask, written nowhere else.

use headwater::forge::PullState;
use headwater::model::{Delivery, Digest, Guard};
use headwater::plan::State;

use crate::support::world::{World, small};

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_template_reaches_prod_by_a_pull_request_of_its_own() {
    let mut world = World::small().await;
    let build = world.delivered("1.0.0").await;
    world.person_edits(
        small::TEMPLATE_PATH,
        "          env:",
        "          tty: true\n          env:",
    );
    world.settle().await;
    assert!(world.rendered("dev", "app").contains("tty: true"));
    assert!(!world.rendered("prod", "app").contains("tty: true"));
    let pull = world.open_pull().await;
    assert!(
        pull.branch.starts_with("headwater/env/prod/"),
        "{}",
        pull.branch
    );
    world.approve(&pull, "Ines").await;
    world.settle().await;
    assert!(world.rendered("prod", "app").contains("tty: true"));
    assert!(world.rendered("prod", "app").contains(build.as_str()));
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_of_an_application_waits_for_its_open_promotion() {
    let mut world = World::small().await;
    world.delivered("1.0.0").await;
    let (build, pull) = world.proposed("1.1.0").await;
    world.person_edits(
        small::TEMPLATE_PATH,
        "          env:",
        "          tty: true\n          env:",
    );
    world.settle().await;
    let waiting = world.open_pull().await;
    assert_eq!(
        (&waiting.id, &waiting.head),
        (&pull.id, &pull.head),
        "approvals are not dismissed"
    );
    world.approve(&pull, "Ines").await;
    world.settle().await;
    assert!(world.rendered("prod", "app").contains(build.as_str()));
    let drift = world.open_pull().await;
    assert!(
        drift.branch.starts_with("headwater/env/prod/"),
        "{}",
        drift.branch
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_pull_request_for_drift_is_not_proposed_again() {
    let mut world = World::small().await;
    world.delivered("1.0.0").await;
    world.person_edits(
        small::TEMPLATE_PATH,
        "          env:",
        "          tty: true\n          env:",
    );
    world.settle().await;
    let pull = world.open_pull().await;
    world.close(&pull, "ines@example.com").await;
    world.settle().await;
    world.assert_hold("Closed", "was closed").await;
    world.person_edits(small::TEMPLATE_PATH, "tty: true", "stdin: true");
    world.settle().await;
    assert_ne!(world.open_pull().await.id, pull.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_of_a_stage_cannot_follow_the_tag_of_another() {
    let mut world = World::small().await;
    world.good_build("1.0.0");
    world.person_edits(small::TEMPLATE_PATH, "{{image}}", "{{image \"app:dev\"}}");
    world.settle().await;
    assert!(world.head("app", "dev").is_some());
    assert_eq!(world.head("app", "qa"), None);
    let why = world.stage("app/qa").await.why;
    assert!(why.contains("`dev`") && why.contains("app/qa"), "{why}");
    assert_eq!(world.rendered("prod", "app"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_without_a_digest_is_refused_and_one_with_a_literal_digest_passes() {
    let pinned = format!("docker.io/library/busybox@{}", Digest::sha256(b"busybox"));
    for (image, passes) in [
        ("docker.io/library/busybox:1.36", false),
        (pinned.as_str(), true),
    ] {
        let template = format!(
            "{}        - name: helper\n          image: {image}\n",
            small::TEMPLATE
        );
        let mut world = World::with(&[(small::TEMPLATE_PATH, &template)]).await;
        let build = world.good_build("1.0.0");
        world.settle().await;
        if passes {
            assert_eq!(world.head("app", "qa"), Some(build));
        } else {
            assert_eq!(world.head("app", "dev"), None);
            world
                .assert_stage("app/dev", State::Broken, "busybox")
                .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_that_include_each_other_in_a_circle_are_refused() {
    let template = small::TEMPLATE.replace("spec:\n  template", "{{> a}}\nspec:\n  template");
    let mut world = World::with(&[
        (small::TEMPLATE_PATH, &template),
        ("templates/plain/partials/a.hbs", "{{> b}}"),
        ("templates/plain/partials/b.hbs", "{{> a}}"),
    ])
    .await;
    world.good_build("1.0.0");
    world.settle().await;
    assert_eq!(world.head("app", "dev"), None);
    let why = world.assert_hold("Template", "").await;
    assert!(
        why.contains("partials/a.hbs") || why.contains("partials/b.hbs") || why.contains("a -> b"),
        "{why}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_makes_too_much_is_stopped_by_counting() {
    let template = format!(
        "{}{}\n",
        small::TEMPLATE,
        "{{#each values.l}}{{#each @root.values.l}}{{#each @root.values.l}}{{#each @root.values.l}}# x\n{{/each}}{{/each}}{{/each}}{{/each}}"
    );
    let list: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let values = format!("colour: green\nl: [{}]\n", list.join(", "));
    let mut world = World::with(&[
        (small::TEMPLATE_PATH, &template),
        ("templates/plain/values.yaml", &values),
    ])
    .await;
    world.good_build("1.0.0");
    world.settle().await;
    world
        .assert_stage("app/dev", State::Broken, "deployment.yaml")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_ever_written_where_workflows_live() {
    let config = small::CONFIG.replace(
        "spec: {",
        "spec: {paths: {environments: .github/workflows}, ",
    );
    let mut world = World::with(&[
        ("headwater.yaml", &config),
        (".github/workflows/dev.yaml", &small::by_commit("dev")),
    ])
    .await;
    world.good_build("1.0.0");
    world.settle().await;
    let files = world.repository.files("main");
    let written: Vec<&String> = files.keys().filter(|p| p.starts_with(".github/")).collect();
    assert_eq!(written, [".github/workflows/dev.yaml"]);
    assert_eq!(world.head("app", "dev"), None);
    world
        .assert_stage("app/dev", State::Broken, "environment")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_something_runs_in_already_is_adopted_only_when_asked() {
    let old = format!(
        "# headwater: generated from templates/plain; edits are put back\nimage: registry.example/acme/app@{}\n",
        Digest::sha256(b"long ago")
    );
    let path = "environments/prod/rendered/app/deployment.yaml";
    let mut world = World::with(&[(path, &old)]).await;
    let build = world.good_build("1.0.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build));
    world
        .assert_stage("app/prod", State::Held, "NotAdopted")
        .await;
    assert_eq!(world.repository.text("main", path), Some(old));
    assert_eq!(world.pulls().await.len(), 0);

    world.promotes("app/prod").await;
    world.settle().await;
    let pull = world.open_pull().await;
    world.approve(&pull, "Ines").await;
    world.settle().await;
    let adopted = world.head("app", "prod").unwrap();
    assert!(world.rendered("prod", "app").contains(adopted.as_str()));
    let stream = world.repository.text("main", small::STREAM_PATH).unwrap();
    assert!(!stream.contains("headwater.dev/request"), "{stream}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_in_place_is_held_by_name_and_the_others_go_on() {
    let dev = small::by_commit("dev") + "    - {name: legacy, manifests: \"legacy/*.yaml\"}\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: x, image: app}]}\n";
    let mut world = World::with(&[
        ("environments/dev.yaml", &dev),
        ("environments/dev/legacy/pod.yaml", pod),
    ])
    .await;
    let build = world.good_build("1.0.0");
    world.settle().await;
    assert_eq!(world.head("app", "dev"), Some(build));
    let why = world.assert_hold("NotYet", "manifests").await;
    assert!(why.contains("not carried out"), "{why}");
    let text = world
        .repository
        .text("main", "environments/dev/legacy/pod.yaml");
    assert_eq!(text.as_deref(), Some(pod));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_edited_safely_is_held_with_the_smallest_change_a_person_can_make()
{
    let stream = "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata:\n  name: app\n  annotations:\n    x: &x [1]\nspec:\n  tags: &tags\n    - &dev\n      name: dev\n      from: {kind: DockerImage, name: registry.example/acme/app:main}\n      importPolicy: {scheduled: true}\n    - <<: *dev\n      name: other\n";
    let mut world = World::with(&[(small::STREAM_PATH, stream)]).await;
    world.good_build("1.0.0");
    world.settle().await;
    let plan = world.plan().await;
    let hold = plan
        .holds
        .iter()
        .find(|h| h.why.contains(small::STREAM_PATH));
    let hold = hold.unwrap_or_else(|| panic!("{:#?}", plan.holds));
    assert!(hold.help.is_some(), "{hold:?}");
    assert_eq!(
        world.repository.text("main", small::STREAM_PATH).as_deref(),
        Some(stream)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_fixed_cannot_be_loosened_by_the_repository() {
    let mut world = World::small().await;
    world.operator(|settings| {
        let guard = Guard {
            delivery: Some(Delivery::PullRequest),
            ..Guard::default()
        };
        settings.guards.insert("qa".parse().unwrap(), guard);
    });
    let build = world.good_build("1.0.0");
    world.settle().await;
    // Nobody asks for approvals, so we merge it ourselves; but it is a pull request all the same.
    let pulls = world.pulls().await;
    let states: Vec<_> = pulls.values().map(|p| p.state).collect();
    assert_eq!(states, [PullState::Open, PullState::Merged], "{pulls:#?}");
    assert!(pulls.keys().next_back().unwrap().contains("-qa-"));
    assert_eq!(world.head("app", "qa"), Some(build));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_roads_and_rules_gets_past_no_gate_and_no_owner_of_the_operators() {
    let mut world = World::small().await;
    let before = world.delivered("1.0.0").await;
    world.operator(|settings| {
        let guard = |text| serde_json::from_str::<Guard>(text).unwrap();
        let owners = guard(r#"{"owners": ["@acme/release"]}"#);
        settings.guards.insert("pr*".parse().unwrap(), owners);
        let gates = guard(r#"{"gates": ["expression"]}"#);
        settings.guards.insert("dev".parse().unwrap(), gates);
    });
    let free = small::by_commit("prod");
    world.person_commits(&[("environments/prod.yaml", &free)], "Push to prod");
    let build = world.good_build("1.1.0");
    world.settle().await;
    assert_eq!(world.head("app", "dev"), Some(before.clone()));
    world
        .assert_stage("app/dev", State::Broken, "guards.dev.gates")
        .await;
    let tested =
        "delivery: commit\n  enter: [{expression: 'image.labels[\"tests\"] == \"passed\"'}]";
    let asked = small::environment("dev", tested, &["app"]);
    world.person_commits(&[("environments/dev.yaml", &asked)], "As asked for");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build.clone()));
    let pull = world.open_pull().await;
    world.approve(&pull, "Mallory").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(before));
    world
        .assert_stage("app/prod", State::Waiting, "0 of 1 @acme/release")
        .await;
    world.approve(&pull, "Rui").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_cannot_be_read_stops_the_stage_that_names_it_and_no_other() {
    let mut world = World::small().await;
    let before = world.delivered("1.0.0").await;
    let sound = small::by_pull_request("prod");
    let bracket = sound.replace("delivery: pullRequest", "delivery: [x");
    let number = sound.replace("count: 1", "count: many");
    for (n, broken) in [bracket, number].iter().enumerate() {
        world.person_commits(&[("environments/prod.yaml", broken)], "A slip");
        let build = world.good_build(&format!("1.1.{n}"));
        world.settle().await;
        assert_eq!(world.head("app", "dev"), Some(build.clone()));
        assert_eq!(
            world.head("app", "qa"),
            Some(build.clone()),
            "it names qa alone"
        );
        assert_eq!(world.head("app", "prod"), Some(before.clone()));
        world
            .assert_stage("app/prod", State::Broken, "environment `prod`")
            .await;
        let open = world.pulls().await.into_values();
        let open = open.filter(|pull| pull.state == PullState::Open);
        assert_eq!(open.count(), 0, "nothing goes round its rules");
    }
    world.person_commits(&[("environments/prod.yaml", &sound)], "Mended");
    world.settle().await;
    assert!(world.open_pull().await.title.contains("1.1.1"));
}
