//! People's acts with the real binary, on a bare repository, a clone of it and the embedded registry: what is promoted,
//! rolled back, held, proposed and rendered, and what the next pass makes of it.

mod adoption;
mod broken;
mod drift;
mod freezes;
mod holds;
mod names;
mod overridden;
mod pulls;
mod races;
mod render;
mod rollback;
mod signed;
mod work_tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use headwater::cli::engine::{Engine, Opening};
use headwater::config::{Inputs, Settings};
use headwater::demo::registry::{BuildSpec, EmbeddedRegistry};
use headwater::model::{Digest, Timestamp};
use headwater::plan::{Plan, State};

use crate::support::hermetic::Hermetic;

const STREAM: &str = "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  name: shop # kept as it is
spec:
  tags:
    - name: dev
      from:
        kind: DockerImage
        name: registry.example/acme/shop:main
      importPolicy:
        scheduled: true
";

const PIPELINE: &str = "apiVersion: headwater.dev/v1alpha1
kind: Pipeline
metadata:
  name: shop
spec:
  stages:
    - name: dev
    - name: qa
    - name: prod
      from: [qa]
";

const TEMPLATE: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{app}}
  namespace: {{namespace}}
spec:
  template:
    spec:
      containers:
        - name: {{app}}
          image: {{image}}
";

pub(crate) const STREAM_FILE: &str = "pipelines/shop/imagestream.yaml";
pub(crate) const PROD_OUTPUT: &str = "environments/prod/rendered/shop/deployment.yaml";

fn environment(name: &str, rest: &str) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {{name: {name}}}\nspec:\n  namespace: shop-{name}\n{rest}  applications:\n    - {{name: shop, template: web}}\n"
    )
}

