//! Observe: asks Git, registries and the forge, and turns what failed into data. It decides nothing and reads no clock.
//!
//! ```text
//! observe(now)                 fetch, documents, history, pull requests, check memory   -> Observation
//! answer(observation, asked)   what a plan lacks: digests, labels, contents of files     -> a fuller Observation
//! replay(facts)                the same from a commit and a file of facts, without asking anybody
//! ```
//!
//! Everything kept here (parsed files, history, metadata of images, check memory) is a cache that may be lost.

mod accounts;
mod ahead;
mod answers;
mod argocd;
mod blobs;
mod carried;
mod commits;
mod deployments;
pub mod documents;
mod error;
mod gates;
mod groups;
mod guards;
pub mod history;
mod http;
mod images;
mod lost;
mod memory;
mod polls;
mod pulls;
mod recall;
mod remember;
mod reviewed;
mod runs;
mod store;
mod teams;
mod together;
mod trouble;
mod under_way;
mod untold;
mod verified;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

pub use answers::Progress;
pub use documents::DocumentReader;
pub use error::ObserveError;
pub use history::{HistoryReader, HistoryRequest};
pub use images::{Images, Seen};
use verified::Verified;

use crate::config::{ArgoCdServer, EgressHost};
use crate::egress::{ArgoCd, Egress};
use crate::forge::Forge;
use crate::git::{Fetched, GitError, Repository, Us};
use crate::manifests::Documents;
use crate::model::{CommitId, Guard, Name, NamePattern, StreamKey, Timestamp};
use crate::plan::facts::{PlanSettings, Trouble};
use crate::plan::history::History;
use crate::plan::import::is_legacy;
use crate::plan::question::{ArgoCdAsk, HttpAsk};
use crate::plan::rewound::said_until;
use crate::plan::{Facts, Observation, Question, Snapshot};
use crate::registry::Client;
use accounts::accounts;
use answers::{Answers, Asked, Registries, texts};
use carried::Carried;
use documents::Reading;
use error::aside;
use memory::Memory;
use polls::Polls;
use pulls::{PullQuestion, PullReader, orphans, our_branches};
use reviewed::Reviews;
use teams::teams;
use trouble::Troubles;
use under_way::UnderWay;

/// What an observer needs to know of the operator's settings.
#[derive(Debug, Clone, Default)]
pub struct ObserverSettings {
    /// By what commits are known as ours.
    pub us: Us,
    /// Where caches are kept; without it nothing outlives the process, and everything is due at once.
    pub cache_dir: Option<PathBuf>,
    /// What the repository may only tighten.
    pub guards: BTreeMap<NamePattern, Guard>,
    /// Whether changed digests wait for others (`import.settle` of the repository): only where passes follow each other.
    pub settle: bool,
    /// Whether the forge is told of deployments.
    pub deployments: bool,
    /// Hosts that gates may ask.
    pub egress: Vec<EgressHost>,
    /// Argo CD servers that environments may name.
    pub argocd: BTreeMap<Name, ArgoCdServer>,
    /// How long a pass waits for a registry that says nothing: only where passes follow each other; `None` waits for all.
    pub patience: Option<Duration>,
}

/// Observes one repository, one pass after the other.
#[derive(Debug)]
pub struct Observer {
    repository: Repository,
    registry: Client,
    egress: Egress,
    argocd: ArgoCd,
    forge: Arc<dyn Forge>,
    settings: ObserverSettings,
    images: Images,
    verified: Verified,
    progress: Option<Progress>,
    under_way: Arc<UnderWay>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    documents: DocumentReader,
    history: HistoryReader,
    pulls: PullReader,
    memory: Memory,
    deployed: deployments::Memory,
    reviews: Reviews,
    http: Polls<HttpAsk>,
    argocd: Polls<ArgoCdAsk>,
    started: runs::Started,
    refresh: bool,
    /// Streams of which registries answered something new that was not read ahead yet.
    moved: BTreeSet<StreamKey>,
    carried: Carried,
    troubles: Troubles,
    /// Whether it was said which guards are for nothing.
    guards_told: bool,
}

