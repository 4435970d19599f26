//! Broken edges: which registry, Git server, forge, host of a gate or Argo CD does not answer, since when, and which
//! pipelines that concerns.

mod gates;

use std::collections::{BTreeMap, BTreeSet};

pub use gates::failures;
use serde::{Deserialize, Serialize};

use super::checks::{Check, checks};
use super::facts::{Failure, Outcome, Trouble};
use super::failing::{forge_waits, waits};
use super::import::{Following, Whole};
use super::observation::Observation;
use super::question::Question;
use super::report::State;
use super::{Plan, due};
use crate::model::{Delivery, Name, Party, TagKey, Timestamp};

/// More names than these are only counted.
const MOST_NAMES: usize = 100;

/// Kinds of edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EdgeKind {
    /// The Git remote.
    Git,
    /// The forge.
    Forge,
    /// A registry host.
    Registry,
    /// A host that `http` gates ask.
    Http,
    /// An Argo CD server.
    ArgoCd,
}

impl EdgeKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Git,
        Self::Forge,
        Self::Registry,
        Self::Http,
        Self::ArgoCd,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Forge => "forge",
            Self::Registry => "registry",
            Self::Http => "http",
            Self::ArgoCd => "argocd",
        }
    }
}

/// An edge that does not answer as it should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeReport {
    /// What kind of edge.
    pub kind: EdgeKind,
    /// Which one: a host, the address of the repository, the forge.
    pub name: String,
    /// Waiting where it has not answered yet or fails in a way that heals by itself and did not last, else broken.
    pub state: State,
    /// What it answered last, in words.
    pub answered: String,
    /// A stable word for it: `Unauthorized`, `InternalError`, ...
    pub reason: String,
    /// Who has to do something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Party>,
    /// When the row of failures began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Failures in a row; of a registry, those of the tag that was tried most.
    pub tries: u32,
    /// When it is asked again, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try: Option<Timestamp>,
    /// Pipelines that cannot go on because of it, by name; at most a hundred.
    pub affected: Vec<Name>,
    /// How many pipelines it concerns.
    pub affected_pipelines: usize,
    /// How many pipelines go on without it.
    pub unaffected_pipelines: usize,
    /// How many tags are behind it; 0 where it is not about tags.
    pub tags: usize,
}

/// The Git remote, which every pipeline needs.
pub fn git(name: String, trouble: &Trouble, pipelines: BTreeSet<Name>) -> EdgeReport {
    report(EdgeKind::Git, name, trouble, &pipelines, pipelines.len())
}

