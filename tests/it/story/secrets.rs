//! No sink shows a secret, wherever it was set and in whatever form it would be written: the whole line runs on a registry
//! and a Git server with passwords, with logs at trace, and everything that was said or kept is searched.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::*;
use crate::support::docker_registry::Identity;

/// Passwords with characters that every encoding writes in its own way.
const GIT: &str = "canary/4f1c+9b 7e@\"git";
const REGISTRY: &str = "canary/8d20+aa 61@\"reg";
const WRONG: &str = "canary/0bad+0b ad@\"bad";
const TOKEN: &str = "canary/70cc+0e 01@\"tok";

/// Where the secrets are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// In the settings.
    File,
    /// In `HEADWATER_` variables.
    Variables,
    /// In docker's `config.json`.
    Docker,
    /// On the command line, in front of the host: refused, because everybody can read it there.
    Address,
    /// With a helper, and in the remote of a work tree.
    HelperAndRemote,
    /// In the settings, and wrong.
    Wrong,
}

/// Everything that was said and kept, by where it was found.
#[derive(Default)]
struct Found(BTreeMap<String, String>);

impl Found {
    fn add(&mut self, place: impl Into<String>, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.0.entry(place.into()).or_default().push_str(&text);
    }

    /// Every file below a folder.
    fn add_files(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.add_files(&path);
            } else {
                self.add(path.display().to_string(), &std::fs::read(&path).unwrap());
            }
        }
    }

    fn all(&self) -> usize {
        self.0.values().map(String::len).sum()
    }
}

/// A secret as plain text, JSON, URLs and HTTP write it.
fn forms(user: &str, secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    let query: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut address = url::Url::parse("http://h/").unwrap();
    address.set_password(Some(secret)).unwrap();
    let pair = format!("{user}:{secret}");
    let mut forms = vec![
        secret.to_owned(),
        json.trim_matches('"').to_owned(),
        query.replace('+', "%20"),
        query,
        address.password().unwrap().to_owned(),
    ];
    for text in [secret, &pair] {
        forms.push(STANDARD.encode(text));
        forms.push(STANDARD_NO_PAD.encode(text));
        forms.push(URL_SAFE_NO_PAD.encode(text));
    }
    let lower = forms.iter().map(|form| form.to_lowercase());
    forms.extend(lower.collect::<Vec<_>>());
    forms
}

struct Setting {
    real: Real,
    clone: std::path::PathBuf,
}

impl Setting {
    async fn new(registry: DockerRegistry) -> Self {
        let machine = Hermetic::new();
        let served = machine.folder().join("served");
        std::fs::create_dir(&served).unwrap();
        let git = GitHttp::serve(&served, Some(("bot", GIT))).await;
        let clone = machine.folder().join("clone");
        let real = Real {
            machine,
            registry,
            git,
            said: RefCell::default(),
        };
        Self { real, clone }
    }

    fn folder(&self) -> &Path {
        self.real.machine.folder()
    }

    /// The address with the login in front of its host, as a person has to write it.
    fn address(&self) -> String {
        let mut url = url::Url::parse(&self.real.url()).unwrap();
        url.set_username("bot").unwrap();
        url.set_password(Some(GIT)).unwrap();
        url.into()
    }

    /// Files that hold secrets: settings, docker's configuration, a helper, a work tree with a login in its remote.
    fn write(&self) {
        let bin = self.folder().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let helper = bin.join("docker-credential-canary");
        let told = json!({"Username": "robot", "Secret": REGISTRY});
        std::fs::write(&helper, format!("#!/bin/sh\ncat <<'END'\n{told}\nEND\n")).unwrap();
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        let host = self.real.registry.host();
        let auth = STANDARD.encode(format!("robot:{REGISTRY}"));
        // The token belongs to a registry of which nobody asks anything but `wrong`.
        let stored = json!({"auths": {host: {"auth": auth}}});
        let helped = json!({"credHelpers": {host: "canary"}});
        let token = json!({"auths": {host: {"auth": "", "identitytoken": TOKEN}}});
        for (name, content) in [("stored", stored), ("helped", helped), ("token", token)] {
            std::fs::create_dir(self.folder().join(name)).unwrap();
            let file = self.folder().join(name).join("config.json");
            std::fs::write(file, content.to_string()).unwrap();
        }
        let mut git = self.real.machine.command("git");
        git.args(["clone", "--quiet", &self.address()])
            .arg(&self.clone);
        assert!(git.status().unwrap().success());
    }

