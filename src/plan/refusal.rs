//! Refusals: what the server did not take by a rule of its own (a hook, a protected branch). What was refused is held with
//! the server's words until its content changes or its next try has come; everything else goes on.

use std::collections::BTreeMap;

use super::change::sets::{Reach, id_of_item};
use super::change::wave::Item;
use super::desk::Desk;
use super::effect::Effect;
use super::facts::RefusedPush;
use super::facts::marker::{Marker, Subject as Carries};
use super::report::{Change, HoldReport, State, Subject};
use crate::model::object::hash16;
use crate::model::{BlobId, Period, Timestamp};
use crate::plan::output::survey::Survey;

/// The first wait, in seconds; each further refusal doubles it.
const FIRST_WAIT: u64 = 60;
/// The longest wait, in seconds.
const LONGEST_WAIT: u64 = 3600;
/// What was not refused again for so many seconds after its next try is forgotten: it was taken, or nobody wants it.
const FORGOTTEN_AFTER: u64 = 2 * 3600;
/// More are not remembered.
const MOST: usize = 10_000;

/// What is remembered after a refusal of these changes: pure, so that every edge remembers alike.
pub fn remember(
    memory: &mut BTreeMap<String, RefusedPush>,
    changes: &[String],
    why: &str,
    now: Timestamp,
) {
    memory.retain(|_, r| r.at <= now && now < Period::seconds(FORGOTTEN_AFTER).after(r.next_try));
    for change in changes {
        let known = memory.get(change);
        let times = known.map_or(0, |r| r.times).saturating_add(1);
        let wait = FIRST_WAIT.saturating_mul(1 << (times - 1).min(20));
        let refused = RefusedPush {
            why: why.to_owned(),
            times,
            since: known.map_or(now, |r| r.since),
            at: now,
            next_try: Period::seconds(wait.min(LONGEST_WAIT)).after(now),
        };
        if known.is_some() || memory.len() < MOST {
            memory.insert(change.clone(), refused);
        }
    }
}

/// By which refusals of an effect are remembered: what it would bring about, whatever the base is by then.
pub fn changes_of(effect: &Effect) -> Vec<String> {
    match effect {
        Effect::PushBase { sets, .. } => sets.iter().map(|set| set.id.clone()).collect(),
        Effect::OpenPullRequest { branch, .. } => vec![hash16(&format!("open\n{branch}"))],
        Effect::UpdatePullRequest {
            id, rebuild, text, ..
        } => {
            let files = rebuild.iter().flat_map(|r| &r.commit.files);
            let files = files.map(|(path, text)| {
                let blob = text.as_ref().map(|text| BlobId::of(text.as_bytes()));
                format!(
                    "{path} {}",
                    blob.map_or_else(String::new, |b| b.to_string())
                )
            });
            let files: Vec<String> = files.collect();
            let text = text.as_ref().map_or("", |text| &text.body);
            vec![hash16(&format!(
                "update\n{id}\n{}\n{text}",
                files.join("\n")
            ))]
        }
        Effect::MergePullRequest { id, head, .. } => vec![hash16(&format!("merge\n{id}\n{head}"))],
        Effect::RecordMerge { id } => vec![hash16(&format!("record\n{id}"))],
        Effect::ClosePullRequest { id, .. } => vec![hash16(&format!("close\n{id}"))],
    }
}

/// The items that may go, and the holds of those that were refused and have to wait.
pub fn part(
    items: Vec<Item>,
    survey: &Survey,
    desk: &mut Desk<'_>,
) -> (Vec<Item>, Vec<HoldReport>) {
    if desk.obs.facts.refused.is_empty() {
        return (items, Vec::new());
    }
    let reach = Reach::of(survey);
    let mut holds = Vec::new();
    let mut left = Vec::new();
    for item in items {
        match hold(&id_of_item(&item, &reach, desk), &item.subject, desk) {
            Some(hold) => holds.push(hold),
            None => left.push(item),
        }
    }
    (left, holds)
}

/// The same for effects on pull requests.
pub fn allowed(
    effects: impl IntoIterator<Item = (Effect, Change)>,
    holds: &mut Vec<HoldReport>,
    desk: &mut Desk<'_>,
) -> Vec<(Effect, Change)> {
    let mut left = Vec::new();
    for (effect, change) in effects {
        let subject = subject_of(&effect, desk);
        let mut changes = changes_of(&effect).into_iter();
        match changes.find_map(|id| hold(&id, &subject, desk)) {
            Some(hold) => holds.push(hold),
            None => left.push((effect, change)),
        }
    }
    left
}

/// The hold for a change, if it was refused and its next try has not come. A memory from the future is no memory.
pub fn hold(change: &str, subject: &Subject, desk: &mut Desk<'_>) -> Option<HoldReport> {
    let refused = desk.obs.facts.refused.get(change)?;
    if refused.at > desk.now() || desk.now() >= refused.next_try {
        return None;
    }
    desk.expires(refused.next_try);
    let times = match refused.times {
        1 => String::new(),
        more => format!(" (refused {more} times since {})", refused.since),
    };
    Some(HoldReport {
        subject: subject.clone(),
        reason: "PushRefused".to_owned(),
        why: format!("the push was refused: {}{times}", refused.why),
        until: Some(refused.next_try),
        help: Some(
            "change the server's rule, or what is written; `headwater run` tries again at once"
                .to_owned(),
        ),
        state: State::Broken,
    })
}

/// What an effect on a pull request is about.
fn subject_of(effect: &Effect, desk: &Desk<'_>) -> Subject {
    let known = |id: &str| {
        let mut pulls = desk.obs.facts.pulls.iter().flatten();
        pulls.find(|pull| pull.id == id).map(|pull| &pull.marker)
    };
    let marker: Option<&Marker> = match effect {
        Effect::OpenPullRequest { text, .. } | Effect::ClosePullRequest { text, .. } => {
            Some(&text.marker)
        }
        Effect::UpdatePullRequest { id, .. }
        | Effect::MergePullRequest { id, .. }
        | Effect::RecordMerge { id } => known(id),
        Effect::PushBase { .. } => None,
    };
    match marker.map(|marker| &marker.subject) {
        Some(Carries::Promotion { stage, .. } | Carries::Act { stage, .. }) => {
            Subject::Stage(stage.clone())
        }
        Some(Carries::Environment { environment, .. }) => environment
            .parse()
            .map_or(Subject::Repository, Subject::Environment),
        Some(Carries::Streams { .. }) | None => Subject::Repository,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour_and_what_is_not_refused_again_is_forgotten() {
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        let mut memory = BTreeMap::new();
        let mut now = start;
        let mut waits = Vec::new();
        for _ in 0..9 {
            remember(&mut memory, &["a".to_owned()], "no", now);
            let next = memory["a"].next_try;
            waits.push(next.as_second() - now.as_second());
            now = next;
        }
        assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
        assert_eq!((memory["a"].times, memory["a"].since), (9, start));

        let later = Period::seconds(FORGOTTEN_AFTER).after(now);
        remember(&mut memory, &["b".to_owned()], "no", later);
        assert_eq!(memory.keys().collect::<Vec<_>>(), ["b"]);
        let before = Timestamp::from_second(1_600_000_000).unwrap();
        remember(&mut memory, &["c".to_owned()], "no", before);
        assert_eq!(
            memory.keys().collect::<Vec<_>>(),
            ["c"],
            "a clock that was ahead"
        );
    }
}
