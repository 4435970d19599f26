//! Imports: which tags are due, what a new digest changes, and what a failure means. The rules are upstream's
//! (imagestreams 2.5) except where this project improves on them: failures are retried, generations are not asked.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

use super::desk::{Desk, Known};
use super::due;
use super::facts::{CheckMemory, Facts, Failure, Resolved};
use super::failing::{LASTING, report_failure, report_silence};
use super::pointed;
use super::question::Resolve;
use super::report::{State, Subject};
use super::shield::shielded;
use crate::manifests::edit::StreamEdit;
use crate::manifests::{Documents, Located};
use crate::model::image_stream::{ObjectReference, TagEventCondition};
use crate::model::tag_event::next_generation;
use crate::model::{
    Digest, ImageReference, ImageStream, Source, StreamKey, TagEvent, TagKey, TagReference,
    Timestamp,
};

mod carry;
mod follow;
mod following;
mod legacy;
mod memory;
mod settling;
mod whole;

pub use carry::{Import, Imports, Record, edits};
use follow::Found;
pub use following::{Followed, Following};
pub use legacy::{is_legacy, reading};
use memory::of_source;
pub use memory::{
    At, Followings, remember, remember_follow, remember_index, remember_reading, said,
};
use settling::{settles, settles_still, waits_for_checks};
pub use whole::Whole;

/// Looks at every importable tag. `promoted` are tags that stages take from other stages: those are never imported.
pub fn imports(promoted: &BTreeSet<TagKey>, desk: &mut Desk<'_>) -> Imports {
    let mut all = Imports::default();
    let docs = desk.docs;
    let never = CheckMemory::default();
    let mut remembered = desk.obs.facts.memory.iter().peekable();
    let never_imported = promoted;
    let mut promoted = promoted.iter().map(|key| (key, &())).peekable();
    for (key, located) in restless(docs, &desk.obs.facts) {
        if docs.broken_streams.contains_key(key) {
            continue;
        }
        if let Some(whole) = Whole::of(key, &located.value) {
            take_shielded(
                || whole.about(),
                desk,
                &mut all,
                |desk, all| {
                    whole::look_at(&whole, never_imported, desk, all);
                },
            );
        }
        for tag in by_name(&located.value) {
            let at = Place { stream: key, tag };
            let memory = recall(&mut remembered, at).unwrap_or(&never);
            if recall(&mut promoted, at).is_some() {
                continue;
            }
            take_shielded(
                || at.key(),
                desk,
                &mut all,
                |desk, all| {
                    look_at(at, &located.value, memory, desk, all);
                },
            );
        }
    }
    all
}

/// Looks at something so that a bug in that takes nothing else with it.
fn take_shielded(
    tag: impl Fn() -> TagKey,
    desk: &mut Desk<'_>,
    all: &mut Imports,
    look: impl FnOnce(&mut Desk<'_>, &mut Imports),
) {
    let done = (all.imports.len(), all.records.len());
    let looked = shielded(|| Subject::Tag(tag()), desk, |desk| look(desk, all));
    if let Err(hold) = looked {
        all.imports.truncate(done.0);
        all.records.truncate(done.1);
        desk.holds.push(*hold);
    }
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
struct Place<'a> {
    stream: &'a StreamKey,
    tag: &'a TagReference,
}

impl Place<'_> {
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
    tag: Place<'_>,
) -> Option<&'m T> {
    while known.next_if(|(key, _)| tag.order(key).is_lt()).is_some() {}
    let found = known.next_if(|(key, _)| tag.order(key).is_eq());
    found.map(|(_, known)| known)
}

fn look_at(
    at: Place<'_>,
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
        if Source::differs_in(tag, &at.stream.namespace) {
            pointed::look_at(&at.key(), tag, from, stream, desk, all);
        }
        return;
    }
    if let Some(mode) = tag.import_policy.unknown_mode() {
        let why = format!("unknown import mode `{mode}`, so nothing is imported");
        let tag = Subject::Tag(at.key());
        desk.hold(tag, State::Broken, "Invalid", why);
        return;
    }
    let found = follow::look(at, stream, from, memory, desk);
    let found = match found {
        Found::Import(import) => {
            let image = (import.tag.stream.clone(), import.image.digest.clone());
            desk.fresh.insert(image, import.image.clone());
            all.imports.push(*import);
            return;
        }
        other => other,
    };
    let fails = look_at_source(at, stream, from, memory, found.fails(), desk, all);
    found.tell(&at.key(), stream, fails, desk, all);
}

