//! Answers to what a plan asks; a registry that fails is an answer too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;

use super::error::ObserveError;
use super::images::Images;
use super::verified::Verified;
use crate::config::known::hide;
use crate::git::{BlobProblem, Repository};
use crate::model::{
    BlobId, CommitId, Digest, Faulty as _, ImageReference, ImageRepository, Namespace, Party,
    Timestamp,
};
use crate::plan::facts::{
    Answer, Failure, ImageFacts, Listing, Outcome, PANICKED, Resolved, Signed,
};
use crate::plan::known::Known;
use crate::plan::question::{
    ArgoCdAsk, Deployments, Describe, HttpAsk, List, Resolve, Reviewed, RunsAsk, SignedBy,
};
use crate::plan::{Observation, Question, due};
use crate::registry::{Access, Client, RegistryError};

/// The largest file that a plan may read.
const MOST_BYTES: usize = 1 << 20;
/// Files that are in memory at a time while they are read.
const BLOBS_AT_ONCE: usize = 256;
/// Longer messages are cut.
const MOST_CHARACTERS: usize = 500;

/// Told how many of how many registry questions are answered.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(usize, usize) + Send + Sync>);

impl Progress {
    /// Calls `tell` with the number answered and the number asked.
    pub fn new(tell: impl Fn(usize, usize) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress(..)")
    }
}

/// A question for a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ask {
    Resolve(Resolve),
    Describe(Describe),
    List(List),
    Signed(SignedBy),
}

impl Ask {
    pub(super) const fn repository(&self) -> &ImageRepository {
        match self {
            Self::Resolve(question) => &question.reference.repository,
            Self::Describe(question) => &question.image.repository,
            Self::List(question) => &question.repository,
            Self::Signed(question) => &question.image.repository,
        }
    }

    pub(super) const fn namespace(&self) -> &Namespace {
        match self {
            Self::Resolve(question) => &question.namespace,
            Self::Describe(question) => &question.namespace,
            Self::List(question) => &question.namespace,
            Self::Signed(question) => &question.namespace,
        }
    }
}

impl Ask {
    /// The same asked by another namespace.
    pub(super) fn by(&self, namespace: &Namespace) -> Self {
        let mut ask = self.clone();
        match &mut ask {
            Self::Resolve(question) => question.namespace.clone_from(namespace),
            Self::Describe(question) => question.namespace.clone_from(namespace),
            Self::List(question) => question.namespace.clone_from(namespace),
            Self::Signed(question) => question.namespace.clone_from(namespace),
        }
        ask
    }
}

impl From<Ask> for Question {
    fn from(ask: Ask) -> Self {
        match ask {
            Ask::Resolve(question) => Self::Resolve(question),
            Ask::Describe(question) => Self::Describe(question),
            Ask::List(question) => Self::List(question),
            Ask::Signed(question) => Self::Signed(question),
        }
    }
}

