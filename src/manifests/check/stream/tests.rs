//! Every rule about one stream, on the smallest stream that breaks it and on real ones that do not.

use crate::manifests::world::assemble_all;
use crate::manifests::{Role, Severity, load};

fn said(spec: &str) -> Vec<String> {
    let text = format!(
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: a}}\n{spec}"
    );
    let loaded = load(
        &"streams/a.yaml".parse().unwrap(),
        text.as_bytes(),
        Role::Streams,
    );
    loaded
        .problems
        .iter()
        .map(|p| {
            let place = p.place.as_ref().unwrap();
            let severity = if p.severity == Severity::Error {
                "error"
            } else {
                "warning"
            };
            format!(
                "{severity} {} {}:{} {}",
                p.code, place.line, place.column, p.message
            )
        })
        .collect()
}

/// What a stream says, and what is said about it.
const BROKEN: &[(&str, &[&str])] = &[
    (
        "spec: {tags: [{name: x}, {name: y}, {name: x}]}",
        &["error HW0402 4:44 the tag `x` stands twice in `spec.tags`"],
    ),
    (
        "spec: {tags: [{name: x}]}\nstatus: {tags: [{tag: x}, {tag: x}]}",
        &["error HW0402 5:33 the tag `x` stands twice in `status.tags`"],
    ),
    (
        "spec: {tags: [{name: 'a b'}]}",
        &["warning HW0403 4:22 `a b` is not a valid tag"],
    ),
    (
        "spec: {tags: [{from: null}]}",
        &["error HW0403 4:15 a tag without a name"],
    ),
    (
        "spec: {tags: [{name: x, from: {kind: ImageStreamTag, name: b:y}, importPolicy: {scheduled: true}}]}",
        &["error HW0404 4:92 a source of kind `ImageStreamTag` cannot be scheduled"],
    ),
    (
        "spec: {tags: [{name: x, from: {kind: DockerImage, name: quay.io/App}}]}",
        &["error HW0405 4:57 `quay.io/App` is not an image reference"],
    ),
    (
        "spec: {tags: [{name: x, from: {kind: ImageStreamTag, name: 'a:b:c'}}]}",
        &["error HW0405 4:60 `a:b:c` names no tag"],
    ),
    (
        "spec: {tags: [{name: x, from: {kind: ImageStreamImage, name: 'a@latest'}}]}",
        &["error HW0405 4:62 `a@latest` names no image"],
    ),
    (
        "spec: {tags: [{name: x, from: {kind: Dockerimage, name: a}}]}",
        &["error HW0406 4:38 unknown kind of source `Dockerimage`"],
    ),
    (
        "spec: {tags: [{name: x, from: {kind: ImageStreamTag, name: y}}, {name: y, from: {kind: ImageStreamTag, name: 'a:x'}}]}",
        &[
            "error HW0407 4:60 tags follow each other in a circle: x -> y -> x",
            "error HW0407 4:110 tags follow each other in a circle: y -> x -> y",
        ],
    ),
    (
        "spec: {tags: [{name: x, from: {kind: ImageStreamTag, name: x}}]}",
        &["error HW0407 4:60 tags follow each other in a circle: x -> x"],
    ),
    (
        "spec: {tags: [{name: x, from: {kind: ImageStreamTag, name: 'a:z'}}]}",
        &["warning HW0408 4:60 the tag `x` follows `z`, which does not exist"],
    ),
    (
        "spec: {tags: [{name: x, generation: 0}]}",
        &["warning HW0409 4:37 `generation: 0`"],
    ),
    (
        "spec: {tags: [{name: x, importPolicy: {insecure: true}}]}",
        &["warning HW0410 4:50 insecure transport is a wish"],
    ),
    (
        "spec: {tags: []}\nstatus: {tags: [{tag: x, items: [{image: sha256:0, dockerImageReference: a/b}]}]}",
        &["warning HW0412 5:23 `x` has history but is no tag"],
    ),
    (
        "spec: {tags: [{name: x, annotations: {headwater.dev/interval: 1x}}]}",
        &["error HW0414 4:63 the annotation `headwater.dev/interval` cannot be read"],
    ),
    (
        "spec: {tags: [{name: x, annotations: {headwater.dev/sauce: '{}'}}]}",
        &["warning HW0414 4:39 unknown annotation `headwater.dev/sauce`"],
    ),
    (
        r#"spec: {tags: [{name: x, annotations: {headwater.dev/promotion: '{"v": 1}'}}]}"#,
        &[
            "error HW0414 4:64 the annotation `headwater.dev/promotion` cannot be read: missing field",
        ],
    ),
    (
        "spec: {tags: [{name: x, annotations: {headwater.dev/follow: semver 1}}]}",
        &["error HW0422 4:61 the rule of tag `x` never chooses a tag: the tag has no `from`"],
    ),
    (
        "spec: {tags: [{name: x, annotations: {headwater.dev/follow: semver 1}, from: {kind: DockerImage, name: 'a/b@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'}}]}",
        &["error HW0422 4:61 the rule of tag `x` never chooses a tag: its source is the digest"],
    ),
    (
        "spec: {tags: [{name: x, annotations: {headwater.dev/follow: semver 1}, from: {kind: DockerImage, name: 'a/b:1.0.0'}, reference: true}]}",
        &["error HW0422 4:61 the rule of tag `x` never chooses a tag: with `reference: true`"],
    ),
    (
        "spec: {tags: [{name: y}, {name: x, annotations: {headwater.dev/follow: semver 1}, from: {kind: ImageStreamTag, name: y}}]}",
        &[
            "error HW0422 4:72 the rule of tag `x` never chooses a tag: its source is the tag `y` of an image stream",
        ],
    ),
    // Pinned for a while, as `rollback` pins it: it may follow again.
    (
        "spec: {tags: [{name: x, annotations: {headwater.dev/follow: semver 1}, from: {kind: ImageStreamImage, name: 'a@12'}}]}",
        &["warning HW0422 4:61 the rule of tag `x` never chooses a tag: it is pinned to `a@12`"],
    ),
    (
        "spec: {tags: [{name: x, annotations: {headwater.dev/follow: 'regex ^1-(?<oder>.*)$'}, from: {kind: DockerImage, name: 'a/b:1'}}]}",
        &[
            "error HW0414 4:61 the annotation `headwater.dev/follow` cannot be read: `regex ^1-(?<oder>.*)$` is no policy: the order goes by a group named `order`, and it has only `oder`",
        ],
    ),
    (
        "spec: {tags: [{name: x, importPolicy: {importMode: Preserve}}]}",
        &["error HW0417 4:52 unknown import mode `Preserve`"],
    ),
    (
        "spec: {tags: [{name: x, referencePolicy: {type: local}}]}",
        &["error HW0417 4:49 unknown reference policy `local`"],
    ),
];

