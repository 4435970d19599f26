//! Adoption: why a stage without a history takes nothing by itself while something runs in its environments, and what holds
//! of one that was adopted.

use std::collections::BTreeMap;

use super::block::Block;
use crate::model::{Name, Set, StreamKey};
use crate::plan::desk::Desk;
use crate::plan::output::running::{Running, Unclear, running};
use crate::plan::output::survey::Survey;
use crate::plan::report::State;
use crate::plan::road::StageView;
use crate::plan::road::timeline::Whose;

/// What keeps a first stage from its first import: something else runs in its environments already than the set that the
/// import would bring, where that is known.
pub fn before_import(
    view: &StageView<'_>,
    offered: Option<&Set>,
    survey: &Survey,
    desk: &mut Desk<'_>,
) -> Option<Block> {
    // A history that is cut off may have its moves in what is not here.
    if has_past(view, desk) || !desk.obs.history.complete {
        return None;
    }
    let (why, keep) = match running(view, survey, desk) {
        Ok(running) if Some(&running.set()) == offered => return None,
        Ok(running) => (
            format!("{}, and no import brought it", runs(&running)),
            adopt(view),
        ),
        Err(Unclear::Asking | Unclear::NoImage(_)) => return None,
        Err(unclear) => (unclear.to_string(), mend(view)),
    };
    let help = format!("{keep}; {}   to take what the registry has", import(view));
    Some(Block::new(State::Held, NOT_ADOPTED, format!("{NOT_ADOPTED}: {why}")).help(help))
}

/// Whether anything was ever recorded of a stage's tags.
pub fn has_past(view: &StageView<'_>, desk: &Desk<'_>) -> bool {
    let recorded = view.streams.iter().any(|key| {
        let list = desk.stream(key).and_then(|s| s.status_tag(view.tag()));
        list.is_some_and(|list| !list.items.is_empty())
    });
    recorded || !view.timeline.stays.is_empty()
}

/// `3461f2a0c2ab runs here already (environments/prod/rendered/web/deployment.yaml)`
fn runs(running: &Running) -> String {
    let digests: Vec<&str> = running.images.values().map(|i| i.digest.short()).collect();
    let more = match running.files.len() {
        0 | 1 => String::new(),
        files => format!(" and {} more", files - 1),
    };
    let file = running.files.first();
    let place = file.map_or_else(String::new, |path| format!(" ({path}{more})"));
    format!("{} runs here already{place}", digests.join("+"))
}

/// The command that keeps what runs.
fn adopt(view: &StageView<'_>) -> String {
    format!(
        "headwater init --adopt {}   to keep it until something newer comes",
        view.key
    )
}

/// What to do first, where outputs do not say what runs.
fn mend(view: &StageView<'_>) -> String {
    format!(
        "put the digest that runs into the outputs, then headwater init --adopt {}",
        view.key
    )
}

/// The commands that bring what the registry has, whatever runs: one for each stream.
fn import(view: &StageView<'_>) -> String {
    let of_stream = |stream: &StreamKey| {
        let (name, tag) = (&stream.name, view.tag());
        format!("headwater import-image {name}:{tag} --push")
    };
    let commands: Vec<String> = view.streams.iter().map(of_stream).collect();
    commands.join(" && ")
}

/// What keeps a later stage without a history from its first set.
pub fn before_promotion(view: &StageView<'_>, survey: &Survey, desk: &mut Desk<'_>) -> Block {
    let (why, keep) = match running(view, survey, desk) {
        Ok(running) => (
            format!("{}, and no promotion brought it", runs(&running)),
            adopt(view),
        ),
        Err(Unclear::Asking) => (
            "something runs here already that no promotion brought".to_owned(),
            adopt(view),
        ),
        Err(unclear) => (unclear.to_string(), mend(view)),
    };
    let help = format!(
        "{keep}; headwater promote {} --reason ...   to replace it",
        view.key
    );
    Block::new(State::Held, NOT_ADOPTED, format!("{NOT_ADOPTED}: {why}")).help(help)
}

/// What holds a stage that was adopted with something else than its outputs have: an adoption changes no output, whoever
/// wrote it, and is no way past gates and approvals.
pub fn contradicted(view: &StageView<'_>, survey: &Survey) -> Option<Block> {
    let has = survey.not_as_adopted.get(&view.key)?;
    let stay = view.timeline.current()?;
    let digests: Vec<&str> = stay
        .set
        .members()
        .map(|(_, digest)| digest.short())
        .collect();
    let why = format!(
        "{NOT_ADOPTED}: {} says that {} runs here, but {has}",
        stay.commit.short(),
        digests.join("+"),
    );
    let help = match view.is_first() {
        true => import(view),
        false => format!("headwater promote {} --reason ...", view.key),
    };
    Some(Block::new(State::Held, NOT_ADOPTED, why).help(help))
}

/// What somebody should know of a stage that still has what it was adopted with, while its source has something else: that
/// was there before, so it does not come by itself.
pub fn behind(view: &StageView<'_>, road: &BTreeMap<Name, &StageView<'_>>) -> Option<String> {
    let stay = view.timeline.current()?;
    let adopted = stay.whose == Whose::Adopted;
    let mut sources = view.from.stages().iter().filter_map(|name| road.get(name));
    let source = sources.find(|source| {
        let current = source.timeline.current();
        current.is_some_and(|current| current.id != stay.id && current.at <= stay.at)
    });
    let source = source.filter(|_| adopted)?;
    Some(format!(
        "adopted in {}; what {} held then comes only when it is asked for",
        stay.commit.short(),
        source.key.stage
    ))
}

/// The reason of a stage that waits to be adopted.
const NOT_ADOPTED: &str = "NotAdopted";
