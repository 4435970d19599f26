//! The demo as the binary tells it: always the same, without network, home, Git or a writable folder, and as the README shows it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::hermetic::Hermetic;

const BEGIN: &str = "<!-- demo -->\n";
const END: &str = "<!-- /demo -->";

/// The demo in an environment that holds nothing but a folder for temporary files.
fn bare(temporary: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command
        .arg("demo")
        .args(arguments)
        .env_clear()
        .env("TMPDIR", temporary)
        // Nobody can write there, whoever runs this.
        .current_dir("/proc");
    command.output().expect("the binary runs")
}

/// The demo's text; it must succeed and say nothing else.
fn told(temporary: &Path, arguments: &[&str]) -> String {
    let output = bare(temporary, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stderr, "");
    String::from_utf8(output.stdout).expect("the story is text")
}

#[test]
fn the_story_is_the_same_every_time_and_leaves_nothing_behind() {
    let machine = Hermetic::new();
    let temporary = machine.folder().join("temporary");
    fs::create_dir(&temporary).unwrap();
    let first = told(&temporary, &[]);
    let left: Vec<_> = fs::read_dir(&temporary).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");

    // Another zone, another home with settings and a Git of its own: none of it shows.
    let settings = machine.folder().join("home/.config/headwater");
    fs::create_dir_all(&settings).unwrap();
    fs::write(settings.join("config.yaml"), "git: {base: trunk}\n").unwrap();
    let again = machine
        .headwater()
        .arg("demo")
        .env("TZ", "Asia/Tokyo")
        .env("HEADWATER_TZ", "Asia/Tokyo")
        .env("HEADWATER_FORGE__OFFLINE__TRUST", "signed")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(again.stdout).unwrap(), first);
}

#[test]
fn the_readme_shows_what_the_demo_prints() {
    let machine = Hermetic::new();
    let shown = format!("```console\n{}```\n", told(machine.folder(), &[]));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has a place");
    let (block, after) = rest.split_once(END).expect("the place has an end");
    if std::env::var_os("HEADWATER_BLESS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{shown}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        block, shown,
        "run this test with HEADWATER_BLESS=1 to take the new text over"
    );
}

#[test]
fn a_refusal_a_return_and_the_same_digest_everywhere_are_in_it() {
    let machine = Hermetic::new();
    let text = told(machine.folder(), &[]);
    let proofs = |line: &&str| line.starts_with("tag ") || line.contains("deployment.yaml  ");
    let digests: Vec<&str> = text
        .lines()
        .filter(proofs)
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    assert_eq!(digests.len(), 7);
    assert!(digests[0].starts_with("sha256:") && digests[0].len() == 71);
    assert!(digests.iter().all(|digest| digest == &digests[0]));
    for words in [
        "refused  qa",
        "held     prod",
        "1.2.1 (",
        "headwater unhold",
    ] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    let folder = machine.folder().display().to_string();
    for secret in ["127.0.0.1", "localhost", folder.as_str(), "\u{1b}"] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
}

#[test]
fn a_kept_repository_can_be_gone_on_with() {
    let machine = Hermetic::new();
    let kept = machine.folder().join("kept here");
    told(machine.folder(), &["--keep", kept.to_str().unwrap()]);
    let run = |folder: &str, arguments: &[&str]| {
        let output = machine
            .headwater()
            .current_dir(kept.join(folder))
            .args(["--config", "../operator.yaml"])
            .args(arguments)
            .output()
            .unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), stdout)
    };
    let (code, status) = run("repo.git", &["status"]);
    assert_eq!(code, 0, "{status}");
    assert!(status.contains("1.2.3") && status.contains("approval 0 of 1"));

    let readme = fs::read_to_string(kept.join("README.md")).unwrap();
    let approve = readme.lines().find_map(|l| l.split_once("pr approve "));
    let id = approve.expect("the note says how to go on").1;
    let identity = ["config", "user.email", "lena@acme.example"];
    let mut git = machine.command("git");
    let set = git.current_dir(kept.join("work")).args(identity).status();
    assert!(set.unwrap().success());
    assert_eq!(run("work", &["pr", "approve", id]).0, 0);
    // The registry is gone, which may heal: what could be done is done, and the rest is for another time.
    let (code, ran) = run("work", &["run"]);
    assert_eq!(code, 75, "{ran}");
    let (code, why) = run("work", &["why", "myapp/prod"]);
    assert_eq!(code, 0, "{why}");
    assert!(why.contains("runs now   1.2.3"), "{why}");

    let again = bare(machine.folder(), &["--keep", kept.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not empty"));
}
