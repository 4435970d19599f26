//! What `check` says of every kind of slip in pipelines, environments, holds and freezes: where it is and what to do about
//! it, and that other pipelines are none the worse for it.

use std::collections::BTreeMap;

use super::check::{check, checkout, init};
use super::*;

/// What is written as the stage between `dev` and `prod`, and the code that it is refused with.
const STAGES: &[(&str, &str)] = &[
    ("from: [prod]", "HW0114"),
    ("from: [odd]", "HW0111"),
    ("from: [devv]", "HW0112"),
    ("from: dev", "HW0006"),
    ("from: {some: [dev]}", "HW0007"),
    ("from: {any: []}", "HW0006"),
    ("from: []", "HW0124"),
    ("environments: [nowhere]", "HW0103"),
    ("environment: dev", "HW0007"),
    ("order: oldest", "HW0006"),
    ("supersede: maybe", "HW0006"),
    ("group: 5m", "HW0007"),
    ("delivery: commit", "HW0007"),
    ("enterr: []", "HW0007"),
    ("approvedBy: zz", "HW0112"),
    ("approvedBy: prod", "HW0119"),
    ("approvals: {count: 2}", "HW0119"),
    ("approvals: {count: x}", "HW0006"),
    ("releaseTag: \"{{nosuch}}\"", "HW0116"),
    ("releaseTag: a b", "HW0116"),
    ("enter: {age: 2h}", "HW0006"),
    ("enter: [age]", "HW0006"),
    ("enter: [{age: 2h, expression: x}]", "HW0006"),
    ("enter: [{aeg: 2h}]", "HW0006"),
    ("enter: [{}]", "HW0006"),
    ("enter: [{soak: 2h}]", "HW0117"),
    ("enter: [{window: Mon}]", "HW0006"),
    ("enter: [{window: {allow: [Mon]}}]", "HW0008"),
    ("enter: [{window: {timeZone: UTC}}]", "HW0120"),
    (
        "enter: [{window: {allow: [Mon], timeZone: Mars}}]",
        "HW0118",
    ),
    ("enter: [{window: {allow: Mon, timeZone: UTC}}]", "HW0006"),
    (
        "enter: [{window: {allow: [Moon], timeZone: UTC}}]",
        "HW0006",
    ),
    (
        "enter: [{window: {allow: [\"Mon 10:00-25:00\"], timeZone: UTC}}]",
        "HW0006",
    ),
    (
        "enter: [{window: {allow: [Mon], deny: [Mon-Sun], timeZone: UTC}}]",
        "HW0120",
    ),
    (
        "enter: [{window: {allow: [Mon], timeZone: UTC}}, {window: {allow: [Tue], timeZone: UTC}}]",
        "HW0120",
    ),
    (
        "enter: [{window: {allow: [{cron: \"0 0 30 2 *\", for: 1h}], timeZone: UTC}}]",
        "HW0006",
    ),
    (
        "enter: [{window: {allow: [{cron: \"@daily\", for: 1h}], timeZone: UTC}}]",
        "HW0006",
    ),
    (
        "enter: [{window: {allow: [{cron: \"0 9 40 * *\", for: 1h}], timeZone: UTC}}]",
        "HW0006",
    ),
    (
        "enter: [{window: {allow: [{cron: \"0 9 1 * *\"}], timeZone: UTC}}]",
        "HW0008",
    ),
    (
        "enter: [{window: {allow: [{cron: \"0 9 1 * *\", for: 90d}], timeZone: UTC}}]",
        "HW0006",
    ),
    ("enter: [{age: 5}]", "HW0006"),
    ("enter: [{age: 5 minutes}]", "HW0006"),
    ("enter: [{age: }]", "HW0006"),
    ("verify: [{soak: 5}]", "HW0006"),
    ("verify: [{soak: -5m}]", "HW0006"),
    ("verify: [{soak: [5m]}]", "HW0006"),
    ("enter: [{signature: {}}]", "HW0008"),
    ("enter: [{signature: {key: keys/none.pub}}]", "HW0703"),
    ("enter: [{signature: {key: README.md}}]", "HW0703"),
    (
        "enter: [{signature: {key: \"-----BEGIN PUBLIC KEY-----\\nMFkw\"}}]",
        "HW0006",
    ),
    ("enter: [{expression: \"image.labels[\"}]", "HW0702"),
    ("enter: [{expression: \"imag.tag == 'a'\"}]", "HW0702"),
    ("enter: [{expression: \"1 + 2\"}]", "HW0702"),
    ("enter: [{expression: \"\"}]", "HW0702"),
    (
        "enter: [{expression: \"images.all(a, images.all(b, images.all(c, images.all(d, images.all(e, images.all(f, true))))))\"}]",
        "HW0702",
    ),
    ("verify: [{http: {}}]", "HW0008"),
    (
        "verify: [{http: {url: \"ftp://x\", expect: \"true\"}}]",
        "HW0006",
    ),
    (
        "verify: [{http: {url: \"https://a:b@x.example/\", expect: \"true\"}}]",
        "HW0006",
    ),
    (
        "verify: [{http: {url: \"https://x.example/{{no}}\", expect: \"true\"}}]",
        "HW0006",
    ),
    (
        "verify: [{http: {url: \"https://x.example/\", expect: \"body.\"}}]",
        "HW0702",
    ),
    ("verify: [{checks: []}]", "HW0006"),
    ("verify: [{checks: 3}]", "HW0006"),
    ("verify: [{workflow: {}}]", "HW0008"),
    (
        "verify: [{workflow: {repository: abc, file: x.yaml}}]",
        "HW0006",
    ),
];

