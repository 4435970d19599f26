//! The upstream ImageStream format (image.openshift.io/v1), field for field, lenient towards what it does not know.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::annotations::Annotations;
use super::digest::Digest;
pub use super::event::TagEvent;
use super::time::Timestamp;
use super::word::{self, Word};

/// `apiVersion` of the grouped form; the legacy form is `v1`.
pub const API_VERSION: &str = "image.openshift.io/v1";
/// `kind` of an image stream.
pub const KIND: &str = "ImageStream";

/// An image stream: what is wished (`spec`) and what has been seen (`status`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageStream {
    /// Name, namespace, labels, annotations.
    pub metadata: Metadata,
    /// What people ask for.
    pub spec: ImageStreamSpec,
    /// What was recorded, newest first.
    #[serde(
        skip_serializing_if = "ImageStreamStatus::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub status: ImageStreamStatus,
}

/// The object metadata that matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Name of the stream as written.
    pub name: String,
    /// Namespace; absent means the repository's default namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Labels.
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(
        skip_serializing_if = "Annotations::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub annotations: Annotations,
}

/// The wished state of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageStreamSpec {
    /// Whether short names in pod specs resolve through this stream.
    #[serde(deserialize_with = "null_as_default")]
    pub lookup_policy: LookupPolicy,
    /// Deprecated upstream since 3.7: a whole repository to import.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_image_repository: Option<String>,
    /// The tags, unique by name (of duplicates the last one wins, as upstream).
    #[serde(deserialize_with = "null_as_default")]
    pub tags: Vec<TagReference>,
}

/// Whether short names resolve.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LookupPolicy {
    /// `true` lets pods of the namespace say `stream:tag`.
    pub local: bool,
}

/// A tag as wished: where its image comes from and how it is imported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TagReference {
    /// Name of the tag.
    pub name: String,
    /// Annotations; ours live under `headwater.dev/`.
    #[serde(
        skip_serializing_if = "Annotations::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub annotations: Annotations,
    /// The source; absent on a tag that only receives pushes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<ObjectReference>,
    /// Do not import, keep the string.
    #[serde(skip_serializing_if = "is_false", deserialize_with = "null_as_default")]
    pub reference: bool,
    /// Server-owned upstream; read, never written by us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// How the image is imported.
    #[serde(
        skip_serializing_if = "ImportPolicy::is_default",
        deserialize_with = "null_as_default"
    )]
    pub import_policy: ImportPolicy,
    /// How the image is referred to.
    #[serde(
        skip_serializing_if = "ReferencePolicy::is_default",
        deserialize_with = "null_as_default"
    )]
    pub reference_policy: ReferencePolicy,
}

/// A reference to another object: kind, name and, outside this namespace, namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectReference {
    /// `DockerImage`, `ImageStreamTag` or `ImageStreamImage`.
    #[serde(deserialize_with = "word::read")]
    pub kind: Word,
    /// Namespace; absent means the stream's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// A pull spec, `[stream:]tag`, or `[stream@]digest`.
    #[serde(with = "word::shared")]
    pub name: Arc<str>,
}

impl ObjectReference {
    /// A source in a registry.
    pub fn docker_image(name: impl AsRef<str>) -> Self {
        Self {
            kind: "DockerImage".into(),
            namespace: None,
            name: name.as_ref().into(),
        }
    }

    /// An image of a stream by its digest.
    pub fn stream_image(stream: &str, digest: &Digest) -> Self {
        Self {
            kind: "ImageStreamImage".into(),
            namespace: None,
            name: format!("{stream}@{digest}").into(),
        }
    }
}

/// How an image is imported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImportPolicy {
    /// Tolerate TLS errors and plain HTTP: here only a wish that an operator-listed host grants.
    #[serde(skip_serializing_if = "is_false", deserialize_with = "null_as_default")]
    pub insecure: bool,
    /// Look again from time to time.
    #[serde(skip_serializing_if = "is_false", deserialize_with = "null_as_default")]
    pub scheduled: bool,
    /// `Legacy`, `PreserveOriginal`, or absent (which here means `PreserveOriginal`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import_mode: Option<String>,
}

/// The values that `importMode` may have.
pub const IMPORT_MODES: [&str; 2] = ["PreserveOriginal", "Legacy"];

impl ImportPolicy {
    /// A mode that nobody knows: what was wished cannot be told.
    pub fn unknown_mode(&self) -> Option<&str> {
        let mode = self.import_mode.as_deref().unwrap_or_default();
        (!mode.is_empty() && !IMPORT_MODES.contains(&mode)).then_some(mode)
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How an image is referred to in workloads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReferencePolicy {
    /// `Source` (also when empty or absent) or `Local`.
    #[serde(rename = "type", deserialize_with = "word::read")]
    pub kind: Word,
}

impl ReferencePolicy {
    fn is_default(&self) -> bool {
        self.kind.is_empty()
    }
}

/// What was recorded of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageStreamStatus {
    /// Path of the stream in the internal registry, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_image_repository: Option<String>,
    /// The same from outside the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_docker_image_repository: Option<String>,
    /// History by tag.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub tags: Vec<NamedTagEventList>,
}

impl ImageStreamStatus {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The history of one tag, newest first; `items[0]` is current.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NamedTagEventList {
    /// Name of the tag.
    pub tag: String,
    /// What it has pointed to.
    #[serde(deserialize_with = "null_as_default")]
    pub items: Vec<TagEvent>,
    /// Failures of import; absent when all is well.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub conditions: Vec<TagEventCondition>,
}

/// A failure of import as upstream writes it (there is never a `True` one).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TagEventCondition {
    /// Always `ImportSuccess`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Always `False`.
    pub status: String,
    /// When it was first seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Timestamp>,
    /// `NotFound`, `Unauthorized`, `Forbidden`, `Invalid`, ...
    pub reason: String,
    /// Plain words, without any variable part.
    pub message: String,
    /// Generation of the tag when it failed.
    pub generation: i64,
}

impl ImageStream {
    /// Keeps every text once that it says several times: there are tens of thousands of streams in memory.
    #[must_use]
    pub fn lean(mut self) -> Self {
        for tag in &mut self.spec.tags {
            if let Some(from) = &tag.from {
                tag.annotations.share(&from.name);
            }
        }
        let mut repositories = HashSet::new();
        for list in &mut self.status.tags {
            for event in &mut list.items {
                event.share(&mut repositories);
            }
        }
        self
    }

    /// The wished tag of that name (the last one, as upstream collapses duplicates).
    pub fn spec_tag(&self, tag: &str) -> Option<&TagReference> {
        self.spec.tags.iter().rev().find(|t| t.name == tag)
    }

    /// The recorded history of that tag.
    pub fn status_tag(&self, tag: &str) -> Option<&NamedTagEventList> {
        self.status.tags.iter().find(|t| t.tag == tag)
    }

    /// The current event of that tag.
    pub fn head(&self, tag: &str) -> Option<&TagEvent> {
        self.status_tag(tag).and_then(|t| t.items.first())
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Upstream emits `null` for unset maps, lists and structs.
fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
