//! Answers to what a plan asks. Registries are asked side by side, within bounds; one that fails is an answer too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{FutureExt as _, StreamExt as _};

use super::error::ObserveError;
use super::images::Images;
use crate::config::known::hide;
use crate::git::{BlobProblem, Repository};
use crate::model::{
    BlobId, Digest, Faulty as _, ImageReference, ImageRepository, Namespace, Party, Timestamp,
};
use crate::plan::facts::{Answer, Failure, ImageFacts, Outcome, PANICKED, Resolved};
use crate::plan::known::Known;
use crate::plan::question::{Describe, Resolve};
use crate::plan::{Observation, Question, due};
use crate::registry::{Access, Client, RegistryError};

/// Questions under way at a time to one registry; the client bounds them besides.
const IN_FLIGHT: usize = 64;
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

/// What registries are asked in one go.
#[derive(Debug, Default)]
pub(super) struct Asked {
    resolve: Vec<Resolve>,
    known: Known,
    describe: Vec<Describe>,
    pub blobs: Vec<BlobId>,
}

impl Asked {
    /// The questions that have no answer yet, each once; what waited longest goes first.
    pub(super) fn new(questions: &[Question], observation: &Observation) -> Self {
        let Observation { facts, blobs, .. } = observation;
        let mut asked = Self::default();
        let unique: BTreeSet<&Question> = questions.iter().collect();
        for question in unique {
            match question {
                Question::Resolve(q) if !facts.resolved.contains_key(q) => {
                    asked.resolve.push(q.clone());
                }
                Question::Describe(q) if !facts.described.contains_key(q) => {
                    asked.describe.push(q.clone());
                }
                Question::Blob(id) if !blobs.contains_key(id) => asked.blobs.push(id.clone()),
                _ => {}
            }
        }
        let documents = &observation.snapshot.documents;
        due::oldest_first(&mut asked.resolve, facts, documents);
        asked.known = Known::of(&asked.resolve, facts, documents);
        asked
    }
}

/// What registries answered.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub resolved: BTreeMap<Resolve, Answer<Resolved>>,
    pub described: BTreeMap<Describe, Answer<ImageFacts>>,
}

/// Asks registries, and for what never changes the cache first.
pub(super) struct Registries<'a> {
    pub client: &'a Client,
    pub images: &'a Images,
    pub progress: Option<&'a Progress>,
    /// The instant of the pass, which every answer bears.
    pub now: Timestamp,
}

/// A question for a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask<'a> {
    Resolve(&'a Resolve),
    Describe(&'a Describe),
}

impl Ask<'_> {
    fn repository(&self) -> &ImageRepository {
        match self {
            Self::Resolve(question) => &question.reference.repository,
            Self::Describe(question) => &question.image.repository,
        }
    }

    fn namespace(&self) -> &Namespace {
        match self {
            Self::Resolve(question) => &question.namespace,
            Self::Describe(question) => &question.namespace,
        }
    }
}

/// A lane for each registry, so that one that is slow keeps nobody from another; in each, one question of every repository
/// and namespace in turn, so that one with ten thousand tags keeps nobody with four of them waiting.
fn fair(asked: &Asked) -> Vec<Vec<Ask<'_>>> {
    let resolve = asked.resolve.iter().map(Ask::Resolve);
    let describe = asked.describe.iter().map(Ask::Describe);
    let mut turns: BTreeMap<(String, Namespace, String), usize> = BTreeMap::new();
    let mut lanes: BTreeMap<String, Vec<(usize, Ask<'_>)>> = BTreeMap::new();
    for ask in resolve.chain(describe) {
        let host = ask.repository().registry().to_string();
        let key = (
            host.clone(),
            ask.namespace().clone(),
            ask.repository().path(),
        );
        let turn = turns.entry(key).or_default();
        lanes.entry(host).or_default().push((*turn, ask));
        *turn += 1;
    }
    lanes
        .into_values()
        .map(|mut lane| {
            lane.sort_by_key(|(turn, _)| *turn);
            lane.into_iter().map(|(_, ask)| ask).collect()
        })
        .collect()
}

enum One {
    Resolved(Resolve, Outcome<Resolved>),
    Described(Describe, Outcome<ImageFacts>),
}

