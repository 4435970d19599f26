//! `headwater.yaml`: what a repository may choose for itself. Credentials, hosts and guards are the operator's.

use serde::{Deserialize, Serialize};

use super::environment::Delivery;
use super::name::Namespace;
use super::object::RepoPath;
use super::settle::Settle;
use super::time::Period;

/// The `kind: Config` document of a repository.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepositoryConfig {
    /// `metadata`, accepted and without meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
    /// The choices.
    #[serde(default)]
    pub spec: ConfigSpec,
}

/// The choices of a repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ConfigSpec {
    /// Where documents are.
    pub paths: Paths,
    /// Namespace of streams that name none.
    pub namespace: Namespace,
    /// Delivery of stages without environments and of tags in no pipeline.
    pub delivery: Delivery,
    /// Items kept per tag.
    pub history: usize,
    /// How imports behave.
    pub import: ImportConfig,
}

/// Folders of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Paths {
    /// Pipelines and streams.
    pub pipelines: RepoPath,
    /// Streams that belong to no pipeline.
    pub streams: RepoPath,
    /// Templates.
    pub templates: RepoPath,
    /// Environments, values and outputs.
    pub environments: RepoPath,
    /// Holds.
    pub holds: RepoPath,
    /// Freezes.
    pub freezes: RepoPath,
}

/// How imports behave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ImportConfig {
    /// A changed digest waits this long for others, so that a wave becomes one commit, or until so many checks saw it.
    pub settle: Settle,
    /// Time between two checks of a scheduled tag.
    pub interval: Period,
}

fn folder(text: &'static str) -> RepoPath {
    RepoPath(text.into())
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            pipelines: folder("pipelines"),
            streams: folder("streams"),
            templates: folder("templates"),
            environments: folder("environments"),
            holds: folder("holds"),
            freezes: folder("freezes"),
        }
    }
}

impl Default for ImportConfig {
    fn default() -> Self {
        Self {
            settle: Settle::Time(Period::seconds(20)),
            interval: Period::seconds(900),
        }
    }
}

impl Default for ConfigSpec {
    fn default() -> Self {
        Self {
            paths: Paths::default(),
            namespace: Namespace("default".into()),
            delivery: Delivery::Commit,
            history: 20,
            import: ImportConfig::default(),
        }
    }
}