/// Looks at the source that a tag has. `troubled` says that its condition is about something else. Returns whether it
/// cannot be imported at present.
fn look_at_source(
    at: Place<'_>,
    stream: &ImageStream,
    from: &ObjectReference,
    memory: &CheckMemory,
    troubled: bool,
    desk: &mut Desk<'_>,
    all: &mut Imports,
) -> bool {
    let tag = at.tag;
    // Of another source nothing is known yet, also where the annotation was changed along with `from`.
    let known = of_source(memory, &from.name);
    let elsewhere = known.is_none();
    let never = CheckMemory::default();
    // Written by a clock that ran ahead: as good as lost, or the tag would not be asked for until that day.
    let memory = known.filter(|memory| !memory.is_ahead(desk.now()));
    let memory = memory.unwrap_or(&never);
    let due = elsewhere || is_due(at, stream, &from.name, memory, troubled, desk);
    if !due && memory.failures == 0 {
        if waits_for_checks(memory, desk) {
            settles_still(at, stream, &from.name, memory, desk);
        }
        // Nearly all tags of nearly all plans.
        return false;
    }
    let key = &at.key();
    let Ok(reference) = from.name.parse::<ImageReference>() else {
        return false;
    };
    let fails = memory.failures > 0;
    if !due {
        report_failure(key, &reference, memory, desk);
        return fails;
    }
    let question = Resolve {
        reference: reference.clone(),
        namespace: key.stream.namespace.clone(),
        insecure: tag.import_policy.insecure,
    };
    let asked = desk.asked_since(&question);
    match desk.resolve(question) {
        // Until somebody answers, the last answer stands.
        Known::NotYet => {
            report_unanswered(key, &reference, asked, memory, desk);
            fails
        }
        Known::Failed(failure) => {
            failed(key, stream, &reference, &failure, memory, desk, all);
            true
        }
        Known::Yes(resolved) => {
            // A changed `from` is a wish, and no tag that may be moving on: only those settle.
            let asked = elsewhere || Source::differs_in(tag, &at.stream.namespace);
            let answer = Answer {
                key,
                tag,
                stream,
                reference: &reference,
                settling: (!asked).then_some(memory),
                troubled,
                followed: None,
            };
            match answered(answer, &resolved, desk) {
                Ok(import) => {
                    let image = import.as_ref().map(|import| import.image.clone());
                    let image = image.map(|i| ((key.stream.clone(), i.digest.clone()), i));
                    desk.fresh.extend(image);
                    all.imports.extend(import);
                    false
                }
                Err(failure) => {
                    failed(key, stream, &reference, &failure, memory, desk, all);
                    true
                }
            }
        }
    }
}

/// A question that is asked, perhaps since `asked`, and not answered.
fn report_unanswered(
    key: &TagKey,
    reference: &ImageReference,
    asked: Option<Timestamp>,
    memory: &CheckMemory,
    desk: &mut Desk<'_>,
) {
    match asked.filter(|_| memory.failures == 0) {
        Some(since) => report_silence(key, reference, since, desk),
        None => report_failure(key, reference, memory, desk),
    }
}

/// Whether something is asked for now whatever its schedule says: everything, once for each instant, where somebody wants to
/// know; nothing before its next try. `None` leaves it to the schedule.
fn is_due_anyway(memory: &CheckMemory, desk: &Desk<'_>) -> Option<bool> {
    let (settings, now) = (&desk.obs.facts.settings, desk.now());
    // One round of questions, however many passes are made at this instant.
    if settings.refresh && memory.last_check.is_none_or(|last| last < now) {
        return Some(true);
    }
    // Whoever runs a single pass has perhaps just mended what failed; only what heals by itself is waited for.
    let waited_for = memory.heals || settings.settle.is_some();
    let waits = waited_for && memory.next_try.is_some_and(|next| next > now);
    waits.then_some(false)
}

