//! `drift` with the real binary.

use super::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stages_are_compared_and_scripts_are_told() {
    let world = World::by_commit().await;
    world.two_in_prod().await;
    let same = world.run(&["drift", "qa", "prod", "--exit-code"]).ok();
    assert!(
        same.stdout.contains("1 pipeline with the same in both"),
        "{}",
        same.stdout
    );
    world
        .run(&["hold", "shop/prod", "--reason", "audit", "--push", "--yes"])
        .ok();
    world.build("1.2.0");
    world.passes().await;
    let behind = world.run(&["drift", "qa", "prod"]).ok();
    for words in ["1.2.0", "1.1.0", "prod is 1 set behind"] {
        assert!(behind.stdout.contains(words), "{words}: {}", behind.stdout);
    }
    let coded = world.run(&["drift", "prod", "qa", "--exit-code", "-o", "name"]);
    assert_eq!((coded.code, coded.stdout.as_str()), (10, "shop\n"));
    world.run(&["drift", "qa", "qa"]).fails(
        2,
        &["`qa` is compared with itself", "headwater drift qa prod"],
    );
    world.run(&["drift", "qa", "prdo"]).fails(
        2,
        &[
            "no pipeline has a stage or an environment `prdo`",
            "did you mean `prod`?",
        ],
    );
}