impl Observer {
    /// An observer with what earlier processes left in its caches.
    pub fn new(
        repository: Repository,
        registry: Client,
        forge: Arc<dyn Forge>,
        settings: ObserverSettings,
    ) -> Self {
        let folder = folder(&settings, &repository);
        let history = folder.as_ref().map(|folder| folder.join("history.jsonl"));
        let state = State {
            documents: DocumentReader::default(),
            history: HistoryReader::new(&settings.us, history),
            pulls: PullReader::default(),
            reviews: Reviews::default(),
            refresh: false,
            memory: Memory::open(folder.as_ref().map(|folder| folder.join("memory.json"))),
            deployed: deployments::Memory::open(
                folder
                    .as_ref()
                    .map(|folder| folder.join("deployments.json")),
            ),
            http: Polls::open(folder.as_ref().map(|folder| folder.join("http.json"))),
            argocd: Polls::open(folder.as_ref().map(|folder| folder.join("argocd.json"))),
            started: runs::Started::open(folder.as_ref().map(|folder| folder.join("started.json"))),
            troubles: Troubles::open(folder.map(|folder| folder.join("edges.json"))),
            moved: BTreeSet::new(),
            carried: Carried::default(),
            guards_told: false,
        };
        let images = settings.cache_dir.as_deref().map(Images::kept_in);
        Self {
            images: images.unwrap_or_else(|| Images::new(None)),
            verified: Verified::new(settings.cache_dir.as_deref()),
            repository,
            registry,
            egress: Egress::new(&settings.egress),
            argocd: ArgoCd::new(&settings.argocd),
            forge,
            under_way: Arc::new(UnderWay::new(settings.patience)),
            settings,
            progress: None,
            state: Mutex::new(state),
        }
    }

    /// With somebody to be told how far questions to registries are answered.
    #[must_use]
    pub fn with_progress(mut self, progress: Progress) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Has the questions to registries that are under way for another observer answered for this one.
    pub fn take_over(&mut self, before: &Self) {
        self.under_way = Arc::clone(&before.under_way);
    }

    /// The base as it is now, and all that is known without a plan asking for it.
    pub async fn observe(&self, now: Timestamp) -> Result<Observation, ObserveError> {
        let fetched = self.fetch(now).await?;
        self.seen(fetched, now).await
    }

    /// The base as of what was fetched.
    async fn seen(&self, fetched: Fetched, now: Timestamp) -> Result<Observation, ObserveError> {
        let started = Instant::now();
        let head = fetched
            .base
            .clone()
            .ok_or_else(|| ObserveError::Empty(self.repository.describe()))?;
        let mut state = self.state.lock().await;
        let reading = state.documents.read(&self.repository, &head).await?;
        guards::tell_idle(
            &mut state.guards_told,
            &reading.documents,
            &self.settings.guards,
        );
        let State {
            documents, history, ..
        } = &mut *state;
        let history = history
            .read(&HistoryRequest {
                repository: &self.repository,
                head: &head,
                shallow: fetched.shallow,
                config: &reading.documents.config.spec,
                documents,
            })
            .await?;
        self.look_back(&mut state, &fetched, &head, now).await?;
        let late = self.under_way.take(now);
        state.carried.keep(&late.described, &BTreeMap::new());
        let mut facts = self
            .facts(&mut state, &fetched, &reading, &history, now)
            .await?;
        take_in(&mut state, late, &mut facts, &reading.documents).await?;
        let blobs = state.carried.blobs(&reading, facts.pulls.as_deref());
        tracing::debug!(
            commit = head.as_str(),
            parsed = reading.parsed,
            elapsed_ms = started.elapsed().as_millis(),
            "observed the base"
        );
        Ok(Observation {
            snapshot: Snapshot {
                commit: head,
                branch: fetched.base_branch,
                documents: reading.documents,
                files: reading.files,
            },
            history,
            facts,
            blobs,
        })
    }

    /// Since when the Git remote does not answer; `None` while it does.
    pub async fn git_trouble(&self) -> Option<Trouble> {
        self.state.lock().await.troubles.now.git.clone()
    }

    async fn fetch(&self, now: Timestamp) -> Result<Fetched, ObserveError> {
        let fetched = self.repository.fetch().await;
        let mut state = self.state.lock().await;
        state.troubles.git(fetched.as_ref().err(), now).await?;
        Ok(fetched?)
    }

