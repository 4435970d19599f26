//! What is remembered about a tag in its annotations: the source it was imported from, the promotion that moved it,
//! and a person's request. Each is one line of JSON with sorted keys.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::image_stream::TagReference;
use super::name::{Name, Namespace};
use super::object::CommitId;
use super::set::SetId;
use super::time::Timestamp;

/// Annotation with the source a tag was last imported from.
pub const SOURCE: &str = "headwater.dev/source";
/// Annotation with the promotion that last moved a tag.
pub const PROMOTION: &str = "headwater.dev/promotion";
/// Annotation with which `promote` asks for a set.
pub const REQUEST: &str = "headwater.dev/request";
/// Annotation with the period between two checks of a scheduled tag.
pub const INTERVAL: &str = "headwater.dev/interval";
/// Annotation with the rule by which the source of a tag follows new tags of its repository.
pub const FOLLOW: &str = "headwater.dev/follow";

/// The source of a tag as last imported; a tag is pending while this differs from its spec. On a stream it stands for the
/// repository that was imported as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Source {
    /// `importMode` at that time, empty for the default.
    pub import_mode: String,
    /// `from.kind`.
    pub kind: String,
    /// `from.name`.
    pub name: String,
    /// `from.namespace`, empty for the stream's own.
    pub namespace: String,
    /// `reference`.
    pub reference: bool,
}

impl Source {
    /// The source a tag asks for now; `None` for a tag without `from`.
    pub fn of(tag: &TagReference) -> Option<Self> {
        let from = tag.from.as_ref()?;
        Some(Self {
            import_mode: tag.import_policy.import_mode.clone().unwrap_or_default(),
            kind: from.kind.clone().into_owned(),
            name: from.name.to_string(),
            namespace: from.namespace.clone().unwrap_or_default(),
            reference: tag.reference,
        })
    }

    /// A source in a registry.
    pub fn docker_image(name: &str) -> Self {
        Self {
            kind: "DockerImage".to_owned(),
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// The source recorded on a tag, if there is a readable one.
    pub fn recorded(tag: &TagReference) -> Option<Self> {
        serde_json::from_str(&tag.annotations.get(SOURCE)?).ok()
    }
}

/// A source as it stands in an annotation, without a copy of it: there are as many as there are tags, in every plan.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Written<'a> {
    #[serde(borrow)]
    import_mode: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    namespace: Cow<'a, str>,
    reference: bool,
}

impl Source {
    /// Whether a tag asks for another source than the one recorded on it, which is what makes it pending: generations are
    /// not asked. A tag without `from` asks for none.
    pub fn differs_on(tag: &TagReference) -> bool {
        Self::differs(tag, "")
    }

    /// The same for a tag of a stream of this namespace, which is the same said or not. For a registry none counts.
    pub fn differs_in(tag: &TagReference, namespace: &Namespace) -> bool {
        Self::differs(tag, namespace.as_str())
    }

    fn differs(tag: &TagReference, own: &str) -> bool {
        let Some(from) = tag.from.as_ref() else {
            return false;
        };
        let elsewhere = |namespace: &str| match &*from.kind {
            "DockerImage" => String::new(),
            _ if namespace == own => String::new(),
            _ => namespace.to_owned(),
        };
        let asked = elsewhere(from.namespace.as_deref().unwrap_or_default());
        let mode = tag.import_policy.import_mode.as_deref();
        if let Some(recorded) = tag.annotations.imported(SOURCE) {
            return recorded.name != from.name
                || recorded.kind() != from.kind
                || recorded.reference != tag.reference
                || !asked.is_empty()
                || !mode.unwrap_or_default().is_empty();
        }
        let text = tag.annotations.get(SOURCE);
        let text = text.as_deref();
        let recorded = text.and_then(|text| serde_json::from_str::<Written<'_>>(text).ok());
        recorded.is_none_or(|recorded| {
            recorded.kind != from.kind
                || *recorded.name != *from.name
                || elsewhere(&recorded.namespace) != asked
                || recorded.import_mode != mode.unwrap_or_default()
                || recorded.reference != tag.reference
        })
    }
}

/// Why a stage's tag moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// A set passed its source and entered.
    #[default]
    Promotion,
    /// A person went back.
    Rollback,
    /// What ran already was taken over.
    Adopted,
}

/// A stage from which the set came, and the commit that made it current there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromStage {
    /// The commit of the base that made the set current in that stage.
    pub commit: CommitId,
    /// The stage.
    pub stage: Name,
}

/// What a gate said when the promotion was made; stamped once, never refreshed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// When it was asked.
    pub at: Timestamp,
    /// What it said, in words.
    pub detail: String,
    /// Kind of the gate.
    pub gate: String,
    /// `open`, `skipped` or `overridden`.
    pub verdict: String,
}

