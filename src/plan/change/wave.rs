//! The wave: everything a pass hands over as one commit on the base.

use std::collections::{BTreeMap, BTreeSet};

use super::files::{self, Files, NoText, apply};
use super::sets::{self, Parts, id_of_drift};
use crate::manifests::edit::StreamEdit;
use crate::model::{Delivery, Name, PinnedImage, StageKey, StreamKey, TagKey};
use crate::plan::desk::Desk;
use crate::plan::effect::{ChangeSet, CommitContent, Effect};
use crate::plan::output::survey::{Place, Survey, applications};
use crate::plan::output::{self, Stop, Templates, flips_back, look};
use crate::plan::refusal;
use crate::plan::report::{Change, ChangeKind, HoldReport, State, Subject};
use crate::plan::road::environment_delivery;
use crate::plan::shield::shielded;
use crate::plan::text::{Trailer, wave_message};

/// One move that is delivered as a commit.
#[derive(Debug, Clone)]
pub struct Item {
    /// What it is about, for holds.
    pub subject: Subject,
    /// Environments whose outputs ride along.
    pub environments: Vec<Name>,
    /// Edits by stream.
    pub edits: BTreeMap<StreamKey, Vec<StreamEdit>>,
    /// Files of their own, whole.
    pub files: Files,
    /// Where tags point after it.
    pub heads: BTreeMap<TagKey, PinnedImage>,
    /// What people read.
    pub changes: Vec<Change>,
    /// What its commit says of a promotion.
    pub trailer: Option<Trailer>,
}

impl Item {
    /// The stage it moves, if it is about one.
    pub fn stage(&self) -> Option<&StageKey> {
        match &self.subject {
            Subject::Stage(key) => Some(key),
            _ => None,
        }
    }
}

/// A wave that can be pushed.
#[derive(Debug, Clone, Default)]
pub struct Wave {
    /// Final texts.
    pub files: Files,
    /// What people read.
    pub changes: Vec<Change>,
    /// Trailers.
    pub trailers: Vec<Trailer>,
    /// Stages that move with it.
    pub moved: BTreeSet<StageKey>,
    /// What it is made of.
    pub sets: Vec<ChangeSet>,
    /// Items that cannot go, and why.
    pub stopped: Vec<HoldReport>,
}

/// Builds the wave: items whose files or outputs cannot be made are taken out and named, the others go on.
pub fn build(
    items: Vec<Item>,
    survey: &Survey,
    templates: &mut Templates,
    desk: &mut Desk<'_>,
) -> Wave {
    let mut items = items;
    let mut stopped = Vec::new();
    ask_ahead(&items, survey, desk);
    loop {
        let heads: BTreeMap<TagKey, PinnedImage> = survey
            .heads
            .iter()
            .chain(items.iter().flat_map(|i| &i.heads))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let rendered = render(&heads, &items, survey, templates, desk);
        let Some((place, stop, used)) = rendered.stops.into_iter().find(|(_, _, used)| {
            items
                .iter()
                .any(|i| i.heads.keys().any(|k| used.contains(k)))
        }) else {
            match compose(&items, &rendered.files, &rendered.changes, desk) {
                Ok(wave) => {
                    let parts = Parts {
                        items: &items,
                        outputs: &rendered.files,
                        drift: &rendered.changes,
                        whole: &wave.files,
                    };
                    let sets = sets::of(&parts, survey, templates, desk);
                    return Wave {
                        stopped,
                        sets,
                        ..wave
                    };
                }
                Err(outs) => {
                    let indices: BTreeSet<usize> = outs.iter().map(|out| out.index).collect();
                    let left = items.into_iter().enumerate();
                    let left = left.filter(|(index, _)| !indices.contains(index));
                    items = left.map(|(_, item)| item).collect();
                    stopped.extend(outs.into_iter().filter_map(|out| Some(*out.hold?)));
                    continue;
                }
            }
        };
        let (out, left): (Vec<Item>, Vec<Item>) = items
            .into_iter()
            .partition(|i| i.heads.keys().any(|k| used.contains(k)));
        items = left;
        stopped.extend(
            out.iter()
                .filter_map(|item| stop_report(&item.subject, &place, &stop)),
        );
    }
}

/// Asks together for every text that the items will be laid over.
fn ask_ahead(items: &[Item], survey: &Survey, desk: &mut Desk<'_>) {
    files::ask_ahead(items.iter().flat_map(|i| i.edits.keys()), desk);
    for (environment, application) in applications(desk) {
        let place = (environment.name().clone(), application.name.to_string());
        let used = survey.places.get(&place).map(|s| &s.used);
        let mut moved = items.iter().flat_map(|i| i.heads.keys());
        if used.is_some_and(|used| moved.any(|key| used.contains(key)))
            && environment_delivery(environment, desk) == Delivery::Commit
        {
            output::ask_ahead(environment, &place.1, desk);
        }
    }
}

