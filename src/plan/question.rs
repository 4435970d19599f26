//! Questions: facts that a plan lacks. The edges answer them, then the plan is made again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::workflow_run::WorkflowFile;
use crate::model::{
    BlobId, CommitId, DeploymentPlace, ImageReference, ImageRepository, Name, Namespace, Period,
    PinnedImage, SetId, StageKey, Timestamp, VerifyingKey,
};

/// Whoever is asked again and again is asked once in this time, for each gate and set.
pub const POLL_INTERVAL: Period = Period::seconds(60);

/// How often a pass may ask and plan again.
pub const MOST_ROUNDS: usize = 4;

/// One fact the plan lacks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Question {
    /// Which digest does this reference have now?
    Resolve(Resolve),
    /// Which labels and platforms does this image have?
    Describe(Describe),
    /// What is in this file? Answered from Git objects.
    Blob(BlobId),
    /// Which tags does this repository have?
    List(List),
    /// Is this image signed by this key?
    Signed(SignedBy),
    /// What is said of this commit? Answered by the forge.
    Checks(CommitId),
    /// How do these deployments fare? Answered by the forge.
    Deployments(Deployments),
    /// Who approved this merged pull request, and who pushed to it? Answered by the forge and Git objects.
    Reviewed(Reviewed),
    /// What does this address answer? Answered by a host that the operator listed, or from memory within an interval.
    Http(HttpAsk),
    /// How does this application fare? Answered by an Argo CD server, or from memory within an interval.
    ArgoCd(ArgoCdAsk),
    /// Which runs of this workflow are there? Answered by the forge.
    Runs(RunsAsk),
}

impl Question {
    /// The repository in a registry that it is about; `None` for what Git or the forge answers.
    pub const fn repository(&self) -> Option<&ImageRepository> {
        match self {
            Self::Resolve(question) => Some(&question.reference.repository),
            Self::Describe(question) => Some(&question.image.repository),
            Self::List(question) => Some(&question.repository),
            Self::Signed(question) => Some(&question.image.repository),
            Self::Blob(_)
            | Self::Checks(_)
            | Self::Deployments(_)
            | Self::Reviewed(_)
            | Self::Http(_)
            | Self::ArgoCd(_)
            | Self::Runs(_) => None,
        }
    }
}

/// A reference to look up, for a stream of a namespace (credentials are granted by namespace).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolve {
    /// What to look up.
    pub reference: ImageReference,
    /// The namespace that asks.
    pub namespace: Namespace,
    /// The stream's wish to tolerate an insecure registry; only an operator-listed host grants it.
    pub insecure: bool,
}

/// A repository whose tags are listed, for a stream of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct List {
    /// The repository.
    pub repository: ImageRepository,
    /// The namespace that asks.
    pub namespace: Namespace,
    /// The stream's wish to tolerate an insecure registry; only an operator-listed host grants it.
    pub insecure: bool,
}

/// Deployments of one environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployments {
    /// The environment.
    pub environment: Name,
    /// Their places and keys.
    pub wanted: BTreeSet<(DeploymentPlace, String)>,
}

/// A merged pull request whose approvals count for another stage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reviewed {
    /// Its id.
    pub pull: String,
    /// Teams whose members' approvals count (`@org/team`).
    pub teams: BTreeSet<String>,
    /// Addresses of people whose approvals do not.
    pub people: BTreeSet<String>,
}

/// An image to describe, for a stream of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Describe {
    /// The image.
    pub image: PinnedImage,
    /// The namespace that asks.
    pub namespace: Namespace,
}

/// An image and a key that it should be signed with, for a stream of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedBy {
    /// The image.
    pub image: PinnedImage,
    /// The namespace that asks.
    pub namespace: Namespace,
    /// The key.
    pub key: VerifyingKey,
}

/// What is asked of an address, for a set in a stage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpAsk {
    /// The stage that verifies the set.
    pub stage: StageKey,
    /// The set.
    pub set: SetId,
    /// The whole address.
    pub url: String,
    /// By which name the operator's settings know the credential.
    pub auth: Option<String>,
    /// Whether headers of the answer are wanted.
    pub headers: bool,
    /// Whether its body is.
    pub body: bool,
    /// The set has left the stage: only what was answered while it was there counts, and nobody is asked.
    pub left: bool,
}

impl HttpAsk {
    /// The host that is asked, with its port where the address says one.
    pub fn host(&self) -> &str {
        let behind = self.url.split_once("://").map_or("", |(_, behind)| behind);
        behind.split(['/', '?']).next().unwrap_or_default()
    }
}

/// An application of an Argo CD server, for a set in a stage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArgoCdAsk {
    /// The server's name in the operator's settings.
    pub server: Name,
    /// The application's name.
    pub application: String,
    /// The stage that holds the set.
    pub stage: StageKey,
    /// The set.
    pub set: SetId,
    /// The set has left the stage: only what was answered while it was there counts, and nobody is asked.
    pub left: bool,
}

/// Runs of a workflow that were started since some day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunsAsk {
    /// The workflow.
    pub workflow: WorkflowFile,
    /// The first instant of that day (UTC), so that those who ask on one day share an answer.
    pub since: Timestamp,
}

impl RunsAsk {
    /// Those since the day of this instant.
    pub fn new(workflow: WorkflowFile, since: Timestamp) -> Self {
        const DAY: i64 = 86_400;
        let second = since.as_second();
        let day = Timestamp::from_second(second - second.rem_euclid(DAY)).unwrap_or(since);
        Self {
            workflow,
            since: day,
        }
    }
}
