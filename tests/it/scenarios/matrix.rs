//! Many pipelines and environments from one document each: the shop of `tests/fixtures/shop`, with three services.

use std::path::Path;

use headwater::model::Digest;
use headwater::plan::State;

use crate::support::world::{World, small};

const SERVICES: [&str; 3] = ["cart", "orders", "search"];
const ENVIRONMENTS: &str = "environments/all.yaml";
const PIPELINES: &str = "pipelines/shop.yaml";

/// A file of the shop without what takes a workflow or a deployment agent.
fn fixture(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("tests/fixtures/shop").join(path)).unwrap();
    let without = ["- workflow:", "deployed:"];
    let kept = text
        .lines()
        .filter(|line| !without.iter().any(|word| line.contains(word)));
    kept.map(|line| format!("{line}\n")).collect()
}

/// A folder for the values of a service in each environment of a tier.
fn values(service: &str, tier: &str) -> Vec<(String, String)> {
    let regions = ["eu", "us", "ap"].into_iter();
    let path = |region| format!("environments/{tier}-{region}/{service}/values.yaml");
    regions
        .map(|region| (path(region), format!("colour: {region}\n")))
        .collect()
}

fn service(name: &str) -> Vec<(String, String)> {
    let mut files = vec![(
        format!("pipelines/{name}/imagestream.yaml"),
        small::stream(name),
    )];
    for tier in ["dev", "qa", "prod"] {
        files.extend(values(name, tier));
    }
    files
}

async fn shop() -> World {
    let mut files: Vec<(String, String)> = small::files()
        .into_iter()
        .filter(|(path, _)| path != "headwater.yaml")
        .map(|(path, _)| (path, String::new()))
        .collect();
    files.extend([ENVIRONMENTS, PIPELINES].map(|path| (path.to_owned(), fixture(path))));
    let template = "templates/web-service/deployment.yaml.hbs";
    files.push((template.to_owned(), small::TEMPLATE.to_owned()));
    files.extend(SERVICES.into_iter().flat_map(service));
    let mut world = World::with(&borrowed(&files)).await;
    world.operator(|settings| {
        let team = settings.forge.offline.teams["@acme/release"].clone();
        let teams = &mut settings.forge.offline.teams;
        teams.insert("@shop/release".to_owned(), team);
    });
    world
}

fn borrowed(files: &[(String, String)]) -> Vec<(&str, &str)> {
    let files = files.iter();
    files
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect()
}

