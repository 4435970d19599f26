//! Imports: which tags are due, what a new digest changes, and what a failure means. The rules are upstream's
//! (imagestreams 2.5) except where this project improves on them: failures are retried, generations are not asked.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

use super::change::propose::record_move;
use super::desk::{Desk, Known};
use super::due;
use super::facts::{CheckMemory, Facts, Failure, PANICKED, Resolved};
use super::failing::{LASTING, report_failure, report_silence};
use super::pointed;
use super::question::Resolve;
use super::report::{State, Subject};
use super::shield::shielded;
use crate::manifests::edit::StreamEdit;
use crate::manifests::{Documents, Located};
use crate::model::image_stream::TagEventCondition;
use crate::model::promotion::{FOLLOW, SOURCE, annotation};
use crate::model::tag_event::next_generation;
use crate::model::{
    ImageReference, ImageStream, Period, PinnedImage, Source, StreamKey, TagKey, TagReference,
    Timestamp,
};

/// A tag that imports something new.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// The tag.
    pub tag: TagKey,
    /// Where it was imported from.
    pub source: ImageReference,
    /// Where it points now, if anywhere.
    pub old: Option<PinnedImage>,
    /// Where it will point.
    pub image: PinnedImage,
    /// Whether the head changes, or only what is remembered of the source.
    pub moves: bool,
}

/// Something to be written down of a tag that moves no image: a lasting failure, a string that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The tag.
    pub tag: TagKey,
    /// The edits.
    pub edits: Vec<StreamEdit>,
    /// Of what it is a record.
    pub subject: &'static str,
    /// What is written, for people.
    pub what: String,
}

/// All that the registry has to say in this pass.
#[derive(Debug, Clone, Default)]
pub struct Imports {
    /// New digests.
    pub imports: Vec<Import>,
    /// Lasting failures.
    pub records: Vec<Record>,
}

/// Looks at every importable tag. `promoted` are tags that stages take from other stages: those are never imported.
pub fn imports(promoted: &BTreeSet<TagKey>, desk: &mut Desk<'_>) -> Imports {
    let mut all = Imports::default();
    let docs = desk.docs;
    let never = CheckMemory::default();
    let mut remembered = desk.obs.facts.memory.iter().peekable();
    let mut promoted = promoted.iter().map(|key| (key, &())).peekable();
    for (key, located) in restless(docs, &desk.obs.facts) {
        if docs.broken_streams.contains_key(key) {
            continue;
        }
        for tag in by_name(&located.value) {
            let at = At { stream: key, tag };
            let memory = recall(&mut remembered, at).unwrap_or(&never);
            if recall(&mut promoted, at).is_some() {
                continue;
            }
            let done = (all.imports.len(), all.records.len());
            let subject = || Subject::Tag(at.key());
            let looked = shielded(subject, desk, |desk| {
                look_at(at, &located.value, memory, desk, &mut all);
            });
            if let Err(hold) = looked {
                all.imports.truncate(done.0);
                all.records.truncate(done.1);
                desk.holds.push(*hold);
            }
        }
    }
    all
}

/// Streams with a tag that may want something, by itself or by what is remembered of it. Nearly all streams of a large
/// repository are at rest, and so many are not even touched, unless all are to be asked for anew.
fn restless<'d>(
    docs: &'d Documents,
    facts: &'d Facts,
) -> BTreeMap<&'d StreamKey, &'d Located<ImageStream>> {
    let refresh = facts.settings.refresh;
    let wanting = docs.streams.iter();
    let wanting = wanting.filter(|(_, located)| refresh || !located.rests);
    let remembered = facts.memory.keys().map(|key| &key.stream);
    let mut remembered: Vec<&StreamKey> = remembered.collect();
    remembered.dedup();
    let remembered = remembered.into_iter();
    let remembered = remembered.filter_map(|key| docs.streams.get_key_value(key));
    wanting.chain(remembered).collect()
}

/// A tag that is looked at. Its name in full is made only where something is to be said of it: hardly any tag of a plan is.
#[derive(Clone, Copy)]
struct At<'a> {
    stream: &'a StreamKey,
    tag: &'a TagReference,
}

