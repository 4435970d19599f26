//! What was rendered and proven before. The same template, values and images give the same texts, so what is remembered
//! of them can stand for rendering and parsing them again: it changes how long a plan takes and never what it says.
//! Remembered are digests, within the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

use super::template::{ImageSource, LookupProblem, ResolvedImage};
use crate::model::BlobId;

/// By what a rendering is found: everything that goes into it but the images.
pub(super) type Key = [u8; 32];

/// How many applications are remembered at least before the oldest are forgotten, and half of what is remembered at most.
const HALF: usize = 32_768;
/// Images may stand in two ways at a time: as they are, and as a plan would have them.
const EACH: usize = 2;
/// Renderings that ask for more images are not remembered.
const MOST_QUESTIONS: usize = 64;

static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

/// Proofs by key, in two halves: when the young one is full it takes the place of the old one.
#[derive(Default)]
struct Kept {
    young: HashMap<Key, Vec<Arc<Proof>>>,
    old: HashMap<Key, Vec<Arc<Proof>>>,
}

/// What a rendering asked, what it was told, and what it gave.
struct Proof {
    questions: Vec<Asked>,
    answers: [u8; 32],
    files: Vec<(String, BlobId)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    Image(Option<String>),
    ShortName(String),
}

impl Kept {
    fn here() -> MutexGuard<'static, Self> {
        KEPT.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&mut self, key: &Key) -> Vec<Arc<Proof>> {
        if let Some(found) = self.young.get(key) {
            return found.clone();
        }
        let found = self.old.remove(key).unwrap_or_default();
        if !found.is_empty() {
            self.put(*key, found.clone());
        }
        found
    }

    fn put(&mut self, key: Key, proofs: Vec<Arc<Proof>>) {
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, proofs);
    }
}

/// Whether these files, by name and in order, are what would be rendered now. The source is asked as if it were.
pub(super) fn holds(key: &Key, images: &dyn ImageSource, present: &[(&str, &BlobId)]) -> bool {
    #[cfg(test)]
    if watch::is_forgetful() {
        return false;
    }
    let proofs = Kept::here().find(key);
    proofs.iter().any(|proof| {
        let files = proof.files.iter().map(|(name, blob)| (name.as_str(), blob));
        files.eq(present.iter().copied()) && proof.is_told_the_same(images)
    })
}

/// Remembers what a rendering gave.
pub(super) fn remember(key: Key, heard: Listener<'_>, files: &BTreeMap<String, String>) {
    let heard = heard
        .heard
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    if heard.questions.len() > MOST_QUESTIONS {
        return;
    }
    let files = files.iter();
    let proof = Proof {
        questions: heard.questions,
        answers: heard.answers.finalize().into(),
        files: files
            .map(|(name, text)| (name.clone(), BlobId::of(text.as_bytes())))
            .collect(),
    };
    let mut kept = Kept::here();
    let mut proofs = kept.find(&key);
    proofs.retain(|old| old.answers != proof.answers || old.questions != proof.questions);
    proofs.truncate(EACH - 1);
    proofs.insert(0, Arc::new(proof));
    kept.put(key, proofs);
}

impl Proof {
    fn is_told_the_same(&self, images: &dyn ImageSource) -> bool {
        let mut answers = Sha256::new();
        for question in &self.questions {
            let answer = match question {
                Asked::Image(spec) => images.image(spec.as_deref()).map(Some),
                Asked::ShortName(name) => images.short_name(name),
            };
            let Ok(answer) = answer else { return false };
            add(&mut answers, answer.as_ref());
        }
        self.answers == <[u8; 32]>::from(answers.finalize())
    }
}

fn add(answers: &mut Sha256, image: Option<&ResolvedImage>) {
    let Some(image) = image else {
        return answers.update([1]);
    };
    let version = image.version.as_ref().map(|version| version.text.as_str());
    let pinned = image.pinned.to_string();
    for part in [pinned.as_str(), &image.tag, version.unwrap_or("\u{1}")] {
        answers.update(part.as_bytes());
        answers.update([0]);
    }
}

/// Hears what a rendering asks and is told.
pub(super) struct Listener<'a> {
    images: &'a dyn ImageSource,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    questions: Vec<Asked>,
    answers: Sha256,
}

impl<'a> Listener<'a> {
    pub(super) fn new(images: &'a dyn ImageSource) -> Self {
        Self {
            images,
            heard: Mutex::default(),
        }
    }

    fn note(&self, question: Asked, image: Option<&ResolvedImage>) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.questions.len() <= MOST_QUESTIONS {
            add(&mut heard.answers, image);
            heard.questions.push(question);
        }
    }
}

// A question without an answer ends the rendering, so nothing will be remembered of it.
impl ImageSource for Listener<'_> {
    fn image(&self, spec: Option<&str>) -> Result<ResolvedImage, LookupProblem> {
        let image = self.images.image(spec)?;
        self.note(Asked::Image(spec.map(str::to_owned)), Some(&image));
        Ok(image)
    }

    fn short_name(&self, name: &str) -> Result<Option<ResolvedImage>, LookupProblem> {
        let image = self.images.short_name(name)?;
        self.note(Asked::ShortName(name.to_owned()), image.as_ref());
        Ok(image)
    }
}

/// For tests: how often this thread renders, and plans of one that remembers nothing.
#[cfg(test)]
pub(super) mod watch {
    use std::cell::Cell;

    thread_local! {
        static RENDERS: Cell<usize> = const { Cell::new(0) };
        static FORGETFUL: Cell<bool> = const { Cell::new(false) };
    }

    pub(crate) fn rendered() {
        RENDERS.set(RENDERS.get() + 1);
    }

    pub(crate) fn is_forgetful() -> bool {
        FORGETFUL.get()
    }

    pub(crate) fn count<T>(work: impl FnOnce() -> T) -> (T, usize) {
        let before = RENDERS.get();
        let done = work();
        (done, RENDERS.get() - before)
    }

    pub(crate) fn forgetful<T>(work: impl FnOnce() -> T) -> T {
        FORGETFUL.set(true);
        let done = work();
        FORGETFUL.set(false);
        done
    }
}
