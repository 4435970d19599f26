//! The line on the command line: the real binary on the example content, with a registry in this process.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use headwater::demo::registry::{BuildSpec, EmbeddedRegistry};
use headwater::model::Digest;
use serde_json::Value;

use crate::support::hermetic::{BareRepository, Hermetic, example_content};

mod bad_input;
mod check;
mod examples;
mod known;
mod logs;
mod matrix;
mod metrics;
mod online;
mod saved;
mod serve;

/// A machine with settings for a registry of this process.
struct Line {
    machine: Hermetic,
    registry: EmbeddedRegistry,
}

/// How a command ended.
#[derive(Debug)]
struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    fn has(&self, parts: &[&str]) -> &Self {
        for part in parts {
            let there = self.stdout.contains(part) || self.stderr.contains(part);
            assert!(there, "no `{part}` in\n{}\n{}", self.stdout, self.stderr);
        }
        self
    }
}

fn build(content: &str, tests: &str) -> BuildSpec {
    let labels = [
        ("tests", tests),
        ("org.opencontainers.image.version", content),
    ];
    BuildSpec {
        labels: labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        content: content.to_owned(),
        platforms: Vec::new(),
    }
}

impl Line {
    async fn new() -> Self {
        let registry = EmbeddedRegistry::start().await.unwrap();
        registry.push("acme/myapp", "main", build("1.2.0", "passed"));
        registry.push("keycloak/keycloak", "25.0.2", build("25.0.2", "passed"));
        registry.push("keycloak/keycloak", "19.0", build("19.0.3", "passed"));
        let machine = Hermetic::new();
        let line = Self { machine, registry };
        line.settings(&line.registry.url());
        line
    }

    /// Settings by which registry.example is asked at an address of this machine.
    fn settings(&self, mirror: &str) {
        let folder = self.machine.folder();
        let settings = serde_json::json!({
            "git": {"cacheDir": folder.join("cache")},
            "registry": {"registries": [
                {"host": "registry.example", "mirror": mirror, "plainHttp": true},
            ]},
            "forge": {"offline": {"trust": "push"}},
            "daemon": {"listen": "127.0.0.1:0"},
        });
        std::fs::write(folder.join("settings.yaml"), settings.to_string()).unwrap();
    }

    fn base(&self) -> BareRepository<'_> {
        let base = self.machine.bare_repository("base");
        base.commit("main", "Begin", &example_content());
        base
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.machine.headwater();
        command
            .args(["--config", "settings.yaml", "--repo", "base.git"])
            .args(arguments);
        command
    }

    /// Runs the binary while this process answers its questions.
    async fn said(&self, arguments: &[&str]) -> Said {
        let mut command = self.command(arguments);
        let output = tokio::task::spawn_blocking(move || command.output());
        Said::from(output.await.unwrap().unwrap())
    }

    fn asked_for_tags(&self) -> usize {
        let seen = self.registry.requests();
        let tag = |path: &str| path.contains("/manifests/") && !path.contains("sha256:");
        seen.iter().filter(|r| tag(&r.path)).count()
    }

    fn rebuild(&self, version: &str) -> Digest {
        self.registry
            .push("acme/myapp", "main", build(version, "passed"))
    }
}