/// Every broken edge that an observation shows: the forge, then registries, hosts of gates and Argo CD servers by name.
pub fn edges(observation: &Observation, plan: &Plan) -> Vec<EdgeReport> {
    let total = pipelines(plan).len();
    let forge = observation.facts.forge_failure.as_ref().map(|failure| {
        let trouble = Trouble {
            reason: failure.reason.clone(),
            message: failure.message.clone(),
            party: failure.party,
            next_try: failure.retry_at,
            ..observation.facts.forge_trouble.clone().unwrap_or_default()
        };
        let by_pull = plan.stages.iter();
        let by_pull = by_pull.filter(|stage| stage.delivery == Delivery::PullRequest);
        let affected = by_pull.map(|stage| stage.key.pipeline.clone()).collect();
        let state = match forge_waits(&observation.facts) {
            true => State::Waiting,
            false => State::Broken,
        };
        let name = "pull requests".to_owned();
        EdgeReport {
            state,
            ..report(EdgeKind::Forge, name, &trouble, &affected, total)
        }
    });
    let owners = owners(observation);
    let registry = |host, trouble: &Trouble, tags: &[&TagKey]| {
        let affected = tags.iter().filter_map(|tag| owners.get(tag));
        let affected: BTreeSet<Name> = affected.flatten().cloned().collect();
        EdgeReport {
            tags: tags.len(),
            ..report(EdgeKind::Registry, host, trouble, &affected, total)
        }
    };
    let mut registries: BTreeMap<String, EdgeReport> = BTreeMap::new();
    for (host, (failure, tags)) in unsigned(observation) {
        let trouble = Trouble {
            reason: failure.reason.clone(),
            message: failure.message.clone(),
            party: failure.party,
            next_try: failure.retry_at,
            ..Trouble::default()
        };
        let edge = registry(host.clone(), &trouble, &tags.iter().collect::<Vec<_>>());
        let state = match failure.transient {
            true => State::Waiting,
            false => State::Broken,
        };
        registries.insert(host, EdgeReport { state, ..edge });
    }
    for (host, (since, tags)) in silent(observation) {
        let edge = registry(
            host.clone(),
            &silence(since),
            &tags.iter().collect::<Vec<_>>(),
        );
        let state = State::Waiting;
        registries.insert(host, EdgeReport { state, ..edge });
    }
    // What a host answered last says more than that it has not answered again yet.
    for (host, failing) in hosts(observation) {
        let tags: Vec<&TagKey> = failing.iter().map(|check| &check.tag).collect();
        let edge = registry(host.clone(), &trouble(&failing), &tags);
        let now = observation.facts.now;
        let state = match failing.iter().all(|check| waits(&check.after, now)) {
            true => State::Waiting,
            false => State::Broken,
        };
        registries.insert(host, EdgeReport { state, ..edge });
    }
    let gates = gates::edges(observation, total);
    let edges = forge.into_iter().chain(registries.into_values());
    edges.chain(gates).collect()
}

/// Whether a failure is that of a host, and not of what it was asked about.
fn is_of_host(reason: &str) -> bool {
    matches!(reason, "InternalError" | "Unauthorized" | "Forbidden")
}

/// Pipelines that a plan speaks of.
pub fn pipelines(plan: &Plan) -> BTreeSet<Name> {
    let stages = plan.stages.iter();
    stages.map(|stage| stage.key.pipeline.clone()).collect()
}

fn report(
    kind: EdgeKind,
    name: String,
    trouble: &Trouble,
    affected: &BTreeSet<Name>,
    total: usize,
) -> EdgeReport {
    EdgeReport {
        kind,
        name,
        state: State::Broken,
        answered: trouble.message.clone(),
        reason: trouble.reason.clone(),
        fault: trouble.party,
        since: trouble.since,
        tries: trouble.tries,
        next_try: trouble.next_try,
        affected: affected.iter().take(MOST_NAMES).cloned().collect(),
        affected_pipelines: affected.len(),
        unaffected_pipelines: total.saturating_sub(affected.len()),
        tags: 0,
    }
}

/// Failing tags by host, where the failure is the host's and not that of a single image.
fn hosts(observation: &Observation) -> BTreeMap<String, Vec<Check>> {
    let mut hosts: BTreeMap<String, Vec<Check>> = BTreeMap::new();
    for check in checks(observation) {
        if check.after.failures > 0 && is_of_host(&check.after.reason) {
            let host = check.reference.repository.registry().to_string();
            hosts.entry(host).or_default().push(check);
        }
    }
    hosts
}

/// Hosts that did not tell of signatures, what they answered, and the tags that hold those images.
fn unsigned(observation: &Observation) -> BTreeMap<String, (&Failure, BTreeSet<TagKey>)> {
    let mut hosts: BTreeMap<String, (&Failure, BTreeSet<TagKey>)> = BTreeMap::new();
    for (question, answer) in &observation.facts.signed {
        let Outcome::Failed(failure) = &answer.outcome else {
            continue;
        };
        if !is_of_host(&failure.reason) {
            continue;
        }
        let host = question.image.repository.registry().to_string();
        let (_, tags) = hosts.entry(host).or_insert((failure, BTreeSet::new()));
        let image = question.image.to_string();
        for (key, located) in &observation.snapshot.documents.streams {
            let stream = &located.value;
            let holds = |tag: &str| {
                let head = stream.head(tag);
                head.is_some_and(|head| *head.docker_image_reference() == *image)
            };
            let held = stream.spec.tags.iter().filter(|tag| holds(&tag.name));
            tags.extend(held.map(|tag| TagKey::new(key.clone(), &tag.name)));
        }
    }
    hosts
}

