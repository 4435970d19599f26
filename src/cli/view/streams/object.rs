//! Image streams, tags and images as objects, with the fields and names that upstream's API gives them.

use serde_json::{Map, Value, json};

use super::list::reference;
use crate::model::image_stream::{API_VERSION, KIND, NamedTagEventList, TagEvent};
use crate::model::{ImageStream, Namespace, TagReference};
use crate::observe::Seen;
use crate::registry::ImageDetails;

/// A stream as it is written, in the present version and with its namespace; one of which the text is not at hand, as far as
/// its fields are known here.
pub fn stream(written: Option<Value>, stream: &ImageStream, namespace: &Namespace) -> Value {
    let known = || serde_json::to_value(stream).ok();
    let mut object = match written.or_else(known) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    };
    object.insert("apiVersion".to_owned(), API_VERSION.into());
    object.insert("kind".to_owned(), KIND.into());
    let metadata = object.entry("metadata").or_insert_with(|| json!({}));
    if let Value::Object(metadata) = metadata {
        let named = metadata.get("namespace").is_some_and(Value::is_string);
        if !named {
            metadata.insert("namespace".to_owned(), namespace.as_str().into());
        }
    }
    Value::Object(object)
}

/// What an object is made of beside its stream.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// Its kind.
    pub kind: &'static str,
    /// Its name.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: &'a Namespace,
    /// Its stream.
    pub stream: &'a ImageStream,
    /// The tag it is about, as wished.
    pub spec: Option<&'a TagReference>,
    /// The tag it is about, as recorded.
    pub status: Option<&'a NamedTagEventList>,
    /// The image it is about.
    pub event: Option<&'a TagEvent>,
    /// What that image says about itself, if that is known.
    pub seen: Option<&'a Seen>,
}

impl Parts<'_> {
    /// The current image of a tag.
    pub fn image_stream_tag(&self) -> Value {
        let mut object = self.object();
        object.insert("tag".to_owned(), json!(self.spec));
        let generation = self.event.map_or(0, |event| event.generation);
        object.insert("generation".to_owned(), generation.into());
        let lookup = json!(self.stream.spec.lookup_policy);
        object.insert("lookupPolicy".to_owned(), lookup);
        let conditions = self.status.map(|list| &list.conditions);
        if let Some(conditions) = conditions.filter(|list| !list.is_empty()) {
            object.insert("conditions".to_owned(), json!(conditions));
        }
        object.insert("image".to_owned(), self.image());
        Value::Object(object)
    }

    /// A tag: what is wished of it, what was recorded, and its image.
    pub fn image_tag(&self) -> Value {
        let mut object = self.object();
        object.insert("spec".to_owned(), json!(self.spec));
        object.insert("status".to_owned(), json!(self.status));
        object.insert("image".to_owned(), self.image());
        Value::Object(object)
    }

    /// An image of a stream.
    pub fn image_stream_image(&self) -> Value {
        let mut object = self.object();
        object.insert("image".to_owned(), self.image());
        Value::Object(object)
    }

    fn object(&self) -> Map<String, Value> {
        let mut metadata = Map::new();
        metadata.insert("name".to_owned(), self.name.into());
        metadata.insert("namespace".to_owned(), self.namespace.as_str().into());
        if let Some(created) = self.event.and_then(|event| event.created) {
            metadata.insert("creationTimestamp".to_owned(), json!(created));
        }
        let labels = &self.stream.metadata.labels;
        if !labels.is_empty() {
            metadata.insert("labels".to_owned(), json!(labels));
        }
        let annotations = self.spec.map(|tag| &tag.annotations);
        if let Some(annotations) = annotations.filter(|map| !map.is_empty()) {
            metadata.insert("annotations".to_owned(), json!(annotations));
        }
        let mut object = Map::new();
        object.insert("apiVersion".to_owned(), API_VERSION.into());
        object.insert("kind".to_owned(), self.kind.into());
        object.insert("metadata".to_owned(), Value::Object(metadata));
        object
    }

    fn image(&self) -> Value {
        let Some(event) = self.event else {
            return Value::Null;
        };
        let mut image = json!({
            "metadata": {"name": event.image()},
            "dockerImageReference": reference(self.stream, self.spec, event),
        });
        if let (Some(seen), Value::Object(image)) = (self.seen, &mut image) {
            image.extend(said(seen));
        }
        image
    }
}