fn build(world: &World, service: &str, version: &str) -> Digest {
    world.push_build(&format!("acme/{service}:main"), version, &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_of_two_files_travels_dev_qa_and_prod_by_waves() {
    let mut world = shop().await;
    let before = world.repository.line().len();
    let builds = SERVICES.map(|service| build(&world, service, "1.0.0"));
    world.settle().await;
    // One commit for all of dev, one for all of qa.
    assert_eq!(
        world.repository.line().len(),
        before + 2,
        "{:?}",
        world.repository.subjects()
    );
    for (service, build) in SERVICES.iter().zip(&builds) {
        for region in ["eu", "us", "ap"] {
            for tier in ["dev", "qa"] {
                let rendered = world.rendered(&format!("{tier}-{region}"), service);
                assert!(
                    rendered.contains(build.as_str()),
                    "{tier}-{region}: {rendered}"
                );
                assert!(rendered.contains(&format!("value: {region}")), "{rendered}");
            }
            assert_eq!(world.rendered(&format!("prod-{region}"), service), "");
        }
    }
    world
        .assert_stage("orders/prod-eu", State::Waiting, "soak")
        .await;

    world.advance("4h");
    world.settle().await;
    let pull = world.open_pull().await;
    for service in SERVICES {
        assert!(pull.title.contains(service), "{}", pull.title);
    }
    assert!(pull.title.contains("prod-eu"), "{}", pull.title);
    world
        .assert_stage("orders/prod-eu", State::Waiting, "approval")
        .await;
    world.approve(&pull, "Ines").await;
    world.settle().await;
    for (service, build) in SERVICES.iter().zip(&builds) {
        assert_eq!(world.head(service, "prod-eu").as_ref(), Some(build));
        assert!(world.rendered("prod-eu", service).contains(build.as_str()));
        assert_eq!(world.head(service, "prod-us"), None);
    }

    // The others follow in their own windows, by the approval of the first: New York by day, Singapore in the morning.
    world.advance("4h");
    world.settle().await;
    world.advance("31m");
    world.settle().await;
    for (service, build) in SERVICES.iter().zip(&builds) {
        assert_eq!(world.head(service, "prod-us").as_ref(), Some(build));
        assert_eq!(world.head(service, "prod-ap"), None);
    }
    world
        .assert_stage("orders/prod-ap", State::Waiting, "window")
        .await;
    world.advance("8h");
    world.settle().await;
    for (service, build) in SERVICES.iter().zip(&builds) {
        assert!(world.rendered("prod-ap", service).contains(build.as_str()));
    }
    for path in [ENVIRONMENTS, PIPELINES] {
        assert_eq!(world.repository.text("main", path), Some(fixture(path)));
    }
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_more_is_a_service_more_and_one_less_leaves_what_it_wrote() {
    let world = shop().await;
    let builds = SERVICES.map(|service| build(&world, service, "1.0.0"));
    world.settle().await;
    let stock = build(&world, "stock", "3.0.0");
    world.person_commits(&borrowed(&service("stock")), "Begin with stock");
    world.settle().await;
    assert_eq!(world.head("stock", "qa"), Some(stock.clone()));
    assert!(world.rendered("dev-us", "stock").contains(stock.as_str()));

    world.person_deletes(
        &["environments/qa-us/cart/values.yaml"],
        "No cart in the States",
    );
    world.settle().await;
    world.assert_nothing_to_do().await;
    let left = world.rendered("qa-us", "cart");
    assert!(left.contains(builds[0].as_str()), "{left}");
    let plan = world.plan().await;
    assert!(
        plan.stages.iter().all(|stage| stage.state != State::Broken),
        "{:#?}",
        plan.stages
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_freezes_and_mistakes_speak_of_results_by_their_names() {
    let mut world = shop().await;
    let files = [
        ("holds/orders.yaml", small::hold("orders", "orders", "qa")),
        ("freezes/prod.yaml", small::freeze("prod", "\"prod-*\"")),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text));
    world.person_commits(&borrowed(&files), "Stop");
    for service in SERVICES {
        build(&world, service, "1.0.0");
    }
    world.settle().await;
    world
        .assert_stage("orders/qa", State::Held, "somebody said stop")
        .await;
    assert!(world.head("cart", "qa").is_some() && world.head("orders", "qa").is_none());
    world.advance("4h");
    world.settle().await;
    world
        .assert_stage("cart/prod-eu", State::Frozen, "inventory")
        .await;
    assert!(world.pulls().await.is_empty());

    // A mistake in the rules of prod is none of dev and qa, which the same file has.
    world.person_edits(ENVIRONMENTS, "Asia/Singapore", "Asia/Nowhere");
    let newer = build(&world, "cart", "1.1.0");
    world.advance("1m");
    world.settle().await;
    assert_eq!(world.head("cart", "qa"), Some(newer));
    world
        .assert_stage("cart/prod-ap", State::Broken, "Asia/Nowhere")
        .await;
    world
        .assert_stage("search/prod-eu", State::Frozen, "inventory")
        .await;

    // A matrix that gives nothing moves nothing that may be its own.
    world.person_edits(PIPELINES, "environments/dev-eu/*", "environments/dev-xx/*");
    build(&world, "cart", "1.2.0");
    world.advance("1m");
    let before = world.repository.resolve("main");
    world.settle().await;
    assert_eq!(world.repository.resolve("main"), before);
}
