//! A repository that a stream imports as a whole (`spec.dockerImageRepository`): its list is asked for until it came, the
//! foremost tags that nobody wished yet get a wish of their own, once, and from then on are tags like all others.

use std::collections::{BTreeMap, BTreeSet};

use super::memory::{At, after, of_source, remember, said};
use super::{Imports, Place, Record, is_due_anyway, look_at_source};
use crate::manifests::edit::StreamEdit;
use crate::model::image_stream::{ImportPolicy, ObjectReference};
use crate::model::promotion::{SOURCE, annotation};
use crate::model::tag_order::foremost;
use crate::model::time::stamp;
use crate::model::{
    Delivery, ImageReference, ImageRepository, ImageStream, Period, Source, StreamKey, TagKey,
    TagReference,
};
use crate::plan::desk::{Desk, Known};
use crate::plan::facts::{Answer, CheckMemory, Failure, Listing, Resolved};
use crate::plan::failing::{report_failure, report_silence};
use crate::plan::question::{List, Resolve};
use crate::plan::report::{State, Subject};

/// A stream's repository that is still to be imported.
#[derive(Debug, Clone)]
pub struct Whole<'a> {
    key: &'a StreamKey,
    stream: &'a ImageStream,
    /// As it stands in the stream.
    name: &'a str,
    repository: ImageRepository,
}

impl<'a> Whole<'a> {
    /// The repository of a stream, if it waits to be imported and can be understood.
    pub fn of(key: &'a StreamKey, stream: &'a ImageStream) -> Option<Self> {
        let name = stream.pending_repository()?;
        let repository = ImageRepository::try_from(name.to_owned()).ok()?;
        Some(Self {
            key,
            stream,
            name,
            repository,
        })
    }

    /// What is remembered of it stands under this name.
    pub fn about(&self) -> TagKey {
        TagKey::all_of(self.key.clone())
    }

    /// The repository.
    pub fn reference(&self) -> ImageReference {
        ImageReference {
            repository: self.repository.clone(),
            tag: None,
            digest: None,
        }
    }

    /// The question for its tags.
    pub fn list(&self) -> List {
        List {
            repository: self.repository.clone(),
            namespace: self.key.namespace.clone(),
            insecure: self.stream.is_insecure(),
        }
    }

    /// A tag of it as it is wished from then on: once, as nothing says that it is to be looked at again.
    pub fn wished(&self, tag: &str) -> TagReference {
        TagReference {
            name: tag.to_owned(),
            from: Some(ObjectReference::docker_image(format!(
                "{}:{tag}",
                self.name
            ))),
            import_policy: ImportPolicy {
                insecure: self.stream.is_insecure(),
                ..ImportPolicy::default()
            },
            ..TagReference::default()
        }
    }

    /// The tag that a question asks for on behalf of the stream, if nobody wished it yet.
    pub fn asked(&self, question: &Resolve) -> Option<TagReference> {
        let tag = question.reference.tag.as_deref()?;
        let ours = question.reference.repository == self.repository
            && question.namespace == self.key.namespace
            && question.insecure == self.stream.is_insecure()
            && question.reference.digest.is_none();
        (ours && self.stream.spec_tag(tag).is_none()).then(|| self.wished(tag))
    }

    /// What is remembered of the list after an answer.
    pub fn remember(
        &self,
        memory: &CheckMemory,
        (at, outcome): At<'_, Listing>,
        interval: Period,
    ) -> CheckMemory {
        let empty = self.without_tags();
        let outcome = match outcome {
            Ok(listing) if listing.tags.is_empty() => Err(&empty),
            other => other,
        };
        let known = of_source(memory, self.name).cloned().unwrap_or_default();
        CheckMemory {
            source: self.name.to_owned(),
            ..after(known, at, outcome.map(drop), interval)
        }
    }

    /// What is remembered of its tags that nobody wished yet, and of the list itself, after answers.
    pub fn learn(
        &self,
        known: &BTreeMap<TagKey, CheckMemory>,
        listed: Option<&Answer<Listing>>,
        resolved: &BTreeMap<Resolve, Answer<Resolved>>,
        interval: Period,
    ) -> BTreeMap<TagKey, CheckMemory> {
        let about = self.about();
        let mine = known.range(about.clone()..);
        let mine = mine.take_while(|(key, _)| key.stream == *self.key);
        let mine = mine.filter(|(key, _)| self.stream.spec_tag(&key.tag).is_none());
        let mut all: BTreeMap<TagKey, CheckMemory> = mine
            .map(|(key, memory)| (key.clone(), memory.clone()))
            .collect();
        if let Some(listed) = listed {
            let memory = all.remove(&about).unwrap_or_default();
            all.insert(about, self.remember(&memory, said(listed), interval));
        }
        for (question, answer) in resolved {
            let Some(tag) = self.asked(question) else {
                continue;
            };
            let key = TagKey::new(self.key.clone(), &tag.name);
            let memory = all.remove(&key).unwrap_or_default();
            let source = tag.from.as_ref().map_or("", |from| &from.name);
            let head = self.stream.head(&tag.name).map(|head| head.image());
            let (at, outcome) = said(answer);
            let memory = remember(&memory, source, at, outcome, head.as_deref(), interval);
            all.insert(key, memory);
        }
        all
    }

