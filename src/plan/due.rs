//! When tags are due, which goes first, and how late they were. Tags that were once asked together come apart by the names of
//! their sources; none is due later than its interval says, and none more than a tenth of it earlier.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::facts::{CheckMemory, Facts};
use super::observation::Observation;
use super::question::Resolve;
use crate::manifests::Documents;
use crate::model::object::hash8;
use crate::model::promotion::INTERVAL;
use crate::model::{ImageReference, Period, StreamKey, TagKey, TagReference, Timestamp};

/// A tag is asked for up to this part of its interval early, by the name of its source.
const EARLY: u64 = 10;

/// How often a tag is to be asked for: what it says, else what the repository says.
pub fn interval(tag: &TagReference, docs: &Documents) -> Period {
    let said = tag.annotations.get(INTERVAL);
    said.and_then(|text| text.parse().ok())
        .unwrap_or(docs.config.spec.import.interval)
}

/// When a source that was last asked for at `last` is due again. Every source has a second of its own in its interval, by a
/// hash of its name, and goes towards it by a tenth of the interval a time; once there it stays. Streams that watch the same
/// source come together there, and are served by one question.
pub fn next(source: &str, interval: Period, last: Timestamp) -> Timestamp {
    let latest = interval.after(last);
    let whole = interval.as_seconds();
    let (Ok(length), Ok(early)) = (i64::try_from(whole), i64::try_from(whole / EARLY)) else {
        return latest;
    };
    if early == 0 {
        return latest;
    }
    let own = i64::from_str_radix(&hash8(source), 16).unwrap_or(0) % length;
    let behind = (latest.as_second() - own).rem_euclid(length);
    Timestamp::from_second(latest.as_second() - behind.min(early)).unwrap_or(latest)
}

/// Whether a source that was last asked for at `last` is due again: the same as comparing with [`next`], which hashes its
/// name, but only where that can make a difference.
pub fn is_time(source: &str, interval: Period, last: Timestamp, now: Timestamp) -> bool {
    let latest = interval.after(last);
    let early = i64::try_from(interval.as_seconds() / EARLY).unwrap_or(0);
    if latest <= now {
        return true;
    }
    latest.as_second().saturating_sub(early) <= now.as_second()
        && next(source, interval, last) <= now
}

/// Since when a tag is due; `None` for one that has no time, as before its first check: it comes before all others.
fn since(tag: &TagReference, docs: &Documents, memory: Option<&CheckMemory>) -> Option<Timestamp> {
    let memory = memory?;
    let last = memory.last_check?;
    let source = tag.from.as_ref().filter(|_| tag.import_policy.scheduled);
    let by_interval = || source.map(|from| next(&from.name, interval(tag, docs), last));
    memory.next_try.or_else(by_interval)
}

/// How long after its time a tag was asked for; `None` before its time, and if it had none.
pub fn late(
    tag: &TagReference,
    docs: &Documents,
    memory: Option<&CheckMemory>,
    at: Timestamp,
) -> Option<Period> {
    let due = since(tag, docs, memory)?;
    let seconds = at.as_second().checked_sub(due.as_second())?;
    u64::try_from(seconds).ok().map(Period::seconds)
}

/// Questions in the order in which they are to be asked: what waited longest first, then by name. With it, no tag starves
/// behind a host that is too slow for all of them.
pub fn oldest_first(asked: &mut [Resolve], facts: &Facts, docs: &Documents) {
    if asked.len() < 2 {
        return;
    }
    let wanted: BTreeSet<&Resolve> = asked.iter().collect();
    let mut times: BTreeMap<Resolve, Option<Timestamp>> = BTreeMap::new();
    each(docs, |key, tag, question| {
        if wanted.contains(&question) {
            let since = since(tag, docs, facts.memory.get(key));
            let time = times.entry(question).or_insert(since);
            *time = (*time).min(since);
        }
    });
    asked.sort_by(|a, b| {
        let of = |question: &Resolve| times.get(question).copied().flatten();
        (of(a), a).cmp(&(of(b), b))
    });
}

