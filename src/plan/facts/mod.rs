//! Facts: what only the network, the forge, the clock and the operator know. One versioned JSON file holds them all, so
//! that every decision can be made again at a desk.

mod answered;
mod check;
mod deployment;
pub mod marker;
pub mod pull;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::platform::Preferred;
use crate::model::workflow_run::{RunKey, WorkflowRun};
use crate::model::{
    CommitCheck, CommitId, DeploymentPlace, DeploymentState, Digest, Guard, NamePattern, Party,
    Settle, TagKey, Timestamp,
};
use crate::plan::question::{
    ArgoCdAsk, Deployments, Describe, HttpAsk, List, Question, Resolve, Reviewed, RunsAsk, SignedBy,
};
use crate::plan::report::Subject;
pub use answered::{ArgoCdFacts, Dispatched, HttpAnswer};
pub use check::{CheckMemory, FollowMemory};
pub use deployment::DeploymentMemory;
use pull::{MergeGroupFacts, PullRequestFacts, ReviewFacts};

/// Version of the facts file this program writes and reads.
pub const FACTS_VERSION: u32 = 1;

/// Everything a plan needs beside the repository itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Version of this format.
    pub v: u32,
    /// The commit of the base these facts were gathered for.
    pub commit: CommitId,
    /// The base branch, for people.
    #[serde(default)]
    pub branch: String,
    /// The instant of the pass.
    pub now: Timestamp,
    /// The instant that commits and events bear, where it is not `now`: that of a saved plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Timestamp>,
    /// What the operator decided, as far as it bears on plans. No secrets.
    #[serde(default)]
    pub settings: PlanSettings,
    /// Answers of registries to `Resolve`.
    #[serde(default, with = "pairs")]
    pub resolved: BTreeMap<Resolve, Answer<Resolved>>,
    /// Answers of registries to `Describe`.
    #[serde(default, with = "pairs")]
    pub described: BTreeMap<Describe, Answer<ImageFacts>>,
    /// Answers of registries to `List`.
    #[serde(default, with = "pairs", skip_serializing_if = "BTreeMap::is_empty")]
    pub listed: BTreeMap<List, Answer<Listing>>,
    /// Answers of registries to `Signed`.
    #[serde(default, with = "pairs", skip_serializing_if = "BTreeMap::is_empty")]
    pub signed: BTreeMap<SignedBy, Answer<Signed>>,
    /// What hosts answered to gates.
    #[serde(default, with = "pairs", skip_serializing_if = "BTreeMap::is_empty")]
    pub http: BTreeMap<HttpAsk, Answer<HttpAnswer>>,
    /// What Argo CD servers say of applications.
    #[serde(default, with = "pairs", skip_serializing_if = "BTreeMap::is_empty")]
    pub argocd: BTreeMap<ArgoCdAsk, Answer<ArgoCdFacts>>,
    /// Hosts of those that fail: since when, and how many times in a row. A cache: it may be empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub http_trouble: BTreeMap<String, Trouble>,
    /// The same of Argo CD servers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub argocd_trouble: BTreeMap<String, Trouble>,
    /// Runs of workflows at the forge.
    #[serde(default, with = "pairs", skip_serializing_if = "BTreeMap::is_empty")]
    pub runs: BTreeMap<RunsAsk, Outcome<Vec<WorkflowRun>>>,
    /// Runs that were started lately. A cache: it may be empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dispatched: BTreeMap<RunKey, Dispatched>,
    /// What the forge says of commits: answers to `Checks`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub checks: BTreeMap<CommitId, Outcome<Vec<CommitCheck>>>,
    /// What the forge says of deployments, by key, as far as it has them: answers to `Deployments`.
    #[serde(default, with = "pairs", skip_serializing_if = "BTreeMap::is_empty")]
    pub deployments: BTreeMap<Deployments, Outcome<BTreeMap<String, DeploymentState>>>,
    /// Who approved merged pull requests: answers to `Reviewed`.
    #[serde(default, with = "pairs", skip_serializing_if = "BTreeMap::is_empty")]
    pub reviewed: BTreeMap<Reviewed, Outcome<ReviewFacts>>,
    /// What was last recorded there of each place. A cache: it may be empty.
    #[serde(default, with = "pairs", skip_serializing_if = "BTreeMap::is_empty")]
    pub deployed: BTreeMap<DeploymentPlace, DeploymentMemory>,
    /// Questions that registries were asked and have not answered yet, and since when: passes go on without them.
    #[serde(default, with = "pairs", skip_serializing_if = "BTreeMap::is_empty")]
    pub unanswered: BTreeMap<Question, Timestamp>,
    /// When each tag was last checked, and with what luck. A cache: it may be empty.
    #[serde(default, with = "shared")]
    pub memory: Arc<BTreeMap<TagKey, CheckMemory>>,
    /// What the Git server refused by a rule of its own, by change. A cache: it may be empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, RefusedPush>,
    /// Pull requests that bear our marker, open or not; `None` when the forge could not be asked.
    #[serde(default)]
    pub pulls: Option<Vec<PullRequestFacts>>,
    /// Why the forge did not tell of all pull requests, where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulls_cut: Option<String>,
    /// Heads of what the base's merge queue would merge, as far as something of ours is in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<MergeGroupFacts>,
    /// Why the forge could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forge_failure: Option<Failure>,
    /// Since when, and how many times in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forge_trouble: Option<Trouble>,
    /// What the forge lets be made in a while; `None` where it sets no bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// Whether the forge shows boxes in texts that people tick, and tells who did.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub boxes: bool,
    /// All branches of the remote below `headwater/`, so that no name is used twice.
    #[serde(default)]
    pub branches: BTreeMap<String, CommitId>,
    /// Those of them with a head of ours and no pull request: an earlier pass came no further.
    #[serde(default)]
    pub orphans: BTreeMap<String, CommitId>,
    /// Members of teams, by CODEOWNERS spelling (`@org/team`).
    #[serde(default)]
    pub teams: BTreeMap<String, Vec<String>>,
    /// Accounts behind e-mail addresses (in lower case), named as approvals name people.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accounts: BTreeMap<String, String>,
    /// Set when the base went back: the head seen before, which is no ancestor any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_back: Option<CommitId>,
    /// When that was noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_back_at: Option<Timestamp>,
}

