//! Asking for a set: an annotation on the target's tag. It passes no gate unless `skip` names it and the environment allows.

use std::collections::BTreeMap;

use super::room::Room;
use super::{Act, ActError, Person, empty, no, one_line};
use crate::manifests::edit::StreamEdit;
use crate::model::promotion::{REQUEST, annotation};
use crate::model::{Name, Request, Set, StageKey};
use crate::plan::change::files::Files;
use crate::plan::gate;
use crate::plan::observation::Observation;
use crate::plan::road::StageView;
use crate::plan::road::candidates::stage_hold;
use crate::plan::stage::decide::refused_by_source;
use crate::plan::stage::first::by_name;
use crate::plan::stage::request::{allowed, request as asked_for};

/// Makes a set the only candidate of a stage, until it is there.
///
/// # Errors
/// When the set never was in the source, a gate may not be skipped, or the stage's tag cannot carry a request.
pub fn promote(
    obs: &Observation,
    key: &StageKey,
    to: Option<&str>,
    skip: &[Name],
    person: &Person,
) -> Result<Act, ActError> {
    let mut room = Room::new(obs);
    let view = room.view(key)?;
    let result = in_room(&mut room, &view, to, skip, person);
    room.done(result)
}

fn in_room(
    room: &mut Room<'_>,
    view: &StageView<'_>,
    to: Option<&str>,
    skip: &[Name],
    person: &Person,
) -> Result<Act, ActError> {
    let key = &view.key;
    if view.is_first() {
        return no(
            format!("{key} takes what the registry offers"),
            Some("promote a later stage, or let the tag in the registry name another image"),
        );
    }
    let wanted = wanted(room, view, to)?;
    let current = view.timeline.current().map(|s| s.set.clone());
    let words = room.words(&wanted);
    if current.as_ref() == Some(&wanted) {
        return no(format!("{key} holds {words} already"), None);
    }
    let asked_before = asked_for(view, &room.desk);
    let request = Request {
        by: person.by.clone(),
        reason: one_line(&person.reason),
        set: wanted.id(),
        skip: skip.to_vec(),
    };
    refuse_never(skip)?;
    allowed(request.clone(), view, &room.desk).map_err(|block| ActError::No {
        why: block.why,
        help: block.help,
    })?;
    let files = ask(room, view, &request)?;
    if files.is_empty() && room.desk.questions.is_empty() {
        return no(format!("{words} is asked for in {key} already"), None);
    }
    let mut notes = notes(room, view, &wanted);
    notes.extend(refused(room, view, &wanted));
    if let Ok(Some(before)) = asked_before
        && before.set != wanted.id()
    {
        notes.push(format!(
            "this takes the place of what {} asked for here ({})",
            before.by, before.reason
        ));
    }
    Ok(Act {
        files,
        message: format!("Ask for {words} in {key}\n\n{}\n", one_line(&person.reason)),
        old: current.map(|set| room.report(&set)),
        new: Some(room.report(&wanted)),
        skipped: skip.iter().map(ToString::to_string).collect(),
        skipped_by: (!skip.is_empty()).then(|| {
            let names: Vec<&str> = view.environments.iter().map(Name::as_str).collect();
            format!("environment {}: overrides", names.join(", "))
        }),
        notes,
        ..empty("promote", key)
    })
}

/// The set meant; the newest where none is named.
fn wanted(room: &mut Room<'_>, view: &StageView<'_>, to: Option<&str>) -> Result<Set, ActError> {
    let sets: Vec<Set> = room.candidates(view).into_iter().map(|c| c.set).collect();
    let Some(newest) = sets.last() else {
        let from: Vec<&str> = view.from.stages().iter().map(Name::as_str).collect();
        return no(
            format!("nothing has been in {} yet", from.join(", ")),
            Some(&format!("headwater why {}", view.key)),
        );
    };
    match to {
        None => Ok(newest.clone()),
        Some(text) => room.pick(&sets, text, &view.key),
    }
}

/// What no environment can allow to skip.
fn refuse_never(skip: &[Name]) -> Result<(), ActError> {
    if let Some(never) = skip
        .iter()
        .find(|s| matches!(s.as_str(), "from" | "hold" | "freeze"))
    {
        return no(
            format!("`{never}` is no gate that can be skipped"),
            Some("identity, holds and freezes are never passed over"),
        );
    }
    if skip.iter().any(|s| s.as_str() == "approvals") {
        return no(
            "approvals cannot be skipped",
            Some("somebody who may approve does so: headwater pr list"),
        );
    }
    Ok(())
}

/// The annotation, on the first stream of a bundle.
fn ask(room: &mut Room<'_>, view: &StageView<'_>, request: &Request) -> Result<Files, ActError> {
    let mut edits = BTreeMap::new();
    for stream in view.streams.iter().take(1) {
        let edit = StreamEdit::SetTag {
            name: view.tag().to_owned(),
            from: None,
            annotations: BTreeMap::from([(REQUEST.to_owned(), Some(annotation(request)))]),
            reference: None,
            import_policy: None,
            reference_policy: None,
        };
        edits.insert(stream.clone(), vec![edit]);
    }
    let mut files = Files::new();
    room.write(&edits, &mut files)?;
    Ok(files)
}

/// What becomes of the set that is there, where an older one is asked for.
fn older(room: &Room<'_>, view: &StageView<'_>, wanted: &Set) -> Option<String> {
    let key = &view.key;
    let current = &view.timeline.current()?.set;
    let candidates = room.candidates(view);
    let came = |set: &Set| candidates.iter().find(|c| c.set == *set).map(|c| c.at);
    (came(wanted)? < came(current)?).then(|| {
        format!(
            "that set is older than what {key} has, which is held there from then on: `headwater unhold {key}` lets it in again, and what comes after it comes as ever"
        )
    })
}

/// What its source refuses of it, as far as that is known: asking for it keeps everything else out.
fn refused(room: &mut Room<'_>, view: &StageView<'_>, wanted: &Set) -> Option<String> {
    let candidates = room.candidates(view);
    let candidate = candidates.iter().find(|c| c.set == *wanted)?;
    let road = by_name(room.roads.get(&view.key.pipeline)?);
    // Nobody is asked for the sake of a note.
    let questions = room.desk.questions.clone();
    let why = refused_by_source(candidate, view, &road, &mut room.desk);
    room.desk.questions = questions;
    why.map(|why| {
        format!(
            "that set is refused ({why}), and nothing else enters {key} before it until `headwater unhold {key}`",
            key = view.key
        )
    })
}

/// What stands in its way whatever is asked for.
fn notes(room: &Room<'_>, view: &StageView<'_>, wanted: &Set) -> Vec<String> {
    let key = &view.key;
    let mut notes: Vec<String> = older(room, view, wanted).into_iter().collect();
    if let Some(hold) = stage_hold(view, &room.desk) {
        notes.push(format!(
            "{key} is held ({}): it moves after `headwater unhold {key}`",
            hold.reason
        ));
    }
    if let Some(held) = room.held(view).get(&wanted.id()) {
        notes.push(format!(
            "that set is held in {key} ({}): it moves after `{}`",
            held.why, held.lift
        ));
    }
    if let Some(lift) = gate::lift(&key.pipeline, &view.environments, &room.desk) {
        notes.push(format!(
            "{key} is frozen: it moves when that ends, or after `{lift}`"
        ));
    }
    notes
}
