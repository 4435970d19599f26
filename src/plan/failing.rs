//! Imports that fail, as people are told of them. What heals by itself waits and is tried again; it is broken once it has
//! lasted, or where somebody has to act.

use super::desk::Desk;
use super::facts::{CheckMemory, Facts, PANICKED};
use super::report::{HoldReport, State, Subject};
use super::shield::stalled;
use crate::model::time::stamp;
use crate::model::{ImageReference, Period, TagKey, Timestamp};

/// A failure lasts from now on: one that a person must mend is written into Git, one that heals by itself is one that
/// somebody should look at.
pub const LASTING: Period = Period::seconds(3600);

/// A tag is stalled when a bug of ours has stopped its check so many times in a row.
const STALLED_AFTER: u32 = 3;

/// The word for a tag whose check failed.
const FAILED: &str = "ImportFailed";

/// Whether nobody has to do anything about a failed check yet: it heals by itself, and did not last.
pub fn waits(memory: &CheckMemory, now: Timestamp) -> bool {
    let lasts = |since| LASTING.after(since) <= now;
    memory.heals && !memory.failing_since.is_some_and(lasts)
}

/// Whether nobody has to do anything yet about a forge that did not tell its pull requests.
pub fn forge_waits(facts: &Facts) -> bool {
    let heals = facts
        .forge_failure
        .as_ref()
        .is_some_and(|failure| failure.transient);
    let since = facts
        .forge_trouble
        .as_ref()
        .and_then(|trouble| trouble.since);
    heals && since.is_none_or(|since| LASTING.after(since) > facts.now)
}

/// Whether a hold is about a check that waits for its next try.
pub fn is_tried_again(hold: &HoldReport) -> bool {
    hold.reason == FAILED && hold.state == State::Waiting
}

/// A failed check is reported, also while the next one is not due: since when it fails, how often it was tried, when it is
/// tried again, and what a person can do.
pub(super) fn report_failure(
    key: &TagKey,
    about: &ImageReference,
    memory: &CheckMemory,
    desk: &mut Desk<'_>,
) {
    let Some(since) = memory.failing_since.filter(|_| memory.failures > 0) else {
        if memory.last_check.is_none() {
            report_recorded(key, about, desk);
        }
        return;
    };
    let tries = match memory.failures {
        1 => "1 try".to_owned(),
        more => format!("{more} tries"),
    };
    let why = format!(
        "{} ({}) since {}, {tries}",
        memory.message,
        memory.reason,
        stamp(since)
    );
    let help = help(key, about, memory, desk);
    let again = memory.reason == PANICKED && memory.failures >= STALLED_AFTER;
    let (reason, state, why) = match (again, waits(memory, desk.now()), memory.next_try) {
        (true, ..) => ("Stalled", State::Broken, stalled(&why)),
        (_, true, Some(next)) => {
            let why = format!("{why}, next try {}", stamp(next));
            (FAILED, State::Waiting, why)
        }
        (_, true, None) => (FAILED, State::Waiting, why),
        (_, false, _) => (FAILED, State::Broken, why),
    };
    let hold = desk.hold(Subject::Tag(key.clone()), state, reason, why);
    hold.until = memory.next_try;
    hold.help = help;
}

/// A registry that was asked and has not answered yet keeps the tag where it is, and nothing else.
pub(super) fn report_silence(
    key: &TagKey,
    asked: &ImageReference,
    since: Timestamp,
    desk: &mut Desk<'_>,
) {
    let host = asked.repository.registry();
    let since = stamp(since);
    let why = format!("{host} was asked at {since} and has not answered yet");
    let tag = Subject::Tag(key.clone());
    desk.hold(tag, State::Waiting, "NotAnswered", why);
}

/// Where no check is remembered, what an earlier pass wrote down of the tag still holds.
fn report_recorded(key: &TagKey, about: &ImageReference, desk: &mut Desk<'_>) {
    let stream = desk.stream(&key.stream);
    let list = stream.and_then(|stream| stream.status_tag(&key.tag));
    let mut conditions = list.iter().flat_map(|list| &list.conditions);
    let Some(failed) = conditions.find(|c| c.kind == "ImportSuccess" && c.status == "False") else {
        return;
    };
    let since = failed.last_transition_time.map(stamp);
    let since = since.map_or_else(String::new, |since| format!(" since {since}"));
    let why = format!("{} ({}){since}", failed.message, failed.reason);
    let written = CheckMemory {
        reason: failed.reason.clone(),
        ..CheckMemory::default()
    };
    let help = help(key, about, &written, desk);
    let tag = Subject::Tag(key.clone());
    desk.hold(tag, State::Broken, FAILED, why).help = help;
}

/// What a person can do about a failure to ask for `reference`.
fn help(
    key: &TagKey,
    reference: &ImageReference,
    failing: &CheckMemory,
    desk: &Desk<'_>,
) -> Option<String> {
    let located = desk.docs.streams.get(&key.stream)?;
    let host = reference.repository.registry();
    let path = &located.path;
    let mend = match key.is_all() {
        true => format!("mend `dockerImageRepository` in {path}"),
        false => format!("mend `from` of tag {} in {path}", key.tag),
    };
    match failing.reason.as_str() {
        "InternalError" | "Forbidden" if failing.message.contains("redirects") => Some(format!(
            "whoever runs {host}, or what it redirects to, has to mend that, or {mend}"
        )),
        "Unauthorized" if failing.message.contains("`tokenRealms`") => Some(format!(
            "if that token server may be given credentials, list it in tokenRealms of {host} under registry.registries of the settings, or {mend}"
        )),
        "Unauthorized" => Some(format!(
            "give credentials for {host} under registry.credentials of the settings, or {mend}"
        )),
        "Forbidden" => Some(format!(
            "list {host} under registry.allowed of the settings, or {mend}"
        )),
        "NotFound" => Some(format!("push {reference}, or {mend}")),
        "InternalError" if failing.heals => Some(format!(
            "nothing at once, it is asked again by itself; if this lasts, see that {host} can be reached from here and allows so many requests"
        )),
        "InternalError" => Some(format!(
            "see to the certificate of {host}, or name the authority it is signed by as caFile under registry.registries of the settings, or {mend}"
        )),
        "Invalid" | "DigestMismatch" => Some(format!("push a sound {reference}, or {mend}")),
        _ => None,
    }
}
