//! The checks that an observation shows: which tags were asked for, how late, and what is remembered of each afterwards.

use super::due;
use super::facts::{Answer, CheckMemory, Facts, Failure, Resolved};
use super::import::{
    Following, Followings, Whole, is_legacy, reading, remember, remember_follow, remember_index,
    said,
};
use super::observation::Observation;
use super::question::Describe;
use crate::manifests::Documents;
use crate::model::{Digest, ImageReference, ImageStream, Period, TagKey, TagReference};

/// A tag that is imported from a registry, and how its last check went.
#[derive(Debug, Clone)]
pub struct Check {
    /// The tag.
    pub tag: TagKey,
    /// What it is imported from.
    pub reference: ImageReference,
    /// What was remembered before this observation.
    pub before: CheckMemory,
    /// What is remembered now.
    pub after: CheckMemory,
    /// Set if it was asked for in this observation.
    pub asked: Option<Asked>,
}

/// How asking went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The digest that came.
    pub digest: Option<Digest>,
    /// Why there is none.
    pub failure: Option<Failure>,
    /// How long after its time it was asked for; `None` if it had no time, as in the first check.
    pub late: Option<Period>,
}

/// Every tag that is imported from a registry and was checked at least once. A tag that follows a rule is there again for
/// the list that it chooses from, and for the newest of it.
pub fn checks(observation: &Observation) -> Vec<Check> {
    let documents = &observation.snapshot.documents;
    let facts = &observation.facts;
    let mut checks = Vec::new();
    for (key, located) in &documents.streams {
        let stream = &located.value;
        if let Some(whole) = Whole::of(key, stream) {
            whole_checks(&whole, observation, &mut checks);
        }
        for tag in stream.spec.tags.iter() {
            let Some(question) = due::question(key, tag) else {
                continue;
            };
            let tag_key = TagKey::new(key.clone(), &tag.name);
            let answer = facts.resolved.get(&question);
            let reference = question.reference;
            let before = facts.memory.get(&tag_key).cloned().unwrap_or_default();
            let about = About {
                tag: tag_key,
                stream,
                spec: tag,
                observation,
            };
            if let Some(following) = Following::of(key, tag) {
                follow_checks(&about, &following, &before, facts, &mut checks);
            }
            if answer.is_some() || before.last_check.is_some() {
                checks.push(check(&about, reference, before, answer));
            }
        }
    }
    checks
}

/// The checks of a repository that is imported as a whole: of its list, and of tags that nobody wished yet.
fn whole_checks(whole: &Whole<'_>, observation: &Observation, checks: &mut Vec<Check>) {
    let facts = &observation.facts;
    let interval = observation.snapshot.documents.config.spec.import.interval;
    let listed = facts.listed.get(&whole.list());
    let after = whole.learn(&facts.memory, listed, &facts.resolved, interval);
    for (tag, after) in after {
        let (reference, asked) = match tag.is_all() {
            true => (whole.reference(), listed.map(|a| asked(a, |_| None))),
            false => {
                let Some(question) = due::question(&tag.stream, &whole.wished(&tag.tag)) else {
                    continue;
                };
                let answer = facts.resolved.get(&question);
                let asked = answer.map(|a| asked(a, |resolved| Some(resolved.digest.clone())));
                (question.reference, asked)
            }
        };
        checks.push(Check {
            before: facts.memory.get(&tag).cloned().unwrap_or_default(),
            tag,
            reference,
            after,
            asked,
        });
    }
}

fn asked<T>(answer: &Answer<T>, digest: impl Fn(&T) -> Option<Digest>) -> Asked {
    let (_, outcome) = said(answer);
    Asked {
        digest: outcome.ok().and_then(digest),
        failure: outcome.err().cloned(),
        late: None,
    }
}

/// A tag whose checks are told.
struct About<'a> {
    tag: TagKey,
    stream: &'a ImageStream,
    spec: &'a TagReference,
    observation: &'a Observation,
}

impl About<'_> {
    fn docs(&self) -> &Documents {
        &self.observation.snapshot.documents
    }

    /// How reading the index went of which the tag takes a single image; `None` where it is none, or was not read.
    fn reading(
        &self,
        reference: &ImageReference,
        resolved: &Resolved,
    ) -> Option<Result<(), Failure>> {
        let image = reference.repository.at(resolved.digest.clone());
        let namespace = self.tag.stream.namespace.clone();
        let question = Describe { image, namespace };
        let described = self.observation.facts.described.get(&question)?;
        Some(reading(self.spec, &question.image, &described.outcome))
    }
}

