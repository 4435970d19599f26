//! The outer shape of our own documents: nothing but what is named here may stand in them.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::model::pipeline::ObjectMeta;
use crate::model::repository_config::ConfigSpec;

/// A document with a name and a spec. Version and kind were read when the document was identified.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Envelope<S> {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    pub metadata: ObjectMeta,
    pub spec: S,
}

/// `headwater.yaml`, which needs neither name nor spec.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Config {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    #[serde(default)]
    pub metadata: Option<serde_json::Value>,
    #[serde(default)]
    pub spec: ConfigSpec,
}
