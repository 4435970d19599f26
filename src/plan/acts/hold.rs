//! Stopping a stage, or keeping one set out of it: a Hold file.

use super::room::Room;
use super::{Act, ActError, Person, empty, no, one_line};
use crate::model::hold::{HoldCause, HoldSpec};
use crate::model::{Set, StageKey};
use crate::plan::change::files::Files;
use crate::plan::observation::Observation;
use crate::plan::road::StageView;
use crate::plan::road::candidates::stage_hold;

/// Stops a stage, or keeps one set out of it.
///
/// # Errors
/// When the stage or the set is not known, or is held already.
pub fn hold(
    obs: &Observation,
    key: &StageKey,
    set: Option<&str>,
    person: &Person,
) -> Result<Act, ActError> {
    let mut room = Room::new(obs);
    let view = room.view(key)?;
    let result = in_room(&mut room, &view, set, person);
    room.done(result)
}

fn in_room(
    room: &mut Room<'_>,
    view: &StageView<'_>,
    set: Option<&str>,
    person: &Person,
) -> Result<Act, ActError> {
    let key = &view.key;
    let held: Option<Set> = match set {
        None => None,
        Some(text) => {
            let known = room.known_sets(view);
            Some(room.pick(&known, text, key)?)
        }
    };
    refuse_twice(room, view, held.as_ref())?;
    let tail = held
        .as_ref()
        .map_or_else(String::new, |set| format!("-{}", set.id().short()));
    let spec = HoldSpec {
        pipeline: key.pipeline.clone(),
        stages: vec![key.stage.clone()],
        set: held.as_ref().map(Set::id),
        digest: None,
        reason: person.reason.clone(),
        by: Some(person.by.clone()),
        cause: HoldCause::Person,
        lifted: false,
        lifts: Vec::new(),
    };
    let mut files = Files::new();
    let stem = format!("{}-{}{tail}", key.pipeline, key.stage);
    room.add_hold(&stem, spec, &mut files)?;
    let what = held
        .as_ref()
        .map_or_else(String::new, |set| format!(": {}", room.words(set)));
    Ok(Act {
        files,
        message: format!("Hold {key}{what}\n\n{}\n", one_line(&person.reason)),
        new: held.map(|set| room.report(&set)),
        ..empty("hold", key)
    })
}

fn refuse_twice(room: &Room<'_>, view: &StageView<'_>, set: Option<&Set>) -> Result<(), ActError> {
    let key = &view.key;
    let why = match set {
        None => stage_hold(view, &room.desk).map(|spec| spec.reason.clone()),
        Some(set) => room.held(view).get(&set.id()).map(|held| held.why.clone()),
    };
    match why {
        None => Ok(()),
        Some(why) => no(
            format!("it is held in {key} already: {why}"),
            Some(&format!("headwater unhold {key} lifts it")),
        ),
    }
}
