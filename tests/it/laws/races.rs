//! Nothing that anybody pushes is lost, whoever is faster.

use std::path::Path;

use headwater::model::Timestamp;

use crate::support::world::{Repository, World};

#[tokio::test(flavor = "multi_thread")]
async fn twenty_writers_lose_nothing_to_us_and_we_nothing_to_them() {
    let mut world = World::served(&[]).await;
    let mut builds = Vec::new();
    let path = world.repository.path().to_owned();
    let now = world.now();
    for round in 0..4 {
        builds.push(world.good_build(&format!("1.0.{round}")));
        let writers: Vec<_> = (0..5)
            .map(|n| {
                let path = path.clone();
                std::thread::spawn(move || write(&path, round * 5 + n, now))
            })
            .collect();
        let pass = world.pass().await;
        assert!(pass.receipt.refused.is_empty(), "{:?}", pass.receipt);
        for writer in writers {
            writer.join().unwrap();
        }
        world.settle().await;
    }
    let files = world.repository.files("main");
    let notes = files.keys().filter(|p| p.starts_with("notes/")).count();
    assert_eq!(notes, 20);
    let line = world.repository.line();
    let theirs = line
        .iter()
        .filter(|id| world.repository.committer(id) != "headwater@localhost");
    assert_eq!(theirs.count(), 21);
    assert_eq!(world.head("app", "qa"), builds.pop());
}

/// A writer who tries until it works.
fn write(path: &Path, n: usize, at: Timestamp) {
    let repository = Repository::open(path);
    let file = (format!("notes/{n}.txt"), Some(b"hello\n".to_vec()));
    while !repository.try_commit("Writer", at, "Take a note", &vec![file.clone()]) {
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_comes_in_between_is_observed_and_planned_again_at_once() {
    let mut world = World::served(&[]).await;
    let build = world.good_build("1.0.0");
    let (path, now) = (world.repository.path().to_owned(), world.now());
    world.server().between(move || {
        let file = ("notes.md".to_owned(), Some(b"in between\n".to_vec()));
        assert!(Repository::open(&path).try_commit("Mara", now, "Come in between", &vec![file]));
    });
    let pass = world.pass().await;
    assert!(
        !pass.receipt.again && pass.receipt.done.len() == 1,
        "{:?}",
        pass.receipt
    );
    assert_eq!(world.head("app", "dev"), Some(build));
    assert_eq!(world.repository.subjects()[1], "Come in between");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_answer_is_lost_is_found_again_and_made_once() {
    let mut world = World::served(&[]).await;
    let build = world.good_build("1.0.0");
    world.server().cut_next_answer();
    world.pass().await;
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build));
    let moves = world.repository.subjects();
    assert_eq!(moves.len(), 3, "{moves:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_daemons_on_one_repository_do_everything_once() {
    let mut world = World::served(&[]).await;
    let second = world.another_engine("second");
    for round in 0..3 {
        world.good_build(&format!("1.{round}.0"));
        let now = world.now();
        for _ in 0..6 {
            let (one, other) = tokio::join!(
                world.engine.reconciler.pass(now),
                second.reconciler.pass(now)
            );
            let (one, other) = (one.unwrap(), other.unwrap());
            assert!(one.receipt.refused.is_empty(), "{:?}", one.receipt);
            assert!(other.receipt.refused.is_empty(), "{:?}", other.receipt);
        }
        let pull = world.open_pull().await;
        world.approve(&pull, "Ines").await;
        tokio::join!(
            async { world.engine.reconciler.run(now).await.unwrap() },
            async { second.reconciler.run(now).await.unwrap() }
        );
        world.settle().await;
    }
    assert_eq!(world.pulls().await.len(), 3);
    // Three builds, each imported, promoted twice, over the first commit.
    let subjects = world.repository.subjects();
    assert_eq!(subjects.len(), 1 + 3 * 3, "{subjects:#?}");
}