impl At<'_> {
    fn key(self) -> TagKey {
        TagKey::new(self.stream.clone(), &self.tag.name)
    }

    /// How another tag compares with this one.
    fn order(self, other: &TagKey) -> Ordering {
        (&other.stream, &other.tag).cmp(&(self.stream, &self.tag.name))
    }
}

/// The tags of a stream in the order of their names; of several with one name the last.
fn by_name(stream: &ImageStream) -> Vec<&TagReference> {
    let mut tags: Vec<&TagReference> = stream.spec.tags.iter().rev().collect();
    tags.sort_by(|a, b| a.name.cmp(&b.name));
    tags.dedup_by(|later, first| later.name == first.name);
    tags
}

/// What is known of a tag. Tags are asked for in order, so that one walk over all that is known serves them all.
fn recall<'m, T>(
    known: &mut Peekable<impl Iterator<Item = (&'m TagKey, &'m T)>>,
    tag: At<'_>,
) -> Option<&'m T> {
    while known.next_if(|(key, _)| tag.order(key).is_lt()).is_some() {}
    let found = known.next_if(|(key, _)| tag.order(key).is_eq());
    found.map(|(_, known)| known)
}

fn look_at(
    at: At<'_>,
    stream: &ImageStream,
    memory: &CheckMemory,
    desk: &mut Desk<'_>,
    all: &mut Imports,
) {
    let tag = at.tag;
    let Some(from) = tag.from.as_ref() else {
        return;
    };
    if from.kind != "DockerImage" || tag.reference {
        if Source::differs_on(tag) {
            pointed::look_at(&at.key(), tag, from, stream, desk, all);
        }
        return;
    }
    if tag.annotations.contains_key(FOLLOW) {
        not_yet(&at.key(), "headwater.dev/follow", desk);
    }
    let never = CheckMemory::default();
    // Written by a clock that ran ahead: as good as lost, or the tag would not be asked for until that day.
    let ahead = memory.last_check.is_some_and(|last| last > desk.now());
    // Of another source nothing is known yet, also where the annotation was changed along with `from`.
    let elsewhere = asks_elsewhere(memory, &from.name);
    let memory = if ahead || elsewhere { &never } else { memory };
    let due = elsewhere || is_due(at, stream, &from.name, memory, desk);
    if !due && memory.failures == 0 {
        // Nearly all tags of nearly all plans.
        return;
    }
    let key = &at.key();
    let Ok(reference) = from.name.parse::<ImageReference>() else {
        return;
    };
    if !due {
        report_failure(key, memory, desk);
        return;
    }
    let namespace = key.stream.namespace.clone();
    let question = Resolve {
        reference: reference.clone(),
        namespace,
        insecure: tag.import_policy.insecure,
    };
    let asked = desk.asked_since(&question);
    match desk.resolve(question) {
        // Until somebody answers, the last answer stands.
        Known::NotYet => match asked.filter(|_| memory.failures == 0) {
            Some(since) => report_silence(key, &reference, since, desk),
            None => report_failure(key, memory, desk),
        },
        Known::Failed(failure) => failed(key, stream, &failure, memory, desk, all),
        Known::Yes(resolved) => {
            // A changed `from` is a wish, and no tag that may be moving on: only those settle.
            let asked = elsewhere || Source::differs_on(tag);
            let since = (!asked).then_some(memory);
            answered(key, tag, stream, &reference, &resolved, since, desk, all)
        }
    }
}

/// Whether what is remembered of a tag is about another source than it has now.
fn asks_elsewhere(memory: &CheckMemory, source: &str) -> bool {
    !memory.source.is_empty() && memory.source != source
}

fn not_yet(key: &TagKey, what: &str, desk: &mut Desk<'_>) {
    let why = format!("NotYet: {what} is understood but not carried out by this version");
    desk.hold(Subject::Tag(key.clone()), State::Held, "NotYet", why);
}

