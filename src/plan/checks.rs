//! The checks that an observation shows: which tags were asked for, how late, and what is remembered of each afterwards.

use std::collections::BTreeMap;

use super::facts::{Answer, CheckMemory, Failure, Outcome, Resolved};
use super::import::remember;
use super::observation::Observation;
use super::question::Resolve;
use crate::model::promotion::INTERVAL;
use crate::model::{Digest, ImageReference, ImageStream, Period, TagKey, TagReference, Timestamp};

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
    let interval = documents.config.spec.import.interval;
    let mut answers: BTreeMap<String, Vec<(&Resolve, &Answer<Resolved>)>> = BTreeMap::new();
    for (question, answer) in &facts.resolved {
        let name = question.reference.to_string();
        answers.entry(name).or_default().push((question, answer));
    }
    let mut checks = Vec::new();
    for (key, located) in &documents.streams {
        let stream = &located.value;
        for tag in stream.spec.tags.iter() {
            let Some(reference) = source(tag) else {
                continue;
            };
            let tag_key = TagKey::new(key.clone(), &tag.name);
            let asked = answers.get(&reference.to_string()).into_iter().flatten();
            let answer = asked
                .filter(|(question, _)| {
                    question.namespace == key.namespace
                        && question.insecure == tag.import_policy.insecure
                })
                .map(|(_, answer)| *answer)
                .next();
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
                interval,
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
    interval: Period,
) -> Check {
    let said = spec.annotations.get(INTERVAL);
    let interval = said.and_then(|text| text.parse().ok()).unwrap_or(interval);
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
    let head = stream.head(&spec.name).map(|head| head.image.as_str());
    let after = remember(&before, answer.at, outcome, head, interval);
    let scheduled = spec.import_policy.scheduled.then_some(interval);
    Check {
        tag,
        reference,
        after,
        asked: Some(Asked {
            digest: outcome.ok().map(|resolved| resolved.digest.clone()),
            failure: outcome.err().cloned(),
            late: late(&before, scheduled, answer.at),
        }),
        before,
    }
}

/// How long after its time a tag was asked for.
fn late(memory: &CheckMemory, interval: Option<Period>, at: Timestamp) -> Option<Period> {
    let by_interval = || Some(interval?.after(memory.last_check?));
    let due = memory.next_try.or_else(by_interval)?;
    let seconds = at.as_second().checked_sub(due.as_second())?;
    u64::try_from(seconds).ok().map(Period::seconds)
}

/// What a tag is imported from, if it is imported from a registry at all.
pub fn source(tag: &TagReference) -> Option<ImageReference> {
    let from = tag
        .from
        .as_ref()
        .filter(|from| from.kind == "DockerImage")?;
    from.name.parse().ok().filter(|_| !tag.reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_late_by_what_is_behind_its_time() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let quarter = Some(Period::seconds(900));
        let checked = CheckMemory {
            last_check: Some(at("2026-01-05T09:00:00Z")),
            ..CheckMemory::default()
        };
        let now = at("2026-01-05T09:15:07Z");
        assert_eq!(late(&checked, quarter, now), Some(Period::seconds(7)));
        assert_eq!(late(&checked, None, now), None, "it has no schedule");
        assert_eq!(late(&CheckMemory::default(), quarter, now), None);
        let failed = CheckMemory {
            next_try: Some(at("2026-01-05T09:15:00Z")),
            ..checked.clone()
        };
        assert_eq!(late(&failed, None, now), Some(Period::seconds(7)));
        let early = at("2026-01-05T09:10:00Z");
        assert_eq!(late(&checked, quarter, early), None, "before its time");
    }
}