    /// Answers what a plan asked, and remembers how the checks went. Failures of registries are answers; that one has not
    /// answered in time is a fact. Returns how many questions registries were asked anew.
    pub async fn answer(
        &self,
        observation: &mut Observation,
        questions: &[Question],
    ) -> Result<usize, ObserveError> {
        let now = observation.facts.now;
        let asked = Asked::new(questions, observation);
        self.registry.it_is(now);
        let registries = Registries {
            client: self.registry.clone(),
            images: self.images.clone(),
            verified: self.verified.clone(),
            progress: self.progress.clone(),
        };
        let (new, blobs, checks, runs, polled) = tokio::join!(
            self.under_way.ask(&registries, &asked, now),
            texts(&self.repository, &asked.blobs),
            commits::checks(&*self.forge, &asked.commits),
            runs::runs(&*self.forge, &asked.runs),
            self.poll(&asked, now),
        );
        let blobs = blobs?;
        let (answers, open) = self.under_way.take_for(&asked.registries, now);
        let (deployments, merged) = (asked.deployments, asked.reviewed);
        if !open.is_empty() {
            tracing::debug!(requests = open.len(), "goes on without some answers");
        }
        let mut state = self.state.lock().await;
        state.carried.keep(&answers.described, &blobs);
        let facts = &mut observation.facts;
        facts.unanswered.extend(open);
        facts.checks.extend(checks);
        facts.runs.extend(runs);
        polled.tell(&mut state, facts, now).await?;
        let told = state.deployed.ask(&*self.forge, deployments, now).await?;
        facts.deployments.extend(told);
        if !merged.is_empty() {
            let place = reviewed::Place {
                repository: &self.repository,
                forge: &*self.forge,
                us: &self.settings.us,
            };
            state.reviews.ask(&place, merged, facts).await?;
        }
        take_in(&mut state, answers, facts, &observation.snapshot.documents).await?;
        observation.blobs.extend(blobs);
        Ok(new)
    }

    /// Waits until there are answers that came after the pass that asked for them: the next pass has them.
    pub async fn late(&self) {
        self.under_way.late().await;
    }

    /// The observation that recorded facts belong to: nobody is asked, only Git objects are read. A commit that is not
    /// here is fetched.
    pub async fn replay(&self, facts: Facts) -> Result<Observation, ObserveError> {
        let commit = facts.commit.clone();
        self.bring(&commit).await?;
        let mut documents = DocumentReader::default();
        let reading = documents.read(&self.repository, &commit).await?;
        let file = folder(&self.settings, &self.repository).map(|f| f.join("history.jsonl"));
        let history = HistoryReader::read_only(&self.settings.us, file)
            .read(&HistoryRequest {
                repository: &self.repository,
                head: &commit,
                shallow: false,
                config: &reading.documents.config.spec,
                documents: &documents,
            })
            .await?;
        Ok(Observation {
            snapshot: Snapshot {
                commit,
                branch: facts.branch.clone(),
                documents: reading.documents,
                files: reading.files,
            },
            history,
            facts,
            blobs: BTreeMap::new(),
        })
    }

    /// Answers of [`Self::answer`] that need nobody but Git objects: what a replay may still ask.
    pub async fn answer_from_objects(
        &self,
        observation: &mut Observation,
        questions: &[Question],
    ) -> Result<(), ObserveError> {
        let asked = Asked::new(questions, observation);
        let blobs = texts(&self.repository, &asked.blobs).await?;
        observation.blobs.extend(blobs);
        Ok(())
    }

    /// Remembers that the base was moved back by force, until that is no news any more or undone.
    async fn look_back(
        &self,
        state: &mut State,
        fetched: &Fetched,
        head: &CommitId,
        now: Timestamp,
    ) -> Result<(), ObserveError> {
        let known = state.memory.moved_back().cloned();
        let moved = match (&fetched.moved_back, known) {
            (Some(from), _) => Some((from.clone(), now)),
            (None, None) => return Ok(()),
            (None, Some((from, at))) => {
                let undone = self.repository.is_ancestor(&from, head).await?;
                (!undone && now < said_until(at)).then_some((from, at))
            }
        };
        state.memory.note_moved_back(moved);
        let mut memory = std::mem::take(&mut state.memory);
        state.memory = aside(move || {
            memory.save();
            memory
        })
        .await?;
        Ok(())
    }

