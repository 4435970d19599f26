//! From a push to the registry to prod: always the very bytes that the registry holds, and never without a yes.

use std::path::Path;

use base64::Engine as _;

use super::*;

/// Approves the open pull request into prod and has it merged.
#[track_caller]
fn release(real: &Real, base: &BareRepository<'_>, digest: &Digest) {
    real.run_until(|| !real.open_pulls().is_empty());
    assert!(!deploys(base, "prod", digest), "nobody has approved it");
    let pulls = real.open_pulls();
    assert_eq!(pulls.len(), 1, "{pulls:?}");
    let shown = real.run(&["pr", "show", &pulls[0]]);
    shown.ends(0, &[digest.as_str(), "0 of 1"]);
    real.run_as("Ann", &["pr", "approve", "myapp/prod"])
        .ends(0, &[]);
    real.run(&["run"]).ends(0, &[]);
    assert!(deploys(base, "prod", digest), "{}", deployed(base, "prod"));
    for tag in ["prod", "prod-v1.2"] {
        let head = head_of(base, "main", tag);
        assert_eq!(head.as_deref(), Some(digest.as_str()), "{tag}");
    }
    assert!(real.open_pulls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_that_passed_qa_reach_prod_and_nothing_else_does() {
    let Some(real) = Real::start().await else {
        return;
    };
    let base = real.base();
    let first = real.build("1.2.0", "passed");
    real.run(&["plan", "--exit-code"]).ends(10, &["import"]);
    real.run(&["run", "-v"]).ends(0, &["pushed"]);
    for tag in ["latest-dev", "qa-stable"] {
        assert_eq!(
            head_of(&base, "main", tag).as_deref(),
            Some(first.as_str()),
            "{tag}"
        );
    }
    assert!(deploys(&base, "dev", &first) && deploys(&base, "qa", &first));
    assert_eq!(deployed(&base, "prod"), "");
    release(&real, &base, &first);

    let children = ["amd64", "arm64"].map(|platform| (platform, labels("1.2.3", "passed")));
    let children = children.each_ref().map(|(p, labels)| (*p, &labels[..]));
    let (index, parts) = real
        .registry
        .push_index("acme/myapp", "main", &children)
        .await;
    real.run_until(|| deploys(&base, "qa", &index));
    release(&real, &base, &index);
    assert_eq!(index, real.seen_by_skopeo("acme/myapp:main"));
    let by_digest = real.registry.raw(&format!("acme/myapp@{index}"));
    let by_digest: Value = serde_json::from_slice(&by_digest).unwrap();
    let platforms = by_digest["manifests"].as_array().unwrap().iter();
    let platforms: Vec<_> = platforms.map(|m| &m["platform"]["architecture"]).collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
    let written = base.git(&["grep", "-h", "sha256:", "main"]);
    for part in parts {
        assert!(
            !written.contains(part.as_str()),
            "a part stands for the whole"
        );
    }

    let failed = real.build("1.2.4", "failed");
    real.run_until(|| deploys(&base, "qa", &failed));
    // Longer than every wait there is.
    std::thread::sleep(Duration::from_millis(2500));
    real.run(&["run"]).ends(0, &[]);
    assert!(
        deploys(&base, "prod", &index),
        "what failed its tests stays out"
    );
    assert!(real.open_pulls().is_empty());
    real.run(&["why", "myapp/qa"]).ends(0, &["refused"]);

    let refs = base.refs();
    real.run(&["plan", "--exit-code"])
        .ends(0, &["nothing to do"]);
    real.run(&["run"]).ends(0, &[]);
    assert_eq!(base.refs(), refs, "there was nothing to do");
    base.git(&["fsck", "--strict"]);
    assert_kept_secret(&real, &base);
}

/// Neither what was said nor what was written holds the password, plain or as it goes over the wire.
fn assert_kept_secret(real: &Real, base: &BareRepository<'_>) {
    real.run(&["config"]).ends(0, &["password"]);
    let wire = base64::engine::general_purpose::STANDARD.encode(format!("bot:{CANARY}"));
    let needles = [CANARY.as_bytes(), wire.as_bytes()];
    let hides = |bytes: &[u8]| {
        !needles
            .iter()
            .any(|needle| bytes.windows(needle.len()).any(|w| w == *needle))
    };
    assert!(hides(real.said.borrow().as_bytes()), "it was said");
    let mut files = Vec::new();
    for folder in [&real.machine.folder().join("cache"), base.path()] {
        collect(folder, &mut files);
    }
    let mut repositories = 0;
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        assert!(hides(&bytes), "{} holds it", file.display());
        assert!(hides(file.to_string_lossy().as_bytes()));
        if file.ends_with("HEAD") && file.parent().unwrap().join("objects").is_dir() {
            repositories += 1;
            assert!(hides(&objects(real, file.parent().unwrap())));
        }
    }
    assert_eq!(repositories, 2, "the base and its mirror");
    assert!(!hides(
        &std::fs::read(real.machine.folder().join("settings.yaml")).unwrap()
    ));
}

/// Every object of a repository, reachable or not, unpacked.
fn objects(real: &Real, repository: &Path) -> Vec<u8> {
    let mut git = real.machine.command("git");
    git.arg("--git-dir").arg(repository).args([
        "cat-file",
        "--batch-all-objects",
        "--buffer",
        "--batch",
    ]);
    let output = git.output().unwrap();
    assert!(output.status.success() && output.stdout.len() > 1000);
    output.stdout
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
