//! Matrices: what they give, and what is said of those that give nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::manifests::world::{World, assemble_all};
use crate::manifests::{Documents, Severity, load};
use crate::model::{ApplicationName, Gate, Name};

const ENVIRONMENTS: &str = include_str!("../../../tests/fixtures/shop/environments/all.yaml");
const PIPELINES: &str = include_str!("../../../tests/fixtures/shop/pipelines/shop.yaml");

fn stream(name: &str) -> String {
    format!(
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: {name}}}\nspec:\n  tags:\n    - {{name: dev, from: {{kind: DockerImage, name: 'r.example/shop/{name}:main'}}, importPolicy: {{scheduled: true}}}}\n"
    )
}

/// A shop of so many services, each in all of the environments, as files by path.
fn shop(services: usize) -> BTreeMap<String, String> {
    let mut files = BTreeMap::from([
        ("environments/all.yaml".to_owned(), ENVIRONMENTS.to_owned()),
        ("pipelines/shop.yaml".to_owned(), PIPELINES.to_owned()),
        (
            "templates/web-service/service.yaml.hbs".to_owned(),
            String::new(),
        ),
    ]);
    for service in 0..services {
        files.insert(
            format!("streams/s{service:02}.yaml"),
            stream(&format!("s{service:02}")),
        );
        for tier in ["dev", "qa", "prod"] {
            for region in ["eu", "us", "ap"] {
                let path = format!("environments/{tier}-{region}/s{service:02}/values.yaml");
                files.insert(path, "{}\n".to_owned());
            }
        }
    }
    files
}

fn documents(files: &BTreeMap<String, String>) -> Documents {
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(p, t)| (p.as_str(), t.as_str()))
        .collect();
    assemble_all(&files)
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn names<'a>(names: impl IntoIterator<Item = &'a Name>) -> Vec<&'a str> {
    names.into_iter().map(Name::as_str).collect()
}

/// All that is said of files, a line each.
fn said(files: &[(&str, &str)]) -> Vec<String> {
    let problems = assemble_all(files).problems.into_iter().map(|p| {
        let place = p.place.map_or_else(
            || "?".to_owned(),
            |at| format!("{}:{}+{}", at.line, at.column, at.length),
        );
        let mut line = format!("{place} {} {}", p.code, p.message);
        line.extend(p.label.map(|label| format!(" | {label}")));
        line.extend(p.help.map(|help| format!(" > {help}")));
        line
    });
    problems.collect()
}

fn environment(matrix: &str, name: &str, more: &str) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {{name: {name}}}\nspec:\n  matrix: {matrix}\n  delivery: commit\n{more}"
    )
}

fn one(matrix: &str, name: &str, more: &str) -> Vec<String> {
    let text = environment(matrix, name, more);
    said(&[("environments/all.yaml", &text)])
}

