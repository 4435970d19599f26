//! Words that name nothing: one exit code in every verb, the nearest name, and those there are.

use super::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_nobody_knows_is_an_error_of_usage_in_every_verb() {
    let world = World::new().await;
    world.build("1.0.0");
    world.passes().await;
    let reason = ["--reason", "x"];
    for (line, more) in [
        (&["why"][..], &[][..]),
        (&["history"], &[]),
        (&["hold"], &reason),
        (&["unhold"], &reason),
        (&["promote"], &reason),
        (&["rollback"], &reason),
        (&["pr", "show"], &[]),
        (&["pr", "approve"], &[]),
        (&["pr", "merge"], &[]),
        (&["pr", "close"], &reason),
        (&["pr", "reopen"], &[]),
    ] {
        let run = |word| world.run(&[line, &[word], more].concat());
        run("shop/prd").fails(
            2,
            &[
                "pipeline `shop` has no stage `prd`",
                "did you mean `prod`? known here: dev, qa, prod",
            ],
        );
        run("shpo/prod").fails(
            2,
            &[
                "no pipeline `shpo`",
                "did you mean `shop`? known here: shop",
            ],
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sets_places_and_pull_requests_are_proposed_too() {
    let world = World::new().await;
    world.build("1.0.0");
    world.passes().await;
    let set = ["--reason", "x", "--set", "1.0.1"];
    for verb in ["hold", "unhold"] {
        world
            .run(&[&[verb, "shop/prod"][..], &set].concat())
            .fails(2, &["known here: 1.0.0 ("]);
    }
    world
        .run(&["render", "prd"])
        .fails(2, &["did you mean `prod`? known here: dev, prod, qa"]);
    world
        .run(&["render", "prod/shpo"])
        .fails(2, &["did you mean `shop`? known here: shop"]);
    let id = world.open_pulls().remove(0);
    let close = format!("{}x", &id[..id.len() - 1]);
    world
        .run(&["pr", "show", &close])
        .fails(2, &[&format!("did you mean `{id}`?"), "pr list --all"]);
    world
        .run(&["pr", "show", "nothing"])
        .fails(2, &[&format!("known here: {id}")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_that_cannot_be_read_is_no_unknown_name() {
    let world = World::new().await;
    let path = "pipelines/shop/pipeline.yaml";
    let broken = world.here(path).replace("stages:", "stagse:");
    world.write(path, &broken);
    world.git(&world.clone, &["commit", "-qam", "Break it"]);
    world.git(&world.clone, &["push", "-q"]);
    for line in [
        &["why", "shop/prod"][..],
        &["hold", "shop/prod", "--reason", "x"],
        &["pr", "show", "shop/prod"],
    ] {
        world
            .run(line)
            .fails(3, &["pipeline `shop` cannot be read", "headwater check"]);
    }
}