    /// A list without any tag is no answer: nothing would ever be imported.
    fn without_tags(&self) -> Failure {
        Failure {
            reason: "NotFound".to_owned(),
            message: format!("{} lists no tags", self.repository),
            canonical: format!("repository \"{}\" has no tags", self.repository),
            transient: false,
            party: None,
            retry_at: None,
        }
    }
}

/// Looks at the repository of a stream. Tags in `promoted` are moved by promotions only, and get no wish.
pub(super) fn look_at(
    whole: &Whole<'_>,
    promoted: &BTreeSet<TagKey>,
    desk: &mut Desk<'_>,
    all: &mut Imports,
) {
    let (about, reference) = (whole.about(), whole.reference());
    let never = CheckMemory::default();
    let known = desk.obs.facts.memory.get(&about);
    let known = known.and_then(|known| of_source(known, whole.name));
    let known = known.filter(|known| !known.is_ahead(desk.now()));
    let known = known.unwrap_or(&never);
    if desk.docs.config.spec.delivery != Delivery::Commit {
        let why = "NotYet: a whole repository with `delivery: pullRequest` in headwater.yaml";
        let help = "headwater import-image STREAM --all --pull-request";
        let hold = desk.hold(Subject::Tag(about), State::Held, "NotYet", why);
        hold.help = Some(help.to_owned());
        return;
    }
    match is_due_anyway(known, desk) {
        Some(false) => return report_failure(&about, &reference, known, desk),
        None if rests(whole, known, desk) => return,
        Some(true) | None => {}
    }
    let question = whole.list();
    let answer = match desk.list(&question) {
        Known::NotYet => {
            match desk
                .list_asked_since(&question)
                .filter(|_| known.failures == 0)
            {
                Some(since) => report_silence(&about, &reference, since, desk),
                None => report_failure(&about, &reference, known, desk),
            }
            return;
        }
        Known::Failed(failure) => Err(failure),
        Known::Yes([]) => Err(whole.without_tags()),
        Known::Yes(tags) => Ok(tags),
    };
    match answer {
        Ok(tags) => import(whole, tags, promoted, desk, all),
        Err(failure) => {
            let interval = desk.docs.config.spec.import.interval;
            let known = whole.remember(known, (desk.now(), Err(&failure)), interval);
            report_failure(&about, &reference, &known, desk);
        }
    }
}

/// Whether its tags were asked for in vain: they were told, and could not be written down. Where passes follow each other, that
/// is no reason to ask for all of them in every pass.
fn rests(whole: &Whole<'_>, known: &CheckMemory, desk: &mut Desk<'_>) -> bool {
    let follows = desk.obs.facts.settings.settle.is_some();
    let told = known
        .last_success
        .filter(|told| follows && *told < desk.now());
    let interval = desk.docs.config.spec.import.interval;
    let again = told.map(|told| interval.after(told));
    let Some(again) = again.filter(|again| *again > desk.now()) else {
        return false;
    };
    let why = format!(
        "NotWritten: the tags of {} were told and are not written down: they are asked for again at {}",
        whole.repository,
        stamp(again)
    );
    let tag = Subject::Tag(whole.about());
    desk.hold(tag, State::Waiting, "NotWritten", why).until = Some(again);
    true
}

/// Wishes the foremost tags, and asks for what they are. Which tags there are is written down whatever becomes of each.
fn import(
    whole: &Whole<'_>,
    tags: &[Box<str>],
    promoted: &BTreeSet<TagKey>,
    desk: &mut Desk<'_>,
    all: &mut Imports,
) {
    let (key, stream) = (whole.key, whole.stream);
    let first = foremost(tags).into_iter();
    let wished = first.filter(|tag| {
        stream.spec_tag(tag).is_none() && !promoted.contains(&TagKey::new(key.clone(), *tag))
    });
    let wished: Vec<TagReference> = wished.map(|tag| whole.wished(tag)).collect();
    let mut edits: Vec<StreamEdit> = wished.iter().map(wish).collect();
    edits.push(StreamEdit::SetAnnotation {
        key: SOURCE.to_owned(),
        value: Some(annotation(&Source::docker_image(whole.name))),
    });
    all.records.push(Record {
        tag: whole.about(),
        edits,
        subject: "repository",
        what: format!(
            "{} of {} tags of {}",
            wished.len(),
            tags.len(),
            whole.repository
        ),
    });
    let never = CheckMemory::default();
    for tag in &wished {
        let Some(from) = &tag.from else { continue };
        let at = Place { stream: key, tag };
        let memory = desk.obs.facts.memory.get(&at.key()).unwrap_or(&never);
        look_at_source(at, stream, from, memory, false, desk, all);
    }
}

/// The edit that wishes a tag.
pub(super) fn wish(tag: &TagReference) -> StreamEdit {
    let policy = &tag.import_policy;
    StreamEdit::SetTag {
        name: tag.name.clone(),
        from: tag.from.clone(),
        annotations: BTreeMap::new(),
        reference: None,
        import_policy: policy.insecure.then(|| policy.clone()),
        reference_policy: None,
    }
}

#[cfg(test)]
mod tests;