/// What a round of a plan asks and has no answer to.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    observation: &'a Observation,
    /// Of registries, each once.
    pub registries: Vec<Ask>,
    /// Of Git objects.
    pub blobs: Vec<BlobId>,
    /// Of the forge.
    pub commits: Vec<CommitId>,
    /// The same.
    pub deployments: Vec<Deployments>,
    /// The same, and of Git objects.
    pub reviewed: Vec<Reviewed>,
    /// Of hosts that gates ask.
    pub http: Vec<HttpAsk>,
    /// Of Argo CD.
    pub argocd: Vec<ArgoCdAsk>,
    /// Of the forge.
    pub runs: Vec<RunsAsk>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(questions: &[Question], observation: &'a Observation) -> Self {
        let Observation { facts, blobs, .. } = observation;
        let mut asked = Self {
            observation,
            registries: Vec::new(),
            blobs: Vec::new(),
            commits: Vec::new(),
            deployments: Vec::new(),
            reviewed: Vec::new(),
            http: Vec::new(),
            argocd: Vec::new(),
            runs: Vec::new(),
        };
        let unique: BTreeSet<&Question> = questions.iter().collect();
        for question in unique {
            match question {
                Question::Resolve(q) if !facts.resolved.contains_key(q) => {
                    asked.registries.push(Ask::Resolve(q.clone()));
                }
                Question::Describe(q) if !facts.described.contains_key(q) => {
                    asked.registries.push(Ask::Describe(q.clone()));
                }
                Question::List(q) if !facts.listed.contains_key(q) => {
                    asked.registries.push(Ask::List(q.clone()));
                }
                Question::Signed(q) if !facts.signed.contains_key(q) => {
                    asked.registries.push(Ask::Signed(q.clone()));
                }
                Question::Blob(id) if !blobs.contains_key(id) => asked.blobs.push(id.clone()),
                Question::Checks(commit) if !facts.checks.contains_key(commit) => {
                    asked.commits.push(commit.clone());
                }
                Question::Deployments(q) if !facts.deployments.contains_key(q) => {
                    asked.deployments.push(q.clone());
                }
                Question::Reviewed(q) if !facts.reviewed.contains_key(q) => {
                    asked.reviewed.push(q.clone());
                }
                Question::Runs(q) if !facts.runs.contains_key(q) => asked.runs.push(q.clone()),
                Question::ArgoCd(q) if !facts.argocd.contains_key(q) => {
                    asked.argocd.push(q.clone())
                }
                Question::Http(q) if !facts.http.contains_key(q) => asked.http.push(q.clone()),
                _ => {}
            }
        }
        asked
    }

    /// Questions in the order in which they are to be asked, lists before digests, these before labels, and what waited longest
    /// first, with the digests that need no proof.
    pub(super) fn in_order(&self, questions: Vec<Ask>) -> (Vec<Ask>, Known) {
        let Observation {
            facts, snapshot, ..
        } = self.observation;
        let documents = &snapshot.documents;
        let (mut lists, mut resolve, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for question in questions {
            match question {
                Ask::Resolve(question) => resolve.push(question),
                Ask::Describe(_) | Ask::Signed(_) => others.push(question),
                // What comes of a list is asked for in the same pass.
                Ask::List(_) => lists.push(question),
            }
        }
        due::oldest_first(&mut resolve, facts, documents);
        let known = Known::of(&resolve, facts, documents);
        let resolve = resolve.into_iter().map(Ask::Resolve);
        lists.extend(resolve.chain(others));
        (lists, known)
    }
}

/// An answer, or why there is none.
#[derive(Debug, Clone)]
pub(super) enum One {
    Resolved(Resolve, Outcome<Resolved>),
    Described(Describe, Outcome<ImageFacts>),
    Listed(List, Outcome<Listing>),
    Signed(SignedBy, Outcome<Signed>),
}

impl One {
    /// The same told to another namespace.
    pub(super) fn told(&self, namespace: &Namespace) -> Self {
        let mut one = self.clone();
        match &mut one {
            Self::Resolved(question, _) => question.namespace.clone_from(namespace),
            Self::Described(question, _) => question.namespace.clone_from(namespace),
            Self::Listed(question, _) => question.namespace.clone_from(namespace),
            Self::Signed(question, _) => question.namespace.clone_from(namespace),
        }
        one
    }
}

/// What registries answered.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub resolved: BTreeMap<Resolve, Answer<Resolved>>,
    pub described: BTreeMap<Describe, Answer<ImageFacts>>,
    pub listed: BTreeMap<List, Answer<Listing>>,
    pub signed: BTreeMap<SignedBy, Answer<Signed>>,
}

