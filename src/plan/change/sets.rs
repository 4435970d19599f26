//! Change sets: what a wave is made of, each also as a commit of its own. One by one they are pushed only where the server
//! refuses the whole, so that one refused path holds back one change set and not all.

use std::collections::{BTreeMap, BTreeSet};

use super::files::{Files, apply};
use super::wave::Item;
use crate::model::object::hash16;
use crate::model::{BlobId, PinnedImage, RepoPath, TagKey};
use crate::plan::desk::Desk;
use crate::plan::effect::{ChangeSet, CommitContent};
use crate::plan::output::survey::{Place, Survey, applications};
use crate::plan::output::{Templates, look};
use crate::plan::report::{Change, Subject};
use crate::plan::text::wave_message;

/// Which applications use which tags.
pub struct Reach<'s> {
    by_tag: BTreeMap<&'s TagKey, BTreeSet<&'s Place>>,
}

impl<'s> Reach<'s> {
    /// As the survey found them.
    pub fn of(survey: &'s Survey) -> Self {
        let mut by_tag: BTreeMap<&TagKey, BTreeSet<&Place>> = BTreeMap::new();
        for (place, surveyed) in &survey.places {
            for tag in &surveyed.used {
                by_tag.entry(tag).or_default().insert(place);
            }
        }
        Self { by_tag }
    }

    /// Applications that use a tag which the item moves.
    fn places(&self, item: &Item) -> BTreeSet<&'s Place> {
        let places = item.heads.keys().filter_map(|tag| self.by_tag.get(tag));
        places.flatten().copied().collect()
    }
}

/// By which a refusal of an item is remembered: what it is about, where it moves tags, and which places it writes to. The
/// rest of those files is somebody else's and does not count.
pub fn id_of_item(item: &Item, reach: &Reach<'_>, desk: &Desk<'_>) -> String {
    let mut lines = vec![format!("{:?}", item.subject)];
    lines.extend(
        item.heads
            .iter()
            .map(|(tag, image)| format!("{tag} {image}")),
    );
    if item.heads.is_empty() {
        lines.extend(item.changes.iter().filter_map(|change| change.new.clone()));
    }
    let streams = item
        .edits
        .keys()
        .filter_map(|key| desk.docs.streams.get(key));
    lines.extend(streams.map(|located| located.path.to_string()));
    let environments = &desk.docs.config.spec.paths.environments;
    let places = reach.places(item).into_iter();
    lines.extend(places.map(|(environment, app)| format!("{environments} {environment} {app}")));
    hash16(&lines.join("\n"))
}

/// The same for outputs that are put right without a tag moving.
pub fn id_of_drift(place: &Place, files: &Files) -> String {
    let files = files.iter().map(|(path, text)| {
        let blob = text.as_ref().map(|text| BlobId::of(text.as_bytes()));
        format!(
            "{path} {}",
            blob.map_or_else(String::new, |b| b.to_string())
        )
    });
    let files: Vec<String> = files.collect();
    hash16(&format!("{} {}\n{}", place.0, place.1, files.join("\n")))
}

/// A wave as it was put together.
pub struct Parts<'w> {
    /// What moves.
    pub items: &'w [Item],
    /// Outputs of all of it together.
    pub outputs: &'w BTreeMap<Place, Files>,
    /// What people read of outputs.
    pub drift: &'w BTreeMap<Place, Change>,
    /// All of it together.
    pub whole: &'w Files,
}