fn check(
    about: &About<'_>,
    reference: ImageReference,
    before: CheckMemory,
    answer: Option<&Answer<Resolved>>,
) -> Check {
    let About {
        tag, stream, spec, ..
    } = about;
    let docs = about.docs();
    let Some(answer) = answer else {
        return unasked(tag, reference, &before);
    };
    let (at, outcome) = said(answer);
    let head = stream.head(&spec.name).map(|head| head.image());
    let source = spec.from.as_ref().map_or("", |from| &from.name);
    let interval = due::interval(spec, docs);
    let head = head.as_deref();
    let mut failure = outcome.err().cloned();
    let after = match outcome {
        Ok(index) if is_legacy(spec) && index.is_index() => {
            let reading = about.reading(&reference, index);
            failure = reading.clone().and_then(Result::err);
            remember_index(&before, source, (at, index), reading, head, interval)
        }
        outcome => remember(&before, source, at, outcome, head, interval),
    };
    let late = due::late(spec, docs, Some(&before), answer.asked_at());
    Check {
        tag: tag.clone(),
        reference,
        after,
        asked: Some(Asked {
            digest: outcome.ok().map(|resolved| resolved.digest.clone()),
            failure,
            late,
        }),
        before,
    }
}

/// The checks of the list and of the newest tag of it.
fn follow_checks(
    about: &About<'_>,
    following: &Following<'_>,
    before: &CheckMemory,
    facts: &Facts,
    checks: &mut Vec<Check>,
) {
    let head = about.stream.head(&about.spec.name).map(|head| head.image());
    let list = facts.listed.get(&following.list()).map(said);
    let mut next = None;
    let answers = Followings {
        list,
        head: head.as_deref(),
        interval: due::interval(about.spec, about.docs()),
    };
    let after = remember_follow(before, following, answers, |tag| {
        let question = following.question(tag);
        let answer = facts.resolved.get(&question).map(said);
        next = answer.map(|(_, outcome)| (question.reference, outcome));
        answer
    });
    let after = after.map(|after| *after).unwrap_or_default();
    let before = before.follow.as_deref().cloned().unwrap_or_default();
    let check = |reference, before, after, digest, failure| Check {
        tag: about.tag.clone(),
        reference,
        before,
        after,
        asked: Some(Asked {
            digest,
            failure,
            late: None,
        }),
    };
    match list {
        Some((_, outcome)) => {
            let failure = outcome.err().cloned();
            checks.push(check(
                following.repository(),
                before.list,
                after.list,
                None,
                failure,
            ));
        }
        None if before.list.last_check.is_some() => {
            checks.push(unasked(&about.tag, following.repository(), &before.list));
        }
        None => {}
    }
    if let Some((reference, outcome)) = next {
        let digest = outcome
            .ok()
            .map(|resolved: &Resolved| resolved.digest.clone());
        let failure = outcome.err().cloned();
        checks.push(check(reference, before.next, after.next, digest, failure));
    }
}

fn unasked(tag: &TagKey, reference: ImageReference, before: &CheckMemory) -> Check {
    Check {
        tag: tag.clone(),
        reference,
        before: before.clone(),
        after: before.clone(),
        asked: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::model::image_stream::ObjectReference;

    #[test]
    fn a_check_is_late_by_what_is_behind_its_time() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let docs = Documents::default();
        let mut tag = TagReference {
            from: Some(ObjectReference {
                kind: "DockerImage".into(),
                name: "q.io/team/app:main".into(),
                ..ObjectReference::default()
            }),
            ..TagReference::default()
        };
        tag.import_policy.scheduled = true;
        let checked = CheckMemory {
            last_check: Some(at("2026-01-05T09:00:00Z")),
            ..CheckMemory::default()
        };
        let due = due::next(
            "q.io/team/app:main",
            due::interval(&tag, &docs),
            at("2026-01-05T09:00:00Z"),
        );
        let late = |tag: &TagReference, memory: &CheckMemory, by: i64| {
            let at = Timestamp::from_second(due.as_second() + by).unwrap();
            due::late(tag, &docs, Some(memory), at)
        };
        assert_eq!(late(&tag, &checked, 7), Some(Period::seconds(7)));
        assert_eq!(late(&tag, &checked, -1), None, "before its time");
        assert_eq!(late(&tag, &CheckMemory::default(), 7), None);
        let failed = CheckMemory {
            next_try: Some(due),
            ..checked.clone()
        };
        tag.import_policy.scheduled = false;
        assert_eq!(late(&tag, &checked, 7), None, "it has no schedule");
        assert_eq!(late(&tag, &failed, 7), Some(Period::seconds(7)));
    }
}