impl Facts {
    /// Facts with nothing known but the clock.
    pub fn at(commit: CommitId, now: Timestamp) -> Self {
        Self {
            v: FACTS_VERSION,
            commit,
            branch: String::new(),
            now,
            stamp: None,
            settings: PlanSettings::default(),
            resolved: BTreeMap::new(),
            described: BTreeMap::new(),
            listed: BTreeMap::new(),
            signed: BTreeMap::new(),
            http: BTreeMap::new(),
            argocd: BTreeMap::new(),
            http_trouble: BTreeMap::new(),
            argocd_trouble: BTreeMap::new(),
            runs: BTreeMap::new(),
            dispatched: BTreeMap::new(),
            checks: BTreeMap::new(),
            deployments: BTreeMap::new(),
            reviewed: BTreeMap::new(),
            deployed: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            memory: Arc::default(),
            refused: BTreeMap::new(),
            pulls: Some(Vec::new()),
            pulls_cut: None,
            groups: Vec::new(),
            forge_failure: None,
            forge_trouble: None,
            room: None,
            boxes: false,
            branches: BTreeMap::new(),
            orphans: BTreeMap::new(),
            teams: BTreeMap::new(),
            accounts: BTreeMap::new(),
            moved_back: None,
            moved_back_at: None,
        }
    }

    /// The instant that commits and events bear.
    pub fn stamp(&self) -> Timestamp {
        self.stamp.unwrap_or(self.now)
    }
}

