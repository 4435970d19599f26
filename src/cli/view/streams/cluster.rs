//! A stream as a cluster takes it (`--for-cluster`). What people wrote stays. What goes is what only a server may write, what
//! headwater remembers in annotations, and `status`, which a cluster throws away on create. Three things are put in other
//! words, because a cluster would refuse them or make something else of them:
//!
//! - a tag pinned to an image of a stream's history (`ImageStreamImage`) names that image in its registry: a cluster whose
//!   stream never had the image refuses the whole stream;
//! - `importMode` is written where it is left out: here that means `PreserveOriginal`, there mostly `Legacy`, which would
//!   record other digests than those in Git;
//! - of several tags with one name the last stays, as both read it anyway; server-side apply refuses the others.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::model::promotion::{PROMOTION, REQUEST, SOURCE};

/// Fields of metadata that a server writes, or that tie an object to others of one cluster.
const SERVER_FIELDS: [&str; 9] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];
/// Annotations that servers, clients and headwater write for themselves.
const OWN_ANNOTATIONS: [&str; 5] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "openshift.io/image.dockerRepositoryCheck",
    SOURCE,
    PROMOTION,
    REQUEST,
];

/// The pull spec by digest of an image of a stream: namespace (if one is written) and name of a source of that kind.
pub type PullSpec<'a> = &'a dyn Fn(Option<&str>, &str) -> Option<String>;

/// Makes an object of a stream fit for a cluster. What is left to know comes back, one line each.
pub fn fit(object: &mut Value, pull_spec: PullSpec<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let Value::Object(object) = object else {
        return notes;
    };
    object.remove("status");
    let own = object.get("metadata").cloned().unwrap_or_default();
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    if let Some(metadata) = metadata {
        for field in SERVER_FIELDS {
            metadata.remove(field);
        }
        without_own(metadata);
    }
    let spec = object.get_mut("spec").and_then(Value::as_object_mut);
    let tags = spec.and_then(|spec| spec.get_mut("tags"));
    if let Some(Value::Array(tags)) = tags {
        last_of_each(tags);
        let tags = tags.iter_mut().filter_map(Value::as_object_mut);
        tags.for_each(|fields| tag(fields, &own, pull_spec, &mut notes));
    }
    notes
}

fn without_own(holder: &mut Map<String, Value>) {
    let Some(annotations) = holder.get_mut("annotations") else {
        return;
    };
    if let Value::Object(annotations) = annotations {
        annotations.retain(|key, _| !OWN_ANNOTATIONS.contains(&key.as_str()));
    }
    let empty = annotations.is_null() || annotations.as_object().is_some_and(Map::is_empty);
    if empty {
        holder.remove("annotations");
    }
}

/// Keeps the last tag of each name.
fn last_of_each(tags: &mut Vec<Value>) {
    let mut seen = BTreeSet::new();
    tags.reverse();
    tags.retain(|tag| seen.insert(tag["name"].as_str().unwrap_or_default().to_owned()));
    tags.reverse();
}

fn tag(
    fields: &mut Map<String, Value>,
    own: &Value,
    pull_spec: PullSpec<'_>,
    notes: &mut Vec<String>,
) {
    fields.remove("generation");
    without_own(fields);
    let name = fields.get("name").and_then(Value::as_str);
    let name = name.unwrap_or_default().to_owned();
    let from = fields.get("from").cloned().unwrap_or_default();
    let text = |field: &str| from[field].as_str().filter(|text| !text.is_empty());
    let source = text("name").unwrap_or_default();
    match text("kind") {
        Some("ImageStreamImage") => match pull_spec(text("namespace"), source) {
            Some(image) => {
                let image = json!({"kind": "DockerImage", "name": image});
                fields.insert("from".to_owned(), image);
            }
            None => {
                notes.push(format!(
                    "tag {name} is pinned to {source}, and nothing tells its registry: a cluster takes it only if \
                     its own stream has had that image"
                ));
                return;
            }
        },
        Some("ImageStreamTag") if is_elsewhere(own, text("namespace"), source) => {
            notes.push(format!(
                "tag {name} takes from {source}: a cluster needs that stream first"
            ));
            return;
        }
        Some("DockerImage") => {}
        _ => return,
    }
    if fields.get("reference") != Some(&Value::Bool(true)) {
        preserve(fields);
    }
}

/// Whether a tag is one of another stream than that with this metadata.
fn is_elsewhere(own: &Value, namespace: Option<&str>, source: &str) -> bool {
    let stream = source.split_once(':').map(|(stream, _)| stream);
    let is = |field: &str, text: &str| own[field].as_str() == Some(text);
    namespace.is_some_and(|namespace| !is("namespace", namespace))
        || stream.is_some_and(|stream| !is("name", stream))
}

