//! How files fit together: identities, what is broken and what is not.

use crate::manifests::world::assemble_all;

fn stream(name: &str) -> String {
    format!(
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: {name}}}\nspec: {{tags: []}}\n"
    )
}

fn pipeline(name: &str) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {{name: {name}}}\nspec:\n  stages: [{{name: dev, environments: []}}]\n"
    )
}

const HOLD: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Hold\nmetadata: {name: h}\nspec: {pipeline: a, stages: [dev], reason: r}\n";

#[test]
fn one_broken_file_never_hides_another() {
    let documents = assemble_all(&[
        ("streams/a.yaml", &stream("a")),
        ("streams/b.yaml", "a: [\n"),
        (
            "streams/c.yaml",
            &stream("c").replace("tags: []", "tags: {}"),
        ),
        ("pipelines/a.yaml", &pipeline("a")),
        ("pipelines/b.yaml", &pipeline("b")),
        ("pipelines/c.yaml", &pipeline("c")),
        (
            "pipelines/d.yaml",
            &pipeline("d").replace("stages", "stage"),
        ),
    ]);
    assert_eq!(documents.streams.len(), 1);
    assert_eq!(documents.pipelines.len(), 3);
    let broken: Vec<(&str, &str)> = documents
        .broken_pipelines
        .iter()
        .map(|(name, why)| (name.as_str(), why.as_str()))
        .collect();
    assert_eq!(
        broken,
        [
            ("b", "there is no image stream `default/b`"),
            (
                "c",
                "image stream `default/c` is broken: streams/c.yaml: expected a list, found a map"
            ),
            ("d", "pipelines/d.yaml: unknown field `stage`"),
        ]
    );
    assert!(
        documents
            .unreadable
            .contains(&"streams/b.yaml".parse().unwrap())
    );
    assert_eq!(documents.brakes_unreadable, None);
}

#[test]
fn an_identity_claimed_twice_belongs_to_nobody() {
    let documents = assemble_all(&[
        ("streams/a.yaml", &stream("a")),
        (
            "streams/b.yaml",
            &stream("a").replace("{name: a}", "{name: a, namespace: default}"),
        ),
        ("pipelines/a.yaml", &pipeline("a")),
        (
            "pipelines/b.yaml",
            &format!("{}---\n{}", pipeline("b"), pipeline("b")),
        ),
    ]);
    assert!(documents.streams.is_empty());
    assert!(
        documents
            .broken_streams
            .contains_key(&"default/a".to_owned().try_into().unwrap())
    );
    assert_eq!(
        documents.broken_pipelines.len(),
        2,
        "{:?}",
        documents.broken_pipelines
    );
    assert_eq!(documents.pipelines.len(), 1);
    let twice: Vec<String> = documents
        .errors()
        .map(|p| format!("{} {} {}", p.path, p.code, p.place.as_ref().unwrap().line))
        .collect();
    assert_eq!(
        twice,
        [
            "pipelines/b.yaml HW0101 3",
            "pipelines/b.yaml HW0101 9",
            "streams/a.yaml HW0401 3",
            "streams/b.yaml HW0401 3",
        ]
    );
}

#[test]
fn holds_and_freezes_fail_closed_and_name_the_file() {
    let about = [
        ("pipelines/a.yaml", pipeline("a")),
        ("streams/a.yaml", stream("a")),
    ];
    let with = |path: &str, text: &str| {
        let [(one, a), (other, b)] = &about;
        assemble_all(&[(path, text), (one, a), (other, b)])
    };
    // Whatever its name ends with: a slip in it lifts nothing.
    for path in [
        "holds/h.yaml",
        "holds/h.YAML",
        "holds/h.txt",
        "holds/h",
        "holds/deep/h.json5",
    ] {
        let whole = with(path, HOLD);
        assert_eq!(
            (whole.holds.len(), whole.brakes_unreadable),
            (1, None),
            "{path}"
        );
    }
    for path in [
        "holds/README.md",
        "holds/OWNERS",
        "holds/.gitkeep",
        "freezes/how.adoc",
    ] {
        let none = with(path, "- text for people: [");
        assert_eq!(
            (none.holds.len(), none.brakes_unreadable),
            (0, None),
            "{path}"
        );
    }
    for (path, text) in [
        ("holds/x.yaml", HOLD.replace("stages", "stage")),
        ("freezes/x.yaml", "a: [".to_owned()),
        ("holds/x.yaml", format!("{HOLD}---\n{HOLD}")),
        ("headwater.yaml", "kind: [".to_owned()),
        ("pipelines/x.yaml", HOLD.replace("reason: r", "raison: r")),
    ] {
        let documents = with(path, &text);
        assert_eq!(
            documents.brakes_unreadable,
            Some(format!("`{path}` cannot be read"))
        );
        assert_eq!(documents.streams.len(), 1, "imports go on");
    }
}

#[test]
fn the_settings_file_decides_the_default_namespace() {
    let documents = assemble_all(&[
        (
            "headwater.yaml",
            "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {namespace: team}\n",
        ),
        ("streams/a.yaml", &stream("a")),
        ("streams/bad.yaml", &stream("my--app")),
    ]);
    let keys: Vec<String> = documents.streams.keys().map(ToString::to_string).collect();
    assert_eq!(keys, ["team/a"]);
    assert_eq!(documents.problems[0].code, "HW0416");
}
