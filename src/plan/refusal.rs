//! Refusals: what the server did not take by a rule of its own (a hook, a protected branch). What was refused is held with
//! the server's words until its content changes or its next try has come; everything else goes on.

use std::collections::{BTreeMap, BTreeSet};

use super::Plan;
use super::change::sets::{Reach, id_of_item};
use super::change::wave::Item;
use super::desk::Desk;
use super::effect::Effect;
use super::facts::RefusedPush;
use super::facts::marker::{Marker, Subject as Carries};
use super::report::{Change, HoldReport, State, Subject};
use crate::model::object::hash16;
use crate::model::workflow_run::RunKey;
use crate::model::{BlobId, CommitId, Period, TagKey, Timestamp};
use crate::plan::output::survey::Survey;
use crate::plan::road::StageView;

/// The first wait, in seconds; each further refusal doubles it.
const FIRST_WAIT: u64 = 60;
/// The longest wait, in seconds.
const LONGEST_WAIT: u64 = 3600;
/// The same of a merge, in seconds: what it waits for may come at any moment.
const LONGEST_MERGE: u64 = 300;
/// How changes begin that are merges.
const MERGE: &str = "merge-";
/// What was not refused again for so many seconds after its next try is forgotten: it was taken, or nobody wants it.
const FORGOTTEN_AFTER: u64 = 2 * 3600;
/// More are not remembered.
const MOST: usize = 10_000;

/// Changes by which refusals are remembered, each with what it is about, where that is known.
pub type Changes = Vec<(String, Option<Subject>)>;

/// What is remembered after a refusal of these changes, each with what it is about: pure, so that every edge remembers
/// alike.
pub fn remember(
    memory: &mut BTreeMap<String, RefusedPush>,
    changes: &[(String, Option<Subject>)],
    why: &str,
    now: Timestamp,
) {
    memory.retain(|_, r| !is_forgotten(r, now));
    for (change, about) in changes {
        let known = memory.get(change);
        let times = known.map_or(0, |r| r.times).saturating_add(1);
        let wait = FIRST_WAIT.saturating_mul(1 << (times - 1).min(20));
        let longest = match change.starts_with(MERGE) {
            true => LONGEST_MERGE,
            false => LONGEST_WAIT,
        };
        let refused = RefusedPush {
            why: why.to_owned(),
            times,
            since: known.map_or(now, |r| r.since),
            at: now,
            next_try: Period::seconds(wait.min(longest)).after(now),
            about: about.clone(),
        };
        if known.is_some() || memory.len() < MOST {
            memory.insert(change.clone(), refused);
        }
    }
}

/// Whether it was taken since, or nobody wants it any more. A memory from the future is no memory.
fn is_forgotten(refused: &RefusedPush, now: Timestamp) -> bool {
    refused.at > now || now >= Period::seconds(FORGOTTEN_AFTER).after(refused.next_try)
}

/// Forgets what was refused before and is taken now, and whatever else of the same subject. Whether that changed anything.
pub fn forget(
    memory: &mut BTreeMap<String, RefusedPush>,
    taken: &[(String, Option<Subject>)],
) -> bool {
    let before = memory.len();
    memory.retain(|change, refused| {
        let about = |about: &Option<Subject>| about.is_some() && *about == refused.about;
        !taken.iter().any(|(id, a)| id == change || about(a))
    });
    memory.len() != before
}

/// The changes of a plan, each with what it is about, as far as the plan itself tells.
pub fn changes_about(plan: &Plan) -> Changes {
    let changes = plan.effects.iter().flat_map(|effect| match effect {
        Effect::PushBase { sets, .. } => {
            let sets = sets.iter();
            sets.map(|set| (set.id.clone(), set.about.clone()))
                .collect()
        }
        other => {
            let ids = changes_of(other).into_iter();
            ids.map(|id| (id, None)).collect::<Vec<_>>()
        }
    });
    changes.collect()
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
        Effect::MergePullRequest { id, head, .. } | Effect::EnqueuePullRequest { id, head, .. } => {
            // Refused for good outweighs that something is missing.
            let refused = hash16(&format!("merge\n{id}\n{head}"));
            vec![refused, merge_id(id, head)]
        }
        Effect::SetCommitStatus { id, head, status } => {
            vec![hash16(&format!("status\n{id}\n{head}\n{}", status.context))]
        }
        Effect::TendPullRequest { id, tending } => {
            let labels = tending.labels.iter().map(|label| label_id(id, label));
            let asked = tending.ask.iter().map(|who| ask_id(id, who));
            let notes = tending.notes.iter().map(|note| note_id(id, &note.key));
            labels.chain(asked).chain(notes).collect()
        }
        Effect::RecordMerge { id } => vec![hash16(&format!("record\n{id}"))],
        Effect::ClearBranches { .. } => vec![hash16("clear")],
        Effect::RecordDeployment { deployment, .. } => vec![deployment_id(&deployment.key)],
        Effect::DispatchWorkflow { dispatch, .. } => vec![dispatch_id(&dispatch.key)],
        Effect::ClosePullRequest { id, .. } => vec![hash16(&format!("close\n{id}"))],
    }
}

