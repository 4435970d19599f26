//! A strict reader of image streams: the types of upstream's API to the letter (image.openshift.io/v1), every other field,
//! kind and value an error. It knows nothing of our own types.

#![expect(
    dead_code,
    reason = "fields are there to be read from text, whoever looks at them"
)]

use std::collections::{BTreeMap, BTreeSet};

use headwater::model::Timestamp;
use serde::Deserialize;

type Pairs = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Stream {
    pub(crate) api_version: String,
    kind: Kind,
    pub(crate) metadata: Meta,
    #[serde(default)]
    pub(crate) spec: Spec,
    #[serde(default)]
    pub(crate) status: Option<Status>,
}

#[derive(Deserialize)]
enum Kind {
    ImageStream,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Meta {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) namespace: Option<String>,
    #[serde(default)]
    labels: Option<Pairs>,
    #[serde(default)]
    pub(crate) annotations: Option<Pairs>,
    #[serde(default)]
    pub(crate) generation: Option<i64>,
    #[serde(default)]
    pub(crate) creation_timestamp: Option<String>,
    #[serde(default)]
    pub(crate) resource_version: Option<String>,
    #[serde(default)]
    pub(crate) uid: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Spec {
    #[serde(default)]
    lookup_policy: Lookup,
    #[serde(default)]
    docker_image_repository: Option<String>,
    #[serde(default)]
    pub(crate) tags: Vec<Tag>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Lookup {
    #[serde(default)]
    local: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Tag {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) annotations: Option<Pairs>,
    #[serde(default)]
    pub(crate) from: Option<Source>,
    #[serde(default)]
    pub(crate) reference: bool,
    #[serde(default)]
    generation: Option<i64>,
    #[serde(default)]
    pub(crate) import_policy: Import,
    #[serde(default)]
    reference_policy: Reference,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) kind: FromKind,
    #[serde(default)]
    namespace: Option<String>,
    pub(crate) name: String,
}

#[derive(Deserialize, PartialEq, Eq)]
pub(crate) enum FromKind {
    DockerImage,
    ImageStreamTag,
    ImageStreamImage,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Import {
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    scheduled: bool,
    #[serde(default)]
    pub(crate) import_mode: Option<Mode>,
}

#[derive(Deserialize, PartialEq, Eq)]
pub(crate) enum Mode {
    Legacy,
    PreserveOriginal,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Reference {
    #[serde(default, rename = "type")]
    kind: Option<Policy>,
}

#[derive(Deserialize)]
enum Policy {
    Source,
    Local,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Status {
    #[serde(default)]
    docker_image_repository: Option<String>,
    #[serde(default)]
    public_docker_image_repository: Option<String>,
    #[serde(default)]
    pub(crate) tags: Vec<History>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct History {
    tag: String,
    #[serde(default)]
    pub(crate) items: Vec<Item>,
    #[serde(default)]
    pub(crate) conditions: Vec<Condition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Item {
    created: Timestamp,
    docker_image_reference: String,
    #[serde(default)]
    image: String,
    #[serde(default)]
    generation: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    kind: ConditionKind,
    status: ConditionStatus,
    #[serde(default)]
    last_transition_time: Option<Timestamp>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    generation: i64,
}

#[derive(Deserialize)]
enum ConditionKind {
    ImportSuccess,
}

/// There is never one of success.
#[derive(Deserialize)]
enum ConditionStatus {
    False,
}

/// Every stream of a text, `kind: List` or not.
#[track_caller]
pub(crate) fn read(text: &str) -> Vec<Stream> {
    let mut streams = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let value = serde_yaml::Value::deserialize(document).unwrap();
        let items = match value.get("items") {
            Some(items) => items.as_sequence().unwrap().clone(),
            None => vec![value],
        };
        for item in items {
            let stream: Stream = serde_yaml::from_value(item)
                .unwrap_or_else(|error| panic!("upstream would not take it: {error}\n{text}"));
            hold(&stream);
            streams.push(stream);
        }
    }
    streams
}

/// What upstream's validation asks for beyond types.
#[track_caller]
fn hold(stream: &Stream) {
    let Kind::ImageStream = stream.kind;
    assert_eq!(stream.api_version, "image.openshift.io/v1");
    assert!(!stream.metadata.name.is_empty());
    let names: BTreeSet<&str> = stream.spec.tags.iter().map(|tag| &*tag.name).collect();
    assert_eq!(names.len(), stream.spec.tags.len(), "a tag twice");
    for tag in &stream.spec.tags {
        let Some(from) = &tag.from else { continue };
        assert!(!from.name.is_empty(), "{}", tag.name);
        let registry = from.kind == FromKind::DockerImage;
        assert!(registry || !tag.import_policy.scheduled, "{}", tag.name);
    }
    for list in stream.status.iter().flat_map(|status| &status.tags) {
        assert!(
            !(list.items.is_empty() && list.conditions.is_empty()),
            "{}",
            list.tag
        );
        for item in &list.items {
            let reference = &item.docker_image_reference;
            let tagged = reference.rsplit('/').next().unwrap();
            let tagged = tagged.split('@').next().unwrap().contains(':');
            assert!(
                !(reference.is_empty() || tagged && reference.contains('@')),
                "{reference}"
            );
            assert!(
                item.image.is_empty() || reference.ends_with(&item.image),
                "{reference}"
            );
        }
    }
}

#[test]
fn the_strict_reader_takes_what_upstream_has_and_nothing_else() {
    const GOOD: &str = "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {name: app, labels: {a: b}}
spec:
  lookupPolicy: {local: true}
  tags:
  - {name: a, from: {kind: DockerImage, name: 'quay.io/x/y:1'}, importPolicy: {scheduled: true, importMode: Legacy}, referencePolicy: {type: Local}, generation: null}
status:
  dockerImageRepository: ''
  tags:
  - tag: a
    items: [{created: '2026-01-01T00:00:00Z', dockerImageReference: 'quay.io/x/y@sha256:12', image: 'sha256:12', generation: 1}]
    conditions: [{type: ImportSuccess, status: 'False', reason: NotFound, message: gone, generation: 2, lastTransitionTime: '2026-01-01T00:00:00Z'}]
";
    assert_eq!(read(GOOD).len(), 1);
    for (old, new) in [
        ("labels:", "lables:"),
        ("local:", "locale:"),
        ("'quay.io/x/y:1'}", "'quay.io/x/y:1', scheduled: true}"),
        ("importMode: Legacy", "importMode: Other"),
        ("type: Local", "type: local"),
        ("DockerImage,", "Docker,"),
        ("generation: 1}", "generation: 1, tag: a}"),
        ("status: 'False'", "status: 'True'"),
        ("x/y@sha256", "x/y:1@sha256"),
        ("2026-01-01T00:00:00Z', docker", "today', docker"),
        ("kind: ImageStream\n", "kind: ImageStreamTag\n"),
    ] {
        let bad = GOOD.replacen(old, new, 1);
        assert_ne!(bad, GOOD, "{old}");
        let read = std::panic::catch_unwind(|| read(&bad));
        assert!(read.is_err(), "{new}");
    }
}