fn states(status: &Value) -> BTreeMap<String, String> {
    let pipelines = status["pipelines"].as_array().unwrap();
    let stages = pipelines
        .iter()
        .flat_map(|p| p["stages"].as_array().unwrap());
    stages
        .map(|s| {
            let state = s["state"].as_str().unwrap().to_owned();
            (s["key"].as_str().unwrap().to_owned(), state)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_imports_promotes_to_qa_and_then_merely_waits() {
    let line = Line::new().await;
    let base = line.base();
    let planned = line.said(&["plan", "--exit-code"]).await;
    assert_eq!(planned.code, 10, "{planned:?}");
    planned.has(&["import", "Plan: "]);
    assert_eq!(base.log("main"), ["Begin"], "a plan writes nothing");

    let ran = line.said(&["run"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.has(&["pushed", "waiting"]);
    assert!(base.log("main").len() >= 3, "{:?}", base.log("main"));
    let rendered = base.show("main", "environments/qa/rendered/myapp/deployment.yaml");
    let rendered = String::from_utf8(rendered.expect("qa is rendered")).unwrap();
    assert!(rendered.contains("registry.example/acme/myapp@sha256:"));

    let again = line.said(&["plan", "--exit-code"]).await;
    assert_eq!(again.code, 0, "{again:?}");
    again.has(&["Plan: nothing to do"]);
    let head = base.resolve("main");
    let quiet = line.said(&["run", "-o", "json"]).await;
    assert_eq!((quiet.code, base.resolve("main")), (0, head));
    assert_eq!(quiet.json()["passes"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_says_what_it_did_not_ask_again_and_refresh_asks_it() {
    let line = Line::new().await;
    let base = line.base();
    let first = line.said(&["run"]).await;
    assert!(!first.stderr.contains("not asked again"), "{first:?}");
    let asked = line.asked_for_tags();
    let new = line.rebuild("1.3.0");

    let soon = line.said(&["run"]).await;
    soon.has(&["not asked again so soon", "`run --refresh` asks now"]);
    assert_eq!(line.asked_for_tags(), asked);

    let refreshed = line.said(&["run", "--refresh"]).await;
    assert_eq!(refreshed.code, 0, "{refreshed:?}");
    assert!(
        !refreshed.stderr.contains("not asked again"),
        "{refreshed:?}"
    );
    let rendered = base.show("main", "environments/dev/rendered/myapp/deployment.yaml");
    let rendered = String::from_utf8(rendered.expect("dev is rendered")).unwrap();
    assert!(rendered.contains(new.as_str()), "{refreshed:?}");
    let asked = line.asked_for_tags();
    line.said(&["run", "-q"]).await;
    assert_eq!(line.asked_for_tags(), asked, "refreshing is for once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_repository_and_its_clones_know_the_same_of_registries() {
    let line = Line::new().await;
    let _base = line.base();
    line.said(&["run"]).await;
    line.registry.untag("acme/myapp", "main");
    line.said(&["run", "--refresh"]).await;
    let work = line.machine.folder().join("work");
    let mut git = line.machine.command("git");
    let cloned = git.args(["clone", "--quiet", "base.git", "work"]);
    assert!(cloned.status().unwrap().success());
    let mut command = line.machine.headwater();
    command.args(["--config", "../settings.yaml", "why", "myapp/dev"]);
    let said = Said::from(command.current_dir(work).output().unwrap());
    said.has(&["broken", "is not in the registry"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_why_and_history_ask_no_registry_for_digests() {
    let line = Line::new().await;
    let _base = line.base();
    let before = line.said(&["status", "-o", "json"]).await;
    assert_eq!(before.code, 0, "{before:?}");
    assert_eq!(states(&before.json())["myapp/dev"], "none");
    line.said(&["run"]).await;
    let asked = line.asked_for_tags();
    assert!(asked > 0);
    line.rebuild("1.3.0");

    let status = line.said(&["status", "-o", "json"]).await;
    let found = states(&status.json());
    assert_eq!(
        (found["myapp/dev"].as_str(), found["myapp/prod"].as_str()),
        ("settled", "waiting")
    );
    line.said(&["status"])
        .await
        .has(&["myapp", "1.2.0", "checked"]);
    let why = line.said(&["why", "myapp/prod"]).await;
    assert_eq!(why.code, 0, "{why:?}");
    why.has(&["myapp/prod", "waiting", "soak"]);
    line.said(&["why", "myapp/dev"])
        .await
        .has(&["registry.example/acme/myapp:main"]);
    let history = line.said(&["history", "myapp/qa", "-o", "json"]).await;
    assert_eq!(history.json()["sets"][0]["version"], "1.2.0", "{history:?}");
    line.said(&["history", "myapp/qa"])
        .await
        .has(&["1.2.0", "promotion"]);
    assert_eq!(line.asked_for_tags(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_build_goes_all_the_way_in_one_run_with_or_without_caches() {
    let line = Line::new().await;
    let base = line.base();
    line.said(&["run"]).await;
    for (version, keep) in [("1.3.0", true), ("1.4.0", false)] {
        let digest = line.rebuild(version);
        // Which tags are due is remembered in the cache: without it everything is.
        std::fs::remove_dir_all(line.machine.folder().join("cache")).unwrap();
        if keep {
            line.said(&["plan"]).await;
        }
        let ran = line.said(&["run"]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        for environment in ["dev", "qa"] {
            let file = format!("environments/{environment}/rendered/myapp/deployment.yaml");
            let text = String::from_utf8(base.show("main", &file).unwrap()).unwrap();
            assert!(text.contains(digest.as_str()), "{environment}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_stage_is_answered_with_those_there_are() {
    let line = Line::new().await;
    let _base = line.base();
    for (stage, help) in [
        ("myap/prod", "did you mean `myapp`?"),
        ("myapp/prd", "did you mean `prod`?"),
        ("myapp/zzzzzz", "known here: dev, qa, prod"),
        ("zzzzzz/prod", "known here: keycloak, myapp"),
    ] {
        for verb in ["why", "history"] {
            let said = line.said(&[verb, stage]).await;
            assert_eq!(said.code, 2, "{said:?}");
            said.has(&[help]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_is_said_once_and_the_rest_goes_on() {
    let line = Line::new().await;
    let base = line.base();
    let broken = b"apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: odd}\nspec: {stages: [{nmae: dev}]}\n";
    let file = "pipelines/odd/pipeline.yaml".to_owned();
    base.commit("main", "Add a broken one", &[(file, Some(broken.to_vec()))]);
    let ran = line.said(&["run"]).await;
    assert_eq!(ran.code, 4, "{ran:?}");
    assert_eq!(
        ran.stderr.matches("pipelines/odd/pipeline.yaml:4").count(),
        1,
        "{ran:?}"
    );
    assert!(
        base.show("main", "environments/qa/rendered/myapp/deployment.yaml")
            .is_some()
    );
    line.said(&["plan"])
        .await
        .has(&["pipelines/odd/pipeline.yaml:4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_import_is_broken_until_it_heals() {
    let line = Line::new().await;
    let _base = line.base();
    line.registry.untag("acme/myapp", "main");
    let ran = line.said(&["run"]).await;
    assert_eq!(ran.code, 4, "{ran:?}");
    for arguments in [&["plan"][..], &["plan", "--exit-code"]] {
        let planned = line.said(arguments).await;
        assert_eq!(planned.code, 4, "nothing to do, but broken: {planned:?}");
    }
    let status = line.said(&["status", "-o", "json"]).await;
    assert_eq!(states(&status.json())["myapp/dev"], "broken", "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_a_retry_may_mend_waits_and_ends_with_try_again() {
    let line = Line::new().await;
    let base = line.base();
    line.registry.fail_next(503, 100, None);
    for arguments in [&["run"][..], &["plan"], &["plan", "--exit-code"]] {
        let said = line.said(arguments).await;
        assert_eq!(said.code, 75, "{said:?}");
        said.has(&["next try"]);
    }
    let said = line.said(&["status"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    said.has(&["3 waiting", "dev import: ", "registry.example   waiting"]);
    assert!(!said.stdout.contains("broken"), "{said:?}");
    let said = line.said(&["why", "myapp/dev"]).await;
    said.has(&["myapp/dev   waiting", "no import; tried again by itself"]);

    // Whatever a person must mend counts for more.
    let odd = b"apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: odd}\nspec: {stages: [{nmae: dev}]}\n";
    let file = "pipelines/odd/pipeline.yaml".to_owned();
    base.commit("main", "Add a broken one", &[(file, Some(odd.to_vec()))]);
    for verb in ["run", "plan"] {
        let said = line.said(&[verb]).await;
        assert_eq!(said.code, 4, "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_repository_is_said_so() {
    let line = Line::new().await;
    let machine = &line.machine;
    std::fs::create_dir(machine.folder().join("plain")).unwrap();
    machine.bare_repository("empty");
    let nix = machine.bare_repository("nix");
    nix.commit(
        "main",
        "Begin",
        &[("README.md".to_owned(), Some(b"x".to_vec()))],
    );
    nix.git(&["symbolic-ref", "HEAD", "refs/heads/nix"]);
    for (repo, code, part) in [
        ("nowhere", 2, "there is no repository at `nowhere`"),
        ("plain", 2, "--repo PATH|URL"),
        ("empty.git", 1, "needs a first commit"),
        ("empty.git", 1, "git commit -m \"Begin\""),
        ("nix.git", 1, "has no branch `nix`"),
        ("nix.git", 1, "`git.base`"),
        ("ssh://git@host/x", 2, "https"),
        ("http://127.0.0.1:1/x.git", 75, "try again later"),
    ] {
        for verb in ["plan", "status", "run"] {
            let mut command = machine.headwater();
            command.args(["--config", "settings.yaml", "--repo", repo, verb]);
            let said = Said::from(command.output().unwrap());
            assert_eq!(said.code, code, "{repo} {verb}: {said:?}");
            assert_eq!(said.stdout, "");
            said.has(&[part]);
        }
    }
}
