//! Manifests rendered, compared with what lies in Git, and written where they differ.

use std::path::Path;
use std::time::{Duration, Instant};

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Repository, Signature, Time};
use handlebars::Handlebars;
use headwater::model::{BlobId, Digest};
use headwater::plan::plan as make_plan;
use serde_json::json;
use tempfile::TempDir;

use crate::corpus::BEGIN;
use crate::engine::{Ours, at};
use crate::measure::{Plan, median, pairs, timed};
use crate::registry::Embedded;
use crate::table::{Row, seconds};

/// The template of every application.
const TEMPLATE: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{app}}
  namespace: {{namespace}}
  labels: {app: {{app}}, tier: web}
spec:
  replicas: {{values.replicas}}
  selector: {matchLabels: {app: {{app}}}}
  template:
    metadata: {labels: {app: {{app}}}}
    spec:
      containers:
        - name: main
          image: {{image}}
          ports: [{containerPort: 8080}]
          env: [{name: LOG, value: info}, {name: MODE, value: prod}]
          resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 256Mi}}
          livenessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 10}
";

/// All of them new, and none of them changed.
pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let mut ours_new = Vec::new();
    let quiet = pairs(
        plan,
        |_| {
            let (new, unchanged) = one(plan.rendered);
            ours_new.push(new);
            unchanged
        },
        |_| alone(plan.rendered),
    );
    let new = median(ours_new);
    let what = |how: &str| format!("{} manifests rendered and compared, {how}", plan.rendered);
    let row = |how: &str, ours: Duration, most: f64| Row {
        what: what(how),
        ours: seconds(ours),
        floor: format!(
            "{} (handlebars alone, and a SHA-1 of each)",
            seconds(quiet.floor)
        ),
        ratio: format!("{:.1} x", ours.as_secs_f64() / quiet.floor.as_secs_f64()),
        bar: format!("<= {most} s"),
        met: Some(ours.as_secs_f64() <= most),
    };
    vec![
        row("all of them new, and committed", new, 0.1),
        row("none of them changed", quiet.ours, 0.03),
    ]
}

/// A repository whose applications are not rendered yet, until they are: the last plan with its commit, and a plan after.
fn one(count: usize) -> (Duration, Duration) {
    let folder = TempDir::new().unwrap();
    let bare = folder.path().join("base.git");
    write(&bare, count);
    let registry = Embedded::start();
    let ours = Ours::open(&bare, &folder.path().join("cache"), &registry.address());
    let reconciler = &ours.engine.reconciler;
    ours.runtime.block_on(async {
        let (observation, _) = reconciler.plan(at(1)).await.unwrap();
        let begin = Instant::now();
        let made = make_plan(&observation);
        let receipt = reconciler.applier.apply(&made).await;
        let new = begin.elapsed();
        assert_eq!(receipt.done.len(), 1, "{receipt:?} {:?}", made.holds);
        let (observation, _) = reconciler.plan(at(2)).await.unwrap();
        let (unchanged, made) = timed(|| make_plan(&observation));
        assert!(made.is_empty(), "{:?}", made.changes);
        let outputs = observation.snapshot.files.keys();
        let outputs = outputs.filter(|path| path.as_str().contains("/rendered/"));
        assert_eq!(outputs.count(), count);
        (new, unchanged)
    })
}

fn write(bare: &Path, count: usize) {
    let bare = Repository::init_bare(bare).unwrap();
    let mut update = TreeUpdateBuilder::new();
    let mut put = |path: String, text: String| {
        let blob = bare.blob(text.as_bytes()).unwrap();
        update.upsert(path, blob, FileMode::Blob);
    };
    let mut applications = String::new();
    for number in 0..count {
        let name = format!("app{number:04}");
        let digest = Digest::sha256(name.as_bytes());
        let image = format!("registry.example/team/{name}@{digest}");
        put(
            format!("streams/{name}.yaml"),
            format!(
                "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: {name}, namespace: web}}\nspec:\n  tags:\n    - name: prod\n      from: {{kind: ImageStreamImage, name: \"{name}@{digest}\"}}\nstatus:\n  tags:\n    - tag: prod\n      items:\n        - {{created: \"2026-01-05T08:00:00Z\", dockerImageReference: \"{image}\", generation: 1, image: \"{digest}\"}}\n"
            ),
        );
        put(
            format!("pipelines/{name}.yaml"),
            format!(
                "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {{name: {name}, namespace: web}}\nspec:\n  stages: [{{name: prod}}]\n"
            ),
        );
        applications += &format!("    - {{name: {name}, template: web}}\n");
    }
    put(
        "environments/prod.yaml".to_owned(),
        format!(
            "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {{name: prod}}\nspec:\n  namespace: web\n  delivery: commit\n  applications:\n{applications}"
        ),
    );
    put(
        "templates/web/deployment.yaml.hbs".to_owned(),
        TEMPLATE.to_owned(),
    );
    put(
        "templates/web/values.yaml".to_owned(),
        "replicas: 2\n".to_owned(),
    );
    let empty = bare.treebuilder(None).unwrap().write().unwrap();
    let empty = bare.find_tree(empty).unwrap();
    let tree = update.create_updated(&bare, &empty).unwrap();
    let tree = bare.find_tree(tree).unwrap();
    let who = Signature::new("Mara", "mara@example.com", &Time::new(BEGIN, 0)).unwrap();
    bare.commit(Some("refs/heads/main"), &who, &who, "begin\n", &tree, &[])
        .unwrap();
    bare.set_head("refs/heads/main").unwrap();
}

/// The template engine alone.
fn alone(count: usize) -> Duration {
    let mut engine = Handlebars::new();
    let template = TEMPLATE.replace("{app: {{app}}}", "{ app: {{app}} }");
    engine.register_template_string("web", template).unwrap();
    let values: Vec<_> = (0..count)
        .map(|number| {
            let app = format!("app{number:04}");
            let digest = Digest::sha256(app.as_bytes());
            json!({
                "app": app, "namespace": "web", "values": {"replicas": 2},
                "image": format!("registry.example/team/{app}@{digest}"),
            })
        })
        .collect();
    timed(|| {
        for value in &values {
            let text = engine.render("web", value).unwrap();
            assert!(BlobId::of(text.as_bytes()).as_str().len() == 40);
        }
    })
    .0
}