/// Pending tags are due at once, scheduled ones after their interval; a failure waits for its next try.
fn is_due(
    at: At<'_>,
    stream: &ImageStream,
    source: &str,
    memory: &CheckMemory,
    desk: &Desk<'_>,
) -> bool {
    let (tag, now) = (at.tag, desk.now());
    // One round of questions, however many passes are made at this instant.
    if desk.obs.facts.settings.refresh && memory.last_check.is_none_or(|last| last < now) {
        return true;
    }
    // Whoever runs a single pass has perhaps just mended what failed; only what heals by itself is waited for.
    let waited_for = memory.heals || desk.obs.facts.settings.settle.is_some();
    if waited_for && memory.next_try.is_some_and(|next| next > now) {
        return false;
    }
    let list = stream.status_tag(&tag.name);
    let Some((head, list)) = list.and_then(|list| Some((list.items.first()?, list))) else {
        return true;
    };
    // A failure not yet mended is tried again even where the tag is not scheduled (upstream never does: its users suffer).
    let failing = memory.failures > 0 || !list.conditions.is_empty();
    if failing || Source::differs_on(tag) {
        return true;
    }
    let by_digest = source.contains('@');
    if !tag.import_policy.scheduled || by_digest {
        return false;
    }
    let interval = due::interval(tag, desk.docs);
    let time = |last| due::is_time(|| at.key(), interval, last, now);
    memory.last_check.is_none_or(time)
        // What was seen and is not taken yet: it settles, or its pull request waits.
        || memory.seen.as_ref().is_some_and(|(digest, _)| !head.is_of(digest))
}

#[allow(
    clippy::too_many_arguments,
    reason = "one answer, told with everything it is about"
)]
fn answered(
    key: &TagKey,
    tag: &TagReference,
    stream: &ImageStream,
    reference: &ImageReference,
    resolved: &Resolved,
    settling: Option<&CheckMemory>,
    desk: &mut Desk<'_>,
    all: &mut Imports,
) {
    if tag.import_policy.import_mode.as_deref() == Some("Legacy") && resolved.is_index() {
        not_yet(
            key,
            "importMode: Legacy of an image for several platforms",
            desk,
        );
        return;
    }
    let image = reference.repository.at(resolved.digest.clone());
    let head = stream.head(&tag.name);
    let same = head
        .is_some_and(|h| h.docker_image_reference() == image.to_string() && h.is_of(&image.digest));
    let failing = stream
        .status_tag(&tag.name)
        .is_some_and(|t| !t.conditions.is_empty());
    if same && !Source::differs_on(tag) && !failing {
        return;
    }
    let changed = head.is_some_and(|h| !h.is_of(&image.digest));
    let settle = desk.obs.facts.settings.settle.filter(|_| changed);
    if let Some((settle, memory)) = settle.zip(settling) {
        let since = memory
            .seen
            .as_ref()
            .filter(|(d, _)| *d == image.digest)
            .map_or(desk.now(), |(_, at)| *at);
        let until = settle.after(since);
        if until > desk.now() {
            let why = format!(
                "a new digest {} settles until it is {settle} old",
                image.digest.short()
            );
            desk.hold(Subject::Tag(key.clone()), State::Waiting, "Settling", why)
                .until = Some(until);
            return;
        }
    }
    let old = desk.head(&key.stream, &tag.name);
    desk.fresh
        .insert((key.stream.clone(), image.digest.clone()), image.clone());
    let moves = old.as_ref() != Some(&image);
    all.imports.push(Import {
        tag: key.clone(),
        source: reference.clone(),
        old,
        image,
        moves,
    });
}

