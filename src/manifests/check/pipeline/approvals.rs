//! HW0119: people approve pull requests; where every write is a commit there is nothing to approve.

use super::{all, breaks};
use crate::manifests::check::finding::{Finding, Report, Repository, Thing, route};
use crate::manifests::code;
use crate::manifests::documents::Located;
use crate::model::{Delivery, Environment};

const HELP: &str = "set delivery: pullRequest, or remove the approvals";

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    for pipeline in all(repository) {
        for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
            let names = stage.environments();
            let environments: Vec<&Located<Environment>> = names
                .iter()
                .filter_map(|name| repository.documents.environments.get(name))
                .collect();
            if environments.len() < names.len() {
                continue;
            }
            let default = repository.documents.config.spec.delivery;
            let by_commit = environments
                .iter()
                .all(|e| e.value.spec.delivery == Delivery::Commit)
                && (!environments.is_empty() || default == Delivery::Commit);
            if !by_commit {
                continue;
            }
            if stage.approvals.is_some() {
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
                .filter(|e| e.value.spec.approvals.is_some())
            {
                let name = environment.value.name().clone();
                let words = format!(
                    "environment `{name}` is delivered by commit, which nobody can approve"
                );
                let finding =
                    Finding::error(code::APPROVALS, route!["spec", "approvals"], words).help(HELP);
                report.breaks(
                    Thing::Environment(name),
                    &environment.path,
                    environment.index,
                    finding,
                );
            }
        }
    }
}
