//! Loading as users meet it: every dress of a document, and every way a file can be wrong.

use super::*;
use crate::manifests::yaml::MAX_BYTES;

fn load_as(role: Role, text: &str) -> Loaded {
    load(&"pipelines/x.yaml".parse().unwrap(), text.as_bytes(), role)
}

fn streams(loaded: &Loaded) -> Vec<(usize, &ImageStream)> {
    loaded
        .documents
        .iter()
        .filter_map(|d| match &d.kind {
            DocumentKind::ImageStream(stream) => Some((d.index, &**stream)),
            _ => None,
        })
        .collect()
}

/// The problems as `line:column code message; help`.
fn problems(loaded: &Loaded) -> Vec<String> {
    let line = |p: &Diagnostic| {
        let (line, column) = p.place.as_ref().map_or((0, 0), |p| (p.line, p.column));
        let help = p
            .help
            .as_deref()
            .map(|h| format!("; {h}"))
            .unwrap_or_default();
        format!("{line}:{column} {} {}{help}", p.code, p.message)
    };
    loaded.problems.iter().map(line).collect()
}

fn fixture(name: &str) -> Loaded {
    let root = env!("CARGO_MANIFEST_DIR");
    let bytes = std::fs::read(format!("{root}/tests/fixtures/imagestreams/{name}")).unwrap();
    load(
        &format!("streams/{name}").parse().unwrap(),
        &bytes,
        Role::Streams,
    )
}

const PIPELINE: &str =
    "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: a}\nspec:\n";

#[test]
fn streams_load_in_every_dress_they_come_in() {
    for (name, expected) in [
        ("tabs.json", vec![(0, "ledger-runtime", 2)]),
        ("legacy.json", vec![(0, "parcel", 1)]),
        ("list.yaml", vec![(0, "shop", 1), (2, "shop-tools", 2)]),
        ("comments.yaml", vec![(0, "gateway", 2)]),
        ("crlf-bom.yaml", vec![(0, "mailer", 2)]),
        ("several.yaml", vec![(1, "indexer", 2), (2, "crawler", 0)]),
    ] {
        let loaded = fixture(name);
        let found: Vec<_> = streams(&loaded)
            .iter()
            .map(|(i, s)| (*i, s.metadata.name.as_str(), s.spec.tags.len()))
            .collect();
        assert_eq!(found, expected, "{name}: {:?}", problems(&loaded));
        assert!(!loaded.unreadable && loaded.broken.is_empty(), "{name}");
    }
    let several = fixture("several.yaml");
    let tags = &streams(&several)[0].1.spec.tags;
    assert_eq!(
        tags[0].from, tags[1].from,
        "an alias reads as what it stands for"
    );
    let comments = fixture("comments.yaml");
    assert_eq!(streams(&comments)[0].1.status.tags[0].items.len(), 2);
}

#[test]
fn a_helm_template_yields_one_problem_and_no_document() {
    let loaded = fixture("helm.yaml");
    assert!(loaded.unreadable && loaded.documents.is_empty());
    assert_eq!(
        problems(&loaded),
        [
            "1:1 HW0003 this is a Helm template, not YAML; commit what it renders to, or move it out of this folder"
        ]
    );
}

#[test]
fn misplaced_and_misspelt_stream_fields_are_warned_about() {
    let loaded = fixture("misplaced.yaml");
    assert_eq!(streams(&loaded).len(), 1);
    assert_eq!(
        problems(&loaded),
        [
            "11:7 HW0415 `from` of an image stream has no field `importPolicy`; move it out, beside `from`; here it has no effect",
            "13:5 HW0415 `tags` of an image stream has no field `refrence`; did you mean `reference`?",
        ]
    );
    assert!(
        loaded
            .problems
            .iter()
            .all(|p| p.severity == Severity::Warning)
    );
}

