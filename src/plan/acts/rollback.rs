//! Going back: the move, its record and a Hold that pins the stage, as one change. Release tags stay where they are.

use super::room::{Room, paths};
use super::{Act, ActError, Named, Person, Ran, empty, no, one_line};
use crate::model::environment::RollbackEnter;
use crate::model::hold::{HoldCause, HoldSpec};
use crate::model::promotion::{Cause, Evidence};
use crate::model::{Name, Promotion, Set, StageKey, Timestamp};
use crate::plan::change::propose::move_stage;
use crate::plan::gate::{Asked, Runs, condition};
use crate::plan::observation::Observation;
use crate::plan::road::StageView;
use crate::plan::road::candidates::pulls_of;
use crate::plan::road::timeline::{Stay, Timeline};
use crate::plan::stage::decide::first_timeline;
use crate::plan::stage::first::by_name;

/// Takes a stage back to a set it held before, and keeps it there until `unhold`.
///
/// # Errors
/// When there is nothing to go back to, the set was never here, or facts are lacking.
pub fn rollback(
    obs: &Observation,
    key: &StageKey,
    to: &Named,
    person: &Person,
) -> Result<Act, ActError> {
    let mut room = Room::new(obs);
    let view = room.view(key)?;
    let result = in_room(&mut room, &view, to, person);
    room.done(result)
}

fn in_room(
    room: &mut Room<'_>,
    view: &StageView<'_>,
    to: &Named,
    person: &Person,
) -> Result<Act, ActError> {
    let key = &view.key;
    if view.is_first() {
        return no(
            format!("{key} takes what the registry offers, so it would come again at once"),
            Some(&format!(
                "headwater hold {key}, or let the tag in the registry go back"
            )),
        );
    }
    let Some(current) = view.timeline.current().cloned() else {
        return no(format!("{key} holds nothing to go back from"), None);
    };
    let target = target(room, view, &current, to)?;
    let created = room.desk.stamp();
    let record = Promotion {
        asked_by: Some(person.by.clone()),
        cause: Cause::Rollback,
        // Two rollbacks to one set are two records: one that stands there already would look put back by a revert.
        evidence: vec![Evidence {
            at: Timestamp::from_second(created.as_second()).unwrap_or(created),
            detail: one_line(&person.reason),
            gate: "rollback".to_owned(),
            verdict: "open".to_owned(),
        }],
        from: target
            .record
            .as_ref()
            .map(|r| r.from.clone())
            .unwrap_or_default(),
        pipeline: key.pipeline.clone(),
        set: target.id.clone(),
        stage: key.stage.clone(),
        v: 1,
    };
    let (edits, heads) = move_stage(view, &target.set, &record, created, false, &mut room.desk)
        .map_err(|hold| ActError::No {
            why: hold.why.clone(),
            help: hold.help.clone(),
        })?;
    let mut files = room.rendered(view, &heads)?;
    let (outputs, images) = (paths(&files), room.images(&files));
    room.write(&edits, &mut files)?;
    let stem = format!("{}-{}-{}", key.pipeline, key.stage, current.id.short());
    room.add_hold(&stem, pin(key, person), &mut files)?;
    let to = room.words(&target.set);
    let (skipped, skipped_by) = gates(room, view, &target)?;
    Ok(Act {
        edits,
        heads,
        files,
        outputs,
        message: format!(
            "Roll {key} back to {to}\n\n{}\n\nHeadwater-Set: {}\nHeadwater-Stage: {key}\n",
            one_line(&person.reason),
            target.id,
        ),
        old: Some(room.report(&current.set)),
        new: Some(room.report(&target.set)),
        ran: Some(ran(room, view, &target)),
        skipped,
        skipped_by,
        pins: true,
        images,
        ..empty("rollback", key)
    })
}

