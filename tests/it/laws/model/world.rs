//! A world in memory: base, forge, registries, caches and a clock, and what is observed of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater::model::{BlobId, TagKey, Timestamp};
use headwater::plan::due::question;
use headwater::plan::facts::{Answer, CheckMemory, Facts, ImageFacts, Outcome, Resolved};
use headwater::plan::import::{remember, said};
use headwater::plan::question::{Describe, MOST_ROUNDS, Resolve};
use headwater::plan::{FileEntry, Observation, Plan, Question, Snapshot, plan};

use super::line::Line;
use super::pulls::Forge;
use super::registry::{Registry, Said, failure};
use super::shape::Shape;

/// All there is.
#[derive(Clone)]
pub(super) struct World {
    pub(super) shape: Arc<Shape>,
    pub(super) line: Line,
    pub(super) forge: Forge,
    pub(super) registry: Registry,
    pub(super) now: Timestamp,
    memory: Arc<BTreeMap<TagKey, CheckMemory>>,
    described: BTreeMap<Describe, Answer<ImageFacts>>,
}

impl World {
    /// A new repository on a Monday morning.
    pub(super) fn new(shape: &Shape) -> Self {
        let now: Timestamp = "2026-01-05T08:00:00Z".parse().unwrap();
        Self {
            line: Line::new(shape.files(), now),
            forge: Forge::default(),
            registry: Registry::new(shape.streams()),
            now,
            memory: Arc::default(),
            described: BTreeMap::new(),
            shape: Arc::new(shape.clone()),
        }
    }

    /// The caches are gone.
    pub(super) fn forget(&mut self) {
        self.memory = Arc::default();
        self.described.clear();
        self.registry.under_way.clear();
    }

    pub(super) fn wait(&mut self, seconds: i64) {
        self.now = Timestamp::from_second(self.now.as_second() + seconds).unwrap();
    }

    /// What is observed now.
    pub(super) fn observe(&mut self) -> Observation {
        let head = self.line.head().clone();
        let mut facts = Facts::at(head.id.clone(), self.now);
        facts.branch = "main".to_owned();
        facts.memory = Arc::clone(&self.memory);
        facts.described.clone_from(&self.described);
        facts.pulls = (!self.forge.away).then(|| self.forge.facts(&self.line, self.now));
        facts.forge_failure = self.forge.away.then(|| failure("InternalError", true));
        let branches = self.forge.branches.iter();
        facts.branches = branches.map(|(n, b)| (n.clone(), b.head.clone())).collect();
        if !self.forge.away {
            facts.orphans = self.forge.orphans();
        }
        for (question, asked, resolved) in self.registry.late() {
            let Question::Resolve(question) = question else {
                continue;
            };
            let answer = Answer {
                at: self.now,
                asked: Some(asked),
                outcome: Outcome::Ok(resolved),
            };
            facts.resolved.insert(question, answer);
        }
        let open = self.registry.under_way.iter();
        facts.unanswered = open.map(|(q, (at, _))| (q.clone(), *at)).collect();
        let documents = self.line.documents(false);
        let files = head.tree.iter().map(|(path, file)| {
            let blob = file.blob.clone();
            (path.clone(), FileEntry { blob, plain: true })
        });
        let snapshot = Snapshot {
            commit: head.id.clone(),
            branch: "main".to_owned(),
            documents,
            files: Arc::new(files.collect()),
        };
        let mut observation = Observation {
            snapshot,
            history: self.line.history(),
            facts,
            blobs: self.texts(),
        };
        let came = observation.facts.resolved.clone();
        self.learn(&mut observation, &came);
        observation
    }

    /// Every text that a plan may ask for.
    fn texts(&self) -> BTreeMap<BlobId, Option<Arc<str>>> {
        let tree = self.line.head().tree.values();
        let tree = tree.map(|file| (file.blob.clone(), Some(Arc::clone(&file.text))));
        let branches = self.forge.branches.values();
        let texts = branches.flat_map(|b| b.commit.files.values().flatten());
        let texts = texts.map(|t| (BlobId::of(t.as_bytes()), Some(Arc::from(t.as_str()))));
        tree.chain(texts).collect()
    }