#[test]
fn unknown_fields_of_our_kinds_are_refused_with_a_proposal() {
    let loaded = load_as(
        Role::Pipelines,
        &format!("{PIPELINE}  stages:\n  - name: dev\n    enviroments: [dev]\n"),
    );
    assert_eq!(
        problems(&loaded),
        ["7:5 HW0007 unknown field `enviroments`; did you mean `environments`?"]
    );
    assert_eq!(loaded.problems[0].place.as_ref().unwrap().length, 11);
    assert!(
        loaded.problems[0]
            .label
            .as_ref()
            .unwrap()
            .contains("releaseTag")
    );
    assert_eq!(loaded.broken[0].name.as_deref(), Some("a"));
    assert_eq!(loaded.broken[0].kind, "Pipeline");
}

#[test]
fn every_fault_of_a_document_is_told_and_nothing_that_only_follows_from_one() {
    let text = format!(
        "{PIPELINE}  wrong: 1\n  stages:\n  - name: dev\n    enviroments: [dev]\n  - name: QA\n    tag: qa\n    order: sideways\n    enter:\n    - soak: soon\n    - age: 1h\n      sok: 2h\n"
    );
    let found = problems(&load_as(Role::Pipelines, &text));
    let starts = [
        "5:3 HW0007 unknown field `wrong`",
        "8:5 HW0007 unknown field `enviroments`; did you mean `environments`?",
        "9:11 HW0006 `QA` is not a valid name",
        "11:12 HW0006 unknown value `sideways`",
        "13:13 HW0006 `soon` is not a length of time",
        "14:7 HW0006",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (line, start) in found.iter().zip(starts) {
        assert!(line.starts_with(start), "{found:#?}");
    }
}

#[test]
fn wrong_values_of_our_kinds_are_refused_where_they_stand() {
    for (spec, expected) in [
        (
            "  stages: []\n  wrong: 1\n",
            "6:3 HW0007 unknown field `wrong`; take it out, or write one of those instead",
        ),
        ("  streams: [a]\n", "5:3 HW0008 field `stages` is missing"),
        (
            "  stages:\n  - name: DEV\n",
            "6:11 HW0006 `DEV` is not a valid name:",
        ),
        (
            "  stages:\n  - name: 25.0\n",
            "6:11 HW0006 `25.0` is not text without quotes; quote it: \"25.0\"",
        ),
        ("  stages:\n  - name:\n", "6:5 HW0006 text is missing here"),
        (
            "  stages:\n  - name: {{app}}\n",
            "6:11 HW0003 `{{` starts a YAML map; write \"{{app}}\"",
        ),
        (
            "  stages:\n  - name: a\n    order: new\n",
            "7:12 HW0006 unknown value `new`; known here: newest, queue",
        ),
        (
            "  stages:\n  - name: a\n    from: qa\n",
            "7:11 HW0006 expected a list of stages like [qa], or {any: [a, b]}, found `qa`",
        ),
        (
            "  stages:\n  - name: a\n    verify: [{soak: 30}]\n",
            "7:21 HW0006 `30` is not text without quotes",
        ),
        (
            "  stages:\n  - name: a\n    verify:\n    - soak: 30\n",
            "8:13 HW0006 `30`",
        ),
        (
            "  stages:\n  - name: a\n    verify:\n    - sook: 30m\n",
            "8:7 HW0006 unknown value `sook`; did you mean `soak`?",
        ),
        (
            "  stages:\n  - name: a\n    verify:\n    - {soak: 3m, age: 2h}\n",
            "8:8 HW0006 expected one word, or a map with a single key",
        ),
        (
            "  stages: {a: 1}\n",
            "5:12 HW0006 expected a list, found a map",
        ),
        ("  stages: [\n", "HW0002 not valid YAML"),
        (
            "  stages:\n  - name: a\n    from: [{{a}}-b]\n",
            "7:12 HW0003 `{{` starts a YAML map; write \"{{a}}-b\"",
        ),
        (
            "  stages:\n  - name: {{version.majorMinor}}\n",
            "6:11 HW0003 `{{` starts a YAML map; write \"{{version.majorMinor}}\"",
        ),
        (
            "  stages:\n  - name: {{image \"a\"}} # x\n",
            "6:11 HW0003 `{{` starts a YAML map; write '{{image \"a\"}}'",
        ),
        (
            "  stages:\n  - name: a\n  stages: []\n",
            "7:3 HW0004 `stages` is said twice in one map",
        ),
        ("\tstages: []\n", "HW0002 not valid YAML"),
    ] {
        let loaded = load_as(Role::Pipelines, &format!("{PIPELINE}{spec}"));
        let found = problems(&loaded);
        assert_eq!(found.len(), 1, "{spec}: {found:?}");
        assert!(
            found[0].contains(expected),
            "{spec}:\n found {}\n wanted {expected}",
            found[0]
        );
        assert!(loaded.documents.is_empty());
    }
}

#[test]
fn type_errors_of_streams_have_a_place_and_a_remedy() {
    let head = "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {name: a}\n";
    for (rest, expected) in [
        (
            "spec:\n  tags:\n  - name: 25.0\n",
            "6:11 HW0006 `25.0` is not text without quotes; quote it: \"25.0\"",
        ),
        (
            "spec: {tags: {}}\n",
            "4:14 HW0006 expected a list, found a map",
        ),
        (
            "spec: {lookupPolicy: {local: 'yes'}}\n",
            "4:30 HW0006 expected a boolean, found `yes`",
        ),
        (
            "status: {tags: [{tag: a, items: [{created: soon}]}]}\n",
            "4:44 HW0006",
        ),
    ] {
        let loaded = load_as(Role::Streams, &format!("{head}{rest}"));
        assert!(
            problems(&loaded)[0].starts_with(expected),
            "{:?}",
            problems(&loaded)
        );
        assert_eq!(loaded.broken[0].name.as_deref(), Some("a"));
    }
    let json = "{\n\t\"kind\": \"ImageStream\", \"apiVersion\": \"v1\",\n\t\"spec\": {\"tags\": [{\"name\": 3}]}\n}";
    assert!(problems(&load_as(Role::Streams, json))[0].starts_with("3:29 HW0006 `3` is not text"));
}

#[test]
fn documents_of_other_kinds_are_skipped_silently() {
    let text = "kind: Kustomization\nimages: []\n---\napiVersion: tekton.dev/v1\nkind: Pipeline\n---\njust text\n---\n- a\n---\n";
    for role in [Role::Pipelines, Role::Streams, Role::Environments] {
        assert_eq!(load_as(role, text), Loaded::default());
    }
    assert_eq!(
        load_as(Role::Environments, "a: [broken, {{ x }\n"),
        Loaded::default()
    );
}

#[test]
fn what_is_meant_for_us_but_misspelt_is_not_skipped() {
    for (text, expected) in [
        (
            "apiVersion: headwater.dev/v1alpha1\nkind: Pipelin\n",
            "2:7 HW0009 unknown kind `Pipelin`; did you mean `Pipeline`?",
        ),
        (
            "apiVersion: headwater.dev/v1\nkind: Pipeline\n",
            "1:13 HW0009 unknown version `headwater.dev/v1`; write headwater.dev/v1alpha1",
        ),
        (
            "apiVersion: headwater.dev/v1alpha1\n",
            "1:13 HW0009 a document of `headwater.dev` without `kind`",
        ),
        (
            "apiVersion: image.openshift.io/v1\nkind: Imagestream\n",
            "2:7 HW0009 unknown kind `Imagestream`; did you mean `ImageStream`?",
        ),
    ] {
        let found = problems(&load_as(Role::Pipelines, text));
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{found:?}"
        );
    }
}