/// The record of a promotion: content, so that squash and rebase keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Promotion {
    /// Who asked for it, where somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// Why the tag moved.
    pub cause: Cause,
    /// What the gates said.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// Where the set came from.
    #[serde(default)]
    pub from: Vec<FromStage>,
    /// The pipeline.
    pub pipeline: Name,
    /// The set.
    pub set: SetId,
    /// The stage entered.
    pub stage: Name,
    /// Version of this record: 1.
    pub v: u32,
}

impl Promotion {
    /// The record on a tag, if there is a readable one.
    pub fn recorded(tag: &TagReference) -> Option<Self> {
        serde_json::from_str(&tag.annotations.get(PROMOTION)?).ok()
    }
}

/// A person's wish that one set, and no other, be promoted next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Who asks, checked against the commit's author.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The set asked for.
    pub set: SetId,
    /// Kinds of gate to pass over, where the environment allows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<Name>,
}

impl Request {
    /// The request on a tag: `None` where there is none, the error where it cannot be read.
    pub fn recorded(tag: &TagReference) -> Option<Result<Self, String>> {
        tag.annotations
            .get(REQUEST)
            .map(|text| serde_json::from_str(&text).map_err(|e| e.to_string()))
    }
}

/// One line of JSON for an annotation. Keys are sorted because the fields above are declared in that order.
pub fn annotation<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).map_or_else(|_| String::new(), |v| v.to_string())
}

/// The digest a `from` of kind `ImageStreamImage` names in full (`[stream@]sha256:...`).
pub fn stream_image_digest(tag: &TagReference) -> Option<Digest> {
    let from = tag.from.as_ref().filter(|f| f.kind == "ImageStreamImage")?;
    let id = from.name.rsplit_once('@').map_or(&*from.name, |(_, id)| id);
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image_stream::ObjectReference;

    #[test]
    fn a_changed_source_is_told_as_upstream_tells_it() {
        let own: Namespace = "streamnamespace".parse().unwrap();
        let tag = |kind: &'static str, namespace: &str, name: &str| TagReference {
            from: (!name.is_empty()).then(|| ObjectReference {
                kind: kind.into(),
                namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
                name: name.into(),
            }),
            ..TagReference::default()
        };
        let stream = |namespace: &str, name: &str| tag("ImageStreamTag", namespace, name);
        let none = || tag("", "", "");
        let (latest, other) = ("other:latest", "other:other");
        for (old, new, changed) in [
            (none(), none(), false),
            (
                tag("DockerImage", "", "foo"),
                tag("DockerImage", "", "foo"),
                false,
            ),
            (
                tag("DockerImage", "", "foo"),
                tag("DockerImage", "", "bar"),
                true,
            ),
            // Where an image of a registry is asked for, no namespace counts.
            (
                tag("DockerImage", "", "foo"),
                tag("DockerImage", "any", "foo"),
                false,
            ),
            (none(), stream("another", latest), true),
            (stream("", latest), stream("another", latest), true),
            (stream("something", latest), stream("another", latest), true),
            (stream("something", latest), stream("", latest), true),
            (stream("", latest), stream("streamnamespace", other), true),
            (
                stream("streamnamespace", latest),
                stream("streamnamespace", other),
                true,
            ),
            (stream("streamnamespace", latest), stream("", other), true),
            (stream("", latest), stream("streamnamespace", latest), false),
            (stream("streamnamespace", latest), stream("", latest), false),
            (
                stream("streamnamespace", latest),
                stream("streamnamespace", latest),
                false,
            ),
            (stream("", latest), stream("", latest), false),
            // Different here: another kind of source is another source.
            (tag("DockerImage", "", latest), stream("", latest), true),
        ] {
            let mut tag = new.clone();
            if let Some(source) = Source::of(&old) {
                tag.annotations.insert(SOURCE, annotation(&source));
            }
            assert_eq!(Source::differs_in(&tag, &own), changed, "{old:?} {new:?}");
        }
    }

    #[test]
    fn records_are_one_line_with_sorted_keys() {
        let record = Promotion {
            asked_by: None,
            cause: Cause::Promotion,
            evidence: Vec::new(),
            from: vec![FromStage {
                commit: "a".repeat(40).parse().unwrap(),
                stage: "qa".parse().unwrap(),
            }],
            pipeline: "myapp".parse().unwrap(),
            set: "b".repeat(64).parse().unwrap(),
            stage: "prod".parse().unwrap(),
            v: 1,
        };
        let text = annotation(&record);
        assert!(!text.contains('\n'));
        let starts: Vec<usize> = [
            "{\"cause\":",
            ",\"evidence\":",
            ",\"from\":",
            ",\"pipeline\":",
            ",\"set\":",
            "\"prod\",\"v\":",
        ]
        .iter()
        .map(|key| text.find(key).unwrap())
        .collect();
        assert!(starts.is_sorted(), "{text}");
        assert_eq!(serde_json::from_str::<Promotion>(&text).unwrap(), record);
    }
}
