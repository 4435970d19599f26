//! The process under faults: killed, starved of files, memory and places to write, with a clock that jumps, a log that
//! nobody reads and settings that change under it.

mod away;
mod bugs;
mod caches;
mod clock;
mod crash;
mod limits;
mod log;
mod renewal;
mod schedule;
mod silence;
mod watchdog;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use headwater::demo::registry::{BuildSpec, EmbeddedRegistry};
use headwater::model::Digest;
use serde_json::{Value, json};

use crate::support::git_http::GitHttp;
use crate::support::hermetic::{Hermetic, person_environment};
use crate::support::running::Running;
use crate::support::world::{Repository, small};

/// The binary on the small repository, served over HTTP, with a registry in this process.
struct Machine {
    hermetic: Hermetic,
    registry: EmbeddedRegistry,
    git: GitHttp,
}

impl Machine {
    async fn start() -> Self {
        Self::with(small::files()).await
    }

    async fn with(files: Vec<(String, String)>) -> Self {
        let hermetic = Hermetic::new();
        let served = hermetic.folder().join("served");
        std::fs::create_dir(&served).unwrap();
        let base = Repository::init(&served.join("base.git"));
        let files = files.into_iter();
        let files = files.map(|(p, t)| (p, Some(t.into_bytes()))).collect();
        let begin = "2026-01-05T09:00:00Z".parse().unwrap();
        base.commit("Mara", begin, "Begin", &files);
        let machine = Self {
            registry: EmbeddedRegistry::start().await.unwrap(),
            git: GitHttp::serve(&served, None).await,
            hermetic,
        };
        machine.settle_settings(|_| {});
        machine.build("1.0.0");
        machine
    }

    fn folder(&self) -> &Path {
        self.hermetic.folder()
    }

    fn base(&self) -> Repository {
        Repository::open(&self.folder().join("served/base.git"))
    }

    fn cache(&self) -> PathBuf {
        self.folder().join("cache")
    }

    /// Writes the operator's settings, with a change.
    fn settle_settings(&self, change: impl FnOnce(&mut Value)) {
        let mut settings = json!({
            "git": {"cacheDir": self.cache()},
            "registry": {
                "useDockerConfig": false,
                "registries": [
                    {"host": "registry.example", "mirror": self.registry.url(), "plainHttp": true},
                ],
            },
            "forge": {"offline": {"trust": "push", "teams": {"@acme/release": ["ines@example.com"]}}},
            "daemon": {"listen": "127.0.0.1:0", "tick": "1h"},
        });
        change(&mut settings);
        std::fs::write(self.folder().join("settings.yaml"), settings.to_string()).unwrap();
    }

    /// A build whose tests passed, behind the tag that dev follows.
    fn build(&self, version: &str) -> Digest {
        let labels = [
            ("tests", "passed"),
            ("org.opencontainers.image.version", version),
        ];
        let spec = BuildSpec {
            labels: labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            content: version.to_owned(),
            platforms: Vec::new(),
        };
        self.registry.push("acme/app", "main", spec)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.command_for(&self.git.url("base.git"), arguments)
    }

    fn command_for(&self, repository: &str, arguments: &[&str]) -> Command {
        let mut command = self.hermetic.headwater();
        command
            .args(["--config", "settings.yaml", "--repo", repository])
            .args(arguments);
        person_environment(&mut command, "Ines");
        command
    }

    /// Runs the binary to its end while this process answers it.
    async fn said(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments)).await
    }

    fn serve(&self) -> Daemon {
        Daemon::start(self.command(&["serve"]))
    }
}

/// How a command ended.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    text: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = [output.stdout, output.stderr].map(|t| String::from_utf8(t).unwrap());
        Self {
            code: output.status.code(),
            text: text.concat(),
        }
    }
}

impl Said {
    async fn of(mut command: Command) -> Self {
        let output = tokio::task::spawn_blocking(move || command.output());
        output.await.unwrap().unwrap().into()
    }

    #[track_caller]
    fn ends(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.text);
        for word in words {
            assert!(self.text.contains(word), "no `{word}` in {}", self.text);
        }
    }
}

/// A running daemon.
struct Daemon {
    child: Running,
    address: String,
}

impl Daemon {
    /// Starts it and reads where it serves; what it says later is read and forgotten.
    fn start(command: Command) -> Self {
        let (daemon, lines) = Self::start_unread(command);
        std::thread::spawn(move || lines.lines().for_each(drop));
        daemon
    }

    /// The same, with the rest of its log left to the caller.
    fn start_unread(mut command: Command) -> (Self, BufReader<std::process::ChildStderr>) {
        let mut child = Running::start(command.stdout(Stdio::null()).stderr(Stdio::piped()));
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let before = said.len();
            lines.read_line(&mut said).unwrap();
            assert!(said.len() > before, "it does not serve: {said}");
            if let Some((_, rest)) = said[before..].split_once("status on http://") {
                break rest.split('/').next().unwrap().to_owned();
            }
        };
        (Self { child, address }, lines)
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// The status line and the body of an answer.
    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        (code, body.to_owned())
    }

    fn board(&self) -> Value {
        serde_json::from_str(&self.get("/status").1).unwrap()
    }

    fn passes(&self) -> u64 {
        self.board()["passes"].as_u64().unwrap()
    }

    /// Waits until the board looks so.
    #[track_caller]
    fn wait_for(&self, what: &str, ready: impl Fn(&Value) -> bool) {
        wait_for(what, || ready(&self.board()));
    }

    /// Wakes it by SIGHUP, and waits until a pass has begun and ended since.
    #[track_caller]
    fn wake(&self) {
        let passes = self.passes();
        self.signal("HUP");
        self.wait_for("a pass", |board| board["passes"].as_u64() > Some(passes));
    }

    /// Tells it to stop, which it must within ten seconds.
    #[track_caller]
    fn stop(self) -> ExitStatus {
        self.signal("TERM");
        self.ended()
    }

    /// How it ended, having been told to stop.
    #[track_caller]
    fn ended(mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                begin.elapsed() < Duration::from_secs(10),
                "it does not stop"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Waits for something to happen, however slow this machine is.
#[track_caller]
fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !ready() {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "no {what} in a minute"
        );
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// Whether the long variants of these tests are wanted.
fn thorough() -> bool {
    std::env::var_os("HEADWATER_THOROUGH").is_some_and(|v| v == "1")
}