/// Pending tags are due at once, scheduled ones after their interval; a failure waits for its next try.
fn is_due(
    at: Place<'_>,
    stream: &ImageStream,
    source: &str,
    memory: &CheckMemory,
    troubled: bool,
    desk: &Desk<'_>,
) -> bool {
    let (tag, now) = (at.tag, desk.now());
    if let Some(due) = is_due_anyway(memory, desk) {
        return due;
    }
    let list = stream.status_tag(&tag.name);
    let Some((head, list)) = list.and_then(|list| Some((list.items.first()?, list))) else {
        return true;
    };
    // A failure not yet mended is tried again even where the tag is not scheduled (upstream never does: its users suffer).
    let failing = memory.failures > 0 || (!troubled && !list.conditions.is_empty());
    if failing || Source::differs_in(tag, &at.stream.namespace) {
        return true;
    }
    let by_digest = source.contains('@');
    if !tag.import_policy.scheduled || by_digest {
        return false;
    }
    let interval = due::interval(tag, desk.docs);
    let time = |last| due::is_time(source, interval, last, now);
    memory.last_check.is_none_or(time)
        // What was seen and is not taken yet: it settles, or its pull request waits.
        || memory.seen.as_ref().is_some_and(|(digest, _)| {
            !waits_for_checks(memory, desk) && is_news(at, source, digest, head, desk)
        })
}

/// Whether a digest that was seen is another one than a tag has.
fn is_news(at: Place<'_>, source: &str, digest: &Digest, head: &TagEvent, desk: &Desk<'_>) -> bool {
    let is_taken = || legacy::is_legacy(at.tag) && legacy::is_taken(at, source, digest, head, desk);
    !head.is_of(digest) && !is_taken()
}

/// What an answer of a registry is about.
#[derive(Clone, Copy)]
struct Answer<'a> {
    key: &'a TagKey,
    tag: &'a TagReference,
    stream: &'a ImageStream,
    /// What was asked for.
    reference: &'a ImageReference,
    /// What is remembered of it, where a new digest settles first.
    settling: Option<&'a CheckMemory>,
    /// Whether the condition of the tag is about something else.
    troubled: bool,
    /// Set where it is another source than the tag has.
    followed: Option<&'a Followed>,
}

/// The import that an answer means, if it is anything new and need not settle.
///
/// # Errors
/// When no image can be chosen of an index.
fn answered(
    answer: Answer<'_>,
    resolved: &Resolved,
    desk: &mut Desk<'_>,
) -> Result<Option<Import>, Failure> {
    let Answer {
        key,
        tag,
        stream,
        reference,
        ..
    } = answer;
    let image = reference.repository.at(resolved.digest.clone());
    let image = match legacy::is_legacy(tag) && resolved.is_index() {
        false => image,
        true => match legacy::single(tag, &image, &key.stream.namespace, desk)? {
            Some(digest) => reference.repository.at(digest),
            None => return Ok(None),
        },
    };
    let head = stream.head(&tag.name);
    let same = head
        .is_some_and(|h| h.docker_image_reference() == image.to_string() && h.is_of(&image.digest));
    let conditions = stream.status_tag(&tag.name).map(|t| &t.conditions);
    let failing = !answer.troubled && conditions.is_some_and(|conditions| !conditions.is_empty());
    if same
        && answer.followed.is_none()
        && !Source::differs_in(tag, &key.stream.namespace)
        && !failing
    {
        return Ok(None);
    }
    let changed = head.is_some_and(|h| !h.is_of(&image.digest));
    if let Some(memory) = answer.settling.filter(|_| changed)
        && settles(key, tag, &resolved.digest, memory, desk)
    {
        return Ok(None);
    }
    let old = desk.head(&key.stream, &tag.name);
    Ok(Some(Import {
        tag: key.clone(),
        source: reference.clone(),
        moves: old.as_ref() != Some(&image),
        old,
        image,
        followed: answer.followed.cloned(),
        wished: stream
            .spec_tag(&tag.name)
            .is_none()
            .then(|| Box::new(tag.clone())),
    }))
}

fn failed(
    key: &TagKey,
    stream: &ImageStream,
    about: &ImageReference,
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
    report_failure(key, about, &memory, desk);
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