/// A repository with a pipeline dev -> qa -> prod, a registry, and somebody with a clone.
pub(crate) struct World {
    machine: Hermetic,
    bare: PathBuf,
    pub(crate) clone: PathBuf,
    settings: PathBuf,
    registry: EmbeddedRegistry,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn fails(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` in {self:#?}");
        }
        self
    }
}

impl World {
    /// prod takes pull requests with one approval.
    pub(crate) async fn new() -> Self {
        Self::with("  delivery: pullRequest\n  approvals: {count: 1}\n", "").await
    }

    /// prod takes commits.
    pub(crate) async fn by_commit() -> Self {
        Self::with("  delivery: commit\n", "").await
    }

    pub(crate) async fn with(prod: &str, more_settings: &str) -> Self {
        let machine = Hermetic::new();
        let registry = EmbeddedRegistry::start().await.unwrap();
        let bare = machine.bare_repository("gitops");
        let file = |path: &str, text: &str| (path.to_owned(), Some(text.as_bytes().to_vec()));
        bare.commit(
            "main",
            "Begin",
            &[
                file(STREAM_FILE, STREAM),
                file("pipelines/shop/pipeline.yaml", PIPELINE),
                file("templates/web/deployment.yaml.hbs", TEMPLATE),
                file(
                    "environments/dev.yaml",
                    &environment("dev", "  delivery: commit\n"),
                ),
                file(
                    "environments/qa.yaml",
                    &environment("qa", "  delivery: commit\n"),
                ),
                file("environments/prod.yaml", &environment("prod", prod)),
            ],
        );
        let path = bare.path().to_owned();
        let folder = machine.folder().to_owned();
        let settings = folder.join("operator.yaml");
        let text = format!(
            "git: {{cacheDir: '{}'}}\nregistry:\n  useDockerConfig: false\n  allowed: [registry.example]\n  registries: [{{host: registry.example, mirror: '{}'}}]\nforge: {{offline: {{trust: push}}}}\n{more_settings}",
            folder.join("cache").display(),
            registry.url(),
        );
        std::fs::write(&settings, text).unwrap();
        let world = Self {
            bare: path,
            clone: folder.join("work"),
            settings,
            registry,
            machine,
        };
        world.git(
            &folder,
            &["clone", "-q", &world.bare.display().to_string(), "work"],
        );
        world.git(&world.clone, &["config", "user.name", "Mara"]);
        world.git(&world.clone, &["config", "user.email", "mara@example.com"]);
        world
    }

    /// A Git command; its output without the last line break.
    #[track_caller]
    pub(crate) fn git(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = self
            .machine
            .command("git")
            .current_dir(folder)
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// Git on the bare repository.
    pub(crate) fn base(&self, arguments: &[&str]) -> String {
        self.git(&self.bare, arguments)
    }

    /// A file of the base.
    pub(crate) fn on_base(&self, path: &str) -> String {
        self.base(&["show", &format!("main:{path}")])
    }

    /// A file of the clone.
    pub(crate) fn here(&self, path: &str) -> String {
        std::fs::read_to_string(self.clone.join(path)).unwrap()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.clone.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// What `git status` has to say in the clone.
    pub(crate) fn dirty(&self) -> Vec<String> {
        let status = self.git(&self.clone, &["status", "--porcelain", "-uall"]);
        status.lines().map(|l| l.trim().to_owned()).collect()
    }

    pub(crate) fn pull(&self) {
        self.git(&self.clone, &["pull", "-q", "--ff-only"]);
    }

    /// The binary, in the clone, as Mara.
    pub(crate) fn run(&self, line: &[&str]) -> Said {
        self.run_at(&self.clone.display().to_string(), line)
    }

    /// The same as somebody else.
    pub(crate) fn run_as(&self, name: &str, line: &[&str]) -> Said {
        let mut command = self.command(&self.clone.display().to_string(), line);
        command.env("GIT_AUTHOR_NAME", name).env(
            "GIT_AUTHOR_EMAIL",
            format!("{}@example.com", name.to_lowercase()),
        );
        said(command)
    }

    /// The same on another repository.
    pub(crate) fn run_at(&self, repository: &str, line: &[&str]) -> Said {
        said(self.command(repository, line))
    }

    fn command(&self, repository: &str, line: &[&str]) -> Command {
        let mut command = self.machine.headwater();
        command
            .args(line)
            .args(["--repo", repository, "--config"])
            .arg(&self.settings)
            .stdin(Stdio::null());
        command
    }

    /// A build of that version; what differs from it differs in digest.
    pub(crate) fn build(&self, version: &str) -> Digest {
        self.build_with(version, version)
    }

    /// A build of that version, under another name than that of the pipeline's images.
    pub(crate) fn build_at(&self, repository: &str, tag: &str, version: &str) -> Digest {
        let spec = BuildSpec {
            labels: BTreeMap::new(),
            content: version.to_owned(),
            platforms: Vec::new(),
        };
        self.registry.push(repository, tag, spec)
    }

    pub(crate) fn build_with(&self, version: &str, content: &str) -> Digest {
        let label = (
            "org.opencontainers.image.version".to_owned(),
            version.to_owned(),
        );
        let spec = BuildSpec {
            labels: BTreeMap::from([label]),
            content: content.to_owned(),
            platforms: Vec::new(),
        };
        self.registry.push("acme/shop", "main", spec)
    }

    pub(crate) fn loaded(&self) -> Settings {
        let inputs = Inputs {
            file: Some(self.settings.clone()),
            ..Inputs::default()
        };
        headwater::config::load(&inputs).unwrap().settings
    }

    /// An engine that remembers nothing of earlier checks, so that everything is due.
    fn engine(&self) -> Engine {
        let mut settings = self.loaded();
        let cache = tempfile::tempdir_in(self.machine.folder()).unwrap();
        settings.git.cache_dir = cache.keep();
        let opening = Opening {
            location: self.bare.display().to_string(),
            ..Opening::default()
        };
        Engine::assemble(&settings, opening).unwrap()
    }

    /// Passes of the real reconciler until nothing is left to do.
    pub(crate) async fn passes(&self) {
        let passes = self
            .engine()
            .reconciler
            .run(Timestamp::now())
            .await
            .unwrap();
        for pass in &passes {
            assert_eq!(pass.receipt.refused, [], "{:#?}", pass.plan.holds);
        }
    }

    /// What would be done next.
    pub(crate) async fn plan(&self) -> Plan {
        self.engine()
            .reconciler
            .plan(Timestamp::now())
            .await
            .unwrap()
            .1
    }

    pub(crate) async fn state(&self, stage: &str) -> (State, String) {
        let plan = self.plan().await;
        let found = plan.stages.iter().find(|s| s.key.to_string() == stage);
        let found = found.unwrap();
        (found.state, found.why.clone())
    }

    /// The version that a stage holds.
    pub(crate) async fn holds(&self, stage: &str) -> Option<String> {
        let plan = self.plan().await;
        let found = plan.stages.into_iter().find(|s| s.key.to_string() == stage);
        found.unwrap().current.map(|c| c.version)
    }

    /// Two builds that went all the way: 1.0.0, then 1.1.0.
    pub(crate) async fn two_in_prod(&self) -> (Digest, Digest) {
        let first = self.build("1.0.0");
        self.passes().await;
        let second = self.build("1.1.0");
        self.passes().await;
        self.pull();
        (first, second)
    }

    /// The ids of open pull requests.
    pub(crate) fn open_pulls(&self) -> Vec<String> {
        let said = self.run(&["pr", "list", "-o", "name"]).ok();
        said.stdout.lines().map(str::to_owned).collect()
    }
}

fn said(mut command: Command) -> Said {
    let output = command.output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
