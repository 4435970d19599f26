//! Several services that share one pull request into prod, on GitHub and on the offline forge.

use headwater::model::Digest;
use headwater::plan::State as StageState;

use crate::support::github::{GitHub, Method};
use crate::support::world::World;
use crate::support::world::small;

const NAMES: [&str; 3] = ["cart", "checkout", "orders"];
const RULES: &str = "delivery: pullRequest\n  pullRequest: {group: 30m, labels: [promotion]}\n  approvals: {count: 1, from: [\"@acme/release\"]}";

fn services(world: &mut World, rules: &str) {
    let files = small::services(&NAMES, rules);
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (&**p, &**t)).collect();
    world.person_commits(&files, "Three services");
}

async fn begin() -> (GitHub, World) {
    let github = GitHub::start().await;
    github.team("release", &["mara"]);
    let mut world = World::on_github(&github).await;
    services(&mut world, RULES);
    (github, world)
}

fn build(world: &mut World, name: &str, version: &str) -> Digest {
    world.advance("2m");
    let place = format!("acme/{name}:main");
    world.push_build(&place, version, &[("tests", "passed")])
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_are_ready_one_after_another_are_reviewed_and_merged_once() {
    let (github, mut world) = begin().await;
    let mut builds = Vec::new();
    for name in NAMES {
        builds.push(build(&mut world, name, "1.0.0"));
        world.settle().await;
    }
    assert_eq!(github.pulls().len(), 1);
    let pull = github.pull(1);
    assert_eq!(
        pull.title,
        "Promote 3 services to prod: cart 1.0.0, checkout 1.0.0, orders 1.0.0"
    );
    assert!(
        pull.head.starts_with("headwater/group/prod/"),
        "{}",
        pull.head
    );
    assert_eq!(pull.labels, ["promotion"]);
    for name in NAMES {
        let key = format!("{name}/prod");
        world
            .assert_stage(&key, StageState::Waiting, "approval 0 of 1 @acme/release")
            .await;
        assert_eq!(world.stage(&key).await.pull_request.as_deref(), Some("1"));
    }
    world.assert_nothing_to_do().await;

    github.approve(1, "mara");
    world.settle().await;
    for (name, build) in NAMES.iter().zip(builds) {
        let digest = build.to_string();
        assert_eq!(world.head(name, "prod"), Some(build));
        assert!(world.rendered("prod", name).contains(&digest));
        world
            .assert_stage(&format!("{name}/prod"), StageState::Settled, "")
            .await;
    }
    let promoted = world.repository.subjects();
    let promoted = promoted
        .iter()
        .filter(|subject| subject.contains("services to prod"));
    assert_eq!(promoted.count(), 1);
    assert_eq!(github.pulls().len(), 1);
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_the_review_gets_its_own_and_a_merge_by_hand_in_any_way_is_known() {
    for method in [Method::Squash, Method::Merge, Method::Rebase] {
        let (github, mut world) = begin().await;
        let cart = build(&mut world, "cart", "1.0.0");
        let checkout = build(&mut world, "checkout", "1.0.0");
        world.settle().await;
        world.person_commits(&[("README.md", "hello\n")], "Say hello");
        github.approve(1, "mara");
        github.merge_by(1, "mara", method);
        let orders = build(&mut world, "orders", "1.0.0");
        world.settle().await;
        assert_eq!(world.head("cart", "prod"), Some(cart));
        assert_eq!(world.head("checkout", "prod"), Some(checkout));
        assert_eq!(github.pull(2).title, "Promote orders 1.0.0 to prod");
        github.approve(2, "mara");
        world.settle().await;
        assert_eq!(world.head("orders", "prod"), Some(orders));
        world.assert_nothing_to_do().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_it_holds_every_set_and_one_of_them_is_let_in_alone() {
    let (github, mut world) = begin().await;
    let cart = build(&mut world, "cart", "1.0.0");
    build(&mut world, "orders", "1.0.0");
    world.settle().await;
    github.close(1, "mara");
    world.settle().await;
    for key in ["cart/prod", "orders/prod"] {
        world
            .assert_stage(key, StageState::Held, "pull request 1 was closed by @mara")
            .await;
    }
    let act = world.unholds("cart/prod").await;
    assert!(act.reopen.is_none(), "the other set stays out");
    world.person_does(&act);
    world.settle().await;
    assert_eq!(github.pull(2).title, "Promote cart 1.0.0 to prod");
    github.approve(2, "mara");
    world.settle().await;
    assert_eq!(world.head("cart", "prod"), Some(cart));
    world
        .assert_stage("orders/prod", StageState::Held, "was closed by @mara")
        .await;
    assert_eq!(world.head("orders", "prod"), None);
    github.reopen(1, "mara");
    world.settle().await;
    assert_eq!(github.pull(1).title, "Promote orders 1.0.0 to prod");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_freeze_is_for_leaves_and_joins_another_when_it_is_over() {
    let (github, mut world) = begin().await;
    let cart = build(&mut world, "cart", "1.0.0");
    let orders = build(&mut world, "orders", "1.0.0");
    world.settle().await;
    let freeze = small::freeze("night", "prod").replace(
        "environments: [prod]",
        "environments: [prod], except: {pipelines: [cart]}",
    );
    assert!(freeze.contains("except"), "{freeze}");
    world.person_commits(
        &[("freezes/night.yaml", &freeze)],
        "Freeze all but the cart",
    );
    world.settle().await;
    assert_eq!(github.pull(1).title, "Promote cart 1.0.0 to prod");
    world
        .assert_stage("orders/prod", StageState::Frozen, "")
        .await;
    github.approve(1, "mara");
    world.settle().await;
    assert_eq!(world.head("cart", "prod"), Some(cart));
    world.person_deletes(&["freezes/night.yaml"], "Thaw");
    world.settle().await;
    github.approve(2, "mara");
    world.settle().await;
    assert_eq!(world.head("orders", "prod"), Some(orders));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_rendered_or_read_any_more_leaves_and_the_others_go_on() {
    for (path, text) in [
        ("environments/prod/orders/values.yaml", "colour: [\n"),
        (
            "pipelines/orders/pipeline.yaml",
            "kind: Pipeline\n  bad: [\n",
        ),
    ] {
        let (github, mut world) = begin().await;
        let cart = build(&mut world, "cart", "1.0.0");
        build(&mut world, "orders", "1.0.0");
        world.settle().await;
        github.approve(1, "mara");
        world.person_commits(&[(path, text)], "A mistake");
        world.settle().await;
        assert_eq!(github.pull(1).title, "Promote cart 1.0.0 to prod", "{path}");
        assert!(github.pull(1).open, "the approval was of something else");
        github.approve(1, "mara");
        world.settle().await;
        assert_eq!(world.head("cart", "prod"), Some(cart));
        assert_eq!(world.head("orders", "prod"), None);
        if path.starts_with("environments") {
            world
                .assert_stage("orders/prod", StageState::Broken, "")
                .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_waits_is_named_to_the_others() {
    let (github, mut world) = begin().await;
    github.team("dba", &["otto"]);
    let pipeline = small::PIPELINE.replace("name: app", "name: orders")
        + "      approvals: {count: 1, from: [\"@acme/dba\"]}\n";
    world.person_commits(&[("pipelines/orders/pipeline.yaml", &pipeline)], "Stricter");
    build(&mut world, "cart", "1.0.0");
    build(&mut world, "orders", "1.0.0");
    world.settle().await;
    github.approve(1, "mara");
    world.settle().await;
    let words = "pull request 1 waits for orders/prod: approval 0 of 1 @acme/dba";
    world
        .assert_stage("cart/prod", StageState::Waiting, words)
        .await;
    assert!(github.pull(1).open);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_lost_its_marker_is_known_by_its_branch_with_every_member() {
    let (github, mut world) = begin().await;
    build(&mut world, "cart", "1.0.0");
    build(&mut world, "orders", "1.0.0");
    world.settle().await;
    github.edit_body(1, "mara", "What is this?");
    world.restart();
    world.settle().await;
    let body = github.pull(1).body.unwrap();
    assert!(body.contains("\"stage\":\"cart/prod\""), "{body}");
    assert!(body.ends_with("What is this?"), "{body}");
    github.approve(1, "mara");
    world.settle().await;
    assert!(github.pull(1).merged.is_some());
    assert_eq!(github.pulls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_it_goes_when_it_has_collected_where_nobody_has_to_approve() {
    let mut world = World::small().await;
    services(
        &mut world,
        "delivery: pullRequest\n  pullRequest: {group: 30m}",
    );
    let cart = build(&mut world, "cart", "1.0.0");
    world.settle().await;
    let orders = build(&mut world, "orders", "1.0.0");
    world.settle().await;
    assert_eq!(world.pulls().await.len(), 1);
    world
        .assert_stage(
            "cart/prod",
            StageState::Waiting,
            "collects what becomes ready until",
        )
        .await;
    assert_eq!(world.head("cart", "prod"), None);
    world.advance("30m");
    world.settle().await;
    assert_eq!(world.head("cart", "prod"), Some(cart));
    assert_eq!(world.head("orders", "prod"), Some(orders));
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_or_a_comment_holds_one_of_several_and_the_others_go_on() {
    let (github, mut world) = begin().await;
    let mut builds = Vec::new();
    for name in NAMES {
        builds.push(build(&mut world, name, "1.0.0"));
    }
    world.settle().await;
    github.comment(1, "otto", "/headwater hold it smells");
    github.comment(1, "otto", "/headwater hold orders/prod INC-7");
    github.tick(1, "otto", "hold cart/prod");
    world.settle().await;
    world
        .assert_stage("orders/prod", StageState::Held, "INC-7")
        .await;
    world
        .assert_stage("cart/prod", StageState::Held, "pull request 1")
        .await;
    let pull = github.pull(1);
    let said = |words: &str| {
        pull.comments
            .iter()
            .filter(|c| c.body.contains(words))
            .count()
    };
    assert_eq!(said("carries several promotions"), 1, "{pull:?}");
    assert_eq!(said("is held by"), 2, "{pull:?}");
    assert!(!pull.body.unwrap().contains("- [x]"));
    world.assert_nothing_to_do().await;
    github.approve(1, "mara");
    world.settle().await;
    assert_eq!(world.head("checkout", "prod").as_ref(), Some(&builds[1]));
    assert_eq!(world.head("cart", "prod"), None);
}
