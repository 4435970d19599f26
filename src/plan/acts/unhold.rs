//! Lifting what holds a stage: Hold files are deleted, a revert gets a file that says so, a closed pull request is opened
//! again, outputs changed by hand are rendered again.

use std::collections::BTreeMap;

use super::next::{Holds, next};
use super::room::{Room, paths};
use super::{Act, ActError, Person, empty, no, one_line};
use crate::manifests::edit::StreamEdit;
use crate::manifests::suggest::listed;
use crate::model::hold::{HoldCause, HoldSpec};
use crate::model::promotion::REQUEST;
use crate::model::{Name, Request, Set, SetId, StageKey};
use crate::plan::change::files::Files;
use crate::plan::facts::pull::PullRequestFacts;
use crate::plan::observation::Observation;
use crate::plan::output::Templates;
use crate::plan::output::survey::{survey, uses};
use crate::plan::pull::life::open_of;
use crate::plan::road::StageView;
use crate::plan::road::candidates::{closed, left_sources, stage_hold, undone};
use crate::plan::stage::decide::judge_set;
use crate::plan::stage::first::by_name;

/// Lifts what holds a stage, or one set in it.
///
/// # Errors
/// When nothing holds it.
pub fn unhold(
    obs: &Observation,
    key: &StageKey,
    set: Option<&str>,
    person: &Person,
) -> Result<Act, ActError> {
    let mut room = Room::new(obs);
    let view = room.view(key)?;
    let result = in_room(&mut room, &view, set, person, obs);
    room.done(result)
}

fn in_room(
    room: &mut Room<'_>,
    view: &StageView<'_>,
    set: Option<&str>,
    person: &Person,
    obs: &Observation,
) -> Result<Act, ActError> {
    let key = &view.key;
    let only: Option<Set> = match set {
        None => None,
        Some(text) => {
            let known = room.known_sets(view);
            Some(room.pick(&known, text, key)?)
        }
    };
    let mut lifting = Lifting {
        person,
        files: Files::new(),
        holds: Holds::new(),
        notes: Vec::new(),
        reopen: None,
    };
    lifting.hold_files(room, view, only.as_ref());
    lifting.reverts(room, view, only.as_ref())?;
    lifting.pull_requests(room, view, only.as_ref())?;
    lifting.idle(room, view, only.as_ref());
    let outputs = if only.is_none() {
        hand_edits(room, view)
    } else {
        Files::new()
    };
    if outputs.is_empty() {
        lifting.request(room, view, only.as_ref())?;
    }
    lifting
        .notes
        .extend(outputs.keys().map(|path| format!("renders {path} again")));
    let (images, written) = (room.images(&outputs), paths(&outputs));
    let Lifting {
        mut files,
        holds,
        notes,
        reopen,
        ..
    } = lifting;
    // What a hand put elsewhere still stands until its outputs are rendered again: nothing is foretold of it.
    let next = match outputs.is_empty() {
        true => next(obs, key, &holds, reopen.as_deref(), &mut room.desk),
        false => None,
    };
    files.extend(outputs);
    if files.is_empty() && reopen.is_none() && room.desk.questions.is_empty() {
        let why = notes
            .first()
            .cloned()
            .unwrap_or_else(|| format!("nothing holds {key}"));
        let whole = stage_hold(view, &room.desk).filter(|_| only.is_some());
        return match whole {
            Some(hold) => no(
                format!(
                    "nothing holds that set alone in {key}, which is held as a whole ({})",
                    hold.reason
                ),
                Some(&format!("headwater unhold {key} --reason ...")),
            ),
            None => no(why, Some(&format!("headwater why {key}"))),
        };
    }
    Ok(Act {
        files,
        outputs: written,
        message: format!("Lift the hold of {key}\n\n{}\n", one_line(&person.reason)),
        new: only.map(|set| room.report(&set)),
        images,
        notes,
        reopen,
        next,
        ..empty("unhold", key)
    })
}

struct Lifting<'p> {
    person: &'p Person,
    files: Files,
    holds: Holds,
    notes: Vec<String>,
    reopen: Option<String>,
}

