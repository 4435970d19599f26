//! HW0119: people approve pull requests; where every write is a commit there is nothing to approve, `count: 0` asks nobody, and
//! more than there are can never be had.

use std::collections::BTreeSet;

use super::{all, breaks};
use crate::manifests::check::finding::{Finding, Report, Repository, Thing, route};
use crate::manifests::code;
use crate::manifests::documents::Located;
use crate::manifests::yaml::Step;
use crate::model::{Approvals, Delivery, Environment, Stage};

const HELP: &str = "set delivery: pullRequest, or remove the approvals";

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    of_nobody(repository, report);
    out_of_reach(repository, report);
    for pipeline in all(repository) {
        for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
            let Some(environments) = by_commit(repository, stage) else {
                continue;
            };
            if asks(stage.approvals.as_ref()) {
                let words = format!(
                    "stage `{}` is delivered by commit, which nobody can approve",
                    stage.name
                );
                let place = route!["spec", "stages", index, "approvals"];
                breaks(
                    report,
                    pipeline,
                    Finding::error(code::APPROVALS, place, words).help(HELP),
                );
            }
            for environment in environments
                .iter()
                .copied()
                .filter(|e| asks(e.value.spec.approvals.as_ref()))
            {
                let name = environment.value.name().clone();
                let words = format!(
                    "environment `{name}` is delivered by commit, which nobody can approve"
                );
                let finding =
                    Finding::error(code::APPROVALS, route!["spec", "approvals"], words).help(HELP);
                report.breaks(Thing::Environment(name), environment, finding);
            }
        }
    }
}

/// The environments of a stage that is delivered by commit; `None` where it is not, or one of them is not known.
pub(super) fn by_commit<'r>(
    repository: &'r Repository<'_>,
    stage: &Stage,
) -> Option<Vec<&'r Located<Environment>>> {
    let known = &repository.documents.environments;
    let names = stage.environments();
    let environments = names.iter().map(|name| known.get(name));
    let environments: Vec<_> = environments.collect::<Option<_>>()?;
    let default = repository.documents.config.spec.delivery;
    let mut all = environments.iter();
    let by_commit = all.all(|e| e.value.spec.delivery == Delivery::Commit)
        && (!environments.is_empty() || default == Delivery::Commit);
    by_commit.then_some(environments)
}

/// Whether anybody is asked.
fn asks(approvals: Option<&Approvals>) -> bool {
    approvals.is_some_and(|approvals| approvals.count > 0)
}

/// Approvals that nobody has to give: whoever wrote them may think that somebody has.
fn of_nobody(repository: &Repository<'_>, report: &mut Report) {
    let idle = |approvals: Option<&Approvals>| approvals.is_some() && !asks(approvals);
    let words = "`count: 0` asks nobody: this is no gate, and what it is about merges by itself";
    let help = "write how many must approve (`count: 1`), or leave `approvals` out";
    let finding = |place| Finding::warning(code::APPROVALS, place, words).help(help);
    for pipeline in all(repository) {
        for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
            if idle(stage.approvals.as_ref()) {
                let place = route!["spec", "stages", index, "approvals", "count"];
                report.say(pipeline, finding(place));
            }
        }
    }
    for environment in repository.documents.environments.values() {
        if idle(environment.value.spec.approvals.as_ref()) {
            let place = route!["spec", "approvals", "count"];
            report.say(environment, finding(place));
        }
    }
}

/// Approvals that can never be given, of whom no account can be.
fn out_of_reach(repository: &Repository<'_>, report: &mut Report) {
    for pipeline in all(repository) {
        for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
            let route = route!["spec", "stages", index, "approvals"];
            for finding in wrong(&route, stage.approvals.as_ref()) {
                breaks(report, pipeline, finding);
            }
        }
    }
    for (name, environment) in &repository.documents.environments {
        let route = route!["spec", "approvals"];
        for finding in wrong(&route, environment.value.spec.approvals.as_ref()) {
            let thing = Thing::Environment(name.clone());
            report.breaks(thing, environment, finding);
        }
    }
}

fn wrong(route: &[Step], approvals: Option<&Approvals>) -> Vec<Finding> {
    let Some(Approvals { count, from }) = approvals else {
        return Vec::new();
    };
    let place = |steps: &[Step]| [route, steps].concat();
    let mut findings = Vec::new();
    for (index, name) in from.iter().enumerate() {
        let odd = name.trim_start_matches('@').is_empty() || name.chars().any(char::is_whitespace);
        if odd {
            let place = place(&[Step::from("from"), Step::from(index)]);
            let words = format!("`{name}` names nobody");
            let help = "write an account or a team as CODEOWNERS does: `@ann`, `@acme/release`";
            findings.push(Finding::error(code::APPROVALS, place, words).help(help));
        }
    }
    let people: BTreeSet<String> = from
        .iter()
        .map(|name| name.trim_start_matches('@').to_lowercase())
        .collect();
    let any_team = from.iter().any(|name| name.contains('/'));
    if !from.is_empty() && !any_team && people.len() < *count as usize {
        let place = place(&[Step::from("count")]);
        let words = format!(
            "{count} of {} can never approve: nobody counts twice",
            people.len()
        );
        let help = "name more people or a team under `from`, or ask for fewer";
        findings.push(Finding::error(code::APPROVALS, place, words).help(help));
    }
    findings
}
