//! Short names turned on and off, for streams and for single objects with pods: in the work tree, as a commit, on the base
//! and as a pull request; nothing but the lines they are about changes.

use crate::acts::{PROD_OUTPUT, World};

const WEB: &str = "# the shop's face
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  template:
    metadata:
      labels: {app: web}   # as above
    spec:
      containers:
        - {name: web, image: 'shop:latest'}
---
apiVersion: v1
kind: Service
metadata: {name: web}
";
const TIDY: &str = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: tidy, namespace: night}\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          restartPolicy: Never\n";
const ASKED: &str = "alpha.image.policy.openshift.io/resolve-names";

/// A repository with a workload in `apps/`, pushed.
async fn with_apps() -> World {
    let world = World::by_commit().await;
    world.write("apps/web.yaml", WEB);
    world.write("apps/tidy.yaml", TIDY);
    world.write(
        "charts/web.yaml",
        "kind: StatefulSet\nmetadata: [{{ name }}\n",
    );
    world.git(&world.clone, &["add", "-A"]);
    world.git(&world.clone, &["commit", "-qm", "Add manifests"]);
    world.git(&world.clone, &["push", "-q"]);
    world
}

const SET: [&str; 2] = ["set", "image-lookup"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_with_pods_is_told_to_look_up_all_its_names() {
    let world = with_apps().await;
    let run = |rest: &[&str]| world.run(&[&SET[..], rest].concat());
    let shown = run(&["deploy/web", "--list"]).ok().stdout;
    assert_eq!(shown, "NAME              LOCAL\ndeployments/web   false\n");
    let dry = run(&["deployment/web", "--dry-run"]).ok().stdout;
    assert!(dry.contains("+      annotations:\n"), "{dry}");
    assert!(
        dry.ends_with("deployment.apps/web image lookup updated (dry run)\n"),
        "{dry}"
    );
    assert_eq!(world.here("apps/web.yaml"), WEB);

    let said = run(&["Deployments.apps/web", "cj/tidy", "shop"]).ok();
    assert_eq!(
        said.stdout,
        "imagestream.image.openshift.io/shop image lookup updated\ndeployment.apps/web image lookup updated\ncronjob.batch/tidy image lookup updated\n"
    );
    let edited = world.here("apps/web.yaml");
    let new = edited.lines().filter(|line| !WEB.contains(line));
    let new: Vec<&str> = new.collect();
    assert_eq!(
        new,
        ["      annotations:", &format!("        {ASKED}: \"*\"")]
    );
    assert!(world.here("apps/tidy.yaml").contains(ASKED));
    let shown = run(&["deploy/web", "cronjob/tidy", "shop", "--list"])
        .ok()
        .stdout;
    assert_eq!(
        shown,
        "NAME              LOCAL\nshop              true\ndeployments/web   true\ncronjobs/tidy     true\n"
    );
    let again = run(&["deploy/web"]).ok();
    assert!(
        again.stderr.contains("the files say so already"),
        "{}",
        again.stderr
    );

    let names = run(&["deploy/web", "--enabled=false", "-o", "name"])
        .ok()
        .stdout;
    assert_eq!(names, "deployment.apps/web\n");
    assert_eq!(world.here("apps/web.yaml"), WEB, "off again, byte for byte");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_and_labels_say_what_is_meant_too() {
    let world = with_apps().await;
    let run = |rest: &[&str]| world.run(&[&SET[..], rest].concat());
    let file = world.clone.join("apps/web.yaml");
    let file = file.to_str().unwrap();
    let said = run(&["-f", file, "-o", "yaml"]).ok();
    assert!(said.stderr.contains("passed over in"), "{}", said.stderr);
    assert!(
        said.stderr.contains("1 other object without images"),
        "{}",
        said.stderr
    );
    let object: serde_yaml::Value = serde_yaml::from_str(&said.stdout).unwrap();
    assert_eq!(object["kind"], "Deployment");
    assert_eq!(
        object["spec"]["template"]["metadata"]["annotations"][ASKED],
        "*"
    );
    let stream = world.clone.join("pipelines/shop/imagestream.yaml");
    let shown = run(&[
        "-f",
        file,
        "-f",
        stream.to_str().unwrap(),
        "--list",
        "-o",
        "json",
    ]);
    let rows: serde_json::Value = serde_json::from_str(&shown.ok().stdout).unwrap();
    assert_eq!(
        rows,
        serde_json::json!([{"name": "shop", "local": false}, {"name": "deployments/web", "local": true}])
    );
    let said = run(&["deploy/web", "-f", file, "-o", "name"]).ok();
    assert_eq!(said.stdout, "deployment.apps/web\n", "once");
    for missing in ["deploy/other", "is/shop"] {
        run(&[missing, "-f", file]).fails(2, &["there is no", "in the files of -f"]);
    }
    let none = run(&["-f", file, "-l", "app=other"]).ok();
    assert!(
        none.stderr.contains("nothing bears these labels"),
        "{}",
        none.stderr
    );

    run(&["--all"]).ok();
    assert_eq!(run(&[]).ok().stdout, "NAME   LOCAL\nshop   true\n");
    run(&["--all", "--enabled=false"]).ok();
    assert_eq!(
        run(&["--list", "--all"]).ok().stdout,
        "NAME   LOCAL\nshop   false\n"
    );
    assert_eq!(run(&["-l", "app=none"]).ok().stdout, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_meant_is_refused_with_the_next_step() {
    let world = with_apps().await;
    world.two_in_prod().await;
    world.pull();
    let run = |rest: &[&str]| world.run(&[&SET[..], rest].concat());
    run(&["deploy/wbe"]).fails(2, &["there is no deployments/wbe", "deployments/web"]);
    run(&["sts/web"]).fails(2, &["there is no statefulsets/web", "charts/web.yaml"]);
    run(&["deploy/a/b"]).fails(2, &["is not KIND/NAME", "-n"]);
    run(&["service/web"]).fails(2, &["no image stream `service/web`"]);
    run(&["-n", "other", "cj/tidy"])
        .fails(2, &["there is no cronjobs/tidy", "what has pods: pods, "]);
    let none = world.clone.join("apps/none.yaml");
    run(&["-f", none.to_str().unwrap()]).fails(2, &["there is no file", "-f takes"]);
    let chart = world.clone.join("charts/web.yaml");
    run(&["-f", chart.to_str().unwrap()]).fails(1, &["is no YAML", "by hand"]);
    world.write(".github/web.yaml", WEB);
    let hidden = world.clone.join(".github/web.yaml");
    run(&["-f", hidden.to_str().unwrap()]).fails(2, &["lies in a dot folder", "by hand"]);
    let output = world.clone.join(PROD_OUTPUT);
    run(&["-f", output.to_str().unwrap()])
        .fails(1, &["is generated from a template", "into the template"]);
    run(&["deploy/shop"]).fails(1, &["is generated from a template"]);
    world.write("apps/patch.yaml", WEB);
    run(&["deploy/web"]).fails(2, &["apps/patch.yaml, apps/web.yaml", "-f FILE"]);
    world.write("apps/patch.yaml", "");
    assert_eq!(world.here("apps/web.yaml"), WEB);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_as_far_as_it_is_told() {
    let world = with_apps().await;
    let run = |rest: &[&str]| world.run(&[&SET[..], rest].concat());
    run(&["deploy/web", "--push", "--yes"]).ok();
    assert!(world.on_base("apps/web.yaml").contains(ASKED));
    assert_eq!(
        world.here("apps/web.yaml"),
        WEB,
        "the work tree is left alone"
    );
    run(&["-n", "night", "cj/tidy", "--pull-request"]).ok();
    let pulls = world.open_pulls();
    world.run(&["pr", "merge", &pulls[0]]).ok();
    assert!(world.on_base("apps/tidy.yaml").contains(ASKED));
    world.pull();
    run(&["deploy/web", "shop", "--enabled=false", "--commit"]).ok();
    assert_eq!(world.here("apps/web.yaml"), WEB);
    let title = world.git(&world.clone, &["log", "-1", "--format=%s"]);
    assert_eq!(title.trim(), "Turn image lookup of shop and 1 more off");
    assert_eq!(world.dirty(), Vec::<String>::new());
}