#[test]
fn each_rule_speaks_where_it_is_broken() {
    for (spec, expected) in BROKEN {
        let found = said(spec);
        assert_eq!(found.len(), expected.len(), "{spec}: {found:?}");
        for (found, expected) in found.iter().zip(*expected) {
            assert!(
                found.starts_with(expected),
                "{spec}:\n found {found}\n wanted {expected}"
            );
        }
    }
}

#[test]
fn a_dotted_name_is_no_short_name() {
    let text = "apiVersion: v1\nkind: ImageStream\nmetadata: {name: ocm-2.8, annotations: {openshift.io/image.insecureRepository: \"true\"}}\nspec: {lookupPolicy: {local: true}}\n";
    let loaded = load(
        &"streams/a.yaml".parse().unwrap(),
        text.as_bytes(),
        Role::Streams,
    );
    let codes: Vec<&str> = loaded.problems.iter().map(|p| p.code.as_str()).collect();
    assert_eq!(codes, ["HW0413", "HW0410"]);
}

#[test]
fn sound_streams_are_left_in_peace() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/imagestreams");
    for name in [
        "tabs.json",
        "legacy.json",
        "comments.yaml",
        "crlf-bom.yaml",
        "several.yaml",
        "list.yaml",
    ] {
        let bytes = std::fs::read(format!("{root}/{name}")).unwrap();
        let loaded = load(&"streams/a.yaml".parse().unwrap(), &bytes, Role::Streams);
        assert_eq!(loaded.problems, [], "{name}");
    }
}