/// By which it is remembered that a merge has to wait.
pub fn merge_id(pull: &str, head: &CommitId) -> String {
    format!("{MERGE}{}", hash16(&format!("merge\n{pull}\n{head}")))
}

/// By which the refusal of a deployment is remembered.
pub fn deployment_id(key: &str) -> String {
    hash16(&format!("deployment\n{key}"))
}

/// By which it is remembered that a run could not be started.
pub fn dispatch_id(key: &RunKey) -> String {
    hash16(&format!("dispatch\n{key}"))
}

/// By which the refusal of a label is remembered.
pub fn label_id(pull: &str, label: &str) -> String {
    hash16(&format!("label\n{pull}\n{label}"))
}

/// By which it is remembered that somebody could not be asked.
pub fn ask_id(pull: &str, who: &str) -> String {
    hash16(&format!("ask\n{pull}\n{who}"))
}

/// By which the refusal of a note is remembered.
pub fn note_id(pull: &str, key: &str) -> String {
    hash16(&format!("note\n{pull}\n{key}"))
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
        let subjects = subjects_of(&effect, desk);
        let changes = changes_of(&effect);
        let mut refused = |subject: &Subject| {
            let mut changes = changes.iter();
            changes.find_map(|id| hold(id, subject, desk))
        };
        let refused: Vec<HoldReport> = subjects.iter().filter_map(&mut refused).collect();
        match refused.is_empty() {
            false => holds.extend(refused),
            true => left.push((effect, change)),
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
    Some(match change.starts_with(MERGE) {
        true => blocked(refused, subject),
        false => told(refused, subject, Some(refused.next_try)),
    })
}

/// A merge that the forge does not carry out yet: what is lacking is for people, or other programs, to bring.
fn blocked(refused: &RefusedPush, subject: &Subject) -> HoldReport {
    HoldReport {
        subject: subject.clone(),
        reason: "MergeBlocked".to_owned(),
        why: format!("the forge does not merge it yet: {}", refused.why),
        until: Some(refused.next_try),
        help: None,
        state: State::Waiting,
    }
}

fn told(refused: &RefusedPush, subject: &Subject, until: Option<Timestamp>) -> HoldReport {
    let times = match refused.times {
        1 => format!("refused at {}", refused.at),
        more => format!("refused {more} times since {}", refused.since),
    };
    let what = match refused.about {
        Some(_) => "the push",
        None => "this",
    };
    HoldReport {
        subject: subject.clone(),
        reason: "PushRefused".to_owned(),
        why: format!("{what} was refused: {} ({times})", refused.why),
        until,
        help: Some(
            "see to what refused it, or change what is written; `headwater run` tries again at once"
                .to_owned(),
        ),
        state: State::Broken,
    }
}

/// Imports that were refused and that this plan does not speak of, because no registry was asked: the digest that was seen
/// last is still not the one on the base.
pub fn still(
    spoken: &[HoldReport],
    planned: &[Effect],
    views: &[&StageView<'_>],
    desk: &Desk<'_>,
) -> Vec<HoldReport> {
    let planned: BTreeSet<Subject> = planned.iter().flat_map(abouts_of).collect();
    let mut holds: BTreeMap<&Subject, HoldReport> = BTreeMap::new();
    let mut known: Vec<&RefusedPush> = desk.obs.facts.refused.values().collect();
    known.sort_by_key(|refused| refused.at);
    for refused in known {
        let Some(about) = refused.about.as_ref().filter(|about| {
            !planned.contains(about)
                && !spoken.iter().any(|hold| hold.subject == **about)
                && imported_by(about, views)
                    .iter()
                    .any(|tag| is_untaken(tag, desk))
        }) else {
            continue;
        };
        if !is_forgotten(refused, desk.now()) {
            let until = Some(refused.next_try).filter(|next| *next > desk.now());
            holds.insert(about, told(refused, about, until));
        }
    }
    holds.into_values().collect()
}

fn abouts_of(effect: &Effect) -> Vec<Subject> {
    match effect {
        Effect::PushBase { sets, .. } => sets.iter().filter_map(|s| s.about.clone()).collect(),
        _ => Vec::new(),
    }
}

/// Tags that a change takes from registries.
fn imported_by(about: &Subject, views: &[&StageView<'_>]) -> Vec<TagKey> {
    match about {
        Subject::Tag(tag) => vec![tag.clone()],
        Subject::Stage(key) => {
            let first = views.iter().filter(|v| v.key == *key && v.is_first());
            let tags =
                first.flat_map(|v| v.streams.iter().map(|s| TagKey::new(s.clone(), v.tag())));
            tags.collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a registry had another digest for a tag than the base has, when it was last asked.
fn is_untaken(tag: &TagKey, desk: &Desk<'_>) -> bool {
    let memory = desk.obs.facts.memory.get(tag);
    let seen = memory.and_then(|memory| memory.seen.as_ref());
    let head = desk.stream(&tag.stream).and_then(|s| s.head(&tag.tag));
    seen.is_some_and(|(digest, _)| head.is_none_or(|head| !head.is_of(digest)))
}

/// What an effect on a pull request is about: every stage that it moves; never empty.
pub fn subjects_of(effect: &Effect, desk: &Desk<'_>) -> Vec<Subject> {
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
        | Effect::EnqueuePullRequest { id, .. }
        | Effect::SetCommitStatus { id, .. }
        | Effect::TendPullRequest { id, .. }
        | Effect::RecordMerge { id } => known(id),
        Effect::RecordDeployment { deployment, .. } => {
            return vec![Subject::Environment(deployment.place.environment.clone())];
        }
        Effect::DispatchWorkflow { stage, .. } => return vec![Subject::Stage(stage.clone())],
        Effect::PushBase { .. } | Effect::ClearBranches { .. } => None,
    };
    let stages = marker.map_or_else(Vec::new, Marker::stages);
    if !stages.is_empty() {
        let stages = stages.into_iter();
        return stages.map(|stage| Subject::Stage(stage.clone())).collect();
    }
    let subject = match marker.map(|marker| &marker.subject) {
        Some(Carries::Environment { environment, .. }) => environment
            .parse()
            .map_or(Subject::Repository, Subject::Environment),
        _ => Subject::Repository,
    };
    vec![subject]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::facts::CheckMemory;
    use crate::plan::kit::{Kit, at, digest, myapp, pipeline};

    #[test]
    fn waits_double_up_to_an_hour_and_what_is_not_refused_again_is_forgotten() {
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        let mut memory = BTreeMap::new();
        let mut now = start;
        let mut waits = Vec::new();
        for _ in 0..9 {
            remember(&mut memory, &[("a".to_owned(), None)], "no", now);
            let next = memory["a"].next_try;
            waits.push(next.as_second() - now.as_second());
            now = next;
        }
        assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
        assert_eq!((memory["a"].times, memory["a"].since), (9, start));

        let later = Period::seconds(FORGOTTEN_AFTER).after(now);
        remember(&mut memory, &[("b".to_owned(), None)], "no", later);
        assert_eq!(memory.keys().collect::<Vec<_>>(), ["b"]);
        let before = Timestamp::from_second(1_600_000_000).unwrap();
        remember(&mut memory, &[("c".to_owned(), None)], "no", before);
        assert_eq!(
            memory.keys().collect::<Vec<_>>(),
            ["c"],
            "a clock that was ahead"
        );
    }

    #[test]
    fn what_is_taken_is_forgotten_with_all_that_is_about_the_same() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let tag = |name: &str| Some(Subject::Tag(TagKey::new(myapp(), name)));
        let mut memory = BTreeMap::new();
        let refused =
            [("a", "x"), ("b", "x"), ("c", "y")].map(|(id, name)| (id.to_owned(), tag(name)));
        remember(&mut memory, &refused, "no", now);
        assert!(!forget(&mut memory, &[("d".to_owned(), None)]));
        assert!(forget(&mut memory, &[("d".to_owned(), tag("x"))]));
        assert_eq!(memory.keys().collect::<Vec<_>>(), ["c"]);
        assert!(forget(&mut memory, &[("c".to_owned(), None)]));
    }

    #[test]
    fn an_import_that_was_refused_is_told_without_asking_the_registry_again() {
        let made = |seen: &str, now: i64| {
            let mut obs = Kit::new(&[("pipelines/myapp/pipeline.yaml", &pipeline("", ""))])
                .moves("dev", "1")
                .moves("qa", "1")
                .moves("prod", "1")
                .now(now)
                .observe();
            let about = Subject::Stage("myapp/dev".parse().unwrap());
            for minute in [5, 6] {
                let changes = [("id".to_owned(), Some(about.clone()))];
                remember(
                    &mut obs.facts.refused,
                    &changes,
                    "closed tonight",
                    at(minute),
                );
            }
            let memory = CheckMemory {
                last_check: Some(at(6)),
                seen: Some((digest(seen), at(5))),
                ..CheckMemory::default()
            };
            let tag = TagKey::new(myapp(), "dev");
            std::sync::Arc::make_mut(&mut obs.facts.memory).insert(tag, memory);
            let plan = crate::plan::plan(&obs);
            let held = plan.holds.iter().any(|h| h.reason == "PushRefused");
            let dev = plan.stages.into_iter().next().unwrap();
            assert_eq!(held, dev.state == State::Broken, "{dev:?}");
            dev
        };
        let dev = made("2", 7);
        assert_eq!(dev.state, State::Broken);
        for words in ["closed tonight", "refused 2 times since"] {
            assert!(dev.why.contains(words), "{dev:?}");
        }
        assert_eq!(dev.until, Some(at(8)), "the next try");
        let due = made("2", 9);
        assert_eq!((due.state, due.until), (State::Broken, None));
        assert_ne!(
            made("1", 7).state,
            State::Broken,
            "the base has what was seen"
        );
        assert_ne!(made("2", 500).state, State::Broken, "forgotten");
    }
}
