//! HW0122: a pipeline adds to the rules of its environments. What asks for less than they do changes nothing, and whoever
//! wrote it may think that it does; the file that sets the floor is named.

use super::all;
use crate::manifests::check::finding::{Finding, Report, Repository, route};
use crate::manifests::code;
use crate::manifests::documents::Located;
use crate::manifests::yaml::Step;
use crate::model::{Approvals, Environment, Gate, Stage};

const HELP: &str =
    "leave it out, or ask for more: a pipeline adds to an environment's rules and loosens none";

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    let known = &repository.documents.environments;
    for pipeline in all(repository) {
        for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
            let names = stage.environments();
            for environment in names.iter().filter_map(|name| known.get(name)) {
                let place = |steps: Vec<Step>| [route!["spec", "stages", index], steps].concat();
                let approvals = approvals(stage, environment)
                    .map(|words| (place(route!["approvals", "count"]), words));
                let ages = ages(stage, environment).into_iter();
                let ages = ages.map(|(at, words)| (place(route!["enter", at]), words));
                for (place, words) in approvals.into_iter().chain(ages) {
                    let finding = Finding::warning(code::FLOOR, place, words).help(HELP);
                    report.say(pipeline, finding);
                }
            }
        }
    }
}

fn approvals(stage: &Stage, environment: &Located<Environment>) -> Option<String> {
    let floor = environment.value.spec.approvals.as_ref()?;
    let asked = stage.approvals.as_ref()?;
    let same = |a: &Approvals, b: &Approvals| a.from.iter().all(|who| b.from.contains(who));
    let weaker = asked.count < floor.count
        && (asked.from.is_empty() || same(asked, floor) && same(floor, asked));
    weaker.then(|| {
        format!(
            "this changes nothing: {} asks for {} approvals, and so must whoever enters environment `{}`",
            environment.path,
            floor.count,
            environment.value.name()
        )
    })
}

/// Ages of a stage that are shorter than one of its environment.
fn ages(stage: &Stage, environment: &Located<Environment>) -> Vec<(usize, String)> {
    let floors = environment.value.spec.enter.iter();
    let floors: Vec<_> = floors
        .filter_map(|gate| match gate {
            Gate::Age(age) => Some(age),
            _ => None,
        })
        .collect();
    let asked = stage.enter.iter().enumerate();
    let weaker = asked.filter_map(|(at, gate)| {
        let Gate::Age(age) = gate else { return None };
        let floor = floors
            .iter()
            .find(|floor| floor.since == age.since && floor.min > age.min)?;
        let words = format!(
            "this changes nothing: {} wants an age of {}, and so must whatever enters environment `{}`",
            environment.path,
            floor.min,
            environment.value.name()
        );
        Some((at, words))
    });
    weaker.collect()
}
