//! Check memory: when each tag was last asked for, and with what luck; what the Git server refused. A file that may be deleted at any time: without it
//! everything is due now. Nothing of it is ever written into Git.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::answers::Answers;
use super::store;
use crate::manifests::Documents;
use crate::model::promotion::INTERVAL;
use crate::model::{
    CommitId, Digest, ImageStream, Period, Settle, StreamKey, TagKey, TagReference, Timestamp,
};
use crate::plan::due::question;
use crate::plan::facts::{Answer, CheckMemory, FollowMemory, ImageFacts, RefusedPush, Resolved};
use crate::plan::import::{
    Following, Followings, Whole, is_legacy, reading, remember, remember_follow, remember_index,
    remember_reading, said,
};
use crate::plan::question::{Describe, Resolve};
use crate::plan::refusal;
use crate::plan::report::Subject;

/// Version of the file.
const VERSION: u32 = 2;
/// A larger file is not read.
const MOST_BYTES: u64 = 96 << 20;
/// More tags than these are not remembered.
const MOST_TAGS: usize = 200_000;
/// Longer messages are cut.
const MOST_CHARACTERS: usize = 500;

/// The memory of one repository.
#[derive(Debug, Default)]
pub(super) struct Memory {
    path: Option<PathBuf>,
    tags: Arc<BTreeMap<TagKey, CheckMemory>>,
    refused: BTreeMap<String, RefusedPush>,
    moved_back: Option<(CommitId, Timestamp)>,
    changed: bool,
}

#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    tags: &'a BTreeMap<TagKey, CheckMemory>,
    refused: &'a BTreeMap<String, RefusedPush>,
    moved_back: &'a Option<(CommitId, Timestamp)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(rename = "v")]
    _v: u32,
    tags: BTreeMap<TagKey, CheckMemory>,
    #[serde(default)]
    refused: BTreeMap<String, RefusedPush>,
    #[serde(default)]
    moved_back: Option<(CommitId, Timestamp)>,
}

impl Memory {
    /// The memory in a file, or an empty one. Without a file nothing outlives the process.
    pub(super) fn open(path: Option<PathBuf>) -> Self {
        let read = path
            .as_ref()
            .and_then(|path| store::read_json::<Read>(path, MOST_BYTES, VERSION));
        let usable = read.filter(|read| read.tags.len() <= MOST_TAGS);
        let (tags, refused, moved_back) = usable
            .map(|read| (read.tags, read.refused, read.moved_back))
            .unwrap_or_default();
        Self {
            path,
            tags: Arc::new(tags),
            refused,
            moved_back,
            changed: false,
        }
    }

    /// Where the base was before it was last moved back by force, and when that was noticed.
    pub(super) fn moved_back(&self) -> Option<&(CommitId, Timestamp)> {
        self.moved_back.as_ref()
    }

    /// Notes where the base was before it was moved back, or that it is there again.
    pub(super) fn note_moved_back(&mut self, moved: Option<(CommitId, Timestamp)>) {
        self.changed |= self.moved_back != moved;
        self.moved_back = moved;
    }

    /// What the Git server refused.
    pub(super) fn refused(&self) -> &BTreeMap<String, RefusedPush> {
        &self.refused
    }

    /// Takes in that the Git server refused these changes.
    pub(super) fn refuse(
        &mut self,
        changes: &[(String, Option<Subject>)],
        why: &str,
        now: Timestamp,
    ) {
        let why: String = why.chars().take(MOST_CHARACTERS).collect();
        refusal::remember(&mut self.refused, changes, &why, now);
        self.changed = true;
    }

    /// Takes in that the Git server took these changes.
    pub(super) fn take(&mut self, taken: &[(String, Option<Subject>)]) {
        self.changed |= refusal::forget(&mut self.refused, taken);
    }

