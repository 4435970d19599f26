//! A small repository: one application that travels dev, qa, prod, and pieces to build others from.

/// The stream's file, with comments that must survive.
pub(crate) const STREAM: &str = r#"# The stream of app. Keep this comment.
apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  name: app # and this one
spec:
  tags:
    # what main builds
    - name: dev
      from:
        kind: DockerImage
        name: "registry.example/acme/app:main" # quoted on purpose
      importPolicy: {scheduled: true}
"#;

/// The pipeline: qa takes what dev holds, prod what qa holds and what its tests passed.
pub(crate) const PIPELINE: &str = r#"apiVersion: headwater.dev/v1alpha1
kind: Pipeline
metadata: {name: app}
spec:
  stages:
    - name: dev
    - name: qa
      verify:
        - expression: 'image.labels["tests"] == "passed"'
    - name: prod
      from: [qa]
"#;

/// The only manifest of the template `plain`.
pub(crate) const TEMPLATE: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{app}}
spec:
  template:
    spec:
      containers:
        - name: {{app}}
          image: {{image}}
          env:
            - name: COLOUR
              value: {{values.colour}}
"#;

/// Sources are asked every minute.
pub(crate) const CONFIG: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nmetadata: {name: headwater}\nspec: {import: {interval: 1m}}\n";

/// The path of [`STREAM`].
pub(crate) const STREAM_PATH: &str = "pipelines/app/imagestream.yaml";
/// The path of [`PIPELINE`].
pub(crate) const PIPELINE_PATH: &str = "pipelines/app/pipeline.yaml";
/// The path of [`TEMPLATE`].
pub(crate) const TEMPLATE_PATH: &str = "templates/plain/deployment.yaml.hbs";

/// An environment for commits.
pub(crate) fn by_commit(name: &str) -> String {
    environment(name, "delivery: commit", &["app"])
}

/// An environment for pull requests that somebody of the release team approves.
pub(crate) fn by_pull_request(name: &str) -> String {
    let rules = "delivery: pullRequest\n  approvals: {count: 1, from: [\"@acme/release\"]}";
    environment(name, rules, &["app"])
}

/// Services that travel dev, qa, prod like the one that is there, with these rules in prod.
pub(crate) fn services(names: &[&str], prod: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for name in names {
        files.push((format!("pipelines/{name}/imagestream.yaml"), stream(name)));
        let pipeline = PIPELINE.replace("name: app", &format!("name: {name}"));
        files.push((format!("pipelines/{name}/pipeline.yaml"), pipeline));
    }
    let commit = "delivery: commit";
    for (environment, rules) in [("dev", commit), ("qa", commit), ("prod", prod)] {
        let path = format!("environments/{environment}.yaml");
        files.push((path, self::environment(environment, rules, names)));
    }
    files
}

/// An environment with rules and applications of the template `plain`.
pub(crate) fn environment(name: &str, rules: &str, applications: &[&str]) -> String {
    let mut text = format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {{name: {name}}}\nspec:\n  {rules}\n  applications:\n"
    );
    for application in applications {
        text += &format!("    - {{name: {application}, template: plain}}\n");
    }
    text
}

/// A stream with one scheduled tag `dev`.
pub(crate) fn stream(name: &str) -> String {
    STREAM
        .replace("name: app ", &format!("name: {name} "))
        .replace(
            "registry.example/acme/app:main",
            &format!("registry.example/acme/{name}:main"),
        )
}

/// A hold of a stage.
pub(crate) fn hold(name: &str, pipeline: &str, stage: &str) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Hold\nmetadata: {{name: {name}}}\nspec: {{pipeline: {pipeline}, stages: [{stage}], reason: somebody said stop}}\n"
    )
}

/// A freeze of an environment.
pub(crate) fn freeze(name: &str, environment: &str) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Freeze\nmetadata: {{name: {name}}}\nspec: {{environments: [{environment}], reason: inventory}}\n"
    )
}

/// The small repository.
pub(crate) fn files() -> Vec<(String, String)> {
    let owned = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    vec![
        owned("headwater.yaml", CONFIG),
        owned(STREAM_PATH, STREAM),
        owned(PIPELINE_PATH, PIPELINE),
        owned(TEMPLATE_PATH, TEMPLATE),
        owned("templates/plain/values.yaml", "colour: green\n"),
        owned("environments/dev.yaml", &by_commit("dev")),
        owned("environments/qa.yaml", &by_commit("qa")),
        owned("environments/prod.yaml", &by_pull_request("prod")),
    ]
}
