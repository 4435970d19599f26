//! Whole texts of described streams, and upstream's own example.

use std::collections::BTreeMap;

use super::*;
use crate::model::annotations::Annotations;
use crate::model::image_stream::{
    NamedTagEventList, ObjectReference, ReferencePolicy, TagEvent, TagEventCondition,
};
use crate::model::promotion::{SOURCE, annotation};
use crate::model::{Source, TagReference};

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const C: &str = "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

fn described(stream: &ImageStream) -> String {
    let described = Described {
        stream,
        namespace: &"myproject".parse().unwrap(),
        created: "2026-01-05T06:00:00Z".parse().ok(),
    };
    super::stream(&described, "2026-01-05T09:00:00Z".parse().unwrap())
}

fn tag(name: &str, kind: &str, source: &str) -> TagReference {
    TagReference {
        name: name.to_owned(),
        from: Some(ObjectReference {
            kind: kind.to_owned().into(),
            namespace: None,
            name: source.into(),
        }),
        ..TagReference::default()
    }
}

/// A tag of which the source is recorded: nothing is pending.
fn imported(name: &str, source: &str) -> TagReference {
    let mut tag = tag(name, "DockerImage", source);
    let recorded = annotation(&Source::of(&tag).unwrap());
    tag.annotations.insert(SOURCE, recorded);
    tag
}

fn event(created: &str, reference: &str, image: &str) -> TagEvent {
    TagEvent::new(created.parse().ok(), reference, image, 1)
}

fn list(tag: &str, items: Vec<TagEvent>) -> NamedTagEventList {
    NamedTagEventList {
        tag: tag.to_owned(),
        items,
        conditions: Vec::new(),
    }
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
    pairs.iter().map(owned).collect()
}

fn notes(notes: &[(&str, &str)]) -> Annotations {
    notes.iter().copied().collect()
}

#[test]
fn a_stream_reads_as_oc_prints_it() {
    let mut keycloak = ImageStream::default();
    keycloak.metadata.name = "keycloak".to_owned();
    keycloak.metadata.annotations = notes(&[
        ("description", "Log in here"),
        ("team", "identity"),
        ("b", "2"),
    ]);
    keycloak.metadata.labels = pairs(&[("app", "keycloak"), ("tier", "front")]);
    let mut newest = imported("25.0", "quay.io/keycloak/keycloak:25.0.3");
    newest.import_policy.scheduled = true;
    let recorded = newest.annotations.get(SOURCE).unwrap().into_owned();
    newest.annotations = notes(&[
        (SOURCE, &recorded),
        ("description", "The present line"),
        ("tags", "builder,login"),
        ("supports", "oidc"),
        ("sampleRepo", "https://git.example/x"),
    ]);
    let mut old = imported("19.0", "quay.io/keycloak/keycloak:19.0");
    old.import_policy.insecure = true;
    old.reference_policy.kind = "Local".into();
    keycloak.spec.tags = vec![
        old,
        newest,
        tag("latest", "ImageStreamTag", "25.0"),
        tag("stable", "ImageStreamTag", "keycloak:latest"),
        tag("new", "DockerImage", "quay.io/keycloak/keycloak:26"),
    ];
    let reference = |digest: &str| format!("quay.io/keycloak/keycloak@{digest}");
    keycloak.status.tags = vec![
        list(
            "25.0",
            vec![
                event("2026-01-05T08:59:13Z", &reference(A), A),
                event("2026-01-05T08:55:00Z", &reference(B), B),
            ],
        ),
        list(
            "19.0",
            vec![event(
                "2026-01-03T08:55:00Z",
                "quay.io/keycloak/keycloak:19.0",
                C,
            )],
        ),
        list(
            "gone",
            vec![event("2026-01-03T08:55:00Z", &reference(B), B)],
        ),
    ];
    keycloak.status.tags[1].conditions.push(TagEventCondition {
        kind: "ImportSuccess".to_owned(),
        status: "False".to_owned(),
        last_transition_time: "2026-01-05T07:00:00Z".parse().ok(),
        reason: "NotFound".to_owned(),
        message: "dockerimage \"quay.io/keycloak/keycloak:19.0\" not found".to_owned(),
        generation: 2,
    });
    insta::assert_snapshot!(described(&keycloak).replace('\t', "<tab>"));
}

#[test]
fn a_stream_without_tags_says_so() {
    let mut stream = ImageStream::default();
    stream.metadata.name = "empty".to_owned();
    assert_eq!(
        described(&stream),
        "Name:\t\t\tempty\nNamespace:\t\tmyproject\nCreated:\t\t3 hours ago\nLabels:\t\t\t<none>\n\
         Annotations:\t\t<none>\nImage Repository:\t<none>\nImage Lookup:\t\tlocal=false\nTags:\t\t\t<none>\n"
    );
}