/// Hosts that were asked and have not answered yet: since when, and the tags behind that. A tag is behind a question for the
/// digest of its source, or for the labels of what it holds.
fn silent(observation: &Observation) -> BTreeMap<String, (Timestamp, BTreeSet<TagKey>)> {
    let mut hosts: BTreeMap<String, (Timestamp, BTreeSet<TagKey>)> = BTreeMap::new();
    let mut images: BTreeMap<String, String> = BTreeMap::new();
    let unanswered = &observation.facts.unanswered;
    for (question, since) in unanswered {
        let Some(repository) = question.repository() else {
            continue;
        };
        let host = repository.registry().to_string();
        if let Question::Describe(question) = question {
            images.insert(question.image.to_string(), host.clone());
        }
        let (first, _) = hosts.entry(host).or_insert((*since, BTreeSet::new()));
        *first = (*first).min(*since);
    }
    if hosts.is_empty() {
        return hosts;
    }
    for (key, located) in &observation.snapshot.documents.streams {
        let stream = &located.value;
        if let Some(whole) = Whole::of(key, stream)
            && unanswered.contains_key(&Question::List(whole.list()))
            && let Some((_, tags)) =
                hosts.get_mut(&whole.reference().repository.registry().to_string())
        {
            tags.insert(whole.about());
        }
        for tag in stream.spec.tags.iter() {
            let source = due::question(key, tag)
                .filter(|q| unanswered.contains_key(&Question::Resolve(q.clone())))
                .map(|q| q.reference.repository.registry().to_string());
            let listed = Following::of(key, tag)
                .map(|following| following.list())
                .filter(|q| unanswered.contains_key(&Question::List(q.clone())))
                .map(|q| q.repository.registry().to_string());
            let held = stream.head(&tag.name).map(|h| h.docker_image_reference());
            let held = held.and_then(|image| images.get(&*image)).cloned();
            for host in source.into_iter().chain(listed).chain(held) {
                if let Some((_, tags)) = hosts.get_mut(&host) {
                    tags.insert(TagKey::new(key.clone(), &tag.name));
                }
            }
        }
    }
    hosts
}

/// The trouble with a host that has not answered yet.
fn silence(since: Timestamp) -> Trouble {
    Trouble {
        since: Some(since),
        reason: "NotAnswered".to_owned(),
        message: "it was asked and has not answered yet".to_owned(),
        party: Some(Party::Remote),
        ..Trouble::default()
    }
}

/// One trouble out of those of all tags: the oldest beginning, the most tries, the latest words, the next try of any.
fn trouble(failing: &[Check]) -> Trouble {
    let memory = || failing.iter().map(|check| &check.after);
    let last = memory().max_by_key(|m| m.last_check);
    let words = last.cloned().unwrap_or_default();
    Trouble {
        since: memory().filter_map(|m| m.failing_since).min(),
        tries: memory().map(|m| m.failures).max().unwrap_or_default(),
        reason: words.reason,
        message: words.message,
        party: words.party,
        next_try: memory().filter_map(|m| m.next_try).min(),
    }
}

/// Pipelines by the tags that their stages point to.
fn owners(observation: &Observation) -> BTreeMap<TagKey, BTreeSet<Name>> {
    let documents = &observation.snapshot.documents;
    let mut owners: BTreeMap<TagKey, BTreeSet<Name>> = BTreeMap::new();
    for (name, located) in &documents.pipelines {
        for stream in documents.pipeline_streams(&located.value) {
            let all = TagKey::all_of(stream.clone());
            owners.entry(all).or_default().insert(name.clone());
            for stage in &located.value.spec.stages {
                let tag = TagKey::new(stream.clone(), stage.tag());
                owners.entry(tag).or_default().insert(name.clone());
            }
        }
    }
    owners
}