/// What is written as the whole `spec`, and the code that it is refused with.
const SPECS: &[(&str, &str)] = &[
    ("{}", "HW0008"),
    ("{stages: []}", "HW0104"),
    ("{stages: dev}", "HW0006"),
    ("{stages: [{tag: dev}]}", "HW0008"),
    ("{stages: [{name: De V}]}", "HW0006"),
    ("{stages: [{name: dev}, {name: dev, tag: x}]}", "HW0110"),
    ("{stages: [{name: dev}, {name: qa, tag: dev}]}", "HW0115"),
    (
        "{stages: [{name: dev}, {name: qa}, {name: prod}]}",
        "HW0113",
    ),
    ("{streams: [nosuch], stages: [{name: dev}]}", "HW0102"),
    ("{streams: [slip, slip], stages: [{name: dev}]}", "HW0006"),
    ("{stages: [{name: qa, from: [dev]}, {name: dev}]}", "HW0114"),
    ("{matrix: {}, stages: [{name: dev}]}", "HW0902"),
    ("{matrix: {tier: []}, stages: [{name: dev}]}", "HW0902"),
    (
        "{matrix: {tier: {folders: \"nowhere/*\"}}, stages: [{name: dev}]}",
        "HW0902",
    ),
    (
        "{matrix: {tier: [a], exclude: [{tier: a}]}, stages: [{name: dev}]}",
        "HW0902",
    ),
    (
        "{matrix: {tier: [a], exclude: [{teir: a}]}, stages: [{name: dev}]}",
        "HW0901",
    ),
    ("{matrix: {tier: [[a]]}, stages: [{name: dev}]}", "HW0901"),
    ("{matrix: {9: [a]}, stages: [{name: dev}]}", "HW0901"),
    ("{matrix: {tier: [a, b]}, stages: [{name: dev}]}", "HW0905"),
    (
        "{matrix: {tier: [a]}, stages: [{name: \"{{teir}}\"}]}",
        "HW0006",
    ),
];

/// Holds and freezes that hold nothing, by folder and kind.
const BRAKES: &[(&str, &str, &str, &str)] = &[
    (
        "holds",
        "Hold",
        "{pipeline: nosuch, stages: [prod], reason: r}",
        "HW0302",
    ),
    (
        "holds",
        "Hold",
        "{pipeline: myapp, stages: [nosuch], reason: r}",
        "HW0302",
    ),
    (
        "holds",
        "Hold",
        "{pipeline: myapp, stages: [], reason: r}",
        "HW0302",
    ),
    (
        "holds",
        "Hold",
        "{pipeline: myapp, stages: [prod]}",
        "HW0008",
    ),
    (
        "holds",
        "Hold",
        "{pipeline: myapp, stages: [prod], digest: \"sha256:abc\", reason: r}",
        "HW0006",
    ),
    (
        "freezes",
        "Freeze",
        "{environments: [nosuch], reason: r}",
        "HW0303",
    ),
    (
        "freezes",
        "Freeze",
        "{environments: [\"p*d\"], reason: r}",
        "HW0303",
    ),
    (
        "freezes",
        "Freeze",
        "{environments: [], reason: r}",
        "HW0303",
    ),
    (
        "freezes",
        "Freeze",
        "{environments: [prod], from: 2026-12-24, until: 2026-12-20, reason: r}",
        "HW0303",
    ),
    (
        "freezes",
        "Freeze",
        "{environments: [prod], from: 2026-02-30, reason: r}",
        "HW0006",
    ),
    (
        "freezes",
        "Freeze",
        "{environments: [prod], until: christmas, reason: r}",
        "HW0006",
    ),
    (
        "freezes",
        "Freeze",
        "{environments: [prod], timeZone: Mars, reason: r}",
        "HW0118",
    ),
    (
        "freezes",
        "Freeze",
        "{environments: [prod], until: \"2026-12-01T08:00:00Z\", reason: r}",
        "HW0006",
    ),
    (
        "freezes",
        "Freeze",
        "{environments: [prod], except: [myapp], reason: r}",
        "HW0006",
    ),
];