    async fn facts(
        &self,
        state: &mut State,
        fetched: &Fetched,
        reading: &Reading,
        history: &History,
        now: Timestamp,
    ) -> Result<Facts, ObserveError> {
        let question = PullQuestion {
            repository: &self.repository,
            forge: &*self.forge,
            fetched,
            base: &reading.commit,
            us: &self.settings.us,
        };
        let (pulls, forge_failure) = match state.pulls.rests(now) {
            Some(failure) => (None, Some(failure)),
            None => {
                let (pulls, failure) = match state.pulls.read(&question, now).await? {
                    Ok(pulls) => (Some(pulls), None),
                    Err(failure) => (None, Some(failure)),
                };
                state.troubles.forge(failure.as_ref(), now).await?;
                (pulls, failure)
            }
        };
        let orphans = match &pulls {
            Some(pulls) => orphans(&question, pulls).await?,
            None => BTreeMap::new(),
        };
        let open = pulls.as_deref().unwrap_or_default();
        let (teams, accounts) = match &forge_failure {
            None => {
                let requested = history.requests.keys();
                let documents = &reading.documents;
                (
                    teams(&*self.forge, documents, &self.settings.guards, open).await,
                    accounts(&*self.forge, documents, requested, open).await,
                )
            }
            Some(_) => (BTreeMap::new(), BTreeMap::new()),
        };
        let config = &reading.documents.config.spec;
        Ok(Facts {
            branch: fetched.base_branch.clone(),
            settings: PlanSettings {
                settle: self.settings.settle.then_some(config.import.settle),
                refresh: state.refresh,
                deployments: self.settings.deployments,
                guards: self.settings.guards.clone(),
            },
            described: state.carried.described().clone(),
            memory: state.memory.tags(),
            deployed: state.deployed.places(self.settings.deployments),
            dispatched: state.started.all(),
            refused: state.memory.refused().clone(),
            pulls,
            forge_failure,
            forge_trouble: state.troubles.now.forge.clone(),
            pulls_cut: state.pulls.cut.clone(),
            groups: state.pulls.groups.clone(),
            room: state.pulls.room.clone(),
            boxes: state.pulls.boxes,
            branches: our_branches(fetched),
            orphans,
            teams,
            accounts,
            moved_back: state.memory.moved_back().map(|(from, _)| from.clone()),
            moved_back_at: state.memory.moved_back().map(|(_, at)| *at),
            ..Facts::at(reading.commit.clone(), now)
        })
    }

    /// Makes sure that a commit is here.
    async fn bring(&self, commit: &CommitId) -> Result<(), ObserveError> {
        match self.repository.commit_info(commit).await {
            Err(GitError::NotFound(_)) => {}
            found => return Ok(found.map(|_| ())?),
        }
        self.repository.fetch().await?;
        match self.repository.commit_info(commit).await {
            Err(GitError::NotFound(_)) => Err(ObserveError::CommitGone {
                commit: commit.to_string(),
                repository: self.repository.describe(),
            }),
            found => Ok(found.map(|_| ())?),
        }
    }
}

/// Adds answers to facts, and remembers how the checks went. The facts go on with the memory they began with: a tag just
/// checked is still the tag that was due.
async fn take_in(
    state: &mut State,
    mut answers: Answers,
    facts: &mut Facts,
    documents: &Arc<Documents>,
) -> Result<(), ObserveError> {
    let is_news = !answers.resolved.is_empty()
        || !answers.listed.is_empty()
        || !answers.described.is_empty() && takes_single_images(documents);
    if is_news {
        let mut memory = std::mem::take(&mut state.memory);
        let documents = Arc::clone(documents);
        let settle = facts.settings.settle;
        let described = std::mem::take(&mut facts.described);
        let moved;
        (state.memory, moved, answers, facts.described) = aside(move || {
            let moved = memory.learn(&documents, &answers, &described, settle);
            memory.save();
            (memory, moved, answers, described)
        })
        .await?;
        state.moved.extend(moved);
    }
    facts.unanswered.retain(|question, _| match question {
        Question::Resolve(question) => !answers.resolved.contains_key(question),
        Question::Describe(question) => !answers.described.contains_key(question),
        Question::List(question) => !answers.listed.contains_key(question),
        Question::Signed(question) => !answers.signed.contains_key(question),
        Question::Blob(_)
        | Question::Checks(_)
        | Question::Deployments(_)
        | Question::Reviewed(_)
        | Question::Http(_)
        | Question::ArgoCd(_)
        | Question::Runs(_) => false,
    });
    if facts.resolved.is_empty() {
        facts.resolved = answers.resolved;
    } else {
        facts.resolved.extend(answers.resolved);
    }
    facts.described.extend(answers.described);
    facts.listed.extend(answers.listed);
    facts.signed.extend(answers.signed);
    Ok(())
}

/// Whether there are tags that only know how their check went once an index is read.
fn takes_single_images(documents: &Documents) -> bool {
    let streams = documents.streams.values();
    let mut tags = streams.flat_map(|located| &located.value.spec.tags);
    tags.any(is_legacy)
}

/// The folder of a repository's caches.
fn folder(settings: &ObserverSettings, repository: &Repository) -> Option<PathBuf> {
    let name = hex::encode(&Sha256::digest(repository.identity())[..16]);
    Some(settings.cache_dir.as_ref()?.join(name))
}
