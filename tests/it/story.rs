//! The whole story on real parts: the real binary, Debian's registry, images by umoci and skopeo, and Git's own server over
//! HTTP with a password. The clock is the machine's, so the example content is taken with waits of a second.

mod daemons;
mod fixtures;
mod prod;
mod protected;
mod registries;
mod secrets;

use std::cell::RefCell;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use headwater::model::Digest;
use serde_json::{Value, json};

use crate::support::docker_registry::{DockerRegistry, have};
use crate::support::git_http::GitHttp;
use crate::support::hermetic::{BareRepository, Change, Hermetic, example_content};

/// The password of the Git server; it must not show up anywhere but in the settings.
const CANARY: &str = "canary-4f1c9b7e";
const STREAM: &str = "pipelines/myapp/imagestream.yaml";
/// A registry, a Git server and a machine on which the binary runs.
struct Real {
    machine: Hermetic,
    registry: DockerRegistry,
    git: GitHttp,
    /// Everything the binary has said so far.
    said: RefCell<String>,
}

/// How a command ended.
#[derive(Debug)]
struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Said {
    #[track_caller]
    fn ends(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        for word in words {
            let there = self.stdout.contains(word) || self.stderr.contains(word);
            assert!(there, "no `{word}` in\n{}\n{}", self.stdout, self.stderr);
        }
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:#?}"))
    }
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

impl Real {
    /// All parts, the keycloak images of the example content and no build of myapp; `None`, said aloud, without the parts.
    async fn start() -> Option<Self> {
        if !have(&["git"]) {
            return None;
        }
        Some(Self::with(DockerRegistry::start()?).await)
    }

    async fn with(registry: DockerRegistry) -> Self {
        let machine = Hermetic::new();
        let served = machine.folder().join("served");
        std::fs::create_dir(&served).unwrap();
        let git = GitHttp::serve(&served, Some(("bot", CANARY))).await;
        let real = Self {
            machine,
            registry,
            git,
            said: RefCell::default(),
        };
        real.settings(
            "settings.yaml",
            json!([{
                "host": "registry.example",
                "mirror": format!("http://{}", real.registry.host()),
                "plainHttp": true,
            }]),
            json!([]),
        );
        for version in ["25.0.2", "19.0"] {
            let place = format!("keycloak/keycloak:{version}");
            let labels = [("org.opencontainers.image.version", version)];
            real.registry.push_image(&place, &labels, "amd64");
        }
        real
    }

    /// Settings of one operator, with a cache of their own.
    fn settings(&self, name: &str, registries: Value, credentials: Value) {
        let folder = self.machine.folder();
        let settings = json!({
            "git": {
                "cacheDir": folder.join("cache").join(name),
                "credentials": [
                    {"origin": self.git.origin(), "username": "bot", "password": CANARY},
                ],
            },
            "registry": {
                "useDockerConfig": false,
                "registries": registries,
                "credentials": credentials,
            },
            "forge": {"offline": {"trust": "push", "teams": {"@acme/release": ["ann@example.com"]}}},
            "daemon": {"listen": "127.0.0.1:0"},
        });
        std::fs::write(folder.join(name), settings.to_string()).unwrap();
    }

    /// The repository, which holds the example content with short waits.
    fn base(&self) -> BareRepository<'_> {
        let base = self.machine.bare_repository("served/gitops");
        base.git(&["config", "http.receivepack", "true"]);
        base.commit("main", "Begin", &content());
        base
    }

    fn url(&self) -> String {
        self.git.url("gitops.git")
    }

    fn command(&self, settings: &str, arguments: &[&str]) -> Command {
        let mut command = self.machine.headwater();
        command
            .args(["--config", settings, "--repo", &self.url()])
            .args(arguments);
        command
    }

    /// Runs the binary to its end.
    fn run(&self, arguments: &[&str]) -> Said {
        self.run_as("Mara", arguments)
    }

    fn run_as(&self, name: &str, arguments: &[&str]) -> Said {
        let mut command = self.command("settings.yaml", arguments);
        command.env("GIT_AUTHOR_NAME", name).env(
            "GIT_AUTHOR_EMAIL",
            format!("{}@example.com", name.to_lowercase()),
        );
        let said = Said::from(command.output().unwrap());
        *self.said.borrow_mut() += &format!("{}\n{}\n", said.stdout, said.stderr);
        said
    }

    /// A build of one platform behind the tag that dev follows.
    fn build(&self, version: &str, tests: &str) -> Digest {
        self.registry
            .push_image("acme/myapp:main", &labels(version, tests), "amd64")
    }

    /// Runs until `ready`, as often as it takes for clocks to run out.
    #[track_caller]
    fn run_until(&self, mut ready: impl FnMut() -> bool) {
        let start = Instant::now();
        while !ready() {
            assert!(start.elapsed() < Duration::from_secs(30), "not in time");
            self.run(&["run", "-v"]).ends(0, &[]);
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Open pull requests into prod.
    fn open_pulls(&self) -> Vec<String> {
        let list = self.run(&["pr", "list", "-o", "json"]).ends(0, &[]).json();
        let ids = list.as_array().unwrap().iter();
        ids.map(|pull| pull["id"].as_str().unwrap().to_owned())
            .filter(|id| id.starts_with("promote-myapp-prod-"))
            .collect()
    }

    /// The digest that skopeo sees behind a tag, computed from its bytes.
    fn seen_by_skopeo(&self, place: &str) -> Digest {
        Digest::sha256(&self.registry.raw(place))
    }
}

fn labels<'a>(version: &'a str, tests: &'a str) -> [(&'a str, &'a str); 2] {
    [
        ("org.opencontainers.image.version", version),
        ("tests", tests),
    ]
}

/// The example content with waits of a second instead of minutes and hours.
fn content() -> Vec<Change> {
    let shorter = [
        ("pipelines/myapp/pipeline.yaml", "soak: 30m", "soak: 1s"),
        ("pipelines/myapp/pipeline.yaml", "age: 2h", "age: 1s"),
    ];
    let mut content = example_content();
    for (path, long, short) in shorter {
        let (_, bytes) = content.iter_mut().find(|(p, _)| p == path).unwrap();
        let text = String::from_utf8(bytes.take().unwrap()).unwrap();
        assert_eq!(text.matches(long).count(), 1, "{path} says `{long}`");
        *bytes = Some(text.replace(long, short).into_bytes());
    }
    let config = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nmetadata: {name: headwater}\nspec: {import: {settle: 1s, interval: 1s}}\n";
    content.push(("headwater.yaml".to_owned(), Some(config.into())));
    content
}

/// What an environment deploys of myapp.
fn deployed(base: &BareRepository<'_>, environment: &str) -> String {
    let path = format!("environments/{environment}/rendered/myapp/deployment.yaml");
    let bytes = base.show("main", &path).unwrap_or_default();
    String::from_utf8(bytes).unwrap()
}

fn deploys(base: &BareRepository<'_>, environment: &str, digest: &Digest) -> bool {
    let image = format!("registry.example/acme/myapp@{digest}");
    deployed(base, environment).contains(&image)
}

/// The digest that the stream of myapp records for a tag at a commit, if it has one.
fn head_of(base: &BareRepository<'_>, commit: &str, tag: &str) -> Option<String> {
    let stream: Value = serde_yaml::from_slice(&base.show(commit, STREAM)?).unwrap();
    let tags = stream["status"]["tags"].as_array()?;
    let found = tags.iter().find(|t| t["tag"] == tag)?;
    Some(found["items"][0]["image"].as_str().unwrap().to_owned())
}
