//! The desk a plan is made on: the observation, what was asked, and what is to be told to people.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::facts::pull::ReviewFacts;
use super::facts::{ArgoCdFacts, Failure, HttpAnswer, ImageFacts, Outcome, Resolved, Signed};
use super::guard::Guards;
use super::observation::Observation;
use super::output::lookup::imported_tag;
use super::question::{
    ArgoCdAsk, Deployments, Describe, HttpAsk, List, Question, Resolve, Reviewed, RunsAsk, SignedBy,
};
use super::report::{HoldReport, State, Subject};
use super::road::settled::{repository_of_any, settled_by};
use super::version::{Version, version_of};
use crate::manifests::Documents;
use crate::model::workflow_run::{Dispatch, RunKey, WorkflowRun};
use crate::model::{
    BlobId, CommitCheck, CommitId, DeploymentState, Digest, ImageStream, Name, Namespace,
    PinnedImage, RepoPath, Set, Stage, StageKey, StreamKey, TagKey, Timestamp,
};

/// What is known of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// It is here.
    Yes(T),
    /// It was asked and failed.
    Failed(super::facts::Failure),
    /// It is not known yet; the question is noted.
    NotYet,
}

/// Stages of all pipelines by the streams that these carry, in the order of pipelines and stages.
pub type Carriers<'a> = BTreeMap<StreamKey, Vec<(&'a Name, &'a Stage)>>;

/// Which stages carry each stream.
pub fn carriers(docs: &Documents) -> Carriers<'_> {
    let mut carriers = Carriers::new();
    for pipeline in docs.pipelines.values().map(|located| &*located.value) {
        // A stream that a pipeline names twice is carried once.
        let streams: BTreeSet<StreamKey> = docs.pipeline_streams(pipeline).into_iter().collect();
        for stream in streams {
            let stages = pipeline.spec.stages.iter();
            let stages = stages.map(|stage| (pipeline.name(), stage));
            carriers.entry(stream).or_default().extend(stages);
        }
    }
    carriers
}

/// Everything a plan is made with.
pub struct Desk<'a> {
    /// What was observed.
    pub obs: &'a Observation,
    /// The documents, for short.
    pub docs: &'a Documents,
    /// What must be asked before the plan can be final.
    pub questions: BTreeSet<Question>,
    /// What is due and does not move.
    pub holds: Vec<HoldReport>,
    /// The earliest instant at which a verdict used here may change.
    pub valid_until: Option<Timestamp>,
    /// Stages by the streams they carry.
    pub carriers: Arc<Carriers<'a>>,
    /// Images that this plan imports and no file holds yet.
    pub fresh: BTreeMap<(StreamKey, Digest), PinnedImage>,
    /// Runs of workflows that are to be started, and the stages that wait for them.
    pub dispatches: BTreeMap<RunKey, (StageKey, Dispatch)>,
}

impl<'a> Desk<'a> {
    /// An empty desk for an observation.
    pub fn new(obs: &'a Observation) -> Self {
        Self {
            obs,
            docs: &obs.snapshot.documents,
            questions: BTreeSet::new(),
            holds: Vec::new(),
            valid_until: None,
            carriers: Arc::new(carriers(&obs.snapshot.documents)),
            fresh: BTreeMap::new(),
            dispatches: BTreeMap::new(),
        }
    }

    /// The instant of the pass.
    pub fn now(&self) -> Timestamp {
        self.obs.facts.now
    }

