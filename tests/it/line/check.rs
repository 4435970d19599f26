//! `check` on work trees, plain folders and bases.

use std::path::{Path, PathBuf};

use super::*;

pub(super) fn checkout(machine: &Hermetic, name: &str) -> PathBuf {
    let root = machine.folder().join(name);
    for (path, content) in example_content() {
        let file = root.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content.unwrap()).unwrap();
    }
    root
}

pub(super) fn init(machine: &Hermetic, root: &Path) {
    let mut git = machine.command("git");
    assert!(
        git.args(["init", "--quiet"])
            .current_dir(root)
            .status()
            .unwrap()
            .success()
    );
}

pub(super) fn check(machine: &Hermetic, folder: &Path, arguments: &[&str]) -> Said {
    let mut command = machine.headwater();
    let output = command.arg("check").args(arguments).current_dir(folder);
    Said::from(output.output().unwrap())
}

pub(super) const TYPO: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: odd}\nspec:\n  streams: [myapp]\n  stages:\n    - name: dev\n      tag: odd-dev\n      environments: [dve]\n";

#[test]
fn the_example_content_is_sound_in_any_dress() {
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    let plain = check(&machine, &root, &[]);
    assert_eq!(plain.code, 0, "{plain:?}");
    plain.has(&["checked 1"]);
    init(&machine, &root);
    let tree = check(&machine, &root.join("pipelines"), &[]);
    assert_eq!((tree.code, &tree.stdout), (0, &plain.stdout));
    let base = machine.bare_repository("base");
    base.commit("main", "Begin", &example_content());
    let bare = check(&machine, machine.folder(), &["--repo", "base.git"]);
    assert_eq!((bare.code, &bare.stdout), (0, &plain.stdout), "{bare:?}");
}

#[test]
fn problems_have_places_and_end_with_three() {
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    init(&machine, &root);
    std::fs::create_dir(root.join("pipelines/odd")).unwrap();
    std::fs::write(root.join("pipelines/odd/pipeline.yaml"), TYPO).unwrap();
    let template = root.join("templates/web-service/service.yaml.hbs");
    let text = std::fs::read_to_string(&template).unwrap();
    std::fs::write(&template, text.replace("{{app}}", "{{nosuch app}}")).unwrap();
    std::fs::write(root.join("environments/qa/myapp/values.yaml"), "- a list\n").unwrap();

    let said = check(&machine, &root, &[]);
    assert_eq!(said.code, 3, "{said:?}");
    said.has(&[
        "pipelines/odd/pipeline.yaml:9",
        "did you mean `dev`?",
        "templates/web-service/service.yaml.hbs:",
        "environments/qa/myapp/values.yaml",
        "3 errors",
    ]);
    let only = check(&machine, &root, &["environments", "-o", "json"]);
    assert_eq!(
        (only.code, only.json()["errors"].clone()),
        (3, Value::from(1))
    );
    let fine = check(&machine, &root, &["pipelines/keycloak"]);
    assert_eq!(fine.code, 0, "{fine:?}");
    let github = check(&machine, &root, &["-o", "github"]);
    assert!(
        github
            .stdout
            .contains("::error file=pipelines/odd/pipeline.yaml,line=9"),
        "{github:?}"
    );
    let sarif = check(&machine, &root, &["-o", "sarif"]);
    assert_eq!(sarif.json()["version"], "2.1.0");
}