/// The stay to go back to: the latest of the set that is named.
fn target(
    room: &mut Room<'_>,
    view: &StageView<'_>,
    current: &Stay,
    to: &Named,
) -> Result<Stay, ActError> {
    let key = &view.key;
    let text = match to {
        Named::Previous => {
            return match view.timeline.previous() {
                Some(stay) => Ok(stay.clone()),
                None => no(
                    format!("{key} has held no other set that was not taken back"),
                    Some(&format!(
                        "headwater history {key} shows what it held; name one with --to"
                    )),
                ),
            };
        }
        Named::Set(id) => {
            return match view.timeline.latest(id) {
                Some(stay) => Ok(stay.clone()),
                None => no(format!("{key} never held that set"), None),
            };
        }
        Named::Text(text) => text,
    };
    let mut sets: Vec<Set> = Vec::new();
    for stay in &view.timeline.stays {
        if !sets.contains(&stay.set) {
            sets.push(stay.set.clone());
        }
    }
    let set = room.pick(&sets, text, key)?;
    // A tag put elsewhere by hand may be put back to the very set that the stage holds.
    if set == current.set && view.timeline.by_hand.is_none() {
        let words = room.words(&set);
        return no(
            format!("{key} holds {words} already"),
            Some(&format!("headwater hold {key} keeps it there")),
        );
    }
    match view.timeline.stays.iter().rev().find(|s| s.set == set) {
        Some(stay) => Ok(stay.clone()),
        None => no(format!("{key} never held that set"), None),
    }
}

fn pin(key: &StageKey, person: &Person) -> HoldSpec {
    HoldSpec {
        pipeline: key.pipeline.clone(),
        stages: vec![key.stage.clone()],
        set: None,
        digest: None,
        reason: person.reason.clone(),
        by: Some(person.by.clone()),
        cause: HoldCause::Rollback,
        lifted: false,
        lifts: Vec::new(),
    }
}

/// Gates that are passed over, and by whose rule. Where an environment wants them asked again, a shut one refuses.
fn gates(
    room: &mut Room<'_>,
    view: &StageView<'_>,
    target: &Stay,
) -> Result<(Vec<String>, Option<String>), ActError> {
    let docs = room.desk.docs;
    let checking: Vec<&Name> = view
        .environments
        .iter()
        .filter(|e| {
            docs.environments
                .get(*e)
                .is_some_and(|e| e.value.spec.rollback.enter == RollbackEnter::Check)
        })
        .collect();
    let mut skipped: Vec<String> = Vec::new();
    if let Some(environment) = checking.first() {
        check(room, view, target, environment)?;
    } else {
        skipped.extend(view.enter.iter().map(|g| g.rule.kind().to_owned()));
    }
    if !view.approvals.is_empty() {
        skipped.push("approval".to_owned());
    }
    skipped.dedup();
    let names: Vec<&str> = view.environments.iter().map(Name::as_str).collect();
    let by = (!skipped.is_empty() && !names.is_empty())
        .then(|| format!("environment {}: rollback", names.join(", ")));
    Ok((skipped, by))
}

fn check(
    room: &mut Room<'_>,
    view: &StageView<'_>,
    target: &Stay,
    environment: &Name,
) -> Result<(), ActError> {
    let roads = room.roads.clone();
    let road = roads.get(&view.key.pipeline).map(|road| by_name(road));
    let road = road.unwrap_or_default();
    let first = first_timeline(view, &road);
    let empty = Timeline::default();
    let source = view.from.stages().first().and_then(|s| road.get(s));
    let asked = Asked {
        stage: &view.key,
        runs: Runs::NobodyTells,
        set: &target.set,
        id: &target.id,
        stays: source.map_or(&empty, |s| &s.timeline),
        first: &first,
    };
    for gate in &view.enter {
        let condition = condition(&gate.rule, &gate.set_by, &asked, &mut room.desk);
        if !condition.verdict.is_open() {
            return no(
                format!("{}: {}", condition.name, condition.verdict.why()),
                Some(&format!(
                    "environment {environment} has its enter gates asked on the way back, too (`rollback.enter: check`)"
                )),
            );
        }
    }
    Ok(())
}

/// When the target ran here, and what brought it.
fn ran(room: &Room<'_>, view: &StageView<'_>, target: &Stay) -> Ran {
    let pull = pulls_of(view, &room.desk)
        .find(|(_, pull)| pull.merged_as.as_ref() == Some(&target.commit))
        .map(|(_, pull)| pull.id.clone());
    Ran {
        from: target.since,
        until: target.left.map(|(_, at)| at),
        by: Some(pull.unwrap_or_else(|| target.commit.short().to_owned())),
    }
}