    /// What the operator fixed for environments.
    pub fn guards(&self) -> &'a Guards {
        &self.obs.facts.settings.guards
    }

    /// The instant that commits and events bear.
    pub fn stamp(&self) -> Timestamp {
        self.obs.facts.stamp()
    }

    /// Notes that a verdict in use may change at `at`.
    pub fn expires(&mut self, at: Timestamp) {
        if at > self.now() {
            self.valid_until = Some(self.valid_until.map_or(at, |old| old.min(at)));
        }
    }

    /// Puts a hold on record.
    pub fn hold(
        &mut self,
        subject: Subject,
        state: State,
        reason: &str,
        why: impl Into<String>,
    ) -> &mut HoldReport {
        self.holds.push(HoldReport {
            subject,
            reason: reason.to_owned(),
            why: why.into(),
            until: None,
            help: None,
            state,
        });
        let last = self.holds.len() - 1;
        &mut self.holds[last]
    }

    /// The digest a reference has now, as last answered.
    pub fn resolve(&mut self, question: Resolve) -> Known<Resolved> {
        match self
            .obs
            .facts
            .resolved
            .get(&question)
            .map(|a| a.outcome.clone())
        {
            Some(Outcome::Ok(resolved)) => Known::Yes(resolved),
            Some(Outcome::Failed(failure)) => Known::Failed(failure),
            None => {
                self.questions.insert(Question::Resolve(question));
                Known::NotYet
            }
        }
    }

    /// Since when a registry is asked for a digest that it has not told yet; `None` where it was not asked.
    pub fn asked_since(&self, question: &Resolve) -> Option<Timestamp> {
        self.unanswered_since(|| Question::Resolve(question.clone()))
    }

    /// The same for a list of tags.
    pub fn list_asked_since(&self, question: &List) -> Option<Timestamp> {
        self.unanswered_since(|| Question::List(question.clone()))
    }

    fn unanswered_since(&self, question: impl FnOnce() -> Question) -> Option<Timestamp> {
        let unanswered = &self.obs.facts.unanswered;
        let some = !unanswered.is_empty();
        some.then(|| unanswered.get(&question()).copied())?
    }

    /// The tags of a repository, as last listed.
    pub fn list(&mut self, question: &List) -> Known<&'a [Box<str>]> {
        let obs = self.obs;
        match obs.facts.listed.get(question).map(|a| &a.outcome) {
            Some(Outcome::Ok(listing)) => Known::Yes(&listing.tags),
            Some(Outcome::Failed(failure)) => Known::Failed(failure.clone()),
            None => {
                self.questions.insert(Question::List(question.clone()));
                Known::NotYet
            }
        }
    }

    /// What the forge says of a commit of the base.
    pub fn checks(&mut self, commit: &CommitId) -> Known<&'a [CommitCheck]> {
        let obs = self.obs;
        match obs.facts.checks.get(commit) {
            Some(Outcome::Ok(checks)) => Known::Yes(checks),
            Some(Outcome::Failed(failure)) => Known::Failed(failure.clone()),
            None => {
                self.questions.insert(Question::Checks(commit.clone()));
                Known::NotYet
            }
        }
    }

    /// How deployments fare at the forge, by key, as far as it has them.
    pub fn deployments(
        &mut self,
        question: &Deployments,
    ) -> Known<&'a BTreeMap<String, DeploymentState>> {
        let obs = self.obs;
        match obs.facts.deployments.get(question) {
            Some(Outcome::Ok(found)) => Known::Yes(found),
            Some(Outcome::Failed(failure)) => Known::Failed(failure.clone()),
            None => {
                self.questions
                    .insert(Question::Deployments(question.clone()));
                Known::NotYet
            }
        }
    }

    /// Who approved a merged pull request, and who pushed to it.
    pub fn reviewed(&mut self, question: &Reviewed) -> Known<&'a ReviewFacts> {
        let obs = self.obs;
        match obs.facts.reviewed.get(question) {
            Some(Outcome::Ok(found)) => Known::Yes(found),
            Some(Outcome::Failed(failure)) => Known::Failed(failure.clone()),
            None => {
                self.questions.insert(Question::Reviewed(question.clone()));
                Known::NotYet
            }
        }
    }

    /// Labels and platforms of an image.
    pub fn describe(&mut self, image: &PinnedImage, namespace: &Namespace) -> Known<ImageFacts> {
        let question = Describe {
            image: image.clone(),
            namespace: namespace.clone(),
        };
        match self
            .obs
            .facts
            .described
            .get(&question)
            .map(|a| a.outcome.clone())
        {
            Some(Outcome::Ok(facts)) => Known::Yes(facts),
            Some(Outcome::Failed(failure)) => Known::Failed(failure),
            None => {
                self.questions.insert(Question::Describe(question));
                Known::NotYet
            }
        }
    }

    /// Whether an image is signed by a key.
    pub fn signed(&mut self, question: SignedBy) -> Known<Signed> {
        let answer = self.obs.facts.signed.get(&question);
        match answer.map(|answer| answer.outcome.clone()) {
            Some(Outcome::Ok(signed)) => Known::Yes(signed),
            Some(Outcome::Failed(failure)) => Known::Failed(failure),
            None => {
                self.questions.insert(Question::Signed(question));
                Known::NotYet
            }
        }
    }

    /// What an address answered, and when it was asked.
    pub fn http(&mut self, question: &HttpAsk) -> Known<(Timestamp, &'a HttpAnswer)> {
        let obs = self.obs;
        match obs
            .facts
            .http
            .get(question)
            .map(|a| (a.asked_at(), &a.outcome))
        {
            Some((at, Outcome::Ok(answer))) => Known::Yes((at, answer)),
            Some((_, Outcome::Failed(failure))) => Known::Failed(failure.clone()),
            None => {
                self.questions.insert(Question::Http(question.clone()));
                Known::NotYet
            }
        }
    }

    /// How an application fares, and when that was asked.
    pub fn argocd(&mut self, question: &ArgoCdAsk) -> Known<(Timestamp, &'a ArgoCdFacts)> {
        let obs = self.obs;
        match obs
            .facts
            .argocd
            .get(question)
            .map(|a| (a.asked_at(), &a.outcome))
        {
            Some((at, Outcome::Ok(facts))) => Known::Yes((at, facts)),
            Some((_, Outcome::Failed(failure))) => Known::Failed(failure.clone()),
            None => {
                self.questions.insert(Question::ArgoCd(question.clone()));
                Known::NotYet
            }
        }
    }

    /// Runs of a workflow.
    pub fn runs(&mut self, question: &RunsAsk) -> Known<&'a [WorkflowRun]> {
        let obs = self.obs;
        match obs.facts.runs.get(question) {
            Some(Outcome::Ok(runs)) => Known::Yes(runs),
            Some(Outcome::Failed(failure)) => Known::Failed(failure.clone()),
            None => {
                self.questions.insert(Question::Runs(question.clone()));
                Known::NotYet
            }
        }
    }

    /// Asks for the labels of an image on behalf of a tag's stream, if that tag can hold it. Gives why they were not told.
    pub fn describe_if(&mut self, image: &PinnedImage, tag: &TagKey) -> Option<Failure> {
        let holds = self
            .image(&tag.stream, &image.digest)
            .is_some_and(|i| i == *image);
        if !holds && self.head(&tag.stream, &tag.tag).as_ref() != Some(image) {
            return None;
        }
        match self.describe(image, &tag.stream.namespace) {
            Known::Failed(failure) => Some(failure),
            Known::Yes(_) | Known::NotYet => None,
        }
    }

    /// The text of a blob: `Some(None)` where it is no readable text, `None` where it must be asked first.
    pub fn text(&mut self, blob: &BlobId) -> Option<Option<Arc<str>>> {
        let known = self.obs.blobs.get(blob).cloned();
        if known.is_none() {
            self.questions.insert(Question::Blob(blob.clone()));
        }
        known
    }

    /// The blob of a plain file of the base.
    pub fn blob_of(&self, path: &RepoPath) -> Option<&'a BlobId> {
        self.obs
            .snapshot
            .files
            .get(path)
            .filter(|e| e.plain)
            .map(|e| &e.blob)
    }

    /// A stream that can be read and written.
    pub fn stream(&self, key: &StreamKey) -> Option<&'a ImageStream> {
        self.docs.streams.get(key).map(|s| &*s.value)
    }

    /// The image of a digest of a stream, as some event of it recorded it: in the file, or in its past.
    pub fn image(&self, stream: &StreamKey, digest: &Digest) -> Option<PinnedImage> {
        if !self.fresh.is_empty()
            && let Some(image) = self.fresh.get(&(stream.clone(), digest.clone()))
        {
            return Some(image.clone());
        }
        let repository = repository_of_any(self.stream(stream)?, digest)
            .or_else(|| self.obs.history.repository_of(stream, digest).cloned())?;
        Some(repository.at(digest.clone()))
    }

    /// Where a tag of a stream points.
    pub fn head(&self, stream: &StreamKey, tag: &str) -> Option<PinnedImage> {
        let past = |digest: &Digest| self.obs.history.repository_of(stream, digest).cloned();
        settled_by(self.stream(stream)?, tag, past).map(|s| s.image)
    }

    /// Version of one digest of a stream. Unread labels are asked for; meanwhile tag or digest stand in.
    pub fn version(&mut self, stream: &StreamKey, digest: &Digest) -> (Version, bool) {
        let Some(image) = self.image(stream, digest) else {
            return (version_of(None, None, digest), true);
        };
        self.version_of_image(stream, &image)
    }

    /// The same for an image that may not be recorded yet.
    pub fn version_of_image(&mut self, stream: &StreamKey, image: &PinnedImage) -> (Version, bool) {
        let tag = self.stream(stream).and_then(|s| imported_tag(s, image));
        match self.describe(image, &stream.namespace) {
            Known::Yes(facts) => (
                version_of(Some(&facts.labels), tag.as_deref(), &image.digest),
                true,
            ),
            // What could not be read is not known to be lacking: nothing may be written that rests on it.
            Known::Failed(_) | Known::NotYet => {
                (version_of(None, tag.as_deref(), &image.digest), false)
            }
        }
    }

    /// Version of a set for people: that of its only member, or of all members joined.
    pub fn version_of_set(&mut self, set: &Set) -> String {
        let members: Vec<(StreamKey, Digest)> =
            set.members().map(|(s, d)| (s.clone(), d.clone())).collect();
        let versions: Vec<String> = members
            .iter()
            .map(|(stream, digest)| self.version(stream, digest).0.text)
            .collect();
        match versions.as_slice() {
            [first, rest @ ..] if rest.iter().all(|v| v == first) => first.clone(),
            _ => versions.join("+"),
        }
    }

    /// Labels of every image of a set, by stream name; the first failure or lack instead.
    pub fn labels_of(
        &mut self,
        set: &Set,
    ) -> Known<BTreeMap<StreamKey, (PinnedImage, ImageFacts)>> {
        let mut all = BTreeMap::new();
        let mut waiting = false;
        for (stream, digest) in set.members() {
            let Some(image) = self.image(stream, digest) else {
                continue;
            };
            match self.describe(&image, &stream.namespace) {
                Known::Yes(facts) => {
                    all.insert(stream.clone(), (image, facts));
                }
                Known::Failed(failure) => return Known::Failed(failure),
                Known::NotYet => waiting = true,
            }
        }
        if waiting {
            Known::NotYet
        } else {
            Known::Yes(all)
        }
    }
}
