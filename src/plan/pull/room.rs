//! Room: how many pull requests of an environment may be open at a time. What has waited longest is opened first, the rest
//! is told what it waits for.

use std::collections::BTreeMap;

use crate::model::{Name, StageKey, Timestamp};
use crate::plan::desk::Desk;
use crate::plan::effect::Effect;
use crate::plan::facts::marker::{Carried, Marker, Subject as Carries};
use crate::plan::facts::pull::PullState;
use crate::plan::report::{Change, HoldReport, State, Subject};
use crate::plan::road::{Road, StageView};

/// Pull requests that are named at most, where there is no room beside them.
const MOST_NAMES: usize = 5;

/// The effects for which there is room, and the holds of those that wait for it.
pub fn within_limits(
    effects: Vec<(Effect, Change)>,
    roads: &BTreeMap<Name, Road<'_>>,
    holds: &mut Vec<HoldReport>,
    desk: &Desk<'_>,
) -> Vec<(Effect, Change)> {
    let limits = limits(desk);
    if limits.is_empty() {
        return effects;
    }
    let mut open = open_by_environment(roads, desk);
    let mut waiting: Vec<(usize, Vec<Name>)> = Vec::new();
    let mut order: Vec<(Option<Timestamp>, usize)> = Vec::new();
    for (at, (effect, _)) in effects.iter().enumerate() {
        if let Effect::OpenPullRequest { text, .. } = effect {
            order.push((since(&text.marker, roads), at));
            waiting.push((at, environments(&text.marker.subject, roads)));
        }
    }
    // Whoever waits since nobody knows when is last.
    order.sort_by_key(|(since, at)| (since.is_none(), *since, *at));
    let mut shut: BTreeMap<usize, Vec<HoldReport>> = BTreeMap::new();
    for (_, at) in order {
        let places = waiting.iter().find(|(other, _)| *other == at);
        let places = places.map_or(&[][..], |(_, places)| places);
        let full = places.iter().find_map(|place| {
            let limit = *limits.get(place)?;
            let open = open.get(place).map_or(&[][..], Vec::as_slice);
            (open.len() >= limit).then_some((place, limit, open))
        });
        if let Some((place, limit, open)) = full {
            if let Effect::OpenPullRequest { text, .. } = &effects[at].0 {
                shut.insert(at, no_room(&text.marker, place, limit, open));
            }
            continue;
        }
        for place in places {
            let names = open.entry(place.clone()).or_default();
            names.push("one that is opened now".to_owned());
        }
    }
    let mut left = Vec::new();
    for (at, effect) in effects.into_iter().enumerate() {
        match shut.remove(&at) {
            Some(waiting) => holds.extend(waiting),
            None => left.push(effect),
        }
    }
    left
}

fn limits(desk: &Desk<'_>) -> BTreeMap<Name, usize> {
    let environments = desk.docs.environments.iter();
    environments
        .filter_map(|(name, environment)| {
            let limit = environment.value.spec.pull_request.limit?;
            Some((
                name.clone(),
                usize::try_from(limit.get()).unwrap_or(usize::MAX),
            ))
        })
        .collect()
}

/// What is open already.
fn open_by_environment(
    roads: &BTreeMap<Name, Road<'_>>,
    desk: &Desk<'_>,
) -> BTreeMap<Name, Vec<String>> {
    let mut open: BTreeMap<Name, Vec<String>> = BTreeMap::new();
    let pulls = desk.obs.facts.pulls.iter().flatten();
    for pull in pulls.filter(|pull| pull.state == PullState::Open) {
        for environment in environments(&pull.marker.subject, roads) {
            open.entry(environment).or_default().push(pull.id.clone());
        }
    }
    open
}

/// Environments that a pull request of a plan's is for. People's own acts take no room.
fn environments(subject: &Carries, roads: &BTreeMap<Name, Road<'_>>) -> Vec<Name> {
    match subject {
        Carries::Promotion { stage, .. } => {
            view(stage, roads).map_or_else(Vec::new, |view| view.environments.clone())
        }
        Carries::Group { environments, .. } => environments.clone(),
        Carries::Environment { environment, .. } => environment.parse().into_iter().collect(),
        Carries::Act { .. } | Carries::Streams { .. } => Vec::new(),
    }
}

fn view<'r, 'a>(key: &StageKey, roads: &'r BTreeMap<Name, Road<'a>>) -> Option<&'r StageView<'a>> {
    roads.get(&key.pipeline)?.iter().find(|v| v.key == *key)
}

/// Since when a set has been in the stages that it comes from; of several the oldest.
fn since(marker: &Marker, roads: &BTreeMap<Name, Road<'_>>) -> Option<Timestamp> {
    let carried = marker.promotions().into_iter();
    let since = carried.map(|Carried { stage, set, .. }| {
        let sources = view(&stage, roads)?.from.stages();
        let road = roads.get(&stage.pipeline)?.iter();
        let sources = road.filter(|view| sources.contains(&view.key.stage));
        sources
            .filter_map(|view| view.timeline.latest(&set)?.since)
            .max()
    });
    since.flatten().min()
}

fn no_room(marker: &Marker, place: &Name, limit: usize, open: &[String]) -> Vec<HoldReport> {
    let mut names = open.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>();
    if open.len() > names.len() {
        names.push("...".to_owned());
    }
    let hold = |subject: Subject| HoldReport {
        subject,
        reason: "NoRoom".to_owned(),
        why: format!(
            "waits for room: {} of {limit} pull requests of {place} are open ({})",
            open.len(),
            names.join(", ")
        ),
        until: None,
        help: Some(format!(
            "merge or close one, or raise `pullRequest.limit` of environment {place}"
        )),
        state: State::Waiting,
    };
    match marker.stages().as_slice() {
        [] => vec![hold(Subject::Environment(place.clone()))],
        stages => stages
            .iter()
            .map(|stage| hold(Subject::Stage((*stage).clone())))
            .collect(),
    }
}
