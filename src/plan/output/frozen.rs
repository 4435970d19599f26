//! Images that come into an environment by no stage: nothing asks a gate of them, so a freeze leaves outputs that use them
//! as they are.

use std::collections::{BTreeMap, BTreeSet};

use super::survey::{Place, Survey};
use crate::model::{Name, TagKey, Timestamp, Verdict};
use crate::plan::desk::Desk;
use crate::plan::gate::freeze;
use crate::plan::report::{HoldReport, State, Subject};
use crate::plan::road::Road;

/// Why outputs are left as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    state: State,
    reason: &'static str,
    why: String,
    until: Option<Timestamp>,
}

/// The tags that stages bring, by environment.
pub type Brought<'r> = BTreeMap<&'r Name, BTreeSet<TagKey>>;

/// What stages bring into each environment.
pub fn brought<'r>(roads: &'r BTreeMap<Name, Road<'_>>) -> Brought<'r> {
    let mut brought = Brought::new();
    for view in roads.values().flatten() {
        for environment in &view.environments {
            let tags = view.streams.iter();
            let tags = tags.map(|stream| TagKey::new(stream.clone(), view.tag()));
            brought.entry(environment).or_default().extend(tags);
        }
    }
    brought
}

/// The tags that an application uses and that no stage of its environment brings.
pub fn loose(
    environment: &Name,
    used: &BTreeSet<TagKey>,
    brought: &Brought<'_>,
) -> BTreeSet<TagKey> {
    let here = brought.get(environment);
    let comes = |tag: &&TagKey| here.is_some_and(|here| here.contains(*tag));
    used.iter().filter(|tag| !comes(tag)).cloned().collect()
}

/// Applications that use such images in environments that are frozen now.
pub fn frozen(survey: &Survey, desk: &mut Desk<'_>) -> BTreeMap<Place, Frozen> {
    let mut by_environment: BTreeMap<&Name, Option<Frozen>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for place in survey.loose.keys() {
        let of_environment = by_environment.entry(&place.0);
        let frozen = of_environment.or_insert_with(|| of(&place.0, desk));
        if let Some(frozen) = frozen {
            found.insert(place.clone(), frozen.clone());
        }
    }
    found
}

fn of(environment: &Name, desk: &mut Desk<'_>) -> Option<Frozen> {
    if let Some(why) = &desk.docs.brakes_unreadable {
        return Some(Frozen {
            state: State::Held,
            reason: "BrakesUnreadable",
            why: format!("{why}: everything holds until it can be read"),
            until: None,
        });
    }
    match freeze(None, std::slice::from_ref(environment), desk) {
        Verdict::Open { .. } => None,
        Verdict::Waiting { why, until } => {
            if let Some(until) = until {
                desk.expires(until);
            }
            Some(Frozen {
                state: State::Frozen,
                reason: "Frozen",
                why: format!("freeze/{why}"),
                until,
            })
        }
        Verdict::Refused { why } => Some(Frozen {
            state: State::Frozen,
            reason: "Frozen",
            why: format!("freeze/{why}"),
            until: None,
        }),
    }
}

/// Names what waits for the end of a freeze.
pub fn report(survey: &Survey, desk: &mut Desk<'_>) {
    for (place, frozen) in &survey.frozen {
        let result = survey.places.get(place).map(|surveyed| &surveyed.result);
        let waits = result.is_some_and(|r| r.as_ref().is_ok_and(|delta| !delta.files.is_empty()));
        if !waits {
            continue;
        }
        let tags = survey.loose.get(place).into_iter().flatten();
        let tags: Vec<String> = tags
            .map(|t| format!("{}:{}", t.stream.name, t.tag))
            .collect();
        let help = match frozen.state {
            State::Frozen => format!("headwater unfreeze {}", place.0),
            _ => "headwater check".to_owned(),
        };
        desk.holds.push(HoldReport {
            subject: Subject::Application {
                environment: place.0.clone(),
                application: place.1.clone(),
            },
            reason: frozen.reason.to_owned(),
            why: format!(
                "{}; its outputs differ, and {} would come by no stage",
                frozen.why,
                tags.join(", ")
            ),
            until: frozen.until,
            help: Some(help),
            state: frozen.state,
        });
    }
}