/// Names of the environments that a matrix gives.
fn given(matrix: &str, name: &str) -> Vec<String> {
    let text = environment(matrix, name, "");
    let files = [(RepoPath::from_str("environments/all.yaml"), text)];
    let mut files: Vec<_> = files
        .into_iter()
        .map(|(path, text)| {
            let path = path.unwrap();
            let loaded = load(&path, text.as_bytes(), Role::Environments);
            (path, Role::Environments, Arc::new(loaded))
        })
        .collect();
    Expansions::default().carry_out(&mut files, &World(BTreeMap::new()));
    let loaded = &files[0].2;
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let documents = loaded.documents.iter();
    documents
        .map(|document| match &document.kind {
            crate::manifests::DocumentKind::Environment(environment) => {
                environment.name().to_string()
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

use std::str::FromStr as _;

#[test]
fn a_shop_of_thirty_services_in_three_tiers_and_regions_is_two_files_of_less_than_sixty_lines() {
    let lines = ENVIRONMENTS.lines().count() + PIPELINES.lines().count();
    assert!(lines < 60, "{lines} lines");
    let documents = documents(&shop(30));
    assert_eq!(documents.problems, Vec::new());
    assert_eq!(documents.pipelines.len(), 30);
    assert_eq!(
        names(documents.environments.keys()),
        [
            "dev-ap", "dev-eu", "dev-us", "prod-ap", "prod-eu", "prod-us", "qa-ap", "qa-eu",
            "qa-us"
        ]
    );
    for environment in documents.environments.values() {
        let applications = &environment.value.spec.applications;
        assert_eq!(applications.len(), 30);
        assert!(
            applications
                .iter()
                .all(|a| a.name != ApplicationName::Every && a.template.is_some())
        );
        assert_eq!(environment.path.as_str(), "environments/all.yaml");
        // What others fill in later is left to them.
        let deployed = environment.value.spec.deployed.as_ref().unwrap();
        assert_eq!(
            deployed.check.as_deref(),
            Some("argocd/{{app}}-{{environment}}")
        );
    }
    let us = &documents.environments[&name("prod-us")].value;
    let Gate::Window(window) = &us.spec.enter[0] else {
        panic!("{:?}", us.spec.enter)
    };
    assert_eq!(window.time_zone.as_str(), "America/New_York");
    let pipeline = &documents.pipelines[&name("s07")];
    assert_eq!(pipeline.value.spec.stages.len(), 5);
    let Gate::Workflow(workflow) = &pipeline.value.spec.stages[1].verify[0] else {
        panic!("{:?}", pipeline.value.spec.stages[1])
    };
    assert_eq!(workflow.repository, "shop/s07");
    let result = pipeline.result.as_deref().unwrap();
    assert_eq!(
        (result.document.as_str(), result.values.as_str(), result.of),
        ("pipeline `{{app}}`", "app=s07", 30)
    );
}

#[test]
fn include_and_exclude_are_those_of_github_actions() {
    // The example of its documentation.
    let include =
        "include: [{color: green}, {color: pink, animal: cat}, {fruit: apple, shape: circle}]";
    let matrix = format!("{{fruit: [apple, pear], animal: [cat, dog], {include}}}");
    let more = "  pullRequest: {labels: [\"{{color}}\"]}\n";
    let text = environment(&matrix, "\"{{fruit}}-{{animal}}\"", more);
    let documents = assemble_all(&[("environments/all.yaml", &text)]);
    assert_eq!(documents.problems, Vec::new());
    let colours = documents.environments.iter().map(|(name, environment)| {
        (
            name.as_str(),
            environment.value.spec.pull_request.labels[0].as_str(),
        )
    });
    assert_eq!(
        colours.collect::<Vec<_>>(),
        [
            ("apple-cat", "pink"),
            ("apple-dog", "green"),
            ("pear-cat", "pink"),
            ("pear-dog", "green")
        ]
    );
    for (matrix, expected) in [
        (
            "{fruit: [apple, pear], animal: [cat, dog]}",
            "apple-cat apple-dog pear-cat pear-dog",
        ),
        (
            "{fruit: [apple, pear], animal: [cat, dog], exclude: [{fruit: apple}]}",
            "pear-cat pear-dog",
        ),
        (
            "{fruit: [apple], animal: [cat, dog], exclude: [{fruit: apple, animal: dog}, {fruit: pear}]}",
            "apple-cat",
        ),
        (
            "{fruit: [apple], animal: [cat], include: [{fruit: banana, animal: cat}]}",
            "apple-cat banana-cat",
        ),
        (
            "{fruit: [apple], animal: [cat], exclude: [{animal: cat}], include: [{fruit: fig, animal: ox}]}",
            "fig-ox",
        ),
        (
            "{include: [{fruit: fig, animal: ox}, {fruit: fig, animal: cow}]}",
            "fig-ox fig-cow",
        ),
        (
            "{animal: [1, true, x], fruit: [2.50]}",
            "2.50-1 2.50-true 2.50-x",
        ),
    ] {
        assert_eq!(
            given(matrix, "\"{{fruit}}-{{animal}}\"").join(" "),
            expected,
            "{matrix}"
        );
    }
    // A filter of a map says as much of it as it likes.
    let regions = "{region: [{name: eu, tz: a}, {name: us, tz: a}], tier: [dev, qa], exclude: [{tier: qa, region: {name: us}}]}";
    assert_eq!(
        given(regions, "\"{{tier}}-{{ region.name }}\"").join(" "),
        "dev-eu qa-eu dev-us"
    );
}

#[test]
fn what_is_only_a_placeholder_keeps_its_kind_and_is_text_where_text_belongs() {
    let matrix = "{n: [2, 3], deep: [{list: [\"Mon-Thu 09:00-16:00\"], rules: {merge: person}}]}";
    let more = "  approvals: {count: \"{{n}}\", from: [\"@a/{{n}}\"]}\n  pullRequest: \"{{deep.rules}}\"\n  enter: [{window: {allow: \"{{deep.list}}\", timeZone: UTC}}]\n";
    let text = environment(matrix, "\"{{n}}\"", more).replace("commit", "pullRequest");
    let documents = assemble_all(&[("environments/all.yaml", &text)]);
    assert_eq!(documents.problems, Vec::new());
    let spec = &documents.environments[&name("3")].value.spec;
    let approvals = spec.approvals.as_ref().unwrap();
    assert_eq!((approvals.count, approvals.from[0].as_str()), (3, "@a/3"));
    assert_eq!(
        spec.pull_request.merge,
        crate::model::environment::Merger::Person
    );
    assert!(matches!(&spec.enter[0], Gate::Window(window) if window.allow.len() == 1));
}

#[test]
fn a_matrix_that_cannot_be_carried_out_says_where_and_what_to_do() {
    let all = "\"{{a}}\"";
    for (matrix, name, expected) in [
        (
            "",
            all,
            "5:3+6 HW0902 this matrix gives nothing > write matrix: {region: [eu, us]}, or take it out",
        ),
        (
            "{}",
            all,
            "5:11+2 HW0902 this matrix gives nothing > write matrix: {region: [eu, us]}, or take it out",
        ),
        (
            "[a]",
            all,
            "5:11+3 HW0901 a matrix is a map of lists > write matrix: {region: [eu, us]}, or take it out",
        ),
        (
            "{a: []}",
            all,
            "5:15+2 HW0902 dimension `a` has no value > write its values, as in a: [a, b]; or delete the document if nothing is meant",
        ),
        (
            "{a: x}",
            all,
            "5:15+1 HW0901 dimension `a` is no list > write a: [a, b], or a: {folders: \"environments/dev/*\"}",
        ),
        (
            "{a: {x: [y]}}",
            all,
            "5:15+8 HW0901 dimension `a` is no list > write a: [a, b], or a: {folders: \"environments/dev/*\"}",
        ),
        (
            "{a: [[x]]}",
            all,
            "5:16+3 HW0901 a value of dimension `a` is a list > a value is text, a number, true or false, or a map such as {name: eu, timeZone: Europe/Berlin}",
        ),
        (
            "{a: [x, ~]}",
            all,
            "5:19+1 HW0901 a value of dimension `a` is missing > a value is text, a number, true or false, or a map such as {name: eu, timeZone: Europe/Berlin}",
        ),
        (
            "{a: [{1x: y}]}",
            all,
            "5:17+2 HW0901 a key is written in letters, digits, `-` and `_`, beginning with a letter > write a key such as `name` or `timeZone`",
        ),
        (
            "{a b: [x]}",
            all,
            "5:12+3 HW0901 a dimension is called by letters, digits, `-` and `_`, beginning with a letter > write a name such as `tier` or `region`",
        ),
        (
            "{digest: [x]}",
            "\"{{digest}}\"",
            "5:12+6 HW0901 no dimension can be called `digest`: `{{digest}}` has another meaning > call it something else, such as `tier` or `region`",
        ),
        (
            "{app: [x]}",
            "\"{{app}}\"",
            "5:12+3 HW0901 no dimension can be called `app`: `{{app}}` has another meaning > call it something else, such as `tier` or `region`",
        ),
        (
            "{a: [\"{{b}}\"], b: [x]}",
            all,
            "5:16+7 HW0901 a value of a matrix holds `{{`, and nothing is filled in there > write out what is meant",
        ),
        (
            "{a: {folders: \"nowhere/*\"}}",
            all,
            "5:25+11 HW0902 dimension `a` has no value: no folder `nowhere/*` holds a values.yaml > put a values.yaml into each folder that is meant, or correct the pattern",
        ),
        (
            "{a: {folders: \"../x/*\"}}",
            all,
            "5:25+8 HW0901 `..` leaves the repository; a pattern begins at its top > write {folders: \"environments/dev/*\"}",
        ),
        (
            "{a: {folders: 3}}",
            all,
            "5:25+1 HW0901 `3` is no pattern of folders > write {folders: \"environments/dev/*\"}",
        ),
        (
            "{a: [x], exclude: [{a: x}]}",
            all,
            "5:11+27 HW0902 this matrix gives nothing: `exclude` takes all of it > leave a combination, or delete the document",
        ),
        (
            "{a: [x], exclude: [{aa: x}]}",
            all,
            "5:31+2 HW0901 `aa` is no dimension of this matrix | it has a > did you mean `a`?",
        ),
        (
            "{a: [x], exclude: {a: x}}",
            all,
            "5:29+6 HW0901 `exclude` is a list of maps > write exclude: [{region: eu}]",
        ),
        (
            "{a: [x], include: [y]}",
            all,
            "5:30+1 HW0901 an entry of `include` is a map of dimensions and values > write include: [{region: eu}]",
        ),
        (
            "{a: [x], include: [{version: 1}]}",
            all,
            "5:31+7 HW0901 no dimension can be called `version`: `{{version}}` has another meaning > call it something else, such as `tier` or `region`",
        ),
        (
            "{a: [x, y], b: [1, 2]}",
            all,
            "3:18+7 HW0905 2 results of this matrix are called `x`, and another name is that of several too | in line 5: a=x, b=1; a=x, b=2 > name them by b too, as in \"{{a}}-{{b}}\"",
        ),
        (
            "{a: [x], b: [{k: 1}, {k: 2}]}",
            all,
            "3:18+7 HW0905 2 results of this matrix are called `x` | in line 5: a=x, b.k=1; a=x, b.k=2 > name them by b too, as in \"{{a}}-{{b.k}}\"",
        ),
        (
            "{a: [x, x]}",
            all,
            "3:18+7 HW0905 2 results of this matrix are called `x` | in line 5: a=x; a=x > let the values differ, or take out what is there twice",
        ),
        (
            "{a: [x]}",
            "\"{{aa}}\"",
            "3:18+8 HW0904 `aa` is no dimension of this matrix | it has a > did you mean `a`?",
        ),
        (
            "{a: [x, Y_]}",
            all,
            "3:18+7 HW0006 `Y_` is not a valid name: use lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit, at most 63 long, without `..` or a final `.lock` (environment `{{a}}` with a=Y_)",
        ),
        (
            "{a: [{k: x, l: y}]}",
            "\"e-{{a.nope}}\"",
            "3:21+10 HW0904 `a` has no key `nope` | it has k, l > known here: k, l (environment `e-{{a.nope}}` with a.k=x)",
        ),
        (
            "{a: [{k: x}]}",
            all,
            "3:19+5 HW0904 `a` is a map > say which of its keys, as in {{a.k}} (environment `{{a}}` with a.k=x)",
        ),
        (
            "{a: [x], include: [{b: 1}, {a: z}]}",
            "\"{{a}}-{{b}}\"",
            "3:25+5 HW0904 `b` has no value here > give it one in every entry of `include`, or make it a dimension: b: [...] (environment `{{a}}-{{b}}` with a=z)",
        ),
    ] {
        let expected = match expected.rsplit_once(" (environment") {
            // Which result it is stands in the message, before label and help.
            Some((said, result)) if said.contains(" > ") || said.contains(" | ") => {
                let at = said.find(" | ").or_else(|| said.find(" > ")).unwrap();
                format!("{} (environment{result}{}", &said[..at], &said[at..])
            }
            _ => expected.to_owned(),
        };
        assert_eq!(one(matrix, name, ""), [expected], "{matrix} {name}");
    }
}

#[test]
fn what_is_wrong_with_all_results_is_told_once_and_with_some_by_their_names() {
    let many = "{a: [b, c, d, e, f, g]}";
    assert_eq!(
        one(many, "\"{{a}}\"", "  nope: 1\n"),
        [
            "7:3+4 HW0007 unknown field `nope` (all 6 results of environment `{{a}}`) | known here: namespace, delivery, pullRequest, approvals, enter, deployed, rollback, overrides, applications, matrix > take it out, or write one of those instead"
        ]
    );
    let zones = "{region: [{n: eu, tz: Europe/Berlin}, {n: us, tz: US/Nowhere}, {n: ap, tz: Asia/Nowhere}]}";
    let window =
        "  enter: [{window: {allow: [\"Mon-Thu 09:00-16:00\"], timeZone: \"{{region.tz}}\"}}]\n";
    let found = one(zones, "\"{{region.n}}\"", window);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        found,
        [
            "7:63+15 HW0118 unknown time zone `US/Nowhere` (environment `{{region.n}}` with region.n=us; likewise with region.n=ap) > write an IANA name such as Europe/Berlin, or UTC"
        ]
    );
}

#[test]
fn a_result_that_is_broken_leaves_the_others_and_everybody_else() {
    let mut files = shop(3);
    files.insert("streams/s01.yaml".to_owned(), "a: [".to_owned());
    let found = documents(&files);
    assert_eq!(names(found.broken_pipelines.keys()), ["s01"]);
    // A folder that no pipeline can be called.
    files.insert(
        "environments/dev-eu/No_Name/values.yaml".to_owned(),
        String::new(),
    );
    let found = documents(&files);
    assert_eq!(names(found.broken_pipelines.keys()), ["s01"]);
    assert_eq!(found.pipelines.len(), 3);
    assert!(found.nameless_pipelines.is_none());
    let lines: Vec<&str> = found.problems.iter().map(|p| p.message.as_str()).collect();
    assert!(
        lines
            .iter()
            .any(|l| l.starts_with("`environments/dev-eu/*` leaves out folders")),
        "{lines:#?}"
    );
    assert!(
        lines.iter().any(|l| l.contains("`*` leaves out folders")
            && l.contains("(environment `{{tier}}-{{region}}` with tier=dev, region=eu)")),
        "{lines:#?}"
    );
    // A whole matrix.
    files.remove("environments/dev-eu/No_Name/values.yaml");
    files.insert(
        "environments/all.yaml".to_owned(),
        ENVIRONMENTS.replace("region: [eu, us, ap]", "region: []"),
    );
    files.insert(
        "environments/own.yaml".to_owned(),
        environment("{x: [own]}", "\"{{x}}\"", ""),
    );
    let found = documents(&files);
    assert_eq!(
        names(found.environments.keys()),
        ["own", "prod-ap", "prod-eu", "prod-us"]
    );
    let unknown: Vec<&Diagnostic> = found
        .problems
        .iter()
        .filter(|p| p.code == code::UNKNOWN_ENVIRONMENT)
        .collect();
    assert_eq!(unknown.len(), 6, "{unknown:#?}");
    assert!(unknown.iter().all(|p| p.help.as_deref()
        == Some("the matrix in `environments/all.yaml` gives nothing and may mean it")));
    assert!(
        unknown[0]
            .message
            .ends_with("(all 3 results of pipeline `{{app}}`)"),
        "{}",
        unknown[0].message
    );
}

#[test]
fn a_matrix_of_pipelines_that_gives_nothing_may_own_every_tag() {
    let mut files = shop(1);
    let text = PIPELINES.replace("environments/dev-eu/*", "environments/dev-xx/*");
    files.insert("pipelines/shop.yaml".to_owned(), text);
    let found = documents(&files);
    assert!(found.pipelines.is_empty() && found.broken_pipelines.is_empty());
    assert!(found.nameless_pipelines.unwrap().starts_with(
        "the matrix at pipelines/shop.yaml:5 gives nothing now: dimension `app` has no value"
    ));
}

#[test]
fn a_result_and_another_document_of_its_name_are_none_of_them_used() {
    let mut files = shop(2);
    let own = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: s01}\nspec: {stages: [{name: dev, environments: []}]}\n";
    files.insert("pipelines/s01.yaml".to_owned(), own.to_owned());
    let found = documents(&files);
    assert_eq!(names(found.pipelines.keys()), ["s00"]);
    assert_eq!(names(found.broken_pipelines.keys()), ["s01"]);
    let lines: Vec<String> = found
        .problems
        .iter()
        .map(|p| format!("{} {} {}", p.path, p.code, p.message))
        .collect();
    assert_eq!(
        lines,
        [
            "pipelines/s01.yaml HW0101 2 pipelines are called `s01`",
            "pipelines/shop.yaml HW0101 2 pipelines are called `s01` (pipeline `{{app}}` with app=s01)",
        ]
    );
}

#[test]
fn windows_of_results_that_never_meet_are_told_once() {
    let mut files = shop(4);
    let text = PIPELINES.replace(
        "{name: prod-us, from: [prod-eu], approvedBy: prod-eu}",
        "{name: prod-us, from: [prod-eu], environments: [prod-us, prod-ap]}",
    );
    files.insert("pipelines/shop.yaml".to_owned(), text);
    let found = documents(&files);
    let lines: Vec<String> = found
        .problems
        .iter()
        .map(|p| format!("{} {}", p.code, p.message))
        .collect();
    assert!(lines.iter().any(|l| l == "HW0120 the windows of stage `prod-us` are never open at the same time (environments/all.yaml) (all 4 results of pipeline `{{app}}`)"), "{lines:#?}");
    assert_eq!(
        found
            .problems
            .iter()
            .filter(|p| p.code == code::WINDOW)
            .count(),
        1,
        "{lines:#?}"
    );
}

#[test]
fn a_star_means_every_folder_with_values_and_one_that_is_named_wins() {
    let text = "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec:\n  applications:\n    - {name: \"*\", template: web}\n    - {name: cart, template: special}\n";
    let files = [
        ("environments/dev.yaml", text),
        ("environments/dev/cart/values.yaml", ""),
        ("environments/dev/orders/values.yaml", ""),
        ("environments/dev/rendered/orders/a.yaml", ""),
        ("environments/dev/rendered/values.yaml", ""),
        ("environments/dev/notes/readme.md", ""),
        ("templates/web/a.hbs", ""),
        ("templates/special/a.hbs", ""),
    ];
    let found = assemble_all(&files);
    assert_eq!(found.problems, Vec::new());
    let applications = &found.environments[&name("dev")].value.spec.applications;
    let applications: Vec<String> = applications
        .iter()
        .map(|a| format!("{} {}", a.name, a.template.as_ref().unwrap()))
        .collect();
    assert_eq!(applications, ["orders web", "cart special"]);
    // What is wrong with it is told once, and true of all it means.
    let found = assemble_all(&files[..6]);
    let lines: Vec<String> = found
        .problems
        .iter()
        .map(|p| format!("{} {}", p.place.as_ref().unwrap().line, p.message))
        .collect();
    assert_eq!(
        lines,
        [
            "6 there is no template `web`",
            "7 there is no template `special`"
        ]
    );
    let broken: Vec<String> = found
        .broken_applications
        .keys()
        .map(|(e, a)| format!("{e}/{a}"))
        .collect();
    assert_eq!(broken, ["dev/cart", "dev/orders"]);
}

#[test]
fn a_star_in_place_says_by_its_path_which_application_it_means() {
    let file = |path: &str| {
        format!(
            "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {{name: dev}}\nspec:\n  applications: [{{name: \"*\", kustomization: \"{path}\"}}]\n"
        )
    };
    let found = |path: &str| {
        let text = file(path);
        assemble_all(&[
            ("environments/dev.yaml", text.as_str()),
            ("environments/dev/cart/values.yaml", ""),
            ("environments/dev/orders/values.yaml", ""),
        ])
    };
    let good = found("/apps/{{app}}/overlays/dev");
    assert_eq!(good.problems, Vec::new());
    let applications = &good.environments[&name("dev")].value.spec.applications;
    let paths: Vec<&str> = applications
        .iter()
        .filter_map(|a| a.kustomization.as_deref())
        .collect();
    assert_eq!(
        paths,
        ["/apps/cart/overlays/dev", "/apps/orders/overlays/dev"]
    );
    let bad = found("/apps/overlays/dev");
    assert_eq!(bad.problems.len(), 1, "{:#?}", bad.problems);
    assert_eq!(bad.problems[0].code, code::EVERY);
    assert_eq!(bad.broken_applications.len(), 2);
    let outside = found("../../{{app}}");
    assert_eq!(outside.problems.len(), 1, "{:#?}", outside.problems);
    assert_eq!(outside.problems[0].code, code::PATH_LEAVES);
}

#[test]
fn more_than_is_read_is_refused_before_it_is_made() {
    let numbers = |count: usize| {
        (0..count)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let hundred = numbers(100);
    let wide = format!(
        "{{a: [{hundred}], b: [{hundred}], c: [{hundred}], d: [{hundred}], e: [{hundred}]}}"
    );
    let found = one(&wide, "\"{{a}}\"", "");
    assert_eq!(
        found,
        [
            "5:3+6 HW0903 this matrix has 10000000000 combinations; at most 2000 are read > make several documents of it"
        ]
    );
    // Few results, each of them large.
    let large = "x".repeat(100_000);
    let found = one(
        &format!("{{a: [{}]}}", numbers(1_000)),
        "\"{{a}}\"",
        &format!("  namespace: {large}\n"),
    );
    assert_eq!(
        found,
        [
            "5:3+6 HW0903 the results of this matrix are larger in all than is read > make several documents of it"
        ]
    );
    let found = one(
        &format!("{{a: [{}]}}", "y".repeat(5_000)),
        "\"{{a}}\"",
        &format!("  namespace: \"{}\"\n", "{{a}}".repeat(4)),
    );
    assert!(
        found[0].contains("HW0903 this becomes longer than 16384 bytes"),
        "{found:?}"
    );
    // Braces without end.
    let text = environment(
        "{a: [x]}",
        "\"{{a}}\"",
        &format!("  namespace: \"{}\"\n", "{{".repeat(50_000)),
    );
    assert!(!said(&[("environments/all.yaml", &text)]).is_empty());
    // Aliases that name each other.
    let text = environment("{a: [x]}", "\"{{a}}\"", "  pullRequest: &p {labels: *p}\n");
    assert!(!said(&[("environments/all.yaml", &text)]).is_empty());
}

#[test]
fn what_does_not_fit_into_the_room_for_all_is_refused_by_itself() {
    let loaded = ["a", "b", "c"].map(|letter| {
        let path: RepoPath = format!("environments/{letter}.yaml").parse().unwrap();
        let text = environment("{n: [1, 2, 3]}", &format!("\"{letter}-{{{{n}}}}\""), "");
        let loaded = load(&path, text.as_bytes(), Role::Environments);
        (path, Role::Environments, Arc::new(loaded))
    });
    let mut expansions = Expansions {
        most: 7,
        ..Expansions::default()
    };
    for order in [[0, 1, 2], [2, 1, 0]] {
        let mut files = order.map(|at| loaded[at].clone());
        expansions.carry_out(&mut files, &World(BTreeMap::new()));
        files.sort_by(|a, b| a.0.cmp(&b.0));
        let counts = files
            .each_ref()
            .map(|(_, _, loaded)| loaded.documents.len());
        assert_eq!(counts, [3, 3, 0]);
        let problem = &files[2].2.problems[0];
        assert_eq!(
            (problem.code.as_str(), problem.place.as_ref().unwrap().line),
            (code::MATRIX_SIZE, 5)
        );
        assert!(
            problem
                .message
                .contains("there would be more than 7 in all, or more text"),
            "{}",
            problem.message
        );
        assert!(files[2].2.broken[0].nameless);
    }
    // There is room again.
    let mut files = [loaded[0].clone(), loaded[2].clone()];
    expansions.carry_out(&mut files, &World(BTreeMap::new()));
    assert_eq!(files[1].2.documents.len(), 3);
}

#[test]
fn results_are_made_again_only_when_the_document_or_a_folder_that_it_names_changed() {
    let mut world = shop(2);
    let loaded: Vec<_> = [
        ("environments/all.yaml", Role::Environments),
        ("pipelines/shop.yaml", Role::Pipelines),
    ]
    .into_iter()
    .map(|(path, role)| {
        let at: RepoPath = path.parse().unwrap();
        let loaded = load(&at, world[path].as_bytes(), role);
        (at, role, Arc::new(loaded))
    })
    .collect();
    let mut expansions = Expansions::default();
    let mut pass = |world: &BTreeMap<String, String>, files: &[(RepoPath, Role, Arc<Loaded>)]| {
        let mut files = files.to_vec();
        expansions.carry_out(&mut files, &World(world.clone()));
        let counts: Vec<usize> = files.iter().map(|(_, _, l)| l.documents.len()).collect();
        (expansions.fresh, counts)
    };
    assert_eq!(pass(&world, &loaded), (2, vec![9, 2]));
    assert_eq!(pass(&world, &loaded), (0, vec![9, 2]));
    world.insert(
        "environments/dev-eu/s99/values.yaml".to_owned(),
        String::new(),
    );
    assert_eq!(pass(&world, &loaded), (1, vec![9, 3]));
    world.insert(
        "environments/qa-eu/s98/values.yaml".to_owned(),
        String::new(),
    );
    assert_eq!(pass(&world, &loaded), (0, vec![9, 3]));
    let mut other = loaded.clone();
    other[0].2 = Arc::new(Loaded::clone(&other[0].2));
    assert_eq!(pass(&world, &other), (1, vec![9, 3]));
}

#[test]
fn items_of_a_list_that_share_anchors_do_not_fill_each_other() {
    let text = "kind: List\nitems:\n- apiVersion: headwater.dev/v1alpha1\n  kind: Environment\n  metadata: {name: \"a-{{x}}\"}\n  spec:\n    matrix: {x: [one, two]}\n    pullRequest: &rules {labels: [\"{{x}}\"]}\n- apiVersion: headwater.dev/v1alpha1\n  kind: Environment\n  metadata: {name: plain}\n  spec: {pullRequest: *rules}\n- apiVersion: headwater.dev/v1alpha1\n  kind: Environment\n  metadata: {name: \"b-{{x}}\"}\n  spec: {matrix: {x: [three]}, pullRequest: *rules}\n";
    let found = assemble_all(&[("environments/all.yaml", text)]);
    assert_eq!(found.problems, Vec::new());
    let labels = found
        .environments
        .iter()
        .map(|(name, e)| format!("{name} {}", e.value.spec.pull_request.labels[0]));
    assert_eq!(
        labels.collect::<Vec<_>>(),
        ["a-one one", "a-two two", "b-three three", "plain {{x}}"]
    );
}

#[test]
fn a_pipeline_that_a_matrix_gives_no_more_is_missed_with_where_and_why() {
    let mut files = shop(1);
    files.remove("environments/dev-eu/s00/values.yaml");
    let found = documents(&files);
    let why = found.why_no_pipeline(&name("s00")).unwrap();
    assert_eq!(
        why,
        "there is no pipeline `s00`: the matrix at pipelines/shop.yaml:5 gives nothing now: dimension `app` has no value: no folder `environments/dev-eu/*` holds a values.yaml"
    );
    assert!(found.unread_pipeline().is_some());
    let whole = documents(&shop(1));
    assert_eq!(whole.why_no_pipeline(&name("s01")), None);
    assert_eq!(whole.unread_pipeline(), None);
}

#[test]
fn a_folder_that_no_application_can_be_called_is_left_out_and_told_whoever_asks_for_it() {
    let mut files = shop(1);
    let odd = "environments/dev-eu/Bad_Name/values.yaml";
    files.insert(odd.to_owned(), "{}\n".to_owned());
    let found = documents(&files);
    assert_eq!(names(found.pipelines.keys()), ["s00"]);
    let told: Vec<(&str, Severity, bool)> = found
        .problems
        .iter()
        .map(|p| (p.code.as_str(), p.severity, p.message.contains("Bad_Name")))
        .collect();
    assert_eq!(
        told,
        [
            (code::EVERY, Severity::Warning, true),
            (code::MATRIX, Severity::Warning, true)
        ]
    );
    // Where no other is left, there is nothing to go on with.
    files.remove("environments/dev-eu/s00/values.yaml");
    let found = documents(&files);
    assert_eq!(found.pipelines.len(), 0);
    assert_eq!(found.errors().next().unwrap().code, code::MATRIX_EMPTY);
}
