//! What a whole pass costs a registry: counted between the two, with two hundred tags.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::behind_tokens;
use super::*;
use crate::support::world::World;

/// Tags in all, of ten streams.
const TAGS: usize = 200;

/// A world that imports two hundred tags through the proxy, each for streams of two namespaces, and the one of the small
/// world besides.
async fn wide() -> Option<(Real, World, Vec<(String, Digest)>)> {
    let real = Real::start().await?;
    let tags = real.tags(TAGS).await;
    let mut streams: BTreeMap<String, String> = BTreeMap::new();
    for (place, _) in &tags {
        let (_, rest) = place.split_once('/').unwrap();
        let (repository, tag) = rest.split_once(':').unwrap();
        let name = repository.replace('/', "-");
        let text = streams.entry(name.clone()).or_insert_with(|| {
            format!(
                "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: {name}}}\nspec:\n  tags:\n"
            )
        });
        *text += &format!(
            "    - {{name: {tag}, from: {{kind: DockerImage, name: \"registry.example/{rest}\"}}, importPolicy: {{scheduled: true}}}}\n"
        );
    }
    let twins = streams.iter().map(|(name, text)| {
        let elsewhere = format!("{{name: {name}, namespace: elsewhere}}");
        let text = text.replace(&format!("{{name: {name}}}"), &elsewhere);
        (format!("pipelines/{name}/twin.yaml"), text)
    });
    let twins: Vec<(String, String)> = twins.collect();
    let own = streams.into_iter();
    let files: Vec<(String, String)> = own
        .map(|(name, text)| (format!("pipelines/{name}/imagestream.yaml"), text))
        .chain(twins)
        .collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(p, t)| (p.as_str(), t.as_str()))
        .collect();
    let mirror = format!("http://{}", real.proxy.host());
    let mut world = World::with(&files).await;
    world.operator(|settings| settings.registry.registries[0].mirror = Some(mirror));
    real.proxy.forget();
    Some((real, world, tags))
}

/// How many of the tags the base holds as they are in the registry.
fn imported(world: &World, tags: &[(String, Digest)]) -> usize {
    let held: BTreeSet<Digest> = world.repository.heads("main").into_values().collect();
    tags.iter()
        .filter(|(_, digest)| held.contains(digest))
        .count()
}

/// Requests that are allowed for the tags of the world: 1.05 each.
const ALLOWED: usize = (TAGS + 1) * 105 / 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_costs_one_request_per_tag_and_one_per_scope_and_a_warm_one_no_body() {
    let Some((real, mut world, tags)) = wide().await else {
        return;
    };
    behind_tokens(&real.proxy, |n| {
        Reply::new(
            200,
            &[],
            format!(r#"{{"token": "t{n}", "expires_in": 3600}}"#),
        )
    });
    world.settle().await;
    assert_eq!(imported(&world, &tags), TAGS);
    let scopes = real.proxy.requests("GET", "^/token", 200);
    assert_eq!(scopes, 11, "ten repositories and the small world's");
    let cold = real.proxy.seen().len();
    assert!(cold <= ALLOWED + scopes, "{cold} requests");

    real.proxy.forget();
    world.advance("2m");
    world.settle().await;
    let warm = real.proxy.seen();
    assert!(warm.len() <= ALLOWED, "{} requests", warm.len());
    assert!(warm.len() >= TAGS);
    // The small world's own tag is not there, so its digest is not known yet.
    let warm: Vec<_> = warm
        .iter()
        .filter(|seen| seen.target.contains("/many/"))
        .collect();
    assert_eq!(warm.len(), TAGS);
    assert!(warm.iter().all(|seen| seen.method == "HEAD"));
    assert_eq!(warm.iter().map(|seen| seen.body).sum::<u64>(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_over_a_registry_that_fails_one_time_in_ten_ends_right_in_one_go() {
    let Some((real, world, tags)) = wide().await else {
        return;
    };
    real.proxy.rule(Rule::any().ratio(0.1), Fault::status(503));
    world.pass().await;
    assert_eq!(imported(&world, &tags), TAGS);
    let asked = real.proxy.seen().len();
    assert!(asked <= (TAGS + 1) * 12 / 10, "{asked} requests");
    assert!(real.proxy.requests("*", "", 503) > 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_goes_away_between_two_passes_changes_nothing_and_comes_back_by_itself() {
    let Some((real, mut world, tags)) = wide().await else {
        return;
    };
    world.settle().await;
    let before = world.repository.heads("main");
    for fault in [Fault::status(503), Fault::Reset, Fault::status(404)] {
        real.proxy.heal();
        real.proxy.rule(Rule::any(), fault);
        world.restart();
        world.advance("2m");
        world.pass().await;
        assert_eq!(world.repository.heads("main"), before);
    }
    let moved = real
        .registry
        .put("many/r0", "v0", INDEX, index("moved"))
        .await;
    real.proxy.heal();
    world.restart();
    world.advance("1h");
    world.pass().await;
    let held: BTreeSet<Digest> = world.repository.heads("main").into_values().collect();
    assert!(held.contains(&moved) && !held.contains(&tags[0].1));
}
