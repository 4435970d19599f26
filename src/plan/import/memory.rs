//! What is remembered of checks: pure, so that every edge remembers alike.

use super::Following;
use crate::model::{Period, Timestamp};
use crate::plan::facts::{
    Answer, CheckMemory, Failure, FollowMemory, Listing, Outcome, PANICKED, Resolved,
};

/// Whether what is remembered of a tag is about another source than it has now.
fn asks_elsewhere(memory: &CheckMemory, source: &str) -> bool {
    !memory.source.is_empty() && memory.source != source
}

/// What is remembered of this source of a tag: a newer one that it followed to is known since before it moved there. `None`
/// where all that is known is about another one.
pub(super) fn of_source<'m>(memory: &'m CheckMemory, source: &str) -> Option<&'m CheckMemory> {
    if !asks_elsewhere(memory, source) {
        return Some(memory);
    }
    let next = memory.follow.as_deref().map(|follow| &follow.next);
    next.filter(|next| next.source == source)
}

/// What is remembered of a tag after an answer about `source`, its `from.name`. Failures back off from half a minute, doubling,
/// to the interval at most.
pub fn remember(
    memory: &CheckMemory,
    source: &str,
    at: Timestamp,
    outcome: Result<&Resolved, &Failure>,
    head: Option<&str>,
    interval: Period,
) -> CheckMemory {
    let known = of_source(memory, source).cloned().unwrap_or_default();
    let mut next = match outcome {
        Ok(resolved) => {
            let differs = head.is_none_or(|h| h != resolved.digest.as_str());
            let times = known.times_seen(&resolved.digest, at);
            let seen = known.seen.filter(|(d, _)| *d == resolved.digest);
            CheckMemory {
                seen: differs.then(|| seen.unwrap_or((resolved.digest.clone(), at))),
                times: if differs { times } else { 0 },
                ..succeeded(at)
            }
        }
        Err(failure) => failed(known, failure, at, interval),
    };
    source.clone_into(&mut next.source);
    next.follow.clone_from(&memory.follow);
    next
}

/// What is remembered of a tag that takes single images, after an answer that named an index; `reading` tells how reading that
/// went, if it was read yet. Until then a row of failures goes on.
pub fn remember_index(
    memory: &CheckMemory,
    source: &str,
    (at, resolved): (Timestamp, &Resolved),
    reading: Option<Result<(), Failure>>,
    head: Option<&str>,
    interval: Period,
) -> CheckMemory {
    let mut next = remember(memory, source, at, Ok(resolved), head, interval);
    if reading.is_none() {
        // Once it is read, this tells what was read.
        next.seen.get_or_insert((resolved.digest.clone(), at));
    }
    let Some(known) = of_source(memory, source).filter(|known| known.failures > 0) else {
        return match reading {
            Some(Err(failure)) => remember(&next, source, at, Err(&failure), head, interval),
            _ => next,
        };
    };
    let fails = CheckMemory {
        failures: known.failures,
        failing_since: known.failing_since,
        reason: known.reason.clone(),
        message: known.message.clone(),
        party: known.party,
        heals: known.heals,
        next_try: known.next_try,
        ..next.clone()
    };
    match reading {
        Some(Ok(())) => next,
        Some(Err(failure)) => remember(&fails, source, at, Err(&failure), head, interval),
        None => fails,
    }
}

/// What is remembered once the index that a tag was seen to have is read.
pub fn remember_reading(
    memory: &CheckMemory,
    (at, reading): At<'_, ()>,
    interval: Period,
) -> CheckMemory {
    match reading {
        Err(failure) => failed(memory.clone(), failure, at, interval),
        Ok(()) => CheckMemory {
            source: memory.source.clone(),
            seen: memory.seen.clone(),
            times: memory.times,
            follow: memory.follow.clone(),
            ..succeeded(at)
        },
    }
}

/// The same of what has no digest: a list.
pub(super) fn after(
    known: CheckMemory,
    at: Timestamp,
    outcome: Result<(), &Failure>,
    interval: Period,
) -> CheckMemory {
    match outcome {
        Ok(()) => succeeded(at),
        Err(failure) => failed(known, failure, at, interval),
    }
}

fn succeeded(at: Timestamp) -> CheckMemory {
    CheckMemory {
        last_check: Some(at),
        last_success: Some(at),
        ..CheckMemory::default()
    }
}

fn failed(
    mut known: CheckMemory,
    failure: &Failure,
    at: Timestamp,
    interval: Period,
) -> CheckMemory {
    known.last_check = Some(at);
    if known.reason != failure.reason || known.failures == 0 {
        known.failing_since = Some(at);
    }
    known.failures = known.failures.saturating_add(1);
    known.reason.clone_from(&failure.reason);
    known.message.clone_from(&failure.message);
    known.party = failure.party;
    // A bug of ours is there again at the next try, for all we know.
    known.heals = failure.transient && failure.reason != PANICKED;
    let wait = 30_u64.saturating_mul(1 << known.failures.saturating_sub(1).min(20));
    let by_backoff = Period::seconds(wait.min(interval.as_seconds().max(30))).after(at);
    known.next_try = Some(failure.retry_at.map_or(by_backoff, |r| r.max(by_backoff)));
    known
}

/// An answer and when it came.
pub type At<'a, T> = (Timestamp, Result<&'a T, &'a Failure>);

/// When an answer came, and what it was.
pub const fn said<T>(answer: &Answer<T>) -> At<'_, T> {
    let outcome = match &answer.outcome {
        Outcome::Ok(it) => Ok(it),
        Outcome::Failed(failure) => Err(failure),
    };
    (answer.at, outcome)
}

/// Answers to what a tag that follows a rule asks beside its source.
#[derive(Debug, Clone, Copy)]
pub struct Followings<'a> {
    /// Of the list of tags, if it was asked for.
    pub list: Option<At<'a, Listing>>,
    /// The digest that the tag has.
    pub head: Option<&'a str>,
    /// How often it is asked for.
    pub interval: Period,
}

/// What is remembered of a tag that follows a rule after answers to what it asks; `resolved` tells how asking for a
/// reference went, if it was asked for.
pub fn remember_follow<'a>(
    memory: &CheckMemory,
    following: &Following<'_>,
    answers: Followings<'a>,
    resolved: impl FnOnce(&str) -> Option<At<'a, Resolved>>,
) -> Option<Box<FollowMemory>> {
    let source = following.source();
    let known = memory.follow.as_deref();
    let known = known.filter(|follow| follow.list.source == source).cloned();
    let mut follow = known.unwrap_or_default();
    if let Some((at, outcome)) = answers.list {
        follow.list = after(follow.list, at, outcome.map(drop), answers.interval);
        follow.list.source = source;
        if let (Ok(listing), Ok(rule)) = (outcome, following.rule()) {
            let newest = rule.newest(listing.tags.iter().map(|tag| &**tag));
            follow.newest = newest.map(str::to_owned);
            follow.tags = listing.tags.len();
        }
    }
    let newest = follow.newest.as_deref();
    let next = newest.filter(|newest| following.has() != Some(newest));
    if let Some((newest, (at, outcome))) = next.and_then(|next| Some((next, resolved(next)?))) {
        let name = following.name_of(newest);
        let (head, interval) = (answers.head, answers.interval);
        follow.next = remember(&follow.next, &name, at, outcome, head, interval);
    }
    (follow != FollowMemory::default()).then(|| Box::new(follow))
}