impl Answers {
    /// Answers, each with the instant of the pass that asked for it, as the pass at `now` takes them in.
    pub(super) fn of(came: impl IntoIterator<Item = (Timestamp, One)>, now: Timestamp) -> Self {
        let mut answers = Self::default();
        for (asked, one) in came {
            let asked = (asked != now).then_some(asked);
            match one {
                One::Resolved(question, outcome) => {
                    let answer = answer(now, asked, outcome);
                    answers.resolved.insert(question, answer);
                }
                One::Described(question, outcome) => {
                    let answer = answer(now, asked, outcome);
                    answers.described.insert(question, answer);
                }
                One::Listed(question, outcome) => {
                    let answer = answer(now, asked, outcome);
                    answers.listed.insert(question, answer);
                }
                One::Signed(question, outcome) => {
                    let answer = answer(now, asked, outcome);
                    answers.signed.insert(question, answer);
                }
            }
        }
        answers
    }
}

const fn answer<T>(at: Timestamp, asked: Option<Timestamp>, outcome: Outcome<T>) -> Answer<T> {
    Answer { at, asked, outcome }
}

/// Asks registries, and for what never changes the cache first.
#[derive(Debug, Clone)]
pub(super) struct Registries {
    pub client: Client,
    pub images: Images,
    pub verified: Verified,
    pub progress: Option<Progress>,
}

/// Counts the answers of one round.
#[derive(Debug)]
pub(super) struct Count {
    progress: Option<Progress>,
    done: AtomicUsize,
    total: usize,
}

impl Count {
    fn one(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(Progress(tell)) = &self.progress {
            tell(done, self.total);
        }
    }
}

impl Registries {
    /// For a round of so many questions.
    pub(super) fn count(&self, total: usize) -> Count {
        Count {
            progress: self.progress.clone(),
            done: AtomicUsize::new(0),
            total,
        }
    }

    /// Answers one question, whatever happens.
    pub(super) async fn answer(&self, question: Ask, known: &Known, count: &Count) -> One {
        let counted = async {
            let one = self.ask(question.clone(), known).await;
            count.one();
            one
        };
        let asked = AssertUnwindSafe(counted).catch_unwind().await;
        asked.unwrap_or_else(|_| match question {
            Ask::Resolve(question) => One::Resolved(question, Outcome::Failed(panicked())),
            Ask::Describe(question) => One::Described(question, Outcome::Failed(panicked())),
            Ask::List(question) => One::Listed(question, Outcome::Failed(panicked())),
            Ask::Signed(question) => One::Signed(question, Outcome::Failed(panicked())),
        })
    }

    async fn ask(&self, question: Ask, known: &Known) -> One {
        match question {
            Ask::Resolve(question) => {
                let outcome = self.resolve(&question, known.digests(&question)).await;
                One::Resolved(question, outcome)
            }
            Ask::Describe(question) => {
                let outcome = self.describe(&question).await;
                One::Described(question, outcome)
            }
            Ask::List(question) => {
                let outcome = self.list(&question).await;
                One::Listed(question, outcome)
            }
            Ask::Signed(question) => {
                let outcome = self.signed(&question).await;
                One::Signed(question, outcome)
            }
        }
    }

    async fn list(&self, question: &List) -> Outcome<Listing> {
        let List {
            repository,
            namespace,
            insecure,
        } = question;
        let access = Access {
            namespace: namespace.clone(),
            insecure: *insecure,
        };
        match self.client.tags(repository, &access).await {
            Ok(tags) => Outcome::Ok(Listing {
                tags: tags.iter().map(|tag| tag.as_str().into()).collect(),
            }),
            Err(error) => {
                let reference = ImageReference {
                    repository: repository.clone(),
                    tag: None,
                    digest: None,
                };
                Outcome::Failed(failure(&error, &reference))
            }
        }
    }

    async fn resolve(&self, question: &Resolve, known: &BTreeSet<Digest>) -> Outcome<Resolved> {
        let access = Access {
            namespace: question.namespace.clone(),
            insecure: question.insecure,
        };
        let reference = &question.reference;
        match self.client.verified(reference, &access, known).await {
            Ok(resolved) => Outcome::Ok(Resolved {
                digest: resolved.digest,
                media_type: resolved.media_type,
            }),
            Err(error) => Outcome::Failed(failure(&error, &question.reference)),
        }
    }