    /// Observes and plans, with rounds of questions.
    pub(super) fn think(&mut self) -> (Observation, Plan) {
        let mut observation = self.observe();
        for round in 0.. {
            let made = plan(&observation);
            let new = self.new_questions(&made.questions, &observation);
            if new.is_empty() || round >= MOST_ROUNDS {
                return (observation, made);
            }
            self.answer(&new, &mut observation);
        }
        unreachable!()
    }

    fn new_questions(&self, questions: &[Question], obs: &Observation) -> Vec<Question> {
        let facts = &obs.facts;
        let known = |question: &&Question| match question {
            Question::Resolve(q) => {
                !facts.resolved.contains_key(q) && !facts.unanswered.contains_key(*question)
            }
            Question::Describe(q) => !facts.described.contains_key(q),
            Question::Reviewed(q) => !facts.reviewed.contains_key(q),
            _ => false,
        };
        questions.iter().filter(known).cloned().collect()
    }

    /// Answers what a plan asks, as the registries and the forge are.
    pub(super) fn answer(&mut self, questions: &[Question], observation: &mut Observation) {
        let now = self.now;
        let mut came = BTreeMap::new();
        for question in questions {
            match question {
                Question::Resolve(q) => match self.registry.resolve(question, now) {
                    Said::Now(outcome) => {
                        came.insert(q.clone(), answer(now, outcome));
                    }
                    Said::Later => {
                        observation.facts.unanswered.insert(question.clone(), now);
                    }
                    Said::Never => {}
                },
                Question::Describe(q) => {
                    if let Said::Now(outcome) = self.registry.describe(question, &q.image.digest) {
                        let answer = answer(now, outcome);
                        if matches!(answer.outcome, Outcome::Ok(_)) {
                            self.described.insert(q.clone(), answer.clone());
                        }
                        observation.facts.described.insert(q.clone(), answer);
                    }
                }
                Question::Reviewed(q) => {
                    let outcome = match self.forge.away {
                        true => Outcome::Failed(failure("InternalError", true)),
                        false => Outcome::Ok(self.forge.review(&q.pull, now)),
                    };
                    observation.facts.reviewed.insert(q.clone(), outcome);
                }
                _ => {}
            }
        }
        self.learn(observation, &came);
        observation.facts.resolved.extend(came);
    }

    /// Remembers how checks went, for the passes after this one.
    fn learn(&mut self, obs: &mut Observation, came: &BTreeMap<Resolve, Answer<Resolved>>) {
        if came.is_empty() {
            return;
        }
        let documents = &obs.snapshot.documents;
        let interval = documents.config.spec.import.interval;
        let mut memory = BTreeMap::clone(&self.memory);
        for (key, located) in &documents.streams {
            for tag in located.value.spec.tags.iter() {
                let asked = question(key, tag);
                let Some(answer) = asked.and_then(|asked| came.get(&asked)) else {
                    continue;
                };
                let tag_key = TagKey::new(key.clone(), &tag.name);
                let never = CheckMemory::default();
                let old = memory.get(&tag_key).unwrap_or(&never);
                let head = located
                    .value
                    .head(&tag.name)
                    .map(|head| head.image().into_owned());
                let source = tag.from.as_ref().map_or("", |from| &from.name);
                let (at, outcome) = said(answer);
                let new = remember(old, source, at, outcome, head.as_deref(), interval);
                memory.insert(tag_key, new);
            }
        }
        self.memory = Arc::new(memory);
    }
}

const fn answer<T>(at: Timestamp, outcome: Outcome<T>) -> Answer<T> {
    Answer {
        at,
        asked: None,
        outcome,
    }
}