    /// A command with the secrets set in one way.
    fn command(&self, way: Way, arguments: &[&str]) -> Command {
        let host = self.real.registry.host();
        let mut settings = json!({
            "git": {"cacheDir": self.folder().join("cache").join(format!("{way:?}"))},
            "registry": {
                "useDockerConfig": !matches!(way, Way::File | Way::Variables),
                "registries": [{"host": "registry.example", "mirror": format!("http://{host}"), "plainHttp": true}],
            },
            "forge": {"offline": {"trust": "push"}},
            "daemon": {"listen": "127.0.0.1:0"},
            "log": {"level": "trace,headwater=trace", "format": "json"},
        });
        let mut command = self.real.machine.headwater();
        let password = if way == Way::Wrong { WRONG } else { GIT };
        if matches!(way, Way::File | Way::Docker | Way::Wrong) {
            settings["git"]["credentials"] = json!([{"origin": self.real.git.origin(), "username": "bot", "password": password}]);
        }
        let mut repository = self.real.url();
        let docker = match way {
            Way::File => {
                settings["registry"]["credentials"] =
                    json!([{"host": host, "username": "robot", "password": REGISTRY}]);
                "none"
            }
            Way::Variables => {
                command.envs([
                    (
                        "HEADWATER_GIT__CREDENTIALS__0__ORIGIN",
                        self.real.git.origin().as_str(),
                    ),
                    ("HEADWATER_GIT__CREDENTIALS__0__USERNAME", "bot"),
                    ("HEADWATER_GIT__CREDENTIALS__0__PASSWORD", GIT),
                    ("HEADWATER_REGISTRY__CREDENTIALS__0__HOST", host),
                    ("HEADWATER_REGISTRY__CREDENTIALS__0__USERNAME", "robot"),
                    ("HEADWATER_REGISTRY__CREDENTIALS__0__PASSWORD", REGISTRY),
                ]);
                "none"
            }
            Way::Docker => "stored",
            Way::Address => {
                repository = self.address();
                "none"
            }
            Way::HelperAndRemote => {
                repository = self.clone.display().to_string();
                "helped"
            }
            Way::Wrong => "token",
        };
        let path = format!(
            "{}:{}",
            self.folder().join("bin").display(),
            std::env::var("PATH").unwrap()
        );
        let file = self.folder().join(format!("{way:?}.yaml"));
        std::fs::write(&file, settings.to_string()).unwrap();
        command
            .env("PATH", path)
            .env("DOCKER_CONFIG", self.folder().join(docker))
            .env("RUST_BACKTRACE", "full")
            .env("GIT_AUTHOR_NAME", "Mara")
            .env("GIT_AUTHOR_EMAIL", "mara@example.com")
            .arg("--config")
            .arg(file)
            .args(["--repo", &repository, "-v"])
            .args(arguments);
        command
    }

    /// Runs a command to its end and keeps what it says.
    fn run(&self, way: Way, found: &mut Found, arguments: &[&str]) -> Said {
        let output = self.command(way, arguments).output().unwrap();
        let place = format!("{way:?} {arguments:?}");
        found.add(&place, &output.stdout);
        found.add(&place, &output.stderr);
        Said::from(output)
    }

    /// Every verb that only looks.
    fn look(&self, found: &mut Found) {
        for arguments in [
            &["check"][..],
            &["config", "-o", "json"],
            &["status"],
            &["why", "myapp/prod"],
            &["history", "myapp/qa"],
            &["pr", "list", "-o", "json"],
            &["pr", "show", "myapp/prod"],
            &["render"],
        ] {
            self.run(Way::HelperAndRemote, found, arguments);
            self.run(Way::Docker, found, arguments);
        }
    }