    async fn signed(&self, question: &SignedBy) -> Outcome<Signed> {
        let SignedBy {
            image,
            namespace,
            key,
        } = question;
        let access = Access {
            namespace: namespace.clone(),
            insecure: false,
        };
        match self.verified.ask(&self.client, image, key, &access).await {
            Ok(signed) => Outcome::Ok(signed),
            Err(error) => {
                let reference = ImageReference {
                    repository: image.repository.clone(),
                    tag: None,
                    digest: Some(image.digest.clone()),
                };
                Outcome::Failed(failure(&error, &reference))
            }
        }
    }

    async fn describe(&self, question: &Describe) -> Outcome<ImageFacts> {
        let digest = &question.image.digest;
        if let Some(facts) = self.images.get(digest).await {
            return Outcome::Ok(ImageFacts::clone(&facts));
        }
        let access = Access {
            namespace: question.namespace.clone(),
            insecure: false,
        };
        match self
            .images
            .ask(&self.client, &question.image, &access)
            .await
        {
            Ok(seen) => Outcome::Ok(seen.facts),
            Err(error) => {
                let reference = ImageReference {
                    repository: question.image.repository.clone(),
                    tag: None,
                    digest: Some(digest.clone()),
                };
                Outcome::Failed(failure(&error, &reference))
            }
        }
    }
}

/// The failure of a question whose work panicked: that one is asked again later.
fn panicked() -> Failure {
    Failure {
        reason: PANICKED.to_owned(),
        message: "a bug in headwater lost the answer".to_owned(),
        canonical: "the answer was lost".to_owned(),
        transient: true,
        party: Some(Party::Us),
        retry_at: None,
    }
}

fn failure(error: &RegistryError, reference: &ImageReference) -> Failure {
    Failure {
        reason: error.reason().to_owned(),
        message: hide(&error.to_string())
            .chars()
            .take(MOST_CHARACTERS)
            .collect(),
        canonical: error.canonical(reference),
        transient: error.is_transient(),
        party: Some(error.fault().party),
        retry_at: error.retry_at(),
    }
}

/// Texts of files by content; `None` for what is missing, too large or no text.
pub(super) async fn texts(
    repository: &Repository,
    ids: &[BlobId],
) -> Result<BTreeMap<BlobId, Option<Arc<str>>>, ObserveError> {
    let mut texts = BTreeMap::new();
    for chunk in ids.chunks(BLOBS_AT_ONCE) {
        for (id, content) in repository.blobs(chunk.to_vec(), MOST_BYTES).await? {
            texts.insert(id, text(content));
        }
    }
    Ok(texts)
}

fn text(content: Result<Vec<u8>, BlobProblem>) -> Option<Arc<str>> {
    let bytes = content.ok()?;
    String::from_utf8(bytes).ok().map(Arc::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_keeps_what_git_may_hold_apart_from_what_people_read() {
        let reference: ImageReference = "quay.io/acme/app:main".parse().unwrap();
        let at: Timestamp = "2026-01-05T09:00:00Z".parse().unwrap();
        let limited = RegistryError::RateLimited {
            host: "quay.io".to_owned(),
            retry_at: at,
        };
        let found = failure(&limited, &reference);
        assert_eq!((found.transient, found.retry_at), (true, Some(at)));
        assert!(found.message.contains("2026") && !found.canonical.contains("2026"));

        let gone = RegistryError::NotFound {
            subject: "x".repeat(10_000),
        };
        let found = failure(&gone, &reference);
        assert_eq!(
            (found.reason.as_str(), found.transient),
            ("NotFound", false)
        );
        assert_eq!(found.message.chars().count(), MOST_CHARACTERS);
    }

    #[test]
    fn only_utf_8_is_text() {
        assert_eq!(text(Ok(b"a: 1\n".to_vec())).as_deref(), Some("a: 1\n"));
        assert_eq!(text(Ok(vec![0xff])), None);
        assert_eq!(text(Err(BlobProblem::Missing)), None);
    }
}
