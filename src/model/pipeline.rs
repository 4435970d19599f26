//! Pipeline: the road that a set of image digests travels, stage by stage.

use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use super::gate::{Approvals, Gate};
use super::name::{Name, Namespace, StreamName, TagName};
use super::time::Period;

/// `apiVersion` of our own kinds.
pub const API_VERSION: &str = "headwater.dev/v1alpha1";

/// `metadata` of our own kinds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectMeta {
    /// The name.
    pub name: Name,
    /// Namespace of the streams it speaks of; absent means the repository's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
    /// Free labels.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub labels: Value,
    /// Free annotations.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub annotations: Value,
}

/// A pipeline document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pipeline {
    /// Name and namespace.
    pub metadata: ObjectMeta,
    /// The road.
    pub spec: PipelineSpec,
}

/// The road: which streams, which stages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PipelineSpec {
    /// Streams that travel together; empty means the one named like the pipeline.
    #[serde(
        default,
        deserialize_with = "streams",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub streams: Vec<StreamName>,
    /// Stages in order.
    pub stages: Vec<Stage>,
    /// One pipeline per value, as in GitHub Actions. Carried out before a document is typed, so nothing is kept of it.
    #[serde(default, skip_serializing)]
    pub matrix: IgnoredAny,
}

/// One stop of the road: a tag, and the environments that follow it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stage {
    /// Name within the pipeline.
    pub name: Name,
    /// The stage's pointer, a constant; absent means the stage's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<TagName>,
    /// Environments that follow it; absent means the one named like the stage, empty means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<Name>>,
    /// Stages it takes sets from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<From>,
    /// A tag set beside the pointer, such as `prod-v{{version.majorMinor}}`; decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_tag: Option<String>,
    /// Conditions before arrival, added to the environments'.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enter: Vec<Gate>,
    /// Conditions after arrival; the next stage needs them all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verify: Vec<Gate>,
    /// Approvals, added to the environments'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals: Option<Approvals>,
    /// Another stage whose approval of the same set counts here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<Name>,
    /// Whether it goes back to the last set that passed here when `verify`, or what `deployed` tells, refuses a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_rollback: Option<AutoRollback>,
    /// Which candidate goes first.
    #[serde(default)]
    pub order: Order,
    /// When a newer candidate takes over an open pull request; absent means the environment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersede: Option<Supersede>,
}

/// When a stage goes back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AutoRollback {
    /// A set that is refused later than so long after it came stays: what was well for that time broke by something else.
    pub within: Period,
}

/// Which candidate goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// The newest candidate whose gates are open.
    #[default]
    Newest,
    /// One after another, oldest first.
    Queue,
}

/// When a newer candidate takes over an open pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Supersede {
    /// While nobody approved it.
    #[default]
    UntilApproved,
    /// At any time.
    Always,
    /// Never: it stays until merged or closed.
    Never,
}

/// Where a stage takes its sets from: `[qa]` (all of them) or `{any: [a, b]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum From {
    /// The set must have passed one of these.
    Any(Vec<Name>),
    /// The set must have passed all of these.
    #[serde(untagged)]
    All(Vec<Name>),
}

/// Streams, each once: a second time its tags would be written twice.
fn streams<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<StreamName>, D::Error> {
    let all = Vec::<StreamName>::deserialize(deserializer)?;
    let mut seen = std::collections::BTreeSet::new();
    match all.iter().find(|name| !seen.insert(name.as_str())) {
        Some(name) => Err(de::Error::custom(format!(
            "`{}` is named twice: write each stream once",
            name.as_str()
        ))),
        None => Ok(all),
    }
}

impl From {
    /// The stages named.
    pub fn stages(&self) -> &[Name] {
        match self {
            Self::All(stages) | Self::Any(stages) => stages,
        }
    }
}

impl<'de> Deserialize<'de> for From {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = From;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of stages like [qa], or {any: [a, b]}")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<From, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(seq)).map(From::All)
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<From, A::Error> {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Any {
                    any: Vec<Name>,
                }
                let any = Any::deserialize(de::value::MapAccessDeserializer::new(map))?.any;
                match any.is_empty() {
                    true => Err(de::Error::custom(
                        "this names no stage: write those of which any will do, as {any: [a, b]}",
                    )),
                    false => Ok(From::Any(any)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Pipeline {
    /// The pipeline's name.
    pub const fn name(&self) -> &Name {
        &self.metadata.name
    }

    /// Names of its streams: those listed, or the one named like the pipeline.
    pub fn stream_names(&self) -> Vec<String> {
        if self.spec.streams.is_empty() {
            vec![self.metadata.name.as_str().to_owned()]
        } else {
            self.spec
                .streams
                .iter()
                .map(|s| s.as_str().to_owned())
                .collect()
        }
    }

    /// The stage of that name.
    pub fn stage(&self, name: &Name) -> Option<&Stage> {
        self.spec.stages.iter().find(|s| s.name == *name)
    }

    /// Where a stage takes its sets from. The first stage takes none; the default exists only where exactly one
    /// stage precedes; `None` means it had to be said and was not.
    pub fn sources(&self, stage: &Stage) -> Option<From> {
        if let Some(from) = &stage.from {
            return Some(from.clone());
        }
        match self.spec.stages.iter().position(|s| s.name == stage.name)? {
            0 => Some(From::All(Vec::new())),
            1 => Some(From::All(vec![self.spec.stages[0].name.clone()])),
            _ => None,
        }
    }
}

impl Stage {
    /// The stage's pointer.
    pub fn tag(&self) -> &str {
        self.tag
            .as_ref()
            .map_or(self.name.as_str(), TagName::as_str)
    }

    /// The environments that follow the stage.
    pub fn environments(&self) -> Vec<Name> {
        self.environments
            .clone()
            .unwrap_or_else(|| vec![self.name.clone()])
    }
}