fn failed(
    key: &TagKey,
    stream: &ImageStream,
    failure: &Failure,
    memory: &CheckMemory,
    desk: &mut Desk<'_>,
    all: &mut Imports,
) {
    // What History and memory do not show to have lasted is not written down.
    let since = memory
        .failing_since
        .filter(|_| memory.reason == failure.reason);
    let lasted = since.is_some_and(|s| LASTING.after(s) <= desk.now());
    let interval = stream
        .spec_tag(&key.tag)
        .map_or(desk.docs.config.spec.import.interval, |tag| {
            due::interval(tag, desk.docs)
        });
    let memory = remember(
        memory,
        &memory.source,
        desk.now(),
        Err(failure),
        None,
        interval,
    );
    report_failure(key, &memory, desk);
    if failure.transient || !lasted || failure.canonical.is_empty() {
        return;
    }
    let list = stream.status_tag(&key.tag);
    let known = list.is_some_and(|l| {
        l.conditions
            .iter()
            .any(|c| c.reason == failure.reason && c.message == failure.canonical)
    });
    if known {
        return;
    }
    let condition = TagEventCondition {
        kind: "ImportSuccess".to_owned(),
        status: "False".to_owned(),
        last_transition_time: Timestamp::from_second(desk.stamp().as_second()).ok(),
        reason: failure.reason.clone(),
        message: failure.canonical.clone(),
        generation: next_generation(list),
    };
    let items = list.map(|l| l.items.clone()).unwrap_or_default();
    let edit = StreamEdit::RecordEvent {
        tag: key.tag.clone(),
        items,
        conditions: vec![condition],
    };
    all.records.push(Record {
        tag: key.clone(),
        edits: vec![edit],
        subject: "failed import",
        what: format!("{}: {}", failure.reason, failure.canonical),
    });
}

/// Edits that carry an import out.
pub fn edits(import: &Import, created: Timestamp, desk: &Desk<'_>) -> Vec<StreamEdit> {
    let Some(stream) = desk.stream(&import.tag.stream) else {
        return Vec::new();
    };
    let name = &import.tag.tag;
    let source = stream
        .spec_tag(name)
        .and_then(Source::of)
        .map(|s| annotation(&s));
    let annotations = BTreeMap::from([(SOURCE.to_owned(), source)]);
    let mut edits = vec![StreamEdit::SetTag {
        name: name.clone(),
        from: None,
        annotations,
        reference: None,
        import_policy: None,
        reference_policy: None,
    }];
    edits.extend(record_move(
        &import.tag.stream,
        name,
        &import.image,
        created,
        desk,
    ));
    edits
}

/// What is remembered of a tag after an answer about `source`, its `from.name`: pure, so that every edge remembers alike. Failures back off from half a
/// minute, doubling, to the interval at most.
pub fn remember(
    memory: &CheckMemory,
    source: &str,
    at: Timestamp,
    outcome: Result<&Resolved, &Failure>,
    head: Option<&str>,
    interval: Period,
) -> CheckMemory {
    let mut next = match asks_elsewhere(memory, source) {
        true => CheckMemory::default(),
        false => memory.clone(),
    };
    next.last_check = Some(at);
    match outcome {
        Ok(resolved) => {
            let differs = head.is_none_or(|h| h != resolved.digest.as_str());
            let seen = next
                .seen
                .take()
                .filter(|(d, _)| differs && *d == resolved.digest);
            next = CheckMemory {
                last_check: Some(at),
                last_success: Some(at),
                ..CheckMemory::default()
            };
            next.seen = if differs {
                Some(seen.unwrap_or((resolved.digest.clone(), at)))
            } else {
                None
            };
        }
        Err(failure) => {
            if next.reason != failure.reason || next.failures == 0 {
                next.failing_since = Some(at);
            }
            next.failures = next.failures.saturating_add(1);
            next.reason.clone_from(&failure.reason);
            next.message.clone_from(&failure.message);
            next.party = failure.party;
            // A bug of ours is there again at the next try, for all we know.
            next.heals = failure.transient && failure.reason != PANICKED;
            let wait = 30_u64.saturating_mul(1 << next.failures.saturating_sub(1).min(20));
            let by_backoff = Period::seconds(wait.min(interval.as_seconds().max(30))).after(at);
            next.next_try = Some(failure.retry_at.map_or(by_backoff, |r| r.max(by_backoff)));
        }
    }
    source.clone_into(&mut next.source);
    next
}

/// Tags that stages take from other stages, or set as release tags: never imported.
pub fn promoted_tags<'a>(
    stages: impl Iterator<Item = (&'a [StreamKey], &'a str, bool)>,
) -> BTreeSet<TagKey> {
    stages
        .filter(|(_, _, first)| !first)
        .flat_map(|(streams, tag, _)| streams.iter().map(move |s| TagKey::new(s.clone(), tag)))
        .collect()
}

#[cfg(test)]
mod tests;
