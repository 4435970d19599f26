//! `import.settle` by a number of checks, with the daemon on a real registry.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::follow::Real;
use crate::support::running::Running;

/// A daemon that is ended with the test.
fn daemon(real: &Real) -> Running {
    let mut serve = real.command(&["serve", "--tick", "1s", "--listen", "127.0.0.1:0"]);
    Running::start(serve.stdout(Stdio::null()).stderr(Stdio::null()))
}

/// How often the tag was checked.
fn checks(real: &Real) -> usize {
    let seen = real.proxy().seen();
    seen.iter()
        .filter(|r| r.target.ends_with("/manifests/main") && r.method == "HEAD")
        .count()
}

fn wait_for(what: &str, ready: impl Fn() -> bool) {
    let begun = Instant::now();
    while !ready() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "not in a minute: {what}"
        );
        sleep(Duration::from_millis(20));
    }
}

fn commits(real: &Real) -> usize {
    real.git(&["rev-list", "--count", "main"])
        .trim()
        .parse()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_leaves_a_tag_that_flaps_alone_and_takes_one_that_stays_once() {
    let Some(real) = Real::watched().await else {
        return;
    };
    let push = |label: &str| {
        real.registry
            .push_image("k/k:main", &[("v", label)], "amd64")
    };
    let first = push("first");
    let host = real.host();
    real.begin(&format!(
        "    - name: main\n      from: {{kind: DockerImage, name: '{host}/k/k:main'}}\n      importPolicy: {{scheduled: true}}\n"
    ));
    real.write(
        "headwater.yaml",
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nmetadata: {name: headwater}\nspec: {import: {interval: 1s, settle: 3 checks}}\n",
    );
    let _daemon = daemon(&real);
    let head = || real.heads().get("k:main").cloned();
    wait_for("the first image", || head().as_ref() == Some(&first));
    let settled = commits(&real);

    // Every check sees another image than the one before, or at most one twice.
    for round in 0..4 {
        for label in ["a", "b"] {
            push(label);
            let before = checks(&real);
            wait_for("a check", || checks(&real) > before);
            assert_eq!(commits(&real), settled, "{round} {label}");
        }
    }
    // One that stays is taken after three checks, once.
    let stays = push("stays");
    let before = checks(&real);
    wait_for("the image that stays", || head().as_ref() == Some(&stays));
    assert!(
        checks(&real) >= before + 2,
        "it had to be seen several times"
    );
    let after = checks(&real);
    wait_for("further checks", || checks(&real) >= after + 3);
    assert_eq!(commits(&real), settled + 1);
}