#[test]
fn what_a_template_asks_for_and_nobody_gives_is_told_before_anything_is_deployed() {
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    let edit = |path: &str, old: &str, new: &str| {
        let file = root.join(path);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(old), "{path}");
        std::fs::write(&file, text.replacen(old, new, 1)).unwrap();
    };
    let deployment = "templates/web-service/deployment.yaml.hbs";
    let said = |words: &[&str]| {
        let said = check(&machine, &root, &["templates"]);
        assert_eq!(said.code, 3, "{said:?}");
        said.has(words);
    };
    let wrong = [
        ("{{values.replicas}}", "{{values.replicsa}}", "replicsa"),
        (
            "{{image}}",
            "{{image \"nosuch\"}}",
            "there is no image stream `nosuch`",
        ),
    ];
    for (old, new, words) in wrong {
        edit(deployment, old, new);
        said(&[deployment, words, "and 3 more", "1 error"]);
        edit(deployment, new, old);
    }
    edit(deployment, "{{image}}", "nginx:1");
    said(&[
        "container `myapp` in `deployment.yaml` uses `nginx:1`",
        "(rendering dev/myapp and 2 more)",
    ]);
    edit(deployment, "nginx:1", "{{image}}");
    // What one application gives, only the others lack.
    edit(deployment, "{{values.replicas}}", "{{values.own}}");
    let values = root.join("environments/dev/myapp/values.yaml");
    let text = std::fs::read_to_string(&values).unwrap_or_default();
    std::fs::write(&values, format!("{text}\nown: 2\n")).unwrap();
    said(&["values.own", "and 2 more", "1 error"]);
    edit(deployment, "{{values.own}}", "{{values.replicas}}");
    assert_eq!(check(&machine, &root, &[]).code, 0);
}

