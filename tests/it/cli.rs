//! The real binary with a scrubbed environment: usage errors, help, settings, secrets.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

const SECRET: &str = "correct-horse-battery";

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Operator settings in the usual place.
    fn settings(self, yaml: &str) -> Self {
        let folder = self.path().join(".config/headwater");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.yaml"), yaml).unwrap();
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.path())
            .env("TZ", "UTC")
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        Said::from(self.command(arguments).output().unwrap())
    }
}

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

#[test]
fn a_wrong_command_line_is_an_error_of_usage_on_stderr() {
    let home = Home::new();
    for arguments in [
        &["rollback"][..],
        &["promote", "orders/prod"],
        &["promote", "orders", "--reason", "x"],
        &["stauts"],
        &["status", "-o", "sarif"],
        &["status", "--repo", "https://user:pass@host/x"],
        &[],
    ] {
        let said = home.run(arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {said:?}");
        assert_eq!(said.stdout, "", "{arguments:?}");
        assert!(!said.stderr.is_empty(), "{arguments:?}");
        assert!(!said.stderr.contains("user:pass"), "{}", said.stderr);
    }
}

#[test]
fn help_is_a_result_and_shows_the_exit_codes() {
    let said = Home::new().run(&["--help"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    for part in ["75", "try again later", "rollback", "Exit codes:"] {
        assert!(said.stdout.contains(part), "{part}: {}", said.stdout);
    }
}

#[test]
fn config_shows_every_value_with_its_origin() {
    let home = Home::new().settings("git:\n  base: trunk\ndaemon:\n  tick: 5m\n");
    let output = home
        .command(&["config", "-vv"])
        .env("HEADWATER_GIT__BASE", "main")
        .env("HEADWATER_REGISTRY__ALLOWED", "quay.io,ghcr.io")
        .output()
        .unwrap();
    let said = Said::from(output);
    assert_eq!(said.code, 0, "{said:?}");
    let file = home.path().join(".config/headwater/config.yaml");
    for line in [
        "git.base = main  (HEADWATER_GIT__BASE)".to_owned(),
        format!("daemon.tick = 5m  ({}:4)", file.display()),
        "registry.allowed = [quay.io, ghcr.io]  (HEADWATER_REGISTRY__ALLOWED)".to_owned(),
        "forge.kind = offline  (default)".to_owned(),
        "log.level = debug  (-vv)".to_owned(),
    ] {
        assert!(
            said.stdout.lines().any(|shown| shown == line),
            "{line} is not in\n{}",
            said.stdout
        );
    }
}

#[test]
fn config_speaks_json_and_yaml() {
    let home = Home::new();
    let said = home.run(&["config", "-o", "json"]);
    let lines: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert!(
        lines
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line["path"] == "daemon.tick" && line["value"] == "1m")
    );
    let said = home.run(&["config", "-o", "yaml"]);
    assert!(said.stdout.contains("daemon.tick:"), "{}", said.stdout);
}

#[test]
fn a_secret_shows_nowhere() {
    let home = Home::new().settings(
        "git:\n  credentials:\n  - {origin: \"https://host\", username: bot, password: from-the-file}\n",
    );
    for arguments in [
        &["config"][..],
        &["config", "-o", "json", "-vvv"],
        &["config", "-o", "yaml"],
        &["config", "--repo", SECRET],
        &["status", "--repo", SECRET],
        &["pr", "show", SECRET],
    ] {
        let output = home
            .command(arguments)
            .env("HEADWATER_GIT__CREDENTIALS__0__PASSWORD", SECRET)
            .output()
            .unwrap();
        let said = Said::from(output);
        for text in [&said.stdout, &said.stderr] {
            assert!(!text.contains(SECRET), "{arguments:?}: {text}");
            assert!(!text.contains("from-the-file"), "{arguments:?}: {text}");
        }
    }
    let said = home.run(&["config"]);
    assert!(said.stdout.contains("git.credentials[0].password = (set)"));
}

#[test]
fn wrong_settings_name_file_line_and_nearest_key() {
    let home = Home::new().settings("git:\n  bsae: main\n");
    let said = home.run(&["config"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("`git.bsae`: unknown key `bsae`"));
    assert!(said.stderr.contains("config.yaml:2"), "{}", said.stderr);
    assert!(said.stderr.contains("help: did you mean `base`?"));
    let said = home.run(&["config", "--config", "missing.yaml"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr
            .contains("cannot read the settings `missing.yaml`")
    );
}

#[test]
fn settings_in_the_repository_are_not_read() {
    let home = Home::new();
    for name in ["config.yaml", "headwater-operator.yaml", "headwater.yaml"] {
        std::fs::write(home.path().join(name), "git: {base: evil}\n").unwrap();
    }
    let said = home.run(&["config"]);
    assert_eq!(said.code, 0);
    assert!(!said.stdout.contains("evil"), "{}", said.stdout);
}

#[test]
fn colours_are_for_terminals_or_for_those_who_ask() {
    let home = Home::new();
    assert!(!home.run(&["config"]).stdout.contains('\u{1b}'));
    let said = home.run(&["config", "--color", "always"]);
    assert!(said.stdout.contains("\u{1b}["));
}

#[test]
fn a_reader_that_leaves_early_is_met_quietly() {
    let home = Home::new();
    let mut child = home
        .command(&["config"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
}