/// How late tags were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lateness {
    /// Tags that were asked for when it was time again.
    pub checked: usize,
    /// Seconds that 99 of 100 of them were late at most.
    pub p99_seconds: u64,
    /// Seconds that the last of them was late.
    pub most_seconds: u64,
}

/// How late the tags were that this observation has answers for. What was never asked before cannot be late.
pub fn lateness(obs: &Observation) -> Lateness {
    let (facts, docs) = (&obs.facts, &*obs.snapshot.documents);
    if facts.resolved.is_empty() {
        return Lateness::default();
    }
    let mut late = Vec::new();
    each(docs, |key, tag, question| {
        let Some(answer) = facts.resolved.get(&question) else {
            return;
        };
        let at = answer.asked_at();
        let by = self::late(tag, docs, facts.memory.get(key), at);
        late.extend(by.map(|by| by.as_seconds()));
    });
    late.sort_unstable();
    let at = |share: usize| late.get((late.len() * share).div_ceil(100).saturating_sub(1));
    Lateness {
        checked: late.len(),
        p99_seconds: at(99).copied().unwrap_or(0),
        most_seconds: late.last().copied().unwrap_or(0),
    }
}

/// Tags that are asked for again and again, but not yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resting {
    /// How many.
    pub tags: usize,
    /// When the first of them is due.
    pub next: Timestamp,
}

/// The tags that were not asked for in this pass because they were asked a short while ago, if there are any.
pub fn resting(obs: &Observation) -> Option<Resting> {
    let (facts, docs) = (&obs.facts, &*obs.snapshot.documents);
    let mut times = Vec::new();
    each(docs, |key, tag, question| {
        // What another pass at the same instant asked for was asked for.
        let before = |memory: &&CheckMemory| memory.last_check.is_some_and(|at| at < facts.now);
        let memory = facts.memory.get(key).filter(before);
        let due = since(tag, docs, memory).filter(|due| *due > facts.now);
        times.extend(due.filter(|_| !facts.resolved.contains_key(&question)));
    });
    let next = times.iter().min().copied()?;
    Some(Resting {
        tags: times.len(),
        next,
    })
}

/// Every tag that takes its image from a registry, with the question that asks for it.
fn each(docs: &Documents, mut tell: impl FnMut(&TagKey, &TagReference, Resolve)) {
    for (stream, located) in &docs.streams {
        for tag in located.value.spec.tags.iter() {
            if let Some(question) = question(stream, tag) {
                tell(&TagKey::new(stream.clone(), &tag.name), tag, question);
            }
        }
    }
}