impl Lifting<'_> {
    /// Hold files of this stage alone; one that holds several stages is told of and left to people.
    fn hold_files(&mut self, room: &Room<'_>, view: &StageView<'_>, only: Option<&Set>) {
        for (path, hold) in &room.desk.docs.holds {
            let spec = &hold.value.spec;
            let here = spec.pipeline == view.key.pipeline
                && spec.stages.contains(&view.key.stage)
                && !spec.lifted;
            let meant = only.is_none_or(|set| {
                spec.set == Some(set.id())
                    || spec
                        .digest
                        .as_ref()
                        .is_some_and(|d| set.members().any(|(_, m)| m == d))
            });
            if !here || !meant {
                continue;
            }
            if spec.stages.len() == 1 {
                self.notes.push(format!("lifts {path} ({})", spec.reason));
                self.files.insert(path.clone(), None);
                self.holds.insert(path.clone(), None);
            } else {
                self.notes.push(format!(
                    "{path} holds other stages too ({}): take {} out of it by hand",
                    spec.reason, view.key.stage
                ));
            }
        }
    }

    /// Sets that left by a revert, or whose merge is not on the base any more; of a named set also that its source gave it up.
    fn reverts(
        &mut self,
        room: &Room<'_>,
        view: &StageView<'_>,
        only: Option<&Set>,
    ) -> Result<(), ActError> {
        let reverted = view.timeline.reverted.iter().map(|(id, commit)| {
            let what = match view.timeline.asked_back_by(commit) {
                Some(who) => format!("the older set that {who} asked for in its place"),
                None => format!("the revert {}", commit.short()),
            };
            (id.clone(), commit.to_string(), what)
        });
        let undone = undone(view, &room.desk).into_iter().map(|(id, pull)| {
            let what = "a merge that is not on the base any more".to_owned();
            (id, pull.id.clone(), what)
        });
        let roads = room.roads.get(&view.key.pipeline).map(|road| by_name(road));
        // What a source gave up is let in only by name: whoever lifts another hold of the stage does not mean it.
        let left = left_sources(view, &roads.unwrap_or_default(), &room.desk);
        let left = left.into_iter().filter(|_| only.is_some());
        let left = left.map(|(id, stage, of)| (id, of, format!("its going back in {stage}")));
        for (id, of, what) in reverted.chain(undone).chain(left) {
            if is_meant(&id, only) && !is_lifted(&id, &of, room, view) {
                self.lift(&id, of, &what, room, view)?;
            }
        }
        Ok(())
    }

    /// What somebody asked for is taken back where nothing else holds it: lifting a hold is to let it in.
    fn request(
        &mut self,
        room: &mut Room<'_>,
        view: &StageView<'_>,
        only: Option<&Set>,
    ) -> Result<(), ActError> {
        if !self.files.is_empty() || self.reopen.is_some() {
            return Ok(());
        }
        let mut edits = BTreeMap::new();
        for stream in &view.streams {
            let tag = room.desk.stream(stream);
            let tag = tag.and_then(|stream| stream.spec_tag(view.tag()));
            let Some(request) = tag.and_then(Request::recorded) else {
                continue;
            };
            let meant = request.as_ref().is_ok_and(|r| is_meant(&r.set, only));
            if only.is_some() && !meant {
                continue;
            }
            self.notes.push(match request {
                Ok(request) => format!(
                    "takes back that {} asked for a set ({})",
                    request.by, request.reason
                ),
                Err(_) => "takes a wish back that cannot be read".to_owned(),
            });
            let edit = StreamEdit::SetTag {
                name: view.tag().to_owned(),
                from: None,
                annotations: BTreeMap::from([(REQUEST.to_owned(), None)]),
                reference: None,
                import_policy: None,
                reference_policy: None,
            };
            edits.insert(stream.clone(), vec![edit]);
        }
        room.write(&edits, &mut self.files)
    }

    /// Says of a named set that it stays out all the same: what it comes from does not let it through.
    fn idle(&mut self, room: &mut Room<'_>, view: &StageView<'_>, only: Option<&Set>) {
        let Some((set, road)) = only.zip(room.roads.get(&view.key.pipeline)) else {
            return;
        };
        let judged = judge_set(&set.id(), view, &by_name(road), &mut room.desk);
        if let Some(lacks) = judged.and_then(|judged| judged.lacks) {
            let set = room.words(set);
            let sources = listed(view.from.stages().iter().map(Name::as_str));
            self.notes.push(format!(
                "this alone changes nothing: {set} did not pass {sources} ({lacks})"
            ));
        }
    }

    /// A closed pull request is opened again where that can be; where it cannot, a file says that it no longer counts.
    fn pull_requests(
        &mut self,
        room: &Room<'_>,
        view: &StageView<'_>,
        only: Option<&Set>,
    ) -> Result<(), ActError> {
        let order: Vec<SetId> = room.candidates(view).into_iter().map(|c| c.id).collect();
        let mut shut: Vec<(SetId, &PullRequestFacts)> = closed(view, &room.desk)
            .into_iter()
            .filter(|(id, pull)| is_meant(id, only) && !is_lifted(id, &pull.id, room, view))
            .collect();
        shut.sort_by_key(|(id, pull)| (order.iter().position(|o| o == id), pull.id.clone()));
        let newest = shut.pop();
        let free = open_of(view, &room.desk).is_none();
        let branches = &room.desk.obs.facts.branches;
        if let Some((id, pull)) = &newest {
            // Opened again, a shared one would let in the others too.
            let alone = pull.marker.stages().len() == 1;
            if alone && free && branches.contains_key(&pull.branch) {
                self.notes.push(format!("reopens pull request {}", pull.id));
                self.reopen = Some(pull.id.clone());
            } else {
                let what = format!("the closing of pull request {}", pull.id);
                self.lift(id, pull.id.clone(), &what, room, view)?;
            }
            for (_, older) in shut.iter().filter(|(other, _)| other == id) {
                let what = format!("the closing of pull request {}", older.id);
                self.lift(id, older.id.clone(), &what, room, view)?;
            }
        }
        Ok(())
    }

    fn lift(
        &mut self,
        id: &SetId,
        of: String,
        what: &str,
        room: &Room<'_>,
        view: &StageView<'_>,
    ) -> Result<(), ActError> {
        let key = &view.key;
        let spec = HoldSpec {
            pipeline: key.pipeline.clone(),
            stages: vec![key.stage.clone()],
            set: Some(id.clone()),
            digest: None,
            reason: self.person.reason.clone(),
            by: Some(self.person.by.clone()),
            cause: HoldCause::Revert,
            lifted: true,
            lifts: vec![of],
        };
        let stem = format!("{}-{}-{}-lifted", key.pipeline, key.stage, id.short());
        let path = room.add_hold(&stem, spec.clone(), &mut self.files)?;
        self.holds.insert(path, Some(spec));
        self.notes.push(format!("lifts {what}"));
        Ok(())
    }
}

fn is_meant(id: &SetId, only: Option<&Set>) -> bool {
    only.is_none_or(|set| set.id() == *id)
}

fn is_lifted(id: &SetId, of: &String, room: &Room<'_>, view: &StageView<'_>) -> bool {
    let mut specs = room.desk.docs.holds.values().map(|h| &h.value.spec);
    specs.any(|s| {
        s.lifted
            && s.pipeline == view.key.pipeline
            && s.stages.contains(&view.key.stage)
            && s.set.as_ref() == Some(id)
            && s.lifts.contains(of)
    })
}

/// Outputs that a person put to another digest, as they should be.
fn hand_edits(room: &mut Room<'_>, view: &StageView<'_>) -> Files {
    let survey = survey(&room.roads, &mut Templates::default(), &mut room.desk);
    if !survey.hand_edits.contains_key(&view.key) {
        return Files::new();
    }
    survey
        .left_alone
        .iter()
        .filter(|(environment, _)| view.environments.contains(environment))
        .filter_map(|place| survey.places.get(place))
        .filter(|surveyed| uses(surveyed, view))
        .filter_map(|surveyed| surveyed.result.as_ref().ok())
        .flat_map(|delta| delta.files.clone())
        .collect()
}

#[cfg(test)]
mod tests;