/// Upstream's own example (`TestFormatImageStreamTags`): what is pending hangs on the source recorded, not on generations.
#[test]
fn upstreams_example_has_all_its_lines() {
    let bar = |hex: &str| format!("registry:5000/foo/bar@sha256:{hex}");
    let (first, second) = (
        "4bd26aef1ce78b4f05ede83496276f11e3343441574ca1ce89dffd146c708c16",
        "062b80555a5dd7f5d58e78b266785a399277ff8c3e402ce5fa5d8571788e6bad",
    );
    let mysql = "sha256:e52c6534db85036dabac5e71ff14e720db94def2d90f986f3548425ea27b3719";
    let at = "2015-03-24T09:38:00Z";
    let mut stream = ImageStream::default();
    let mut from_other = tag("spec1", "ImageStreamTag", "bar:latest");
    let mut pinned = tag("spec2", "ImageStreamImage", &format!("latest@{mysql}"));
    for (tag, namespace) in [(&mut from_other, "foo"), (&mut pinned, "mysql")] {
        let from = tag.from.as_mut().unwrap();
        from.namespace = Some(namespace.to_owned());
    }
    let mut scheduled = tag("spec3", "DockerImage", "mysql");
    scheduled.import_policy.scheduled = true;
    scheduled.reference_policy = ReferencePolicy {
        kind: "Local".into(),
    };
    let mut reference = tag("spec4", "DockerImage", "mysql:2");
    reference.reference = true;
    let pushed = TagReference {
        name: "spec5".to_owned(),
        ..TagReference::default()
    };
    stream.spec.tags = vec![from_other, pinned, scheduled, reference, pushed];
    let image = |hex: &str, at: &str| event(at, &bar(hex), &format!("sha256:{hex}"));
    let mut failing = list("spec3", vec![event(at, "mysql:latest", mysql)]);
    failing.conditions.push(TagEventCondition {
        kind: "ImportSuccess".to_owned(),
        status: "False".to_owned(),
        reason: "NotFound".to_owned(),
        message: "Image not found due to error".to_owned(),
        ..TagEventCondition::default()
    });
    stream.status.tags = vec![
        list(
            "default",
            vec![image(first, at), image(second, "2015-03-23T07:15:00Z")],
        ),
        list("spec1", vec![image(first, at)]),
        list("spec2", vec![event(at, "mysql:latest", mysql)]),
        failing,
    ];
    let text = described(&stream);
    for line in [
        "no spec tag",
        "tag without source image",
        "Unique Images:\t\t3",
        "Tags:\t\t\t6",
        "* registry:5000/foo/bar@sha256:4bd26",
        "    registry:5000/foo/bar@sha256:062b80",
        "tagged from foo/bar:latest",
        "tagged from mysql/latest@sha256:e52c65",
        "updates automatically from registry mysql",
        "reference to registry mysql:2",
        "prefer registry pullthrough when referencing this tag",
        "~ importing latest image ...",
        "! error: Import failed (NotFound): Image not found due to error",
    ] {
        assert!(text.contains(line), "{line} in:\n{text}");
    }
    assert_eq!(text.matches("~ importing").count(), 1, "{text}");
}

#[test]
fn every_kind_of_source_has_its_words() {
    let words = |kind: &str, reference: bool, scheduled: bool| {
        let mut tag = tag("1", kind, "x");
        tag.reference = reference;
        tag.import_policy.scheduled = scheduled;
        let mut stream = ImageStream::default();
        stream.spec.tags = vec![tag];
        described(&stream).lines().nth(11).unwrap().to_owned()
    };
    for (kind, reference, scheduled, line) in [
        ("ImageStreamTag", true, false, "  reference to x"),
        (
            "ImageStreamTag",
            false,
            true,
            "  updates automatically from x",
        ),
        ("ImageStreamTag", false, false, "  tagged from x"),
        ("DockerImage", true, true, "  reference to registry x"),
        ("ImageStreamImage", true, false, "  reference to image x"),
        ("ImageStreamImage", false, false, "  tagged from x"),
        ("Other", true, false, "  reference to Other x"),
        ("Other", false, false, "  updates from Other x"),
    ] {
        assert_eq!(words(kind, reference, scheduled), line);
    }
}

#[test]
fn everything_without_a_digest_counts_as_one_image() {
    let mut stream = ImageStream::default();
    stream.status.tags = vec![
        list(
            "a",
            vec![event("", "mysql:1", ""), event("", "mysql:2", "")],
        ),
        list(
            "b",
            vec![event("", "x", A), event("", "y", A), event("", "", "")],
        ),
    ];
    assert!(described(&stream).contains("Unique Images:\t\t2\n"));
}

#[test]
fn data_shows_as_data_and_makes_no_line_of_its_own() {
    let mut stream = ImageStream::default();
    stream.metadata.name = "app\u{1b}[2J".to_owned();
    stream.metadata.annotations = notes(&[("note", "one\nTags:\t99\u{9b}"), ("z", "\u{202e}")]);
    let mut evil = imported("1\n2", "quay.io/a:1\r\n  * quay.io/evil");
    let forged = "fine\n  * quay.io/evil@sha256:1\n      1 second ago";
    evil.annotations = notes(&[("description", forged)]);
    stream.spec.tags = vec![evil];
    let text = described(&stream);
    assert!(
        !text.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\r']),
        "{text:?}"
    );
    assert!(
        !text
            .lines()
            .any(|l| l.starts_with("  *") || l.starts_with("Tags:\t99")),
        "{text}"
    );
    assert!(
        text.contains("Annotations:\t\tnote=one\n\t\t\tTags:\u{fffd}99"),
        "{text}"
    );
    assert!(
        text.contains("\n  fine * quay.io/evil@sha256:1 1 second ago\n"),
        "{text}"
    );
}

#[test]
fn tags_that_follow_each_other_to_no_end_are_told() {
    let mut stream = ImageStream::default();
    stream.metadata.name = "app".to_owned();
    stream.spec.tags = vec![
        tag("a", "ImageStreamTag", "b"),
        tag("b", "ImageStreamTag", "app:a"),
        tag("lost", "ImageStreamTag", "nowhere"),
        tag("other", "ImageStreamTag", "lib:live"),
    ];
    let text = described(&stream);
    for next in ["b", "a", "nowhere"] {
        let line = format!("! error: it follows {next}, which leads to a tag that is not there");
        assert!(text.contains(&line), "{text}");
    }
    assert!(!text.contains("follows lib:live"), "{text}");
}
