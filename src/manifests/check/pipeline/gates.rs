//! HW0117 and HW0118: conditions before arrival and after it are different kinds, and a window needs a time zone that
//! exists. Environments' conditions are read alike.

use super::{all, breaks};
use crate::manifests::check::finding::{Finding, Report, Repository, Thing, route};
use crate::manifests::check::zone;
use crate::manifests::code;
use crate::manifests::yaml::Step;
use crate::model::Gate;

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    for pipeline in all(repository) {
        for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
            let lists = [("enter", &stage.enter), ("verify", &stage.verify)];
            for (list, gates) in lists {
                for finding in wrong(route!["spec", "stages", index, list], list, gates) {
                    breaks(report, pipeline, finding);
                }
            }
        }
    }
    for (name, environment) in &repository.documents.environments {
        for finding in wrong(
            route!["spec", "enter"],
            "enter",
            &environment.value.spec.enter,
        ) {
            let thing = Thing::Environment(name.clone());
            report.breaks(thing, environment, finding);
        }
    }
}

fn wrong(route: Vec<Step>, list: &str, gates: &[Gate]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, gate) in gates.iter().enumerate() {
        let mut place = route.clone();
        place.push(Step::from(index));
        let (fits, other) = match list {
            "enter" => (gate.may_guard_entry(), "verify"),
            _ => (gate.may_verify(), "enter"),
        };
        if !fits {
            let mut place = place.clone();
            place.push(Step::Name(gate.kind().to_owned()));
            let words = format!("`{}` has no meaning under `{list}`", gate.kind());
            let help = format!("move it to `{other}` of a stage");
            findings.push(Finding::error(code::GATE_LIST, place, words).help(help));
        }
        if let Gate::Window(window) = gate {
            place.extend([Step::from("window"), Step::from("timeZone")]);
            findings.extend(zone::unknown(&window.time_zone, place));
        }
    }
    findings
}