/// The question that a tag asks, if it takes its image from a registry.
pub fn question(stream: &StreamKey, tag: &TagReference) -> Option<Resolve> {
    let from = tag.from.as_ref()?;
    let from = (from.kind == "DockerImage" && !tag.reference).then_some(from)?;
    let reference: ImageReference = from.name.parse().ok()?;
    Some(Resolve {
        reference,
        namespace: stream.namespace.clone(),
        insecure: tag.import_policy.insecure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::model::Digest;
    use crate::model::time::elapsed;
    use crate::plan::facts::{Answer, Outcome, Resolved};
    use crate::plan::kit::{Kit, at};

    const MANY: usize = 10_000;
    const QUARTER: Period = Period::seconds(900);

    fn source(n: usize) -> String {
        format!("q.io/acme/s{n}:main")
    }

    fn key(n: usize) -> TagKey {
        TagKey::new(format!("team/s{n}").try_into().unwrap(), "main")
    }

    #[test]
    fn ten_thousand_tags_asked_in_one_second_come_apart_and_none_is_ever_late() {
        // Everything was asked in minute nought. How many are asked in the busiest minute of each hour?
        let sources: Vec<String> = (0..MANY).map(source).collect();
        let mut last = vec![at(0); MANY];
        let mut busiest = [0_usize; 5];
        let mut total = [0_usize; 5];
        for minute in 1..=300 {
            let now = at(minute);
            let hour = usize::try_from((minute - 1) / 60).unwrap();
            let mut asked = 0;
            for (source, last) in sources.iter().zip(&mut last) {
                let due = next(source, QUARTER, *last);
                let waits = due.as_second() - last.as_second();
                assert!((810..=900).contains(&waits), "{waits}");
                if due <= now {
                    asked += 1;
                    *last = now;
                }
            }
            busiest[hour] = busiest[hour].max(asked);
            total[hour] += asked;
        }
        // Side by side they are 667 a minute. Together they are 10,000 every fifteen minutes.
        assert!(busiest[0] > 5_000, "{busiest:?}");
        assert!(busiest[4] < 800, "{busiest:?}");
        assert!((40_000..=40_100).contains(&total[4]), "{total:?}");
    }

    #[test]
    fn streams_that_watch_one_source_come_to_be_asked_together() {
        // Two streams that were first asked for five minutes apart: how far apart are they in the end?
        let mut last = [at(0), at(5)];
        for minute in 1..=300 {
            for last in &mut last {
                if next(&source(1), QUARTER, *last) <= at(minute) {
                    *last = at(minute);
                }
            }
        }
        assert_eq!(last[0], last[1]);
    }

    #[test]
    fn short_intervals_are_left_alone_and_long_ones_overflow_nothing() {
        for seconds in [0, 1, 9] {
            let period = Period::seconds(seconds);
            assert_eq!(next(&source(1), period, at(0)), period.after(at(0)));
        }
        let longest = Period::seconds(u64::MAX);
        assert!(next(&source(1), longest, at(0)) > at(0));
        let end = Timestamp::MAX;
        assert!(next(&source(1), longest, end) <= end);
    }

    /// A repository of streams `s0`, `s1`, ... that follow one tag each.
    fn crowd(checked: &[Option<i64>], now: i64) -> Observation {
        let files: Vec<(String, String)> = (0..checked.len())
            .map(|n| {
                let text = format!(
                    "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: s{n}, namespace: team}}\nspec: {{tags: [{{name: main, from: {{kind: DockerImage, name: \"q.io/acme/s{n}:main\"}}, importPolicy: {{scheduled: true}}}}]}}\n"
                );
                (format!("streams/s{n}.yaml"), text)
            })
            .collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (&**p, &**t)).collect();
        let mut obs = Kit::new(&files).now(now).observe();
        for (n, minute) in checked.iter().enumerate() {
            if let Some(minute) = minute {
                let memory = CheckMemory {
                    last_check: Some(at(*minute)),
                    ..CheckMemory::default()
                };
                Arc::make_mut(&mut obs.facts.memory).insert(key(n), memory);
            }
        }
        obs
    }

    fn asked(obs: &Observation) -> Vec<Resolve> {
        let mut all = Vec::new();
        each(&obs.snapshot.documents, |_, _, question| all.push(question));
        all
    }

    #[test]
    fn what_waited_longest_is_asked_first_and_what_is_not_known_before_that() {
        let obs = crowd(&[Some(40), Some(0), None, Some(20)], 100);
        let mut questions = asked(&obs);
        questions.reverse();
        oldest_first(&mut questions, &obs.facts, &obs.snapshot.documents);
        let names: Vec<String> = questions.iter().map(|q| q.reference.to_string()).collect();
        assert_eq!(
            names,
            [2, 1, 3, 0].map(|n| format!("q.io/acme/s{n}:main")),
            "s2 was never asked for"
        );
    }

    #[test]
    fn lateness_is_told_of_what_was_due_again() {
        let mut obs = crowd(&[Some(0), Some(10), None], 30);
        assert_eq!(lateness(&obs), Lateness::default(), "nothing was answered");
        for question in asked(&obs) {
            let outcome = Outcome::Ok(Resolved {
                digest: Digest::sha256(b"1"),
                media_type: String::new(),
            });
            let at = obs.facts.now;
            let asked = None;
            let answer = Answer { at, asked, outcome };
            obs.facts.resolved.insert(question, answer);
        }
        let late = lateness(&obs);
        let wanted = [(0, 30), (1, 20)].map(|(n, minutes): (usize, i64)| {
            let due = next(&source(n), QUARTER, at(30 - minutes));
            elapsed(due, at(30)).as_seconds()
        });
        assert_eq!(late.checked, 2);
        assert_eq!(
            (late.p99_seconds, late.most_seconds),
            (wanted[0], wanted[0])
        );
        assert!(wanted[0] > wanted[1]);
    }
}
