//! HW0114: a set has to come in somewhere, so stages must not take sets from each other in a circle.

use std::collections::BTreeSet;

use super::{all, breaks};
use crate::manifests::check::finding::{Finding, Report, Repository, route};
use crate::manifests::code;
use crate::model::{Name, Pipeline};

const HELP: &str = "nothing would ever come in; take `from` out of the stage that new images enter first, and write it above the others";

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    for pipeline in all(repository) {
        let mut told: BTreeSet<Name> = BTreeSet::new();
        for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
            if told.contains(&stage.name) {
                continue;
            }
            if let Some(mut way) = way_back(&pipeline.value, &stage.name) {
                told.extend(way.iter().cloned());
                // Told in the direction in which sets travel.
                way.reverse();
                let implicit = way.iter().find(|name| {
                    pipeline
                        .value
                        .stage(name)
                        .is_some_and(|stage| stage.from.is_none())
                });
                let help = match implicit {
                    Some(name) => format!(
                        "`{name}` has no `from`, so it takes the sets of the stage above it: write the stages in the order in which sets travel"
                    ),
                    None => HELP.to_owned(),
                };
                let way: Vec<&str> = way.iter().map(Name::as_str).collect();
                let words = format!(
                    "stages take sets from each other in a circle: {}",
                    way.join(" -> ")
                );
                let place = route!["spec", "stages", index, "from"];
                breaks(
                    report,
                    pipeline,
                    Finding::error(code::STAGE_CYCLE, place, words).help(help),
                );
            }
        }
    }
}

/// The shortest way from a stage over its sources back to itself, at least one stage long.
fn way_back(pipeline: &Pipeline, start: &Name) -> Option<Vec<Name>> {
    let mut seen: BTreeSet<Name> = BTreeSet::new();
    let mut ways = vec![vec![start.clone()]];
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in &ways {
            let stage = way.last().and_then(|name| pipeline.stage(name));
            let sources = stage.and_then(|stage| pipeline.sources(stage));
            for source in sources.iter().flat_map(|from| from.stages()) {
                let mut next = way.clone();
                next.push(source.clone());
                if source == start && way.len() > 1 {
                    return Some(next);
                }
                if source != start && seen.insert(source.clone()) {
                    longer.push(next);
                }
            }
        }
        ways = longer;
    }
    None
}
