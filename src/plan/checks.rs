//! The checks that an observation shows: which tags were asked for, how late, and what is remembered of each afterwards.

use super::due;
use super::facts::{Answer, CheckMemory, Failure, Outcome, Resolved};
use super::import::remember;
use super::observation::Observation;
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

/// Every tag that is imported from a registry and was checked at least once.
pub fn checks(observation: &Observation) -> Vec<Check> {
    let documents = &observation.snapshot.documents;
    let facts = &observation.facts;
    let mut checks = Vec::new();
    for (key, located) in &documents.streams {
        let stream = &located.value;
        for tag in stream.spec.tags.iter() {
            let Some(question) = due::question(key, tag) else {
                continue;
            };
            let tag_key = TagKey::new(key.clone(), &tag.name);
            let answer = facts.resolved.get(&question);
            let reference = question.reference;
            let before = facts.memory.get(&tag_key).cloned().unwrap_or_default();
            if answer.is_none() && before.last_check.is_none() {
                continue;
            }
            checks.push(check(
                tag_key,
                reference,
                before,
                answer,
                (stream, tag),
                documents,
            ));
        }
    }
    checks
}

fn check(
    tag: TagKey,
    reference: ImageReference,
    before: CheckMemory,
    answer: Option<&Answer<Resolved>>,
    (stream, spec): (&ImageStream, &TagReference),
    docs: &Documents,
) -> Check {
    let interval = due::interval(spec, docs);
    let Some(answer) = answer else {
        return Check {
            tag,
            reference,
            after: before.clone(),
            before,
            asked: None,
        };
    };
    let outcome = match &answer.outcome {
        Outcome::Ok(resolved) => Ok(resolved),
        Outcome::Failed(failure) => Err(failure),
    };
    let head = stream.head(&spec.name).map(|head| head.image());
    let source = spec.from.as_ref().map_or("", |from| &from.name);
    let after = remember(
        &before,
        source,
        answer.at,
        outcome,
        head.as_deref(),
        interval,
    );
    let late = due::late(&tag, spec, docs, Some(&before), answer.asked_at());
    Check {
        tag,
        reference,
        after,
        asked: Some(Asked {
            digest: outcome.ok().map(|resolved| resolved.digest.clone()),
            failure: outcome.err().cloned(),
            late,
        }),
        before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn a_check_is_late_by_what_is_behind_its_time() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let docs = Documents::default();
        let key = TagKey::new("team/app".to_owned().try_into().unwrap(), "main");
        let mut tag = TagReference::default();
        tag.import_policy.scheduled = true;
        let checked = CheckMemory {
            last_check: Some(at("2026-01-05T09:00:00Z")),
            ..CheckMemory::default()
        };
        let due = due::next(&key, due::interval(&tag, &docs), at("2026-01-05T09:00:00Z"));
        let late = |tag: &TagReference, memory: &CheckMemory, by: i64| {
            let at = Timestamp::from_second(due.as_second() + by).unwrap();
            due::late(&key, tag, &docs, Some(memory), at)
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
