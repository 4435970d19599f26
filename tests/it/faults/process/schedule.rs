//! Several daemons that know nothing of each other, and the end of one in the middle of its work.

use std::collections::BTreeMap;

use crate::support::world::World;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn two_daemons_whose_clocks_and_ticks_differ_do_everything_once() {
    let mut world = World::served(&[]).await;
    let second = world.another_engine("second");
    let mut builds = Vec::new();
    for round in 0..3 {
        builds.push(world.good_build(&format!("1.{round}.0")));
        for tick in 0..5 {
            // One looks every half a minute; the other, forty seconds ahead, every second time.
            let now = world.now();
            let ahead = "40s"
                .parse::<headwater::model::Period>()
                .unwrap()
                .after(now);
            let one = world.engine.reconciler.pass(now);
            if tick % 2 == 0 {
                let (one, other) = tokio::join!(one, second.reconciler.pass(ahead));
                assert!(one.unwrap().receipt.refused.is_empty());
                assert!(other.unwrap().receipt.refused.is_empty());
            } else {
                assert!(one.await.unwrap().receipt.refused.is_empty());
            }
            world.advance("30s");
        }
        let pull = world.open_pull().await;
        world.approve(&pull, "Ines").await;
        world.advance("1m");
        let now = world.now();
        let (one, other) =
            tokio::join!(world.engine.reconciler.run(now), second.reconciler.run(now));
        one.unwrap();
        other.unwrap();
        world.settle().await;
    }
    assert_eq!(world.pulls().await.len(), 3);
    assert_eq!(world.head("app", "prod").as_ref(), builds.last());
    // Each build enters each stage once, and no commit is there twice.
    for tag in ["app:dev", "app:qa", "app:prod"] {
        let mut entered = BTreeMap::<String, usize>::new();
        let mut last = None;
        for commit in world.repository.line() {
            let head = world.repository.heads(&commit).remove(tag);
            if head != last {
                *entered
                    .entry(head.as_ref().unwrap().to_string())
                    .or_default() += 1;
                last = head;
            }
        }
        let wanted = builds.iter().map(|b| (b.to_string(), 1)).collect();
        assert_eq!(entered, wanted, "{tag}");
    }
    assert_eq!(world.repository.subjects().len(), 1 + 3 * 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_in_the_middle_of_a_push_it_ends_that_and_begins_nothing() {
    let machine = Machine::start().await;
    let (entered, pushing) = std::sync::mpsc::channel();
    let (go, gate) = std::sync::mpsc::channel::<()>();
    machine.git.between(move || {
        entered.send(()).unwrap();
        let _ = gate.recv();
    });
    let daemon = machine.serve();
    tokio::task::spawn_blocking(move || pushing.recv())
        .await
        .unwrap()
        .unwrap();
    daemon.signal("TERM");
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        drop(go);
    });
    assert_eq!(daemon.ended().code(), Some(0));
    assert_eq!(machine.base().subjects().len(), 2, "the push, and no other");
    machine.said(&["run"]).await.ends(0, &["pushed"]);
    let heads = machine.base().heads("main");
    assert_eq!(heads["app:dev"], heads["app:qa"]);
    assert_eq!(machine.base().subjects().len(), 3);
}