impl Registries<'_> {
    /// Answers everything that is for registries.
    pub(super) async fn answer(&self, asked: &Asked) -> Answers {
        let total = asked.resolve.len() + asked.describe.len();
        let done = AtomicUsize::new(0);
        let tell = || {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(Progress(tell)) = self.progress {
                tell(done, total);
            }
        };
        let tell = &tell;
        let lanes = fair(asked).into_iter().map(|lane| {
            let work = lane.into_iter().map(|question| async move {
                match question {
                    Ask::Resolve(question) => {
                        let answer = async {
                            let known = asked.known.digests(question);
                            let outcome = self.resolve(question, known).await;
                            tell();
                            outcome
                        };
                        One::Resolved(question.clone(), shielded(answer).await)
                    }
                    Ask::Describe(question) => {
                        let answer = async {
                            let outcome = self.describe(question).await;
                            tell();
                            outcome
                        };
                        One::Described(question.clone(), shielded(answer).await)
                    }
                }
            });
            futures_util::stream::iter(work).buffer_unordered(IN_FLIGHT)
        });
        let all: Vec<One> = futures_util::stream::select_all(lanes).collect().await;
        let mut answers = Answers::default();
        let at = self.now;
        for one in all {
            match one {
                One::Resolved(question, outcome) => {
                    answers.resolved.insert(question, Answer { at, outcome });
                }
                One::Described(question, outcome) => {
                    answers.described.insert(question, Answer { at, outcome });
                }
            }
        }
        answers
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

    async fn describe(&self, question: &Describe) -> Outcome<ImageFacts> {
        let digest = &question.image.digest;
        if let Some(facts) = self.images.get(digest).await {
            return Outcome::Ok(ImageFacts::clone(&facts));
        }
        let access = Access {
            namespace: question.namespace.clone(),
            insecure: false,
        };
        match self.images.ask(self.client, &question.image, &access).await {
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

/// An answer whose work may panic: then it is a failure of this one question, which is asked again later.
async fn shielded<T>(answer: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    let answer = AssertUnwindSafe(answer).catch_unwind();
    answer.await.unwrap_or_else(|_| {
        Outcome::Failed(Failure {
            reason: PANICKED.to_owned(),
            message: "a bug in headwater lost the answer".to_owned(),
            canonical: "the answer was lost".to_owned(),
            transient: true,
            party: Some(Party::Us),
            retry_at: None,
        })
    })
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
    fn nobody_waits_for_another_registry_or_for_a_stream_with_many_tags() {
        let resolve = |reference: &str| Resolve {
            namespace: "myapp".parse().unwrap(),
            reference: reference.parse().unwrap(),
            insecure: false,
        };
        let many = (0..5).map(|n| resolve(&format!("quay.io/big/app:v{n}")));
        let few = [
            "quay.io/small/app:a",
            "quay.io/small/app:b",
            "ghcr.io/x/y:z",
        ]
        .map(resolve);
        let asked = Asked {
            resolve: many.chain(few).collect(),
            ..Asked::default()
        };
        let lanes = fair(&asked);
        let shown = |ask: &Ask<'_>| match ask {
            Ask::Resolve(question) => question.reference.to_string(),
            Ask::Describe(question) => question.image.to_string(),
        };
        let lanes: Vec<Vec<String>> = lanes
            .iter()
            .map(|lane| lane.iter().map(shown).collect())
            .collect();
        assert_eq!(lanes.len(), 2);
        assert_eq!(lanes[0], ["ghcr.io/x/y:z"]);
        assert_eq!(
            lanes[1][..4],
            [
                "quay.io/big/app:v0",
                "quay.io/small/app:a",
                "quay.io/big/app:v1",
                "quay.io/small/app:b"
            ]
        );
        assert_eq!(lanes[1].len(), 7);
    }

    #[test]
    fn only_utf_8_is_text() {
        assert_eq!(text(Ok(b"a: 1\n".to_vec())).as_deref(), Some("a: 1\n"));
        assert_eq!(text(Ok(vec![0xff])), None);
        assert_eq!(text(Err(BlobProblem::Missing)), None);
    }
}
