//! A base that somebody moves back by force: it is said, and the present is derived from what is left.

use crate::support::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_was_forced_back_is_said_for_a_day_and_derived_anew() {
    let mut world = World::served(&[]).await;
    let first = world.good_build("1.0.0");
    world.settle().await;
    let before = world.repository.resolve("main").unwrap();
    let second = world.good_build("1.1.0");
    world.settle().await;
    let lost = world.repository.resolve("main").unwrap();
    assert_eq!(world.head("app", "qa"), Some(second.clone()));

    world.repository.set("main", &before);
    world.registry.retag("acme/app", "main", &first);
    world.advance("1m");
    world.settle().await;
    assert_eq!(
        world.head("app", "qa"),
        Some(first),
        "nothing of what was lost is replayed"
    );
    let said = world.assert_hold("BaseMovedBack", "moved by force").await;
    assert!(said.contains(&lost[..8]), "{said}");
    world.restart();
    world.settle().await;
    world.assert_hold("BaseMovedBack", &lost[..8]).await;
    assert_eq!(world.repository.resolve("main"), Some(before.clone()));

    // Whoever did it takes it back.
    world.repository.set("main", &lost);
    world.registry.retag("acme/app", "main", &second);
    world.advance("1m");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(second));
    let plan = world.plan().await;
    assert!(plan.holds.iter().all(|h| h.reason != "BaseMovedBack"));

    world.repository.set("main", &before);
    world.settle().await;
    world.assert_hold("BaseMovedBack", "moved by force").await;
    world.advance("1d");
    world.settle().await;
    let plan = world.plan().await;
    assert!(plan.holds.iter().all(|h| h.reason != "BaseMovedBack"));
}
