//! `set triggers`: which tags move the images of objects with pods, shown and changed in their manifests, and nothing else
//! in these.

use crate::acts::World;

const WEB: &str = "# the shop's face
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  template:
    spec:
      containers:
        - {name: web, image: ' '}
        - {name: log, image: ' '}   # as it comes
";
const JOB: &str = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\nspec: {template: {spec: {containers: [{name: a}]}}}\n";

async fn with_apps() -> World {
    let world = World::by_commit().await;
    world.write("apps/web.yaml", WEB);
    world.write("apps/once.yaml", JOB);
    world.git(&world.clone, &["add", "-A"]);
    world.git(&world.clone, &["commit", "-qm", "Add manifests"]);
    world.git(&world.clone, &["push", "-q"]);
    world
}

const SET: [&str; 2] = ["set", "triggers"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triggers_are_set_and_shown_and_nothing_else_changes() {
    let world = with_apps().await;
    let run = |rest: &[&str]| world.run(&[&SET[..], rest].concat());
    let shown = run(&["deploy/web"]).ok().stdout;
    assert!(
        shown.starts_with("NAME ") && shown.contains("config"),
        "{shown}"
    );
    assert!(!shown.contains("image"), "{shown}");

    let latest = "--from-image=shop:latest-dev";
    let dry = run(&["deploy/web", latest, "-c", "web", "--dry-run"])
        .ok()
        .stdout;
    assert!(dry.contains("+    image.openshift.io/triggers: "), "{dry}");
    assert_eq!(world.here("apps/web.yaml"), WEB);
    let said = run(&["deploy/web", latest, "-c", "web"]).ok();
    assert_eq!(said.stdout, "deployment.apps/web triggers updated\n");
    let edited = world.here("apps/web.yaml");
    let new: Vec<&str> = edited.lines().filter(|line| !WEB.contains(line)).collect();
    let web = r#"{"from":{"kind":"ImageStreamTag","name":"shop:latest-dev"},"fieldPath":"spec.template.spec.containers[?(@.name==\"web\")].image"}"#;
    assert_eq!(
        new,
        [
            "  annotations:",
            &format!("    image.openshift.io/triggers: '[{web}]'")
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triggers_are_paused_and_taken_away_by_their_image() {
    let world = with_apps().await;
    let run = |rest: &[&str]| world.run(&[&SET[..], rest].concat());
    let latest = "--from-image=shop:latest-dev";
    run(&["deploy/web", latest, "-c", "web"]).ok();
    let edited = world.here("apps/web.yaml");
    // A second container, of another namespace, by hand.
    let said = run(&[
        "deploy/web",
        "--from-image=base/log:1",
        "-c",
        "log",
        "--manual",
    ])
    .ok();
    assert!(
        said.stderr
            .contains("no image stream `log` in this repository"),
        "{}",
        said.stderr
    );
    let shown = run(&["deploy/web", "-o", "wide"]).ok().stdout;
    let rows: Vec<Vec<&str>> = shown
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows,
        [
            vec!["NAME", "TYPE", "VALUE", "AUTO"],
            vec!["deployments/web", "config", "true"],
            vec![
                "deployments/web",
                "image",
                "shop:latest-dev",
                "(web)",
                "true"
            ],
            vec!["deployments/web", "image", "base/log:1", "(log)", "false"],
        ]
    );
    let all = run(&["-o", "json"]).ok().stdout;
    let all: serde_json::Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all[2]["value"], "base/log:1 (log)");
    run(&["deploy/web", "--auto"]).ok();
    assert!(!world.here("apps/web.yaml").contains("paused"));
    let again = run(&["deploy/web", latest, "-c", "web"]).ok();
    assert!(
        again.stderr.contains("the files say so already"),
        "{}",
        again.stderr
    );
    // What one takes may be said once more, and another is another.
    run(&[
        "deploy/web",
        "--from-image=shop:latest-dev",
        "-c",
        "log",
        "-c",
        "web",
    ])
    .ok();
    assert_eq!(
        world
            .here("apps/web.yaml")
            .matches("shop:latest-dev")
            .count(),
        2
    );
    run(&["deploy/web", latest, "--remove", "-c", "log"]).ok();
    assert_eq!(world.here("apps/web.yaml"), edited);
    run(&["deploy/web", "--remove-all"]).ok();
    assert_eq!(world.here("apps/web.yaml"), WEB, "byte for byte");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triggers_that_make_no_sense_are_refused_with_the_next_step() {
    let world = with_apps().await;
    let run = |rest: &[&str]| world.run(&[&SET[..], rest].concat());
    let latest = "--from-image=shop:latest-dev";
    run(&["deploy/web", latest]).fails(2, &["which containers", "-c NAME"]);
    run(&["deploy/web", latest, "-c", "db"]).fails(2, &["no container `db`", "web, log"]);
    run(&["deploy/web", "--from-image=quay.io/a/b:1", "-c", "web"])
        .fails(2, &["image of a registry", "STREAM:TAG"]);
    run(&["deploy/web", "--from-image=shop", "-c", "web"]).fails(2, &["names no tag"]);
    run(&["deploy/web", latest, "--remove"]).fails(2, &["no trigger of deployments/web takes"]);
    run(&["job/once", latest, "-c", "a"]).fails(2, &["triggers of a Job", "Deployment, DaemonSet"]);
    run(&["is/shop"]).fails(2, &["image stream `default/shop` has no triggers"]);
    run(&[latest, "-c", "web"]).fails(2, &["nothing is named", "--all"]);
    run(&["deploy/web", "--auto", "--manual"]).fails(2, &["--manual"]);
    assert_eq!(world.here("apps/web.yaml"), WEB);
}