/// What a forge lets be made in a while, of what people are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Room {
    /// Calls in any 60 seconds.
    pub per_minute: u32,
    /// Calls in any 3,600 seconds.
    pub per_hour: u32,
    /// When those of the last hour were made, as far as the forge tells.
    pub made: Vec<Timestamp>,
}

/// The part of the operator's settings that changes plans.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PlanSettings {
    /// What a changed digest waits for; nothing in one-shot runs.
    pub settle: Option<Settle>,
    /// Every tag of a registry is asked for, whether it is due or not: somebody wants to know now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refresh: bool,
    /// Whether the forge is told of deployments.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deployments: bool,
    /// What the repository may only tighten, by environment or by the beginning of its name.
    pub guards: BTreeMap<NamePattern, Guard>,
}

/// An answer from outside: a value or a failure, and when it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer<T> {
    /// The instant of the pass that it came to.
    pub at: Timestamp,
    /// That of the pass that asked for it, where that was an earlier one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Timestamp>,
    /// What it was.
    pub outcome: Outcome<T>,
}

impl<T> Answer<T> {
    /// When it was asked for.
    pub fn asked_at(&self) -> Timestamp {
        self.asked.unwrap_or(self.at)
    }
}

/// A value, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome<T> {
    /// It worked.
    Ok(T),
    /// It did not.
    Failed(Failure),
}

/// The word for an answer that a panic of ours lost.
pub const PANICKED: &str = "Panicked";

/// Why an edge has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Upstream's word: `NotFound`, `Unauthorized`, `Forbidden`, `Invalid`, `InternalError`, ...
    pub reason: String,
    /// What happened, for people.
    pub message: String,
    /// The same without any variable part, for Git.
    pub canonical: String,
    /// Whether trying again may help.
    pub transient: bool,
    /// Who has to do something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<Party>,
    /// No request before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
}

/// A row of failures of an edge.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Trouble {
    /// When it began.
    pub since: Option<Timestamp>,
    /// Failures in a row.
    pub tries: u32,
    /// A stable word for the last one.
    pub reason: String,
    /// The last one in words.
    pub message: String,
    /// Who has to do something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party: Option<Party>,
    /// No request before this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_try: Option<Timestamp>,
}

/// What a reference resolved to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolved {
    /// The digest of the manifest or index itself.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
}

impl Resolved {
    /// Whether it is an index (manifest list).
    pub fn is_index(&self) -> bool {
        self.media_type.contains("image.index") || self.media_type.contains("manifest.list")
    }
}

/// The tags of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// Their names, sorted.
    pub tags: Vec<Box<str>>,
}

impl ImageFacts {
    /// The image that stands for this index where a single one is imported.
    pub fn single(&self, preferred: &Preferred) -> Option<&Digest> {
        let platforms = self.platforms.iter().map(String::as_str);
        let images: Vec<(&str, &Digest)> = platforms.zip(&self.images).collect();
        preferred.choose(&images)
    }
}

/// What there is of an image's signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signed {
    /// How many were looked at.
    pub found: usize,
    /// Whether one of them is by the key, for this very digest.
    pub by_key: bool,
}

/// Labels and platforms of an image.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageFacts {
    /// Labels; of an index its annotations, then what all children agree on.
    pub labels: BTreeMap<String, String>,
    /// `os/architecture[/variant]` of each image.
    pub platforms: Vec<String>,
    /// The images of an index, each for the platform at its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Digest>,
}

/// What is remembered of a change that the Git server refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedPush {
    /// The server's words.
    pub why: String,
    /// How often in a row.
    pub times: u32,
    /// The first time of this row.
    pub since: Timestamp,
    /// The last time.
    pub at: Timestamp,
    /// No try before this instant.
    pub next_try: Timestamp,
    /// What it is about, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Subject>,
}

/// What is shared with whoever gathered it, as if it were not.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        shared: &Arc<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        T::serialize(shared, to)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(from).map(Arc::new)
    }
}

/// Maps with structured keys, as lists of pairs in JSON.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K, V, D>(from: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(from)?.into_iter().collect())
    }
}