/// What an image says about itself, as upstream keeps it.
fn said(seen: &Seen) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut config = json!({"Labels": seen.facts.labels});
    let mut metadata = json!({"apiVersion": "image.openshift.io/1.0", "kind": "DockerImage"});
    if let Some(details) = &seen.details {
        fields.insert(
            "dockerImageManifestMediaType".to_owned(),
            details.media_type.as_str().into(),
        );
        if details.platforms.is_empty() {
            let layers = details.layers.iter();
            let layers = layers.map(|layer| json!({"name": layer.digest, "size": layer.size}));
            fields.insert("dockerImageLayers".to_owned(), layers.collect());
            start(&mut config, details);
            metadata["Size"] = json!(details.size);
            metadata["Architecture"] = details.architecture.as_str().into();
            metadata["Author"] = details.author.as_str().into();
        } else {
            let manifests = details.platforms.iter().map(|platform| {
                json!({
                    "digest": platform.digest, "os": platform.os,
                    "architecture": platform.architecture, "variant": platform.variant,
                })
            });
            fields.insert("dockerImageManifests".to_owned(), manifests.collect());
        }
        metadata["Created"] = json!(details.created);
    }
    metadata["Config"] = config;
    fields.insert("dockerImageMetadata".to_owned(), metadata);
    fields
}

fn start(config: &mut Value, details: &ImageDetails) {
    let keys = |keys: &[String]| -> Map<String, Value> {
        keys.iter().map(|key| (key.clone(), json!({}))).collect()
    };
    config["Entrypoint"] = json!(details.entrypoint);
    config["Cmd"] = json!(details.command);
    config["WorkingDir"] = json!(details.working_dir);
    config["User"] = json!(details.user);
    config["Env"] = json!(details.environment);
    config["ExposedPorts"] = Value::Object(keys(&details.ports));
    config["Volumes"] = Value::Object(keys(&details.volumes));
}

/// Several objects as one.
pub fn list(items: Vec<Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_given_as_it_is_written_in_the_present_version() {
        let mut known = ImageStream::default();
        known.metadata.name = "app".to_owned();
        let namespace: Namespace = "team".parse().unwrap();
        let written =
            json!({"apiVersion": "v1", "metadata": {"name": "app", "uid": "1"}, "spec": {"x": 1}});
        assert_eq!(
            stream(Some(written), &known, &namespace),
            json!({
                "apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
                "metadata": {"name": "app", "namespace": "team", "uid": "1"}, "spec": {"x": 1},
            })
        );
        let own = json!({"metadata": {"namespace": "own"}});
        assert_eq!(
            stream(Some(own), &known, &namespace)["metadata"]["namespace"],
            "own"
        );
        let typed = stream(None, &known, &namespace);
        assert_eq!(
            typed["metadata"],
            json!({"name": "app", "namespace": "team"})
        );
    }

    #[test]
    fn a_tag_carries_its_image_and_all_that_is_known_of_it() {
        let mut app = ImageStream::default();
        app.metadata.labels = [("app".to_owned(), "web".to_owned())].into();
        let namespace: Namespace = "team".parse().unwrap();
        let created = "2026-01-05T09:00:00Z".parse().ok();
        let event = TagEvent::new(created, "quay.io/a@sha256:1", "sha256:1", 3);
        let seen = Seen {
            facts: crate::plan::facts::ImageFacts::default(),
            details: Some(Box::new(ImageDetails {
                entrypoint: vec!["/app".to_owned()],
                ports: vec!["80/tcp".to_owned()],
                size: Some(7),
                ..ImageDetails::default()
            })),
        };
        let mut parts = Parts {
            kind: "ImageStreamTag",
            name: "app:1",
            namespace: &namespace,
            stream: &app,
            spec: None,
            status: None,
            event: Some(&event),
            seen: Some(&seen),
        };
        let tag = parts.image_stream_tag();
        assert_eq!(tag["metadata"]["labels"]["app"], "web");
        assert_eq!(tag["metadata"]["creationTimestamp"], "2026-01-05T09:00:00Z");
        assert_eq!(
            (&tag["generation"], &tag["image"]["metadata"]["name"]),
            (&json!(3), &json!("sha256:1"))
        );
        let metadata = &tag["image"]["dockerImageMetadata"];
        assert_eq!(
            (&metadata["Size"], &metadata["Config"]["Entrypoint"]),
            (&json!(7), &json!(["/app"]))
        );
        assert_eq!(metadata["Config"]["ExposedPorts"], json!({"80/tcp": {}}));
        parts.event = None;
        assert_eq!(parts.image_tag()["image"], Value::Null);
        assert_eq!(parts.image_stream_image()["kind"], "ImageStreamTag");
    }
}
