//! Plans that are saved and carried out later: as they were shown, or not at all.

use headwater::plan::Plan;
use headwater::reconciler::Applied;

use crate::support::world::{World, shown, small};

fn through_a_file(plan: &Plan) -> Plan {
    let text = serde_json::to_string(plan).unwrap();
    let read: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(read, *plan);
    read
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_carried_out_as_shown_even_by_another_process() {
    let mut world = World::small().await;
    let build = world.good_build("1.0.0");
    let saved = through_a_file(&world.plan().await);
    assert!(!saved.is_empty(), "{}", shown(&saved));
    world.forget();
    world.advance("30s");
    match world
        .engine
        .reconciler
        .apply_saved(&saved, world.now())
        .await
        .unwrap()
    {
        Applied::Done(pass) => assert_eq!(pass.receipt.done.len(), 1, "{:?}", pass.receipt),
        Applied::Changed(plan) => panic!("it should be the same:\n{}", shown(&plan)),
    }
    assert_eq!(world.head("app", "dev"), Some(build));
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    assert!(
        text.contains("2026-01-05T09:01:00Z"),
        "stamps are those of the saved plan\n{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_not_carried_out_after_somebody_else_pushed() {
    let mut world = World::small().await;
    world.good_build("1.0.0");
    let saved = through_a_file(&world.plan().await);
    world.person_commits(&[("notes.md", "hello\n")], "Take notes");
    let head = world.repository.resolve("main");
    let applied = world
        .engine
        .reconciler
        .apply_saved(&saved, world.now())
        .await
        .unwrap();
    assert!(matches!(applied, Applied::Changed(_)), "{applied:?}");
    assert_eq!(world.repository.resolve("main"), head);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_does_not_outlive_the_verdicts_it_rests_on() {
    let freeze = small::freeze("noon", "qa").replace(
        "reason:",
        "from: \"2026-01-05T12:00\", timeZone: UTC, reason:",
    );
    let mut world = World::with(&[("freezes/noon.yaml", &freeze)]).await;
    world.good_build("1.0.0");
    world.pass().await;
    let saved = through_a_file(&world.plan().await);
    assert!(!saved.is_empty(), "{}", shown(&saved));
    let until = saved.valid_until.expect("the freeze ends it");
    assert_eq!(until.to_string(), "2026-01-05T12:00:00Z");
    world.advance("3h");
    let applied = world
        .engine
        .reconciler
        .apply_saved(&saved, world.now())
        .await
        .unwrap();
    assert!(matches!(applied, Applied::Changed(_)), "{applied:?}");
    assert_eq!(world.head("app", "qa"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_merge_is_not_carried_out_when_the_approval_is_for_another_head() {
    let mut world = World::small().await;
    let (_, pull) = world.proposed("1.0.0").await;
    world.approve(&pull, "Ines").await;
    let saved = through_a_file(&world.plan().await);
    assert!(!saved.is_empty(), "{}", shown(&saved));
    let file = ("evil.yaml".to_owned(), Some(b"a: 1\n".to_vec()));
    world
        .repository
        .commit_to(&pull.branch, "Mara", world.now(), "Slip in", &vec![file]);
    let applied = world
        .engine
        .reconciler
        .apply_saved(&saved, world.now())
        .await
        .unwrap();
    assert!(matches!(applied, Applied::Changed(_)), "{applied:?}");
    assert_eq!(world.head("app", "prod"), None);
}