/// A document with its head.
fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

/// Whether somebody who reads a problem learns what to write.
fn says_what_to_do(problem: &Value) -> bool {
    let words = problem["message"].as_str().unwrap_or_default();
    let said_at_once = ["write ", "use "].iter().any(|step| words.contains(step));
    problem["help"].is_string() || said_at_once
}

/// The problems of each file.
fn by_file(said: &Said) -> BTreeMap<String, Vec<Value>> {
    let all = said.json();
    let mut files: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for problem in all["problems"].as_array().unwrap() {
        let path = problem["path"].as_str().unwrap().to_owned();
        files.entry(path).or_default().push(problem.clone());
    }
    files
}

/// Looks at each slip in its own file: its code is told, and each error with its line and what to do.
fn told(said: &Said, slips: &[(String, String, &str)]) {
    let files = by_file(said);
    for (path, text, code) in slips {
        let errors: Vec<&Value> = files.get(path).into_iter().flatten().collect();
        let codes = || errors.iter().map(|error| error["code"].as_str().unwrap());
        assert!(codes().any(|found| found == *code), "{text}: {errors:#?}");
        for error in &errors {
            assert!(error["place"]["line"].is_u64(), "{text}: {error:#}");
            assert!(says_what_to_do(error), "{text}: {error:#}");
        }
    }
    let known = |path: &String| slips.iter().any(|(slip, ..)| slip == path);
    let error = |found: &&Value| found["severity"] == "error";
    let others = files.iter().filter(|(path, _)| !known(path));
    let others: Vec<&Value> = others.flat_map(|(_, found)| found).filter(error).collect();
    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn every_slip_in_a_pipeline_is_told_with_its_line_and_what_to_do_and_no_other_pipeline_minds() {
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    init(&machine, &root);
    let stages = STAGES.iter().map(|(line, code)| {
        let stages = format!(
            "\n  stages:\n  - name: dev\n    environments: []\n  - name: odd\n    {}{line}\n  - {{name: prod, from: [odd], environments: []}}",
            if line.starts_with("environment") { "" } else { "environments: []\n    " }
        );
        (stages, *code)
    });
    let specs = SPECS.iter().map(|(spec, code)| ((*spec).to_owned(), *code));
    let mut slips = Vec::new();
    for (number, (spec, code)) in stages.chain(specs).enumerate() {
        let folder = format!("pipelines/slip-{number}");
        std::fs::create_dir(root.join(&folder)).unwrap();
        let path = format!("{folder}/pipeline.yaml");
        let name = format!("slip-{number}");
        std::fs::write(root.join(&path), document("Pipeline", &name, &spec)).unwrap();
        let stream = format!(
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: {name}}}\nspec: {{tags: [{{name: dev, from: {{kind: DockerImage, name: r.example/shop}}, importPolicy: {{scheduled: true}}}}]}}\n"
        );
        std::fs::write(root.join(&folder).join("imagestream.yaml"), stream).unwrap();
        slips.push((path, spec, code));
    }
    let said = check(&machine, &root, &["-o", "json"]);
    assert_eq!(said.code, 3, "{said:?}");
    told(&said, &slips);
}

#[test]
fn every_hold_and_freeze_that_brakes_nothing_is_told_with_its_line_and_what_to_do() {
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    init(&machine, &root);
    let mut slips = Vec::new();
    for (number, (folder, kind, spec, code)) in BRAKES.iter().enumerate() {
        std::fs::create_dir_all(root.join(folder)).unwrap();
        let path = format!("{folder}/slip-{number}.yaml");
        let text = document(kind, &format!("slip-{number}"), spec);
        std::fs::write(root.join(&path), text).unwrap();
        slips.push((path, (*spec).to_owned(), *code));
    }
    let said = check(&machine, &root, &["-o", "json"]);
    assert_eq!(said.code, 3, "{said:?}");
    told(&said, &slips);
}