#[test]
fn nothing_foreign_is_tolerated_among_holds_and_freezes() {
    let hold = "apiVersion: headwater.dev/v1alpha1\nkind: Hold\nmetadata: {name: h}\nspec: {pipeline: a, stages: [prod], reason: r}\n";
    assert_eq!(load_as(Role::Holds, hold).problems, []);
    for text in [
        "kind: Hold\nspec: {}\n",
        "hello\n",
        "- a\n",
        "apiVersion: v1\nkind: Secret\n",
    ] {
        assert_eq!(problems(&load_as(Role::Holds, text)).len(), 1, "{text}");
    }
    let lifted = load_as(Role::Holds, "# lifted\n");
    assert!(!lifted.unreadable && lifted.broken.is_empty());
    let elsewhere = load_as(Role::Pipelines, hold);
    assert_eq!(
        elsewhere.documents.len(),
        1,
        "a hold counts wherever it lies"
    );
    assert_eq!(
        problems(&elsewhere),
        ["2:7 HW0010 a Hold does not belong here; it counts nevertheless; move it to holds/"]
    );
}

#[test]
fn hostile_files_are_refused() {
    let path: RepoPath = "streams/x.yaml".parse().unwrap();
    let tags = "  - {}\n".repeat(20_000);
    let head = "apiVersion: v1\nkind: ImageStream\nmetadata: {name: a}\nspec:\n  tags:\n";
    let mut bomb = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\na0: &a0 [x]\n".to_owned();
    for level in 1..10 {
        let items = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    for (bytes, expected) in [
        (
            vec![b'x'; MAX_BYTES + 1],
            "HW0001 the file has 1048577 bytes; at most 1048576 are read",
        ),
        (
            vec![b'a', b'\n', 0xff],
            "HW0001 the file is not UTF-8 (line 2)",
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n".to_vec(),
            "HW0001 the file is only a pointer to Git LFS",
        ),
        (
            "[".repeat(10_000).into_bytes(),
            "HW0005 nested deeper than 64 levels",
        ),
        (
            format!("{head}{tags}").into_bytes(),
            "HW0418 the stream has 20000 tags; at most 10000 are read",
        ),
        (b"a: \0\n".to_vec(), "HW0002 not valid YAML"),
        (b"a: *nowhere\n".to_vec(), "HW0002 not valid YAML"),
    ] {
        let found = problems(&load(&path, &bytes, Role::Streams));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(expected), "{found:?} wanted {expected}");
    }
    let found = problems(&load(&path, bomb.as_bytes(), Role::Streams));
    let told = |words| found.iter().any(|line| line.contains(words));
    assert!(
        found.len() <= 20 && told("HW0007 unknown field `a0`"),
        "{found:?}"
    );
}

