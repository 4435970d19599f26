//! What `init --adopt` writes down: for each stage without a history the set that runs in its environments, by their outputs.

use super::ActError;
use super::room::Room;
use crate::model::StageKey;
use crate::plan::desk::Known;
use crate::plan::observation::Observation;
use crate::plan::output::Templates;
use crate::plan::output::running::{Running, Unclear, running};
use crate::plan::output::survey::{Survey, has_outputs, survey};
use crate::plan::road::StageView;
use crate::plan::stage::adoption::has_past;

/// What can be adopted, and what cannot.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Adoption {
    /// Stages that are adopted.
    pub adopted: Vec<Adopted>,
    /// Stages that something runs in, and why it cannot be said what.
    pub left: Vec<Left>,
}

/// A stage with what runs there.
#[derive(Debug, Clone, PartialEq)]
pub struct Adopted {
    /// The stage.
    pub stage: StageKey,
    /// Its tag in every stream.
    pub tag: String,
    /// Whether its tags are imported, rather than promoted to.
    pub first: bool,
    /// What runs there, and the outputs that say so.
    pub running: Running,
    /// Version and digest, for people.
    pub words: String,
    /// Images that their registry did not show just now: what, and why.
    pub unseen: Vec<String>,
}

/// A stage that cannot be adopted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The stage.
    pub stage: StageKey,
    /// Why.
    pub why: String,
    /// What to do.
    pub help: String,
}

/// Finds out what can be adopted: of the stages that are named, or of all.
///
/// # Errors
/// When a stage that is named is not there, or has nothing to adopt; or when facts are lacking.
pub fn adoption(obs: &Observation, named: &[StageKey]) -> Result<Adoption, ActError> {
    let mut room = Room::new(obs);
    let views: Vec<StageView<'_>> = match named {
        [] => room.roads.values().flatten().cloned().collect(),
        named => named
            .iter()
            .map(|key| room.view(key))
            .collect::<Result<_, _>>()?,
    };
    let mut templates = Templates::default();
    let survey = survey(&room.roads, &mut templates, &mut room.desk);
    let mut adoption = Adoption::default();
    for view in &views {
        match candidate(view, &survey, &room) {
            Ok(()) => look(view, &survey, &mut room, &mut adoption),
            Err(left) if named.is_empty() => adoption.left.extend(left),
            Err(left) => return room.done(Err(refused(view, left))),
        }
        if let Some(left) = adoption.left.last().filter(|_| !named.is_empty()) {
            let refused = refused(view, Some(left.clone()));
            return room.done(Err(refused));
        }
    }
    room.done(Ok(adoption))
}

/// Whether a stage is one to adopt. A reason is given only where something should be done about it.
fn candidate(view: &StageView<'_>, survey: &Survey, room: &Room<'_>) -> Result<(), Option<Left>> {
    if let Some(why) = &view.broken {
        return Err(Some(Left {
            stage: view.key.clone(),
            why: why.clone(),
            help: "headwater check".to_owned(),
        }));
    }
    let desk = &room.desk;
    if !desk.obs.history.complete {
        return Err(Some(Left {
            stage: view.key.clone(),
            why: "the clone is shallow, so it is not known whether the stage has a history"
                .to_owned(),
            help: "fetch the whole history (actions/checkout: fetch-depth: 0)".to_owned(),
        }));
    }
    let has_past = has_past(view, desk) || view.timeline.by_hand.is_some();
    match !has_past && has_outputs(view, survey, desk) {
        true => Ok(()),
        false => Err(None),
    }
}

fn refused(view: &StageView<'_>, left: Option<Left>) -> ActError {
    let key = &view.key;
    let (why, help) = match (left, view.timeline.current()) {
        (Some(left), _) => (left.why, left.help),
        (None, Some(_)) => (
            format!("{key} has a history: there is nothing to adopt"),
            format!("headwater history {key}"),
        ),
        (None, None) => (
            format!(
                "nothing runs in the environments of {key} yet: it takes its first set by itself"
            ),
            format!("headwater why {key}"),
        ),
    };
    ActError::No {
        why,
        help: Some(help),
    }
}

fn look(view: &StageView<'_>, survey: &Survey, room: &mut Room<'_>, adoption: &mut Adoption) {
    let key = &view.key;
    let running = match running(view, survey, &mut room.desk) {
        Ok(running) => running,
        Err(Unclear::Asking) => return,
        Err(unclear) => {
            let help = match unclear {
                Unclear::Differ { .. } => "put the same image everywhere, or let it be replaced",
                _ => "let it be replaced",
            };
            adoption.left.push(Left {
                stage: key.clone(),
                why: unclear.to_string(),
                help: match view.is_first() {
                    true => help.to_owned(),
                    false => format!("{help}: headwater promote {key} --reason ..."),
                },
            });
            return;
        }
    };
    let mut words = Vec::new();
    let mut unseen = Vec::new();
    for (stream, image) in &running.images {
        if let Known::Failed(failure) = room.desk.describe(image, &stream.namespace) {
            unseen.push(format!("{image}: {}", failure.message));
        }
        let (version, _) = room.desk.version_of_image(stream, image);
        let digest = image.digest.short();
        words.push(match version.text == digest {
            true => digest.to_owned(),
            false => format!("{} ({digest})", version.text),
        });
    }
    adoption.adopted.push(Adopted {
        stage: key.clone(),
        tag: view.tag().to_owned(),
        first: view.is_first(),
        running,
        words: words.join(" + "),
        unseen,
    });
}