/// The change sets of a wave. A single one is the whole and needs no commit of its own.
pub fn of(
    parts: &Parts<'_>,
    survey: &Survey,
    templates: &mut Templates,
    desk: &mut Desk<'_>,
) -> Vec<ChangeSet> {
    let reach = Reach::of(survey);
    let mut counts = Counts::default();
    for item in parts.items {
        for place in reach.places(item) {
            *counts.movers.entry(place).or_default() += 1;
        }
        for path in paths(item, desk) {
            *counts.writers.entry(path).or_default() += 1;
        }
    }
    let drift = parts.outputs.iter();
    let drift: Vec<(&Place, &Files)> = drift
        .filter(|(p, _)| !counts.movers.contains_key(p))
        .collect();
    let single = parts.items.len() + drift.len() < 2;
    let mut sets = Vec::new();
    for item in parts.items {
        let id = id_of_item(item, &reach, desk);
        let mut alone = None;
        if !single {
            let files = alone_of(item, parts, (&reach, &counts), survey, templates, desk);
            alone = files.map(|files| {
                let trailers: Vec<_> = item.trailer.iter().cloned().collect();
                let base = &desk.obs.snapshot.commit;
                let message = wave_message(&item.changes, &trailers, base);
                CommitContent { message, files }
            });
        }
        sets.push(ChangeSet {
            id,
            about: Some(item.subject.clone()),
            alone,
        });
    }
    sets.extend(drift.into_iter().map(|(place, files)| {
        let changes: Vec<Change> = parts.drift.get(place).cloned().into_iter().collect();
        let alone = (!single).then(|| CommitContent {
            message: wave_message(&changes, &[], &desk.obs.snapshot.commit),
            files: files.clone(),
        });
        let id = id_of_drift(place, files);
        let about = Some(Subject::Application {
            environment: place.0.clone(),
            application: place.1.clone(),
        });
        ChangeSet { id, about, alone }
    }));
    sets
}

/// How many items move each application and write each stream file.
#[derive(Default)]
struct Counts<'c> {
    movers: BTreeMap<&'c Place, usize>,
    writers: BTreeMap<&'c RepoPath, usize>,
}

/// The files of the streams that an item edits.
fn paths<'d>(item: &Item, desk: &Desk<'d>) -> BTreeSet<&'d RepoPath> {
    let docs = desk.docs;
    let located = item.edits.keys().filter_map(|key| docs.streams.get(key));
    located.map(|located| &located.path).collect()
}

/// What an item writes if nothing else of the wave goes with it; `None` where that cannot be made.
fn alone_of(
    item: &Item,
    parts: &Parts<'_>,
    (reach, counts): (&Reach<'_>, &Counts<'_>),
    survey: &Survey,
    templates: &mut Templates,
    desk: &mut Desk<'_>,
) -> Option<Files> {
    let mut files = Files::new();
    let paths = paths(item, desk);
    if paths
        .iter()
        .any(|path| counts.writers.get(path).is_some_and(|n| *n > 1))
    {
        apply(&item.edits, &mut files, desk).ok()?;
    } else {
        let mine = paths
            .into_iter()
            .filter_map(|path| Some((path, parts.whole.get(path)?)));
        files.extend(mine.map(|(path, text)| (path.clone(), text.clone())));
    }
    files.extend(item.files.clone());
    for place in reach.places(item) {
        let Some(together) = parts.outputs.get(place) else {
            continue;
        };
        if counts.movers.get(place).is_some_and(|count| *count > 1) {
            files.extend(rendered_alone(item, place, survey, templates, desk)?);
        } else {
            files.extend(together.clone());
        }
    }
    Some(files)
}

/// An application with only this item's tags moved.
fn rendered_alone(
    item: &Item,
    place: &Place,
    survey: &Survey,
    templates: &mut Templates,
    desk: &mut Desk<'_>,
) -> Option<Files> {
    let heads: BTreeMap<TagKey, PinnedImage> = survey
        .heads
        .iter()
        .chain(&item.heads)
        .map(|(tag, image)| (tag.clone(), image.clone()))
        .collect();
    let (environment, application) = applications(desk)
        .into_iter()
        .find(|(e, a)| *e.name() == place.0 && a.name.to_string() == place.1)?;
    let (result, _) = look(environment, application, &heads, templates, desk);
    Some(result.ok()?.files)
}
