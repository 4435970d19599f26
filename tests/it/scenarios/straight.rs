//! The straight story: from a build to prod, and nothing left to do.

use headwater::plan::State;

use crate::support::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_build_travels_to_prod_and_then_there_is_nothing_to_do() {
    let mut world = World::example().await;
    let build = world.push_build("acme/myapp:main", "1.2.0", &[("tests", "passed")]);
    world.push_build("keycloak/keycloak:25.0.2", "25.0.2", &[]);
    world.push_build("keycloak/keycloak:19.0", "19.0.3", &[]);

    world.settle().await;
    assert_eq!(world.head("myapp", "latest-dev"), Some(build.clone()));
    assert_eq!(world.head("myapp", "qa-stable"), Some(build.clone()));
    assert_eq!(world.head("myapp", "prod"), None);
    assert!(world.rendered("dev", "myapp").contains(build.as_str()));
    assert!(world.rendered("qa", "myapp").contains(build.as_str()));
    world
        .assert_stage("myapp/prod", State::Waiting, "soak")
        .await;

    world.advance("2h1m");
    world.settle().await;
    let pull = world.open_pull().await;
    assert_eq!(world.head("myapp", "prod"), None);
    world
        .assert_stage("myapp/prod", State::Waiting, "approval")
        .await;

    world.approve(&pull, "Ines").await;
    world.settle().await;
    assert_eq!(world.head("myapp", "prod"), Some(build.clone()));
    assert_eq!(world.head("myapp", "prod-v1.2"), Some(build.clone()));
    assert!(world.rendered("prod", "myapp").contains(build.as_str()));
    world.assert_stage("myapp/prod", State::Settled, "").await;
    world.assert_nothing_to_do().await;
}