#[test]
fn thousands_of_problems_are_counted_not_listed() {
    let ring: String = (0..2_500)
        .map(|i| {
            format!(
                "  - {{name: t{i}, from: {{kind: ImageStreamTag, name: t{}}}}}\n",
                (i + 1) % 2_500
            )
        })
        .collect();
    let loaded = load_as(
        Role::Streams,
        &format!(
            "apiVersion: v1\nkind: ImageStream\nmetadata: {{name: a}}\nspec:\n  tags:\n{ring}"
        ),
    );
    assert_eq!(loaded.problems.len(), MAX_PROBLEMS + 1);
    assert_eq!(
        loaded.problems[0].message,
        "2300 more problems of this stream are not shown"
    );
}

#[test]
fn the_settings_file_needs_neither_name_nor_spec() {
    let loaded = load_as(
        Role::Config,
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {namespace: team}\n",
    );
    let config = crate::manifests::config_of(&loaded).unwrap();
    assert_eq!(config.spec.namespace.as_str(), "team");
    assert!(crate::manifests::config_of(&load_as(Role::Config, "kind: [")).is_none());
    assert!(crate::manifests::config_of(&load_as(Role::Config, "")).is_some());
}

#[test]
fn what_misses_by_a_word_is_named_and_never_passed_over() {
    let ours = "write apiVersion: headwater.dev/v1alpha1";
    for (text, expected) in [
        (
            "kind: Pipeline\nmetadata: {name: a}\n",
            format!("1:7 HW0009 a `Pipeline` without `apiVersion`; {ours}"),
        ),
        (
            "kind: Pipline\nmetadata: {name: a}\n",
            format!("1:7 HW0009 a `Pipline` without `apiVersion`; {ours} and kind: Pipeline"),
        ),
        (
            "apiversion: headwater.dev/v1alpha1\nkind: Environment\n",
            "2:7 HW0009 a `Environment` without `apiVersion`; did you mean `apiVersion` by `apiversion`?"
                .to_owned(),
        ),
        (
            "apiVersion: headwater.dev/v1alpha1\nkinds: Hold\n",
            "1:13 HW0009 a document of `headwater.dev` without `kind`; did you mean `kind` by `kinds`?"
                .to_owned(),
        ),
        (
            "apiVersion: headwatr.dev/v1alpha1\nkind: Pipeline\n",
            "1:13 HW0009 unknown version `headwatr.dev/v1alpha1`; did you mean `headwater.dev/v1alpha1`?"
                .to_owned(),
        ),
        (
            "apiVersion: v1alpha1\nkind: Freeze\n",
            "1:13 HW0009 unknown version `v1alpha1`; did you mean `headwater.dev/v1alpha1`?".to_owned(),
        ),
        (
            "apiVersion: headwater.dev/v1\nkind: Pipeline\n",
            "1:13 HW0009 unknown version `headwater.dev/v1`; write headwater.dev/v1alpha1".to_owned(),
        ),
    ] {
        for role in [Role::Pipelines, Role::Streams, Role::Environments] {
            let loaded = load_as(role, text);
            assert_eq!(problems(&loaded), [expected.as_str()], "{role:?}");
            assert!(loaded.documents.is_empty() && loaded.broken.len() == 1);
        }
    }
    for (text, expected) in [
        (
            "kind: ImageStream\n",
            "1:7 HW0009 a `ImageStream` without `apiVersion`; write apiVersion: image.openshift.io/v1",
        ),
        (
            "apiVersion: image.openshift.io/v1beta1\nkind: ImageStream\n",
            "1:13 HW0009 an image stream of an unknown version `image.openshift.io/v1beta1`; write image.openshift.io/v1",
        ),
        (
            "apiVersion: v1\nkind: ImageStrem\n",
            "2:7 HW0009 unknown kind `ImageStrem`; did you mean `ImageStream`?",
        ),
        (
            "apiVersion: image.openshift.io/v1\nmetadata: {name: a}\n",
            "1:13 HW0009 a document of `image.openshift.io` without `kind`; write kind: ImageStream",
        ),
    ] {
        assert_eq!(problems(&load_as(Role::Streams, text)), [expected]);
    }
}

