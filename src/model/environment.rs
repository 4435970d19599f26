//! Environment: the rules of a place where sets run, and the applications rendered for it.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::de::{self, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};

use super::gate::{Approvals, Deployed, Gate, Overrides};
use super::name::{Name, Namespace, StreamName};
use super::pipeline::{ObjectMeta, Supersede};
use super::time::Period;

/// An environment document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Environment {
    /// Name.
    pub metadata: ObjectMeta,
    /// The rules.
    pub spec: EnvironmentSpec,
}

/// The rules of an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentSpec {
    /// Namespace that rendered objects get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
    /// How every write below this environment is handed over, whatever its cause.
    #[serde(default)]
    pub delivery: Delivery,
    /// How pull requests of this environment look and behave.
    #[serde(default)]
    pub pull_request: PullRequestRules,
    /// Who must approve; needs `delivery: pullRequest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals: Option<Approvals>,
    /// Conditions before a set enters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enter: Vec<Gate>,
    /// Where the environment reports that a set runs; verification of the stage waits for that.
    #[serde(
        default,
        deserialize_with = "told_by_somebody",
        skip_serializing_if = "Option::is_none"
    )]
    pub deployed: Option<Deployed>,
    /// What going back needs.
    #[serde(default)]
    pub rollback: RollbackRules,
    /// Which gates `promote --skip` may pass, and who may.
    #[serde(default)]
    pub overrides: Overrides,
    /// What is rendered or pinned here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<Application>,
    /// One environment per value. Carried out before a document is typed, so nothing is kept of it.
    #[serde(default, skip_serializing)]
    pub matrix: IgnoredAny,
}

/// How a change is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// Pushed to the base.
    Commit,
    /// Proposed as a pull request.
    #[default]
    PullRequest,
}

/// Reads who tells that a set runs: without anybody the stage would wait for ever.
fn told_by_somebody<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Deployed>, D::Error> {
    let deployed = Option::<Deployed>::deserialize(deserializer)?;
    match &deployed {
        Some(told) if told.check.is_none() && told.argocd.is_none() => Err(de::Error::custom(
            "nobody tells whether a set runs: write `check: NAME` or `argocd: {server: NAME, app: NAME}`",
        )),
        _ => Ok(deployed),
    }
}

/// How pull requests of an environment look and behave.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PullRequestRules {
    /// Labels put on it.
    #[serde(default)]
    pub labels: Vec<String>,
    /// What becomes ready within this time after a pull request was opened shares it, until somebody approves.
    #[serde(
        default,
        deserialize_with = "some_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub group: Option<Period>,
    /// So many pull requests of the environment may be open at a time; what has waited longest is opened first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<NonZeroU32>,
    /// When a newer candidate takes it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersede: Option<Supersede>,
    /// Who merges once everything is open.
    #[serde(default)]
    pub merge: Merger,
}

/// A time that is not over as it begins.
fn some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Period>, D::Error> {
    match Option::<Period>::deserialize(deserializer)? {
        Some(time) if time.as_seconds() == 0 => Err(de::Error::custom(
            "in no time nothing becomes ready together: write how long (`group: 30m`), or leave it out",
        )),
        time => Ok(time),
    }
}

/// Who merges an approved pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Merger {
    /// Headwater does, as soon as every gate is open.
    #[default]
    Bot,
    /// A person does.
    Person,
}

/// What going back needs in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RollbackRules {
    /// Approvals of the pull request, where a push is not possible.
    #[serde(default)]
    pub approvals: u32,
    /// Whether enter gates are skipped.
    #[serde(default)]
    pub enter: RollbackEnter,
}

/// Whether a rollback passes the enter gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RollbackEnter {
    /// They are skipped: that set was let in before.
    #[default]
    Skip,
    /// They are asked again.
    Check,
}

/// Something deployed in an environment. Exactly one of `template`, `kustomization`, `yaml`, `manifests` says how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Application {
    /// Name; `*` means every folder of the environment with a values.yaml.
    pub name: ApplicationName,
    /// Folder under `templates/` that is rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Name>,
    /// A kustomization whose `images:` are pinned in place (not carried out yet).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kustomization: Option<String>,
    /// A YAML file whose paths in `set` are pinned in place (not carried out yet).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yaml: Option<String>,
    /// Plain manifests pinned in place (not carried out yet).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifests: Option<String>,
    /// Paths and values for `yaml`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
    /// Which tag of which stream this application uses, where that is not plain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ApplicationImage>,
    /// Namespace of its objects; absent means the environment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
    /// Which of the document's applications it was written as, where it comes from `*` or stands behind one.
    #[serde(skip)]
    pub written: Option<usize>,
    /// Whether it is one of those that `*` means.
    #[serde(skip)]
    pub from_every: bool,
}

/// The name of an application, or `*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ApplicationName {
    /// One application.
    One(Name),
    /// Every folder of the environment. Documents that are put together hold one application for each instead.
    Every,
}

impl std::fmt::Display for ApplicationName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(name) => write!(f, "{name}"),
            Self::Every => f.write_str("*"),
        }
    }
}

impl TryFrom<String> for ApplicationName {
    type Error = super::name::NameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "*" {
            Ok(Self::Every)
        } else {
            Ok(Self::One(text.parse()?))
        }
    }
}

impl From<ApplicationName> for String {
    fn from(name: ApplicationName) -> Self {
        name.to_string()
    }
}

/// A stream that an application uses, and of which stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplicationImage {
    /// The stream.
    pub stream: StreamName,
    /// The stage whose tag is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Name>,
    /// The image name in the file, for kustomizations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Environment {
    /// The environment's name.
    pub const fn name(&self) -> &Name {
        &self.metadata.name
    }
}
