//! The survey: every application rendered as the base stands, so that drift, hand edits and first outputs are known
//! before any stage is decided.

use std::collections::{BTreeMap, BTreeSet};

use super::frozen::{Frozen, brought, frozen, loose};
use super::many::look_at_all;
use super::running::running;
use super::{Delta, Stop, Templates, folder, hand_edit};
use crate::model::{
    Application, Environment, Name, PinnedImage, RepoPath, StageKey, StreamKey, TagKey,
};
use crate::plan::desk::Desk;
use crate::plan::road::timeline::Whose;
use crate::plan::road::{Road, StageView};

/// An application of an environment.
pub type Place = (Name, String);

/// What the survey found of one application.
#[derive(Debug, Clone)]
pub struct Surveyed {
    /// What differs from how it should be.
    pub result: Result<Delta, Stop>,
    /// Tags it asked for, or would ask for first.
    pub used: BTreeSet<TagKey>,
}

/// Everything surveyed.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// By environment and application.
    pub places: BTreeMap<Place, Surveyed>,
    /// Outputs that a person changed to another digest: stage, file, digest.
    pub hand_edits: BTreeMap<StageKey, (RepoPath, String)>,
    /// What outputs have in stages that were adopted with something else.
    pub not_as_adopted: BTreeMap<StageKey, String>,
    /// Applications whose outputs are left as they are.
    pub left_alone: BTreeSet<Place>,
    /// Tags that an application uses and that come by no stage.
    pub loose: BTreeMap<Place, BTreeSet<TagKey>>,
    /// Applications that use such tags where nothing may come in now.
    pub frozen: BTreeMap<Place, Frozen>,
    /// Where tags of stages point by History, which overrides what a hand-edited spec says.
    pub heads: BTreeMap<TagKey, PinnedImage>,
}

/// Renders everything as the base stands.
pub fn survey(
    roads: &BTreeMap<Name, Road<'_>>,
    templates: &mut Templates,
    desk: &mut Desk<'_>,
) -> Survey {
    let heads = heads(roads, desk);
    let applications = applications(desk);
    let looked = look_at_all(&applications, &heads, templates, desk);
    let mut survey = Survey {
        heads,
        ..Survey::default()
    };
    let carried = by_stream_name(roads);
    let brought = brought(roads);
    for ((environment, application), (result, used)) in applications.into_iter().zip(looked) {
        let place = (environment.name().clone(), application.name.to_string());
        let used: BTreeSet<TagKey> = used
            .into_iter()
            .chain(likely(environment, application, &carried))
            .collect();
        let loose = loose(&place.0, &used, &brought);
        if !loose.is_empty() {
            survey.loose.insert(place.clone(), loose);
        }
        survey.places.insert(place, Surveyed { result, used });
    }
    survey.frozen = frozen(&survey, desk);
    let users = users(&survey);
    for view in roads.values().flatten() {
        look_for_hand_edits(view, &users, &mut survey, desk);
        hold_against_outputs(view, &mut survey, desk);
    }
    survey
}

/// All applications of environments that can be written.
pub fn applications<'a>(desk: &Desk<'a>) -> Vec<(&'a Environment, &'a Application)> {
    let docs = desk.docs;
    let usable = docs
        .environments
        .iter()
        .filter(|(name, _)| !docs.broken_environments.contains_key(name));
    usable
        .flat_map(|(_, e)| e.value.spec.applications.iter().map(|a| (&*e.value, a)))
        .collect()
}

/// Where History says that stages' tags point. Of first stages only those that were written by hand: what another holds
/// is what its spec says.
pub fn heads(roads: &BTreeMap<Name, Road<'_>>, desk: &Desk<'_>) -> BTreeMap<TagKey, PinnedImage> {
    let mut heads = BTreeMap::new();
    for view in roads.values().flatten() {
        let current = view.timeline.current();
        let current = match view.is_first() {
            false => current,
            // A digest that somebody wrote there, and no registry showed, goes nowhere.
            true if current.is_some_and(|stay| !stay.confirmed) => {
                let mut before = view.timeline.stays.iter().rev();
                before.find(|stay| stay.confirmed)
            }
            true => None,
        };
        let Some(current) = current else {
            continue;
        };
        for (stream, digest) in current.set.members() {
            if let Some(image) = desk.image(stream, digest) {
                heads.insert(TagKey::new(stream.clone(), view.tag()), image);
            }
        }
    }
    heads
}

/// Stages by the names of the streams they carry.
type ByName<'r, 'a> = BTreeMap<&'r str, Vec<(&'r StageView<'a>, &'r StreamKey)>>;

fn by_stream_name<'r, 'a>(roads: &'r BTreeMap<Name, Road<'a>>) -> ByName<'r, 'a> {
    let mut found = ByName::new();
    for view in roads.values().flatten() {
        for stream in &view.streams {
            let carried = found.entry(stream.name.as_str()).or_default();
            carried.push((view, stream));
        }
    }
    found
}