#[test]
fn documents_of_other_tools_stay_none_of_our_business() {
    for text in [
        "apiVersion: tekton.dev/v1\nkind: Pipeline\n",
        "apiVersion: v1\nkind: Config\n",
        "apiVersion: apps/v1\nkind: Deployment\n",
        "apiVersion: image.openshift.io/v1\nkind: ImageStreamTag\n",
        "kind: Kustomization\nresources: [a.yaml]\n",
        "replicas: 2\nenvironment: {kind: Environment}\n",
        "config:\n  kind: Environment\n",
    ] {
        for role in [Role::Pipelines, Role::Environments] {
            assert_eq!(load_as(role, text), Loaded::default(), "{text}");
        }
    }
    let chart = "{{- if .Values.on }}\nkind: Environment\n{{- end }}\n";
    assert_eq!(load_as(Role::Environments, chart), Loaded::default());
}

#[test]
fn a_file_that_was_emptied_is_warned_about() {
    for text in [
        "",
        "\n",
        "# a note\n",
        "---\n# a note\n...\n",
        "\u{feff}# a\r\n",
    ] {
        for role in [Role::Pipelines, Role::Streams, Role::Environments] {
            let loaded = load_as(role, text);
            let expected = "0:0 HW0012 there is no document in this file; delete the file, or put the document back";
            assert_eq!(problems(&loaded), [expected], "{text:?}");
            assert_eq!(loaded.problems[0].severity, Severity::Warning);
            assert!(!loaded.unreadable && loaded.broken.is_empty());
        }
    }
    for role in [Role::Holds, Role::Freezes] {
        let loaded = load_as(role, "# nothing\n");
        let words = "there is no document in this file, so it stops nothing";
        assert_eq!(loaded.problems[0].message, words);
        assert!(!loaded.unreadable && loaded.broken.is_empty());
    }
    assert_eq!(load_as(Role::Config, "# nothing\n").problems, []);
}

