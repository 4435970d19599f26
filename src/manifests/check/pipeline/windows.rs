//! HW0120: a window has times, and is open at some of them; and so are the windows of a stage together, its own and those of
//! its environments.

use std::collections::BTreeMap;

use super::{all, breaks};
use crate::manifests::check::finding::{Finding, Report, Repository, Thing, route};
use crate::manifests::code;
use crate::manifests::yaml::Step;
use crate::model::window::{Together, Window};
use crate::model::{Gate, Name, Stage, Timestamp};

/// A Monday like any other: whether windows ever open is no matter of the day on which somebody asks.
const MONDAY: i64 = 1_767_571_200;

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    let documents = repository.documents;
    // Times that could not be read are told already, and missing in what is here.
    let environments = documents.environments.iter();
    for (name, environment) in
        environments.filter(|(name, _)| !documents.broken_environments.contains_key(*name))
    {
        let route = route!["spec", "enter"];
        for finding in wrong(&route, &environment.value.spec.enter) {
            let thing = Thing::Environment(name.clone());
            report.breaks(thing, environment, finding);
        }
    }
    let unread = |name: &Name| documents.broken_pipelines.contains_key(name);
    let mut known = Known::new();
    for pipeline in all(repository).filter(|pipeline| !unread(pipeline.value.name())) {
        for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
            let route = route!["spec", "stages", index, "enter"];
            for finding in wrong(&route, &stage.enter) {
                breaks(report, pipeline, finding);
            }
            if let Some(finding) = apart(repository, index, stage, &mut known) {
                breaks(report, pipeline, finding);
            }
        }
    }
}

fn windows(gates: &[Gate]) -> impl Iterator<Item = (usize, &Window)> {
    let gates = gates.iter().enumerate();
    gates.filter_map(|(index, gate)| match gate {
        Gate::Window(window) => Some((index, window)),
        _ => None,
    })
}

/// What is wrong with each of them alone.
fn wrong(route: &[Step], gates: &[Gate]) -> Vec<Finding> {
    let found = windows(gates).filter_map(|(index, window)| {
        let mut place = route.to_vec();
        place.extend([Step::from(index), Step::from("window")]);
        if window.allow.is_empty() && window.deny.is_empty() {
            let words = "this window has no times, so it is always open";
            let help = "write `allow: [\"Mon-Thu 09:00-16:00\"]`, or take the window out";
            return Some(Finding::error(code::WINDOW, place, words.to_owned()).help(help));
        }
        if is_ever_open(&[window]) {
            return None;
        }
        let words = "this window is never open: `deny` covers every time of `allow`";
        let finding = Finding::error(code::WINDOW, place, words.to_owned());
        Some(finding.help("nothing would ever enter; leave some time of `allow` free"))
    });
    found.collect()
}

/// A window without a time zone is another rule's.
fn is_ever_open(windows: &[&Window]) -> bool {
    let monday = Timestamp::from_second(MONDAY).unwrap_or_default();
    Together(windows).ever_open(monday).unwrap_or(true)
}

/// Whether windows are open one by one and never together, by the environments they are of and a stage's own gates: to look
/// through a year is dear, and the results of a matrix have the same ones.
type Known = BTreeMap<(Vec<Name>, String), bool>;

/// Windows of a stage that are open one by one, and never together.
fn apart(
    repository: &Repository<'_>,
    index: usize,
    stage: &Stage,
    known_apart: &mut Known,
) -> Option<Finding> {
    let environments = &repository.documents.environments;
    let named = stage.environments();
    let known = named.iter().filter_map(|name| environments.get(name));
    let mut from: Vec<(String, &Window)> = known
        .flat_map(|environment| {
            let place = environment.path.to_string();
            let windows = windows(&environment.value.spec.enter);
            windows.map(move |(_, window)| (place.clone(), window))
        })
        .collect();
    let own = windows(&stage.enter).map(|(_, window)| ("this stage".to_owned(), window));
    from.extend(own);
    let windows: Vec<&Window> = from.iter().map(|(_, window)| *window).collect();
    if windows.len() < 2 {
        return None;
    }
    let own = serde_json::to_string(&stage.enter).unwrap_or_default();
    let are_apart = *known_apart.entry((named, own)).or_insert_with(|| {
        windows.iter().all(|window| is_ever_open(&[window])) && !is_ever_open(&windows)
    });
    if !are_apart {
        return None;
    }
    let mut places: Vec<&str> = from.iter().map(|(place, _)| place.as_str()).collect();
    places.dedup();
    let words = format!(
        "the windows of stage `{}` are never open at the same time ({})",
        stage.name,
        places.join(", ")
    );
    let place = match stage.enter.is_empty() {
        true => route!["spec", "stages", index, "name"],
        false => route!["spec", "stages", index, "enter"],
    };
    let finding = Finding::error(code::WINDOW, place, words);
    Some(finding.help("a set enters only while all of them are open: let them share some time, or make a stage of each environment"))
}