/// The hold for a move whose outputs cannot be made; none while questions are open.
pub fn stop_report(subject: &Subject, place: &Place, stop: &Stop) -> Option<HoldReport> {
    let (state, reason, why, help) = match stop {
        Stop::Asking => return None,
        Stop::NotYet(why) => (State::Waiting, "NoDigest", why.clone(), None),
        Stop::Unread { why, heals: true } => (State::Waiting, "LabelsUnread", why.clone(), None),
        Stop::Unread { why, heals: false } => (
            State::Broken,
            "LabelsUnread",
            why.clone(),
            Some("let the registry give the image's configuration as it gives its manifest, or take what needs labels out of the template".to_owned()),
        ),
        Stop::Broken { why, help } => (State::Broken, "Template", why.clone(), help.clone()),
        Stop::Unfinished(what) => (
            State::Held,
            "NotYet",
            format!("NotYet: {what} is understood but not carried out by this version"),
            None,
        ),
    };
    let why = format!("{} in {}: {why}", place.1, place.0);
    Some(HoldReport {
        subject: subject.clone(),
        reason: reason.to_owned(),
        why,
        until: None,
        help,
        state,
    })
}

#[derive(Default)]
struct Rendered {
    files: BTreeMap<Place, Files>,
    changes: BTreeMap<Place, Change>,
    stops: Vec<(Place, Stop, BTreeSet<TagKey>)>,
}

/// Renders every application that is delivered by commit.
fn render(
    heads: &BTreeMap<TagKey, PinnedImage>,
    items: &[Item],
    survey: &Survey,
    templates: &mut Templates,
    desk: &mut Desk<'_>,
) -> Rendered {
    let mut rendered = Rendered::default();
    for (environment, application) in applications(desk) {
        let place = (environment.name().clone(), application.name.to_string());
        let Some(surveyed) = survey.places.get(&place) else {
            continue;
        };
        if environment_delivery(environment, desk) != Delivery::Commit
            || survey.left_alone.contains(&place)
        {
            continue;
        }
        let frozen = survey.frozen.contains_key(&place);
        let loose = survey.loose.get(&place).filter(|_| frozen);
        let brings = |tag: &TagKey| {
            surveyed.used.contains(tag) && loose.is_none_or(|loose| !loose.contains(tag))
        };
        let touched = items.iter().any(|i| i.heads.keys().any(brings));
        if frozen && !touched {
            continue;
        }
        let result = if touched {
            look(environment, application, heads, templates, desk)
        } else {
            (surveyed.result.clone(), surveyed.used.clone())
        };
        match result {
            (Ok(delta), _) if delta.files.is_empty() => {}
            (Ok(delta), used) => {
                if touched
                    || !(stalled(&place, &delta.files, &used, desk)
                        || refused_before(&place, &delta.files, desk))
                {
                    rendered
                        .changes
                        .insert(place.clone(), drift_change(&place, &delta.files));
                    rendered.files.insert(place, delta.files);
                }
            }
            (Err(stop), used) => {
                rendered
                    .stops
                    .push((place, stop, used.union(&surveyed.used).cloned().collect()))
            }
        }
    }
    rendered
}

/// Drift that would put back what our own commits replaced since the last move of any tag used: somebody else of us
/// writes the opposite.
fn stalled(place: &Place, files: &Files, used: &BTreeSet<TagKey>, desk: &mut Desk<'_>) -> bool {
    let moves = used
        .iter()
        .filter_map(|k| desk.obs.history.moves.get(k))
        .flatten();
    let since = moves.map(|m| m.at).max().unwrap_or(0);
    let flip = files.iter().find(|(path, text)| {
        text.as_ref()
            .is_some_and(|t| flips_back(path, t, since, desk))
    });
    let Some((path, _)) = flip else { return false };
    let why = format!(
        "Stalled: {path} would go back to what we replaced lately; two programs or two configurations write against each other"
    );
    let subject = Subject::Application {
        environment: place.0.clone(),
        application: place.1.clone(),
    };
    desk.hold(subject, State::Held, "Stalled", why).help =
        Some("stop one of them, or bring both to one version".to_owned());
    true
}

/// Whether the server refused this very drift, and it has to wait.
fn refused_before(place: &Place, files: &Files, desk: &mut Desk<'_>) -> bool {
    let subject = Subject::Application {
        environment: place.0.clone(),
        application: place.1.clone(),
    };
    let hold = refusal::hold(&id_of_drift(place, files), &subject, desk);
    let held = hold.is_some();
    desk.holds.extend(hold);
    held
}