/// Tags an application will ask for even if it could not be rendered: its own stream's, and those it lists.
fn likely(
    environment: &Environment,
    application: &Application,
    carried: &ByName<'_, '_>,
) -> Vec<TagKey> {
    let own = application.name.to_string();
    let listed = application.images.iter().map(|i| i.stream.as_str());
    let named = listed.chain([own.as_str()]);
    named
        .filter_map(|name| carried.get(name))
        .flatten()
        .filter(|(view, _)| view.environments.contains(environment.name()))
        .map(|(view, stream)| TagKey::new((*stream).clone(), view.tag()))
        .collect()
}

/// Whether an application uses a tag of a stage.
pub fn uses(surveyed: &Surveyed, view: &StageView<'_>) -> bool {
    view.streams
        .iter()
        .any(|s| surveyed.used.contains(&TagKey::new(s.clone(), view.tag())))
}

/// Applications by the tags they use.
fn users(survey: &Survey) -> BTreeMap<TagKey, Vec<Place>> {
    let mut users: BTreeMap<TagKey, Vec<Place>> = BTreeMap::new();
    for (place, surveyed) in &survey.places {
        for tag in &surveyed.used {
            users.entry(tag.clone()).or_default().push(place.clone());
        }
    }
    users
}

fn look_for_hand_edits(
    view: &StageView<'_>,
    users: &BTreeMap<TagKey, Vec<Place>>,
    survey: &mut Survey,
    desk: &mut Desk<'_>,
) {
    let Some(last_move) = view
        .timeline
        .stays
        .last()
        .map(|s| s.left.map_or(s.at, |(left, _)| left))
    else {
        return;
    };
    let settled: BTreeMap<TagKey, PinnedImage> = view
        .streams
        .iter()
        .filter_map(|s| {
            let key = TagKey::new(s.clone(), view.tag());
            let image = survey
                .heads
                .get(&key)
                .cloned()
                .or_else(|| desk.head(s, view.tag()))?;
            Some((key, image))
        })
        .collect();
    let tags = view
        .streams
        .iter()
        .map(|s| TagKey::new(s.clone(), view.tag()));
    let places: BTreeSet<&Place> = tags
        .filter_map(|tag| users.get(&tag))
        .flatten()
        .filter(|(environment, _)| view.environments.contains(environment))
        .collect();
    for place in places {
        let Some(Ok(delta)) = survey.places.get(place).map(|s| &s.result) else {
            continue;
        };
        if let Some(found) = hand_edit(delta, &settled, last_move, desk) {
            survey.hand_edits.insert(view.key.clone(), found);
            survey.left_alone.insert(place.clone());
        }
    }
}

/// A stage that was adopted is so with what its outputs have. Where they have something else, they stay as they are.
fn hold_against_outputs(view: &StageView<'_>, survey: &mut Survey, desk: &mut Desk<'_>) {
    let current = view.timeline.current();
    let Some(adopted) = current.filter(|stay| stay.whose == Whose::Adopted) else {
        return;
    };
    let has = match running(view, survey, desk) {
        Ok(running) if running.set() == adopted.set => return,
        Ok(running) => {
            let files: Vec<&str> = running.files.iter().map(RepoPath::as_str).collect();
            let digests: Vec<&str> = running.images.values().map(|i| i.digest.short()).collect();
            format!("{} has {}", files.join(", "), digests.join("+"))
        }
        Err(unclear) => unclear.to_string(),
    };
    let places = survey.places.iter();
    let used = places.filter(|((e, _), s)| view.environments.contains(e) && uses(s, view));
    let used: Vec<Place> = used.map(|(place, _)| place.clone()).collect();
    if !used.is_empty() {
        survey.left_alone.extend(used);
        survey.not_as_adopted.insert(view.key.clone(), has);
    }
}

/// Whether any environment of a stage already has an output of an application that uses it.
pub fn has_outputs(view: &StageView<'_>, survey: &Survey, desk: &Desk<'_>) -> bool {
    let folders = output_folders(view, survey, desk);
    folders
        .iter()
        .any(|folder| desk.obs.snapshot.below(folder).next().is_some())
}

/// Outputs that environments of a stage have of applications that use it.
pub fn output_files(view: &StageView<'_>, survey: &Survey, desk: &Desk<'_>) -> Vec<RepoPath> {
    let folders = output_folders(view, survey, desk);
    let files = folders
        .iter()
        .flat_map(|folder| desk.obs.snapshot.below(folder));
    files.map(|(path, _)| path.clone()).collect()
}

fn output_folders(view: &StageView<'_>, survey: &Survey, desk: &Desk<'_>) -> Vec<RepoPath> {
    let places = survey.places.iter();
    let used = places.filter(|((e, _), s)| view.environments.contains(e) && uses(s, view));
    let folders = used.filter_map(|((environment, application), _)| {
        let environment = desk.docs.environments.get(environment)?;
        folder(&environment.value, application, desk)
    });
    folders.collect()
}
