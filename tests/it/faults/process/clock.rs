//! A clock that jumps: one round of questions at most, nobody is forgotten, and a slow host serves the longest waiting first.

use std::time::Duration;

use headwater::demo::registry::BuildSpec;

use crate::support::world::{World, small};

const STREAMS: usize = 12;
/// Those that are asked for apart from each other by more than a tenth of their interval.
const FEW: usize = 6;

/// What happens to the clock.
type Jump = fn(&mut World);

/// Many streams in no pipeline, each imported once.
async fn many() -> World {
    let files: Vec<(String, String)> = (0..STREAMS)
        .map(|n| {
            (
                format!("streams/s{n}.yaml"),
                small::stream(&format!("s{n}")),
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (&**p, &**t)).collect();
    let mut world = World::with(&files).await;
    for n in 0..STREAMS {
        world
            .registry
            .push(&format!("acme/s{n}"), "main", BuildSpec::default());
    }
    world.good_build("1.0.0");
    world.settle().await;
    world
}

/// The tags asked for since the last look, in order.
fn asked(world: &World, seen: &mut usize) -> Vec<String> {
    let requests = world.registry.requests();
    let tags = requests[*seen..]
        .iter()
        .filter(|r| r.path.ends_with("/manifests/main"));
    let names = tags
        .map(|r| r.path.split('/').nth(3).unwrap().to_owned())
        .collect();
    *seen = requests.len();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_a_day_ahead_or_an_hour_back_causes_one_round_of_questions() {
    let mut world = many().await;
    let mut seen = 0;
    assert_eq!(asked(&world, &mut seen).len(), STREAMS + 1);
    let jumps: [(&str, Jump); 3] = [
        ("a day ahead", |world| world.advance("1d")),
        ("an hour back", |world| world.turn_back("1h")),
        ("a day ahead once more", |world| world.advance("1d")),
    ];
    for (what, jump) in jumps {
        jump(&mut world);
        for pass in 0..4 {
            world.pass().await;
            let mut tags = asked(&world, &mut seen);
            let count = tags.len();
            tags.sort();
            tags.dedup();
            assert_eq!(tags.len(), count, "{what}: one was asked for twice");
            let wanted = if pass == 0 { STREAMS + 1 } else { 0 };
            assert_eq!(count, wanted, "{what}, pass {pass}");
            world.advance("1s");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_takes_one_question_at_a_time_gets_the_longest_waiting_first() {
    let mut world = many().await;
    world.operator(|settings| settings.registry.registries[0].concurrency = Some(1));
    // Later streams were last asked for earlier: their sources change one after the other, which is asked at once.
    for n in (0..FEW).rev() {
        world.advance("8s");
        let tag = format!("v{n}");
        world
            .registry
            .push(&format!("acme/s{n}"), &tag, BuildSpec::default());
        let path = format!("streams/s{n}.yaml");
        world.person_edits(&path, ":main", &format!(":{tag}"));
        world.settle().await;
    }
    world.advance("1h");
    let before = world.registry.requests().len();
    let pass = world.pass().await;
    let requests = world.registry.requests();
    let wanted: Vec<String> = (0..FEW).rev().map(|n| format!("s{n}")).collect();
    let mine: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let order: Vec<&str> = requests[before..]
        .iter()
        .filter_map(|r| r.path.strip_prefix("/v2/acme/")?.split('/').next())
        .filter(|name| mine.contains(name))
        .collect();
    assert_eq!(order, mine);
    let late = pass.lateness;
    assert_eq!(late.checked, STREAMS + 1, "{late:?}");
    assert!(
        late.most_seconds >= 59 * 60 && late.p99_seconds >= 58 * 60,
        "{late:?}"
    );
    assert!(Duration::from_secs(late.most_seconds) < Duration::from_secs(2 * 3600));
}