/// What people read of outputs that are put right without a tag moving.
pub fn drift_change(place: &Place, files: &Files) -> Change {
    Change {
        kind: ChangeKind::Render,
        group: place.1.clone(),
        place: place.0.to_string(),
        subject: place.1.clone(),
        old: None,
        new: None,
        why: None,
        delivery: String::new(),
        files: files.keys().cloned().collect(),
    }
}

/// An item that must be taken out of a wave, and why; no reason while questions are open.
struct Out {
    index: usize,
    hold: Option<Box<HoldReport>>,
}

/// Puts the items' texts together, or says of every item that cannot go why. Items share nothing of one that fails.
fn compose(
    items: &[Item],
    outputs: &BTreeMap<Place, Files>,
    drift: &BTreeMap<Place, Change>,
    desk: &mut Desk<'_>,
) -> Result<Wave, Vec<Out>> {
    let mut wave = Wave::default();
    let delivery = format!("commit on {}", desk.obs.snapshot.branch);
    let mut explained: BTreeSet<Place> = BTreeSet::new();
    let mut outs = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let edited = shielded(
            || item.subject.clone(),
            desk,
            |desk| apply(&item.edits, &mut wave.files, desk),
        );
        match edited {
            Ok(Ok(())) => {}
            Ok(Err(no_text)) => {
                let hold = refused(&item.subject, no_text);
                outs.push(Out { index, hold });
            }
            Err(bug) => {
                let hold = Some(bug);
                outs.push(Out { index, hold });
            }
        }
        if !outs.is_empty() {
            continue;
        }
        let mut changes = item.changes.clone();
        let mut files: Vec<_> = item
            .edits
            .keys()
            .filter_map(|k| desk.docs.streams.get(k))
            .map(|l| l.path.clone())
            .chain(item.files.keys().cloned())
            .collect();
        wave.files.extend(item.files.clone());
        for (place, texts) in outputs
            .iter()
            .filter(|(place, _)| item.environments.contains(&place.0))
        {
            if moves_output(item, texts) {
                explained.insert(place.clone());
                files.extend(texts.keys().cloned());
            }
        }
        for change in &mut changes {
            change.delivery.clone_from(&delivery);
            change.files.clone_from(&files);
        }
        wave.changes.extend(changes);
        wave.trailers.extend(item.trailer.clone());
        // A file of its own brakes a stage.
        let moves = |_: &&StageKey| item.files.is_empty();
        wave.moved.extend(item.stage().filter(moves).cloned());
    }
    if !outs.is_empty() {
        return Err(outs);
    }
    for (place, texts) in outputs {
        wave.files.extend(texts.clone());
        if let Some(change) = drift.get(place).filter(|_| !explained.contains(place)) {
            wave.changes.push(Change {
                why: None,
                delivery: delivery.clone(),
                ..change.clone()
            });
        }
    }
    Ok(wave)
}

/// Whether an output holds an image that this item moves a tag to.
fn moves_output(item: &Item, texts: &Files) -> bool {
    let images: Vec<String> = item.heads.values().map(ToString::to_string).collect();
    texts
        .values()
        .flatten()
        .any(|text| images.iter().any(|i| text.contains(i.as_str())))
}

/// The hold for an item whose stream file cannot be edited; none while questions are open.
pub fn refused(subject: &Subject, no_text: NoText) -> Option<Box<HoldReport>> {
    let (why, help) = match no_text {
        NoText::Asking => return None,
        NoText::Unreadable(path) => (format!("{path} cannot be read as text"), None),
        NoText::Refused(edit) => {
            let line = edit.line.map_or_else(String::new, |l| format!(":{l}"));
            (
                format!("{}{line} cannot be edited safely: {}", edit.path, edit.why),
                Some(edit.smallest_change),
            )
        }
    };
    Some(Box::new(HoldReport {
        subject: subject.clone(),
        reason: "UnsafeEdit".to_owned(),
        why,
        until: None,
        help,
        state: State::Held,
    }))
}

impl Wave {
    /// The effect that pushes it; none for an empty wave.
    pub fn effect(&self, desk: &Desk<'_>) -> Option<Effect> {
        if self.files.is_empty() {
            return None;
        }
        let base = &desk.obs.snapshot.commit;
        let message = wave_message(&self.changes, &self.trailers, base);
        Some(Effect::PushBase {
            expect: base.clone(),
            commit: CommitContent {
                message,
                files: self.files.clone(),
            },
            sets: self.sets.clone(),
        })
    }
}
