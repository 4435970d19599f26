//! `render`: the work tree's templates with the images that History vouches for.

use super::{PROD_OUTPUT, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_work_tree_is_rendered_with_what_its_stages_hold() {
    let world = World::by_commit().await;
    let (_, second) = world.two_in_prod().await;
    let said = world.run(&["render", "prod/shop"]).ok();
    assert!(
        said.stdout.starts_with(&format!(
            "---\n# {PROD_OUTPUT}\n# headwater: generated from"
        )),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains(second.as_str()), "{}", said.stdout);

    let template = world
        .here("templates/web/deployment.yaml.hbs")
        .replace("spec:\n  template", "spec:\n  replicas: 7\n  template");
    world.write("templates/web/deployment.yaml.hbs", &template);
    assert!(
        world
            .run(&["render", "prod"])
            .ok()
            .stdout
            .contains("replicas: 7")
    );
    let bare = world.bare.display().to_string();
    assert!(
        !world
            .run_at(&bare, &["render", "prod"])
            .ok()
            .stdout
            .contains("replicas")
    );

    let said = world.run(&["render", "-o", "name"]).ok();
    assert_eq!(said.stdout.lines().count(), 3, "{}", said.stdout);
    let out = world.machine.folder().join("out");
    let folder = out.display().to_string();
    world.run(&["render", "prod", "--out", &folder]).ok();
    let written = std::fs::read_to_string(out.join("prod/shop/deployment.yaml")).unwrap();
    assert!(written.contains("replicas: 7"), "{written}");
    std::fs::write(out.join("prod/shop/deployment.yaml"), "mine").unwrap();
    world
        .run(&["render", "prod", "--out", &folder])
        .fails(1, &["was not written by headwater"]);
    world
        .run(&["render", "stagging"])
        .fails(2, &["no environment `stagging`", "dev, prod, qa"]);
    world
        .run(&["render", "prod/none"])
        .fails(2, &["no application `none`", "known here: shop"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_image_yet_is_named_and_hinders_nothing_else() {
    let world = World::by_commit().await;
    world.build("1.0.0");
    let said = world.run(&["render", "prod"]).ok();
    assert!(
        said.stderr.contains("shop in prod is not rendered"),
        "{}",
        said.stderr
    );
    assert_eq!(said.stdout, "");
    world.write("templates/web/deployment.yaml.hbs", "{{#if}}\n");
    let said = world.run(&["render", "prod"]);
    assert_eq!(said.code, 4, "{said:#?}");
}