    /// Lets everything that was refused be tried again at once.
    pub(super) fn try_refused(&mut self) {
        for refused in self.refused.values_mut() {
            refused.next_try = refused.at;
        }
    }

    /// What is remembered.
    pub(super) fn tags(&self) -> Arc<BTreeMap<TagKey, CheckMemory>> {
        Arc::clone(&self.tags)
    }

    /// Takes in what registries answered, for every tag that takes its image from there, and forgets tags that are gone.
    /// Gives the streams of which something new was answered that need not settle any more.
    pub(super) fn learn(
        &mut self,
        documents: &Documents,
        answers: &Answers,
        described: &BTreeMap<Describe, Answer<ImageFacts>>,
        settle: Option<Settle>,
    ) -> BTreeSet<StreamKey> {
        let mut moved = BTreeSet::new();
        let room = self.tags.len().max(answers.resolved.len());
        let mut present = Vec::with_capacity(room);
        let interval = documents.config.spec.import.interval;
        for (key, located) in &documents.streams {
            if let Some(whole) = Whole::of(key, &located.value) {
                let listed = answers.listed.get(&whole.list());
                let learnt = whole.learn(&self.tags, listed, &answers.resolved, interval);
                present.extend(learnt.into_iter().map(|(key, known)| (key, short(known))));
            }
            for tag in located.value.spec.tags.iter() {
                let lesson = Lesson {
                    key,
                    stream: &located.value,
                    tag,
                    default: interval,
                    answers,
                    described,
                    settle,
                };
                let Some(question) = question(key, tag) else {
                    continue;
                };
                let tag_key = TagKey::new(key.clone(), &tag.name);
                let Some((known, is_new)) = lesson.learn(&question, self.tags.get(&tag_key)) else {
                    continue;
                };
                present.push((tag_key, known));
                if is_new {
                    moved.insert(key.clone());
                }
            }
        }
        // Put together from a list, a map has no room to spare.
        let mut present: BTreeMap<TagKey, CheckMemory> = present.into_iter().collect();
        while present.len() > MOST_TAGS {
            present.pop_last();
        }
        self.tags = Arc::new(present);
        self.changed = true;
        moved
    }

    /// Writes the file if anything is new. What cannot be written is said in the log: it is a cache.
    pub(super) fn save(&mut self) {
        let Some(path) = self.path.as_ref().filter(|_| self.changed) else {
            return;
        };
        let written = Written {
            v: VERSION,
            tags: &self.tags,
            refused: &self.refused,
            moved_back: &self.moved_back,
        };
        let done = store::replace(path, |to| {
            serde_json::to_writer(to, &written).map_err(std::io::Error::other)
        });
        match done {
            Ok(()) => self.changed = false,
            Err(error) => store::not_kept(path, &error),
        }
    }
}

/// What answers teach of one tag.
struct Lesson<'a> {
    key: &'a StreamKey,
    stream: &'a ImageStream,
    tag: &'a TagReference,
    /// The interval of the repository.
    default: Period,
    answers: &'a Answers,
    /// What was known of images before.
    described: &'a BTreeMap<Describe, Answer<ImageFacts>>,
    settle: Option<Settle>,
}