/// Upstream's rows: metadata, the rest of the stream, and how what is said of it begins, if anything.
#[test]
fn streams_are_refused_where_upstream_refuses_them() {
    let (a63, b191, b192) = ("a".repeat(63), "b".repeat(191), "b".repeat(192));
    let dev = |from: &str, more: &str| {
        format!("spec: {{tags: [{{name: tag, from: {{kind: {from}}}, {more}}}]}}")
    };
    let every = "abcdefghijklmnopqrstuvwxyz-1234567890";
    let repository = |name: &str| format!("spec: {{dockerImageRepository: \"{name}\"}}");
    let rows: &[(&str, &str, String, &str)] = &[
        ("foo", "", String::new(), "HW0416"),
        ("foo", "name: foo/bar", String::new(), "HW0416"),
        ("foo", "name: foo%%bar", String::new(), "HW0416"),
        ("foo", "name: foo bar", String::new(), "HW0416"),
        // Different here: a stream without a namespace lies in the repository's own.
        ("", "name: foo", String::new(), ""),
        ("!$", "name: foo", String::new(), "HW0416"),
        ("n", "name: foo", repository("a-|///bbb"), "HW0419"),
        ("n", "name: foo", repository("a/b:tag"), "HW0419"),
        ("n", "name: foo", repository("a/b@sha256:something"), "HW0419"),
        ("n", "name: foo", repository("a/b"), ""),
        (
            "n",
            "name: foo",
            "status: {tags: [{tag: tag, items: [{dockerImageReference: ''}, {dockerImageReference: 'foo/bar:latest'}, {}]}]}\nspec: {tags: [{name: tag}]}".to_owned(),
            "HW0420 HW0420",
        ),
        ("n", "name: foo", dev("DockerImage, name: abc", "referencePolicy: {type: Other}"), "HW0417"),
        ("n", "name: foo", dev("DockerImage, name: abc", "importPolicy: {scheduled: true}"), ""),
        ("n", "name: foo", dev("ImageStreamTag, name: 'other:latest'", "importPolicy: {scheduled: true}"), "HW0404"),
        ("n", "name: foo", dev("DockerImage, name: abc@badid", "importPolicy: {scheduled: true}"), "HW0405"),
        ("n", "name: foo", dev("ImageStreamImage, name: other@12", "importPolicy: {scheduled: true}"), "HW0404"),
        ("n", "name: foo", dev("ImageStreamTag, name: 'other:latest'", "referencePolicy: {type: Source}"), ""),
        ("f", "name: g", String::new(), ""),
        (every, &format!("name: {every}.dot_underscore-dash"), String::new(), ""),
        (&a63, &format!("name: {b191}"), String::new(), ""),
        (&a63, &format!("name: {b192}"), String::new(), "HW0416"),
    ];
    for (namespace, name, rest, expected) in rows {
        let namespace = match *namespace {
            "" => String::new(),
            namespace => format!("namespace: \"{namespace}\", "),
        };
        let text = format!(
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{{namespace}{name}}}\n{rest}\n"
        );
        let documents = assemble_all(&[("pipelines/a/imagestream.yaml", &text)]);
        let found: Vec<&str> = documents.problems.iter().map(|p| &*p.code).collect();
        assert_eq!(found.join(" "), *expected, "{text}");
    }
}
