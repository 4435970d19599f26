//! `check` with a baseline, and what it says of manifests that are no documents of ours.

use std::path::{Path, PathBuf};

use super::check::{TYPO, check, checkout, init};
use super::*;

const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    image.openshift.io/triggers: '[{\"from\":{\"kind\":\"ImageStreamTag\",\"name\":\"myapp:qa-stable\"},\"fieldPath\":\"spec.template.spec.containers[0].image\",\"paused\":\"false\"}]'
spec:
  template:
    spec:
      initContainers: [{name: wait, image: busybox}]
      containers: [{name: web, image: \" \"}]
";

fn write(root: &Path, path: &str, text: &str) {
    let file = root.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

const KNOWN: [&str; 2] = ["--baseline", "known.txt"];

/// A tree with an error and two warnings.
fn odd_tree(machine: &Hermetic) -> PathBuf {
    let root = checkout(machine, "tree");
    init(machine, &root);
    write(&root, "pipelines/odd/pipeline.yaml", TYPO);
    write(&root, "apps/web.yaml", WEB);
    let first = check(machine, &root, &[]);
    assert_eq!(first.code, 3, "{first:?}");
    root
}

fn written(machine: &Hermetic, root: &Path) -> String {
    let line = [&KNOWN[..], &["--write-baseline"]].concat();
    let written = check(machine, root, &line);
    assert_eq!(written.code, 0, "{written:?}");
    std::fs::read_to_string(root.join("known.txt")).unwrap()
}

#[test]
fn what_a_baseline_knows_does_not_count_wherever_it_moves_to() {
    let machine = Hermetic::new();
    let root = odd_tree(&machine);
    let none = check(&machine, &root, &KNOWN);
    assert_eq!(none.code, 2, "{none:?}");
    none.has(&[
        "the baseline `known.txt` cannot be read",
        "--write-baseline",
    ]);

    let text = written(&machine, &root);
    assert!(
        text.contains("\"code\":\"HW0103\"") && text.contains("\"code\":\"HW0801\""),
        "{text}"
    );
    let quiet = check(&machine, &root, &KNOWN);
    assert_eq!(quiet.code, 0, "{quiet:?}");
    let count = text.lines().filter(|line| line.starts_with("- ")).count();
    quiet.has(&[&format!("no problems; {count} of the baseline")]);

    write(
        &root,
        "pipelines/odd/pipeline.yaml",
        &format!("# one\n# two\n{TYPO}"),
    );
    write(
        &root,
        "apps/web.yaml",
        &format!("# moved\n{}", WEB.replace("busybox", "bosybux")),
    );
    let moved = check(&machine, &root, &KNOWN);
    assert_eq!(
        moved.code, 0,
        "a warning is new, an error is not: {moved:?}"
    );
    moved.has(&[
        "`bosybux`",
        &format!("1 warning in 1 file; {} of the baseline", count - 1),
        "mended since the baseline was written: 1 finding",
    ]);
    assert!(!moved.stdout.contains("HW0103"), "{moved:?}");
}

#[test]
fn scripts_and_code_scanning_see_what_is_new() {
    let machine = Hermetic::new();
    let root = odd_tree(&machine);
    let text = written(&machine, &root);
    let count = text.lines().filter(|line| line.starts_with("- ")).count();
    write(
        &root,
        "pipelines/new/pipeline.yaml",
        &TYPO.replace("odd", "new"),
    );
    let github = check(
        &machine,
        &root,
        &["--baseline", "known.txt", "-o", "github"],
    );
    assert_eq!(github.code, 3, "{github:?}");
    let errors = github
        .stdout
        .lines()
        .filter(|line| line.starts_with("::error"));
    let errors: Vec<&str> = errors.collect();
    assert!(
        errors.len() == 1 && errors[0].contains("pipelines/new/pipeline.yaml"),
        "{errors:?}"
    );
    let sarif = check(&machine, &root, &["--baseline", "known.txt", "-o", "sarif"]).json();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let state = |state: &str| {
        results
            .iter()
            .filter(|r| r["baselineState"] == state)
            .count()
    };
    assert_eq!((state("new"), state("unchanged")), (2, count), "{sarif:#}");
    let scoped = check(
        &machine,
        &root,
        &["pipelines/odd", "--baseline", "known.txt"],
    );
    assert_eq!(scoped.code, 0, "{scoped:?}");
    assert!(
        !scoped.stderr.contains("mended"),
        "what was not looked at is not mended: {scoped:?}"
    );
    write(&root, "known.txt", "- what\n");
    let broken = check(&machine, &root, &KNOWN);
    assert_eq!(broken.code, 2, "{broken:?}");
    broken.has(&["line 1 is no finding"]);
}

#[test]
fn objects_with_pods_are_checked_wherever_they_lie() {
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    init(&machine, &root);
    write(&root, "apps/web.yaml", WEB);
    write(&root, ".github/web.yaml", WEB);
    write(
        &root,
        "made/web.yaml",
        &format!("# headwater: generated from templates/x; edits are put back\n{WEB}"),
    );
    write(
        &root,
        "charts/web.yaml",
        "kind: Deployment\nspec: {containers: [{image: {{ x }}]}\n",
    );
    write(&root, ".gitignore", "built/\n");
    write(&root, "built/web.yaml", WEB);
    let said = check(&machine, &root, &["-o", "json"]);
    assert_eq!(said.code, 0, "warnings only: {said:?}");
    let said = said.json();
    let told = said["problems"].as_array().unwrap().iter();
    let told = told.filter(|p| !p["path"].as_str().unwrap().starts_with("pipelines/"));
    let told: Vec<String> = told
        .map(|p| {
            format!(
                "{} {}:{}",
                p["code"].as_str().unwrap(),
                p["path"].as_str().unwrap(),
                p["place"]["line"]
            )
        })
        .collect();
    assert_eq!(
        told,
        ["HW0802 apps/web.yaml:6", "HW0801 apps/web.yaml:10"],
        "{said:#}"
    );
    let git = |arguments: &[&str]| {
        let mut git = machine.command("git");
        let output = git.current_dir(&root).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    git(&["add", "-A"]);
    git(&[
        "-c",
        "user.name=m",
        "-c",
        "user.email=m@example.com",
        "commit",
        "-qm",
        "Add",
    ]);
    git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let bare = check(
        &machine,
        machine.folder(),
        &["--repo", "bare.git", "-o", "json"],
    )
    .json();
    assert_eq!(bare["problems"], said["problems"]);
}