impl Lesson<'_> {
    /// What is known of the tag now, and whether something new was answered that need not settle any more.
    fn learn(&self, question: &Resolve, old: Option<&CheckMemory>) -> Option<(CheckMemory, bool)> {
        let never = CheckMemory::default();
        let answer = self.answers.resolved.get(question);
        let new = match answer {
            Some(answer) => Some(self.after(old.unwrap_or(&never), question, answer)),
            None => old.and_then(|old| self.after_reading(old, question)),
        };
        let mut is_new = new.as_ref().is_some_and(|new| self.is_settled(new));
        let mut known = new.or_else(|| old.cloned());
        let follow = Following::of(self.key, self.tag)
            .and_then(|following| self.follow(&following, known.as_ref().unwrap_or(&never)));
        let before = old.and_then(|old| old.follow.as_deref());
        if let Some(follow) = follow.as_deref() {
            let asked = before.is_none_or(|before| before.next != follow.next);
            is_new |= asked && self.is_settled(&follow.next);
        }
        if known.is_some() || follow.is_some() {
            known.get_or_insert_default().follow = follow;
        }
        known.map(|known| (short(known), is_new))
    }

    /// Whether something new was seen that waits for nothing any more.
    fn is_settled(&self, memory: &CheckMemory) -> bool {
        let since = memory.seen.as_ref().map(|(_, since)| *since);
        let until = since.and_then(|since| match self.settle {
            None => Some(since),
            Some(Settle::Time(wait)) => Some(wait.after(since)),
            Some(Settle::Checks(number)) => (memory.times >= number).then_some(since),
        });
        until
            .zip(memory.last_check)
            .is_some_and(|(until, at)| until <= at)
    }

    fn interval(&self) -> Period {
        let said = self.tag.annotations.get(INTERVAL);
        said.and_then(|text| text.parse().ok())
            .unwrap_or(self.default)
    }

    fn head(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.stream.head(&self.tag.name).map(|head| head.image())
    }

    fn source(&self) -> &str {
        self.tag.from.as_ref().map_or("", |from| &from.name)
    }

    fn after(&self, old: &CheckMemory, asked: &Resolve, answer: &Answer<Resolved>) -> CheckMemory {
        let (source, interval) = (self.source(), self.interval());
        let (at, outcome) = said(answer);
        let head = self.head();
        let head = head.as_deref();
        match outcome {
            Ok(index) if is_legacy(self.tag) && index.is_index() => {
                let question = self.index(asked, &index.digest);
                let read = self.answers.described.get(&question);
                let read = read.or_else(|| self.described.get(&question));
                let read = read.map(|read| reading(self.tag, &question.image, &read.outcome));
                remember_index(old, source, (at, index), read, head, interval)
            }
            outcome => remember(old, source, at, outcome, head, interval),
        }
    }

    /// What is known once the index that was seen is read, of which the tag takes a single image.
    fn after_reading(&self, old: &CheckMemory, asked: &Resolve) -> Option<CheckMemory> {
        let seen = old.seen.as_ref().filter(|_| is_legacy(self.tag));
        let (digest, _) = seen.filter(|_| old.source == self.source())?;
        let question = self.index(asked, digest);
        let read = self.answers.described.get(&question)?;
        let outcome = reading(self.tag, &question.image, &read.outcome);
        let outcome = outcome.as_ref().map(|()| &());
        let is_news = outcome.is_err() || old.failures > 0;
        is_news.then(|| remember_reading(old, (read.at, outcome), self.interval()))
    }

    fn index(&self, asked: &Resolve, digest: &Digest) -> Describe {
        Describe {
            image: asked.reference.repository.at(digest.clone()),
            namespace: self.key.namespace.clone(),
        }
    }

    fn follow(&self, following: &Following<'_>, known: &CheckMemory) -> Option<Box<FollowMemory>> {
        let Answers {
            listed, resolved, ..
        } = self.answers;
        let head = self.head();
        let answers = Followings {
            list: listed.get(&following.list()).map(said),
            head: head.as_deref(),
            interval: self.interval(),
        };
        remember_follow(known, following, answers, |tag| {
            resolved.get(&following.question(tag)).map(said)
        })
    }
}

/// With messages cut to what is kept of them.
fn short(mut known: CheckMemory) -> CheckMemory {
    let cut = |message: &mut String| {
        if message.chars().count() > MOST_CHARACTERS {
            *message = message.chars().take(MOST_CHARACTERS).collect();
        }
    };
    cut(&mut known.message);
    if let Some(follow) = known.follow.as_deref_mut() {
        cut(&mut follow.list.message);
        cut(&mut follow.next.message);
    }
    known
}