    /// Lets the daemon make a pass, and reads all of its pages.
    fn serve(&self, way: Way, found: &mut Found) {
        let log = self.folder().join("serve.log");
        let mut child = self
            .command(way, &["serve", "--tick", "1s"])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let begin = Instant::now();
        let address = loop {
            let text = std::fs::read_to_string(&log).unwrap();
            if let Some((_, rest)) = text.split_once("on http://") {
                break rest.split('/').next().unwrap().to_owned();
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "{text}");
            std::thread::sleep(Duration::from_millis(50));
        };
        let get = |path: &str| {
            let mut stream = std::net::TcpStream::connect(&address).unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        while !get("/status").contains("\"lastPass\":\"") {
            assert!(begin.elapsed() < Duration::from_secs(30), "no pass");
            std::thread::sleep(Duration::from_millis(100));
        }
        for path in ["/status", "/metrics", "/healthz"] {
            found.add(format!("{way:?} {path}"), get(path).as_bytes());
        }
        let id = child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", "TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        child.wait().unwrap();
        found.add(
            format!("{way:?} log of serve"),
            &std::fs::read(&log).unwrap(),
        );
    }
}

/// Every object and every ref of a repository, also of pull requests.
fn objects(machine: &Hermetic, git_dir: &Path, found: &mut Found) {
    for arguments in [
        &["cat-file", "--batch-all-objects", "--batch"][..],
        &["for-each-ref"][..],
    ] {
        let mut git = machine.command("git");
        let output = git
            .arg("--git-dir")
            .arg(git_dir)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success());
        found.add(
            format!("{} {arguments:?}", git_dir.display()),
            &output.stdout,
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_shows_anywhere_wherever_it_was_set_and_in_whatever_form() {
    if !have(&["git"]) {
        return;
    }
    let Some(registry) = DockerRegistry::start_as(Identity::Plain, Some(("robot", REGISTRY)))
    else {
        return;
    };
    let setting = Setting::new(registry).await;
    let real = &setting.real;
    let base = real.base();
    real.build("1.2.0", "passed");
    setting.write();
    let mut found = Found::default();
    let facts = setting.folder().join("facts.json").display().to_string();
    let saved = setting.folder().join("plan.json").display().to_string();

    let run = |way, found: &mut Found, arguments: &[&str]| setting.run(way, found, arguments);
    run(Way::File, &mut found, &["observe", "--out", &facts]).ends(0, &[]);
    run(Way::File, &mut found, &["plan", "--out", &saved]).ends(4, &[]);
    run(Way::File, &mut found, &["apply", &saved]).ends(4, &["pushed"]);
    // Images of keycloak are not there, which is broken and named.
    for way in [Way::Variables, Way::Docker, Way::HelperAndRemote] {
        std::thread::sleep(Duration::from_millis(1200));
        run(way, &mut found, &["run"]).ends(4, &[]);
    }
    let deploys = deployed(&base, "qa");
    assert!(
        deploys.contains("registry.example/acme/myapp@sha256:"),
        "{deploys}"
    );
    for way in [Way::File, Way::Variables, Way::Docker, Way::HelperAndRemote] {
        run(way, &mut found, &["status", "-o", "json"]).ends(0, &["edges"]);
    }
    setting.look(&mut found);
    run(Way::Address, &mut found, &["run"]).ends(2, &["git.credentials"]);
    // Whoever is refused says whom it asked, and not with what.
    for arguments in [
        &["plan"][..],
        &["run"],
        &["status"],
        &["config", "-o", "yaml"],
    ] {
        run(Way::Wrong, &mut found, arguments);
    }
    let refused = run(Way::Wrong, &mut found, &["run"]);
    refused.ends(1, &["refuses access"]);
    setting.serve(Way::Docker, &mut found);
    setting.serve(Way::Wrong, &mut found);

    found.add("facts", &std::fs::read(&facts).unwrap());
    found.add("plan", &std::fs::read(&saved).unwrap());
    found.add_files(&setting.folder().join("cache"));
    objects(&real.machine, base.path(), &mut found);
    for entry in std::fs::read_dir(setting.folder().join("cache/Docker")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "git") {
            objects(&real.machine, &path, &mut found);
        }
    }
    search(&found);
}

/// Fails where any form of any secret is found.
fn search(found: &Found) {
    assert!(
        found.all() > 200_000,
        "too little was said for a search: {}",
        found.all()
    );
    let secrets = [
        ("bot", GIT),
        ("robot", REGISTRY),
        ("bot", WRONG),
        ("", TOKEN),
    ];
    for (user, secret) in secrets {
        for form in forms(user, secret) {
            for (place, text) in &found.0 {
                let at = text.find(&form);
                let around = at.map(|at| &text[at.saturating_sub(300)..(at + 100).min(text.len())]);
                assert_eq!(around, None, "`{form}` shows in {place}");
            }
        }
    }
}