#[test]
fn syntax_errors_point_at_what_a_person_has_to_mend() {
    let head = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\n";
    for (text, line, column, help) in [
        (
            "metadata:\n  name: \"myapp\nspec:\n  stages:\n    - expression: 'image.labels[\"tests\"] == 1'\n",
            4,
            9,
            "close this quote",
        ),
        ("metadata: {name: a}\nspec: 'x\n", 4, 7, "close this quote"),
        (
            "<<<<<<< HEAD\nmetadata: {name: a}\n=======\nmetadata: {name: b}\n>>>>>>> other\n",
            3,
            1,
            "merge conflict marker",
        ),
        (
            "metadata: {name: a}\n=======\n- x\n",
            4,
            1,
            "merge conflict marker",
        ),
    ] {
        let path = "pipelines/a/pipeline.yaml".parse().unwrap();
        let loaded = load(&path, format!("{head}{text}").as_bytes(), Role::Pipelines);
        let problem = &loaded.problems[0];
        let place = problem.place.as_ref().unwrap();
        assert_eq!((place.line, place.column), (line, column), "{problem:?}");
        assert!(
            problem.help.as_deref().is_some_and(|h| h.contains(help)),
            "{problem:?}"
        );
    }
}

#[test]
fn braces_without_quotes_are_told_in_every_place_and_with_all_that_belongs_to_them() {
    for (text, place, said) in [
        (
            "  - {name: dev, environments: [dev-{{region}}, x]}\n",
            "6:32",
            "dev-{{region}}",
        ),
        (
            "  - {name: dev, environments: [{{tier}}-{{region}}, x]}\n",
            "6:32",
            "{{tier}}-{{region}}",
        ),
        ("  - {name: x{{a}}}\n", "6:12", "x{{a}}"),
        (
            "  - name: dev\n    environments: [\n      dev-{{a}},\n      qa\n    ]\n",
            "8:7",
            "dev-{{a}}",
        ),
        (
            "  - name: dev\n    environments: [\n      {{a}},\n      qa\n    ]\n",
            "8:7",
            "{{a}}",
        ),
        (
            "  - name: dev\n    environments: [\"dev\", eu-{{r.name}}-x, b]\n",
            "7:27",
            "eu-{{r.name}}-x",
        ),
        (
            "  - name: {{a}}-{{b}} # c\n    tag: x\n",
            "6:11",
            "{{a}}-{{b}}",
        ),
        (
            "  - name: dev-{{a}}\n    environments: [dev-{{a}}]\n",
            "7:20",
            "dev-{{a}}",
        ),
        ("  - {{a}}\n", "6:5", "{{a}}"),
        ("  - name: dev\n    {{a}}: x\n", "7:5", "{{a}}"),
        (
            "  - name: dev\n    enter: [{window: {allow: [\"Mon 09:00-10:00\"], timeZone: {{r.zone}}}}]\n",
            "7:61",
            "{{r.zone}}",
        ),
    ] {
        let loaded = load_as(Role::Pipelines, &format!("{PIPELINE}  stages:\n{text}"));
        let expected = format!("{place} HW0003 `{{{{` starts a YAML map; write \"{said}\"");
        assert_eq!(problems(&loaded)[0], expected, "{text}");
    }
    // Text over several lines needs no quotes, and neither does what begins as text outside of brackets.
    for text in [
        "  - name: dev\n    releaseTag: |\n      {{version}}\n",
        "  - name: dev\n    releaseTag: >-\n      {{version}} x\n",
        "  - name: dev\n    releaseTag: v{{version}}\n",
    ] {
        let loaded = load_as(Role::Pipelines, &format!("{PIPELINE}  stages:\n{text}"));
        assert_eq!(problems(&loaded), [] as [&str; 0], "{text}");
    }
}
