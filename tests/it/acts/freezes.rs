//! `freeze` and `unfreeze`: into the work tree, onto the base, as a pull request, and what passes make of it.

use headwater::plan::State;

use super::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_environment_takes_nothing_until_it_is_lifted_and_rollback_goes_on() {
    let world = World::by_commit().await;
    world.two_in_prod().await;
    let said = world
        .run(&["freeze", "prod", "--reason", "INC-7", "--push", "--yes"])
        .ok();
    assert!(
        said.stdout.contains(
            "freeze/prod created: nothing enters prod until it is lifted; rollback goes on"
        ),
        "{}",
        said.stdout
    );
    world.build("1.2.0");
    world.passes().await;
    assert_eq!(world.holds("shop/qa").await.as_deref(), Some("1.2.0"));
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.1.0"));
    assert_eq!(world.state("shop/prod").await.0, State::Frozen);
    let lift = "headwater unfreeze prod --reason";
    let why = world.run(&["why", "shop/prod"]);
    assert!(why.stdout.contains(lift), "{}", why.stdout);
    let asked = world.run(&["promote", "shop/prod", "--reason", "now", "--dry-run"]);
    let told = format!("{}{}", asked.stdout, asked.stderr);
    assert!(
        told.contains("shop/prod is frozen") && told.contains(lift),
        "{told}"
    );
    world
        .run(&[
            "rollback",
            "shop/prod",
            "--reason",
            "login 500s",
            "--push",
            "--yes",
        ])
        .ok();
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
    world
        .run(&[
            "unhold",
            "shop/prod",
            "--reason",
            "mended",
            "--push",
            "--yes",
        ])
        .ok();
    world
        .run(&["unfreeze", "prod", "--reason", "over", "--push", "--yes"])
        .ok();
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.2.0"));
    world
        .run(&["thaw", "prod", "--reason", "again"])
        .fails(2, &["there is no freeze `prod`", "nothing is frozen"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_another_set_hears_whose_wish_gives_way() {
    let world = World::by_commit().await;
    world.two_in_prod().await;
    let act = |words: &[&str]| {
        let all = [words, &["--reason", "CHG-1", "--push", "--yes"]].concat();
        world.run(&all).ok()
    };
    act(&["freeze", "prod"]);
    world.build("1.2.0");
    world.passes().await;
    act(&["promote", "shop/prod"]);
    let said = act(&["promote", "shop/prod", "--to", "1.0.0", "--dry-run"]);
    let told = format!("{}{}", said.stdout, said.stderr);
    let words = "takes the place of what mara@example.com asked for here (CHG-1)";
    assert!(told.contains(words), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_lies_in_the_work_tree_first_and_is_sound_there() {
    let world = World::by_commit().await;
    let long = [
        "freeze",
        "prod",
        "qa",
        "--from",
        "2030-11-26",
        "--until",
        "2030-12-01T08:00",
        "--time-zone",
        "Europe/Berlin",
        "--name",
        "black-friday",
        "--reason",
        "CHG-4711",
    ];
    let dry = world.run(&[&long[..], &["--dry-run"]].concat()).ok();
    assert!(dry.stdout.contains("+  reason: CHG-4711"), "{}", dry.stdout);
    let file = world.clone.join("freezes/black-friday.yaml");
    assert!(!file.exists());
    let said = world.run(&[&long[..], &["-o", "name"]].concat()).ok();
    assert_eq!(said.stdout, "freeze/black-friday\n");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("until: \"2030-12-01T08:00:00\""), "{text}");
    world.run(&["check"]).ok();
    world
        .run(&long)
        .fails(1, &["there is a freeze `black-friday` already"]);
    world.run(&["unfreeze", "qa", "--reason", "x"]).fails(
        2,
        &["freezes prod, qa too", "headwater unfreeze black-friday"],
    );
    let json = world
        .run(&["unfreeze", "black-friday", "--reason", "x", "-o", "json"])
        .ok();
    assert!(
        json.stdout.contains("\"kind\": \"Freeze\""),
        "{}",
        json.stdout
    );
    assert!(!file.exists());
    for (words, exit, said) in [
        (
            vec!["freeze", "prdo", "--reason", "x"],
            2,
            "did you mean `prod`?",
        ),
        (vec!["freeze", "--reason", "x"], 2, "ENVIRONMENT"),
        (vec!["freeze", "prod"], 2, "--reason"),
        (
            vec!["freeze", "prod", "--reason", "x", "--until", "soon"],
            2,
            "2026-12-01T08:00",
        ),
        (
            vec!["freeze", "prod", "--reason", "x", "--until", "2020-01-01"],
            2,
            "freezes nothing",
        ),
        (
            vec!["freeze", "prod", "--reason", "x", "--time-zone", "Mars"],
            2,
            "unknown time zone",
        ),
    ] {
        world.run(&words).fails(exit, &[said]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_that_is_proposed_freezes_once_it_is_merged() {
    let world = World::by_commit().await;
    world.build("1.0.0");
    world
        .run(&["freeze", "prod", "--reason", "audit", "--pull-request"])
        .ok();
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
    let list = world.run(&["pr", "list", "-o", "name"]).ok();
    let id = list.stdout.trim().to_owned();
    world.run(&["pr", "merge", &id]).ok();
    world.build("1.1.0");
    world.passes().await;
    assert_eq!(world.holds("shop/qa").await.as_deref(), Some("1.1.0"));
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_else_freezes_an_environment_is_said_when_it_is_frozen_and_when_one_is_lifted() {
    let world = World::by_commit().await;
    world.run(&["freeze", "prod", "--reason", "INC-7"]).ok();
    let again = world.run(&["freeze", "prod", "--reason", "INC-8"]).ok();
    assert!(
        again.stderr.contains("freeze/prod is about prod already"),
        "{again:#?}"
    );
    let lifted = world.run(&["unfreeze", "prod", "--reason", "over"]).ok();
    let stays = "prod stays frozen by freeze/prod-2: headwater unfreeze prod-2";
    assert!(lifted.stderr.contains(stays), "{lifted:#?}");
}