/// Says how the image is imported, if that is left to the reader.
fn preserve(fields: &mut Map<String, Value>) {
    let policy = fields.entry("importPolicy").or_insert_with(|| json!({}));
    if policy.is_null() {
        *policy = json!({});
    }
    if let Value::Object(policy) = policy {
        let mode = policy.get("importMode").and_then(Value::as_str);
        if mode.is_none_or(str::is_empty) {
            policy.insert("importMode".to_owned(), "PreserveOriginal".into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(mut object: Value) -> (Value, Vec<String>) {
        let known = |namespace: Option<&str>, name: &str| {
            (namespace.is_none() && name == "app@sha256:1").then(|| "quay.io/a@sha256:1".to_owned())
        };
        let notes = fit(&mut object, &known);
        (object, notes)
    }

    #[test]
    fn what_only_servers_and_we_write_goes_and_the_rest_stays() {
        let (object, notes) = fitted(json!({
            "apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
            "metadata": {
                "name": "app", "generation": 3, "uid": "1", "resourceVersion": "2", "managedFields": [],
                "creationTimestamp": "x", "labels": {"a": "b"}, "finalizers": ["theirs"],
                "annotations": {"openshift.io/image.dockerRepositoryCheck": "t", "team": "web"},
            },
            "spec": {
                "lookupPolicy": {"local": true},
                "tags": [{
                    "name": "1", "generation": 2, "annotations": {SOURCE: "{}", "headwater.dev/interval": "1h"},
                    "from": {"kind": "DockerImage", "name": "quay.io/a:1"},
                    "importPolicy": {"scheduled": true, "importMode": "Legacy"},
                }, {
                    "name": "2", "generation": null, "annotations": {SOURCE: "{}"}, "from": null,
                }],
            },
            "status": {"tags": []},
        }));
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(
            object,
            json!({
                "apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
                "metadata": {
                    "name": "app", "labels": {"a": "b"}, "finalizers": ["theirs"], "annotations": {"team": "web"},
                },
                "spec": {
                    "lookupPolicy": {"local": true},
                    "tags": [{
                        "name": "1", "annotations": {"headwater.dev/interval": "1h"},
                        "from": {"kind": "DockerImage", "name": "quay.io/a:1"},
                        "importPolicy": {"scheduled": true, "importMode": "Legacy"},
                    }, {"name": "2", "from": null}],
                },
            })
        );
    }

    #[test]
    fn pinned_tags_name_their_image_and_the_mode_of_import_is_said() {
        let from = |kind: &str, name: &str| json!({"kind": kind, "name": name});
        let tag = |name: &str, from: Value| json!({"name": name, "from": from});
        let (object, notes) = fitted(json!({"metadata": {"name": "app"}, "spec": {"tags": [
            tag("prod", from("ImageStreamImage", "app@sha256:1")),
            tag("lost", from("ImageStreamImage", "app@sha256:9")),
            tag("stable", from("ImageStreamTag", "prod")),
            tag("base", from("ImageStreamTag", "other:1")),
            tag("own", from("ImageStreamTag", "app:prod")),
            json!({"name": "ref", "reference": true, "from": from("DockerImage", "a"), "importPolicy": null}),
            json!({"name": "null", "from": from("DockerImage", "a"), "importPolicy": null}),
        ]}}));
        let tags = &object["spec"]["tags"];
        let preserve = json!({"importMode": "PreserveOriginal"});
        assert_eq!(tags[0]["from"], from("DockerImage", "quay.io/a@sha256:1"));
        assert_eq!(
            (&tags[0]["importPolicy"], &tags[6]["importPolicy"]),
            (&preserve, &preserve)
        );
        assert_eq!(tags[1]["from"], from("ImageStreamImage", "app@sha256:9"));
        assert_eq!(tags[2], tag("stable", from("ImageStreamTag", "prod")));
        assert_eq!(
            (&tags[4]["importPolicy"], &tags[5]["importPolicy"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].contains("tag lost") && notes[1].contains("tag base"));
    }

    #[test]
    fn of_tags_with_one_name_the_last_stays() {
        let (object, _) = fitted(json!({"spec": {"tags": [
            {"name": "a", "x": 1}, {"name": "b"}, {"name": "a", "x": 2},
        ]}}));
        assert_eq!(
            object["spec"]["tags"],
            json!([{"name": "b"}, {"name": "a", "x": 2}])
        );
        assert_eq!(fitted(json!(3)).0, json!(3));
        assert_eq!(
            fitted(json!({"spec": {"tags": "x"}})).0,
            json!({"spec": {"tags": "x"}})
        );
    }
}