#[test]
fn a_link_among_holds_is_an_error_and_a_path_that_is_not_there_one_of_usage() {
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    std::fs::create_dir(root.join("holds")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", root.join("holds/x.yaml")).unwrap();
    let said = check(&machine, &root, &[]);
    assert_eq!(said.code, 3, "{said:?}");
    said.has(&["holds/x.yaml", "symbolic link"]);
    let gone = check(&machine, &root, &["nowhere"]);
    assert_eq!(gone.code, 2, "{gone:?}");
    let nothing = machine.folder().join("nothing");
    std::fs::create_dir(&nothing).unwrap();
    check(&machine, &nothing, &[]).has(&["checked 0 files", "no documents"]);
}

#[test]
fn what_was_emptied_or_misses_by_a_word_is_told_and_a_place_without_documents_is_no_sound_one() {
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    let write = |path: &str, text: &str| {
        let file = root.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    write("pipelines/gone/pipeline.yaml", "# all of it\n");
    write("environments/gone.yaml", "");
    let said = check(&machine, &root, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    said.has(&[
        "pipelines/gone/pipeline.yaml",
        "environments/gone.yaml",
        "there is no document in this file",
    ]);
    write(
        "environments/blue.yaml",
        "kind: Environment\nmetadata: {name: blue}\nspec: {}\n",
    );
    let said = check(&machine, &root, &["environments/blue.yaml"]);
    assert_eq!(said.code, 3, "{said:?}");
    said.has(&["environments/blue.yaml:1", "without `apiVersion`"]);
    write("docs/notes.yaml", "a: b\n");
    write(
        "pipelines/kube/all.yaml",
        "apiVersion: apps/v1\nkind: Deployment\n",
    );
    for place in ["docs", "pipelines/kube", "docs/notes.yaml"] {
        let said = check(&machine, &root, &["pipelines/myapp", place]);
        assert_eq!(said.code, 0, "{said:?}");
        said.has(&[&format!("no documents of ours in `{place}`")]);
        assert!(!said.stderr.contains("pipelines/myapp"), "{said:?}");
    }
    let said = check(&machine, &root, &["templates", "environments/qa/myapp"]);
    assert!(!said.stderr.contains("no documents"), "{said:?}");
}

#[test]
fn a_release_tag_that_can_never_be_filled_is_told_at_once() {
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    let file = root.join("pipelines/myapp/pipeline.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let right = "prod-v{{version.majorMinor}}";
    assert!(text.contains(right));
    for wrong in ["{{nope}}", "a b/c", "v{{version"] {
        std::fs::write(&file, text.replace(right, wrong)).unwrap();
        let said = check(&machine, &root, &["pipelines"]);
        assert_eq!(said.code, 3, "{wrong}: {said:?}");
        said.has(&["HW0116", "pipelines/myapp/pipeline.yaml:24:19"]);
    }
}

#[test]
fn an_expression_that_cannot_be_read_is_named_before_it_refuses_everything() {
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    let pipeline = root.join("pipelines/myapp/pipeline.yaml");
    let text = std::fs::read_to_string(&pipeline).unwrap();
    let good = r#"image.labels["tests"] == "passed""#;
    let line = 1 + text.lines().position(|l| l.contains(good)).unwrap();
    std::fs::write(&pipeline, text.replace(good, &format!("{good} =="))).unwrap();
    let said = check(&machine, &root, &[]);
    assert_eq!(said.code, 3, "{said:?}");
    said.has(&[
        &format!("pipelines/myapp/pipeline.yaml:{line}"),
        "this expression lets no set pass: the expression cannot be read",
    ]);
}

#[test]
fn an_expression_that_no_image_can_answer_is_named_with_its_place_and_what_was_meant() {
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    let pipeline = root.join("pipelines/myapp/pipeline.yaml");
    let text = std::fs::read_to_string(&pipeline).unwrap();
    let good = r#"image.labels["tests"] == "passed""#;
    let line = 1 + text.lines().position(|l| l.contains(good)).unwrap();
    for (wrong, words) in [
        (
            r#"image.lables["tests"] == "passed""#,
            "did you mean `labels`?",
        ),
        (
            r#"image.labels["tests"]"#,
            "it gives a text, not true or false",
        ),
        (r#"images["myap"].tag == "x""#, "did you mean `myapp`?"),
    ] {
        std::fs::write(&pipeline, text.replace(good, wrong)).unwrap();
        let said = check(&machine, &root, &[]);
        assert_eq!(said.code, 3, "{said:?}");
        said.has(&[
            "HW0702",
            &format!("pipelines/myapp/pipeline.yaml:{line}:"),
            "this expression lets no set pass",
            words,
        ]);
    }
}

#[test]
fn a_gate_that_no_answer_can_satisfy_is_named_with_its_place_and_what_was_meant() {
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    let pipeline = root.join("pipelines/myapp/pipeline.yaml");
    let text = std::fs::read_to_string(&pipeline).unwrap();
    let soak = "        - soak: 30m\n";
    assert!(text.contains(soak));
    let line = 2 + text.lines().position(|l| l == soak.trim_end()).unwrap();
    for (gate, words) in [
        (
            "{url: 'https://h.example/', expect: 'statuss == 200'}",
            "did you mean `status`?",
        ),
        (
            "{url: 'https://h.example/', expect: 'status =='}",
            "the expression cannot be read",
        ),
        (
            "{url: 'https://h.example/', expect: 'json.ok', retries: 1}",
            "retries",
        ),
        (
            "{url: 'https://{{stage}}.example/', expect: 'json.ok'}",
            "never in the host",
        ),
        (
            "{url: 'https://h.example/{{tag}}', expect: 'json.ok'}",
            "stands for nothing here",
        ),
        (
            "{url: 'https://u:p@h.example/', expect: 'json.ok'}",
            "an address holds no login",
        ),
    ] {
        let gate = format!("        - http: {gate}\n");
        std::fs::write(&pipeline, text.replace(soak, &format!("{soak}{gate}"))).unwrap();
        let said = check(&machine, &root, &[]);
        assert_eq!(said.code, 3, "{said:?}");
        said.has(&[&format!("pipelines/myapp/pipeline.yaml:{line}:"), words]);
    }
    // Of several images none is the only one.
    let two = text.replace("spec:\n", "spec:\n  streams: [myapp, keycloak]\n");
    for gate in [
        "http: {url: 'https://h.example/{{digest}}', expect: 'true'}",
        "http: {url: 'https://h.example/', expect: 'json.digest == digest'}",
        "workflow: {repository: acme/app, file: e2e.yaml, inputs: {image: '{{digest}}'}}",
    ] {
        let gate = format!("        - {gate}\n");
        std::fs::write(&pipeline, two.replace(soak, &format!("{soak}{gate}"))).unwrap();
        let said = check(&machine, &root, &[]);
        assert_eq!(said.code, 3, "{said:?}");
        said.has(&["HW0702", "here are several: use `set`"]);
    }
}

#[test]
fn a_key_that_is_none_is_named_with_its_place() {
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    let pipeline = root.join("pipelines/myapp/pipeline.yaml");
    let text = std::fs::read_to_string(&pipeline).unwrap();
    let age = "        - age: 2h\n";
    let line = 2 + text.lines().position(|l| l == age.trim_end()).unwrap();
    let gate = "        - signature: {key: keys/release.pub}\n";
    std::fs::write(&pipeline, text.replace(age, &format!("{age}{gate}"))).unwrap();
    std::fs::create_dir(root.join("keys")).unwrap();
    let key = root.join("keys/release.pub");
    for (content, words) in [
        (None, "there is no file `keys/release.pub`"),
        (Some("hello\n"), "is no key: it holds no public key in PEM"),
        (
            Some("-----BEGIN EC PRIVATE KEY-----\n"),
            "it holds a private key",
        ),
    ] {
        if let Some(content) = content {
            std::fs::write(&key, content).unwrap();
        }
        let place = format!("pipelines/myapp/pipeline.yaml:{line}:");
        let said = check(&machine, &root, &[]);
        assert_eq!(said.code, 3, "{said:?}");
        said.has(&["HW0703", &place, words]);
    }
}

#[test]
fn what_the_operators_guards_ask_for_is_told_where_it_is_lacking() {
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    let settings = machine.folder().join("op.yaml");
    let guards =
        "guards:\n  prod: {gates: [soak, signature]}\n  stage-*: {delivery: pullRequest}\n";
    std::fs::write(&settings, guards).unwrap();
    let settings = settings.display().to_string();
    let said = check(&machine, &root, &["--config", &settings]);
    assert_eq!(said.code, 3, "{said:?}");
    said.has(&[
        "HW0123",
        "pipelines/myapp/pipeline.yaml:",
        "the operator's guards.prod.gates asks for a `signature` gate",
        "write `- signature: ...` under `enter` of environments/prod.yaml or of stage prod",
    ]);
    assert!(
        said.stderr
            .contains("guards.stage-* of your settings is for no environment here"),
        "{said:?}"
    );
    assert_eq!(check(&machine, &root, &[]).code, 0);
}

#[test]
fn whom_the_operators_settings_do_not_name_is_told_where_these_are_at_hand() {
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    let pipeline = root.join("pipelines/myapp/pipeline.yaml");
    let text = std::fs::read_to_string(&pipeline).unwrap();
    let soak = "        - soak: 30m\n";
    assert!(text.contains(soak), "{text}");
    let settings = machine.folder().join("op.yaml");
    let egress = "egress:\n- {host: e2e.example, credentials: [{name: ci, token: t}]}\n";
    std::fs::write(&settings, egress).unwrap();
    let settings = settings.display().to_string();
    for (host, auth, words) in [
        ("e2e.example", "ci", None),
        (
            "e2e.example",
            "cj",
            Some("have no credential `cj` for `e2e.example`"),
        ),
        (
            "e3e.example",
            "ci",
            Some("`e3e.example` is no host that the operator's settings let gates ask"),
        ),
    ] {
        let gate = format!(
            "{soak}        - http: {{url: \"https://{host}/x\", auth: {auth}, expect: \"status == 200\"}}\n"
        );
        std::fs::write(&pipeline, text.replace(soak, &gate)).unwrap();
        let said = check(&machine, &root, &["--config", &settings]);
        assert_eq!(said.code, 0, "settings may be another machine's: {said:?}");
        assert_eq!(said.stdout.contains("HW0125"), words.is_some(), "{said:?}");
        said.has(words.as_slice());
        let alone = check(&machine, &root, &[]);
        assert!(!alone.stdout.contains("HW0125"), "{alone:?}");
    }
}

#[test]
fn the_brakes_of_the_readme_are_sound() {
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    let readme = include_str!("../../../README.md");
    let (_, rest) = readme.split_once("The two brakes.").unwrap();
    let (_, rest) = rest.split_once("```yaml\n").unwrap();
    let (brakes, _) = rest.split_once("```").unwrap();
    let (hold, freeze) = brakes.split_once("---\n").unwrap();
    for (folder, kind, text) in [
        ("holds", "kind: Hold", hold),
        ("freezes", "kind: Freeze", freeze),
    ] {
        assert!(text.contains(kind), "{text}");
        std::fs::create_dir_all(root.join(folder)).unwrap();
        std::fs::write(root.join(folder).join("x.yaml"), text).unwrap();
    }
    let said = check(&machine, &root, &["holds", "freezes"]);
    assert_eq!(said.code, 0, "{said:?}");
    said.has(&["checked 2 files: no problems"]);
    assert_eq!(said.stderr, "", "both are found");
}
