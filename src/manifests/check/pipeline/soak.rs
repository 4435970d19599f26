//! HW0301: without `deployed` a soak counts from the commit, not from when the set ran.

use super::all;
use crate::manifests::check::finding::{Finding, Report, Repository, route};
use crate::manifests::code;
use crate::model::Gate;

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    for pipeline in all(repository) {
        for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
            let silent = stage.environments().into_iter().find(|name| {
                let environment = repository.documents.environments.get(name);
                environment.is_some_and(|e| e.value.spec.deployed.is_none())
            });
            let Some(environment) = silent else { continue };
            let soaks = stage.verify.iter().enumerate();
            for (position, _) in soaks.filter(|(_, gate)| matches!(gate, Gate::Soak(_))) {
                let place = route!["spec", "stages", index, "verify", position, "soak"];
                let words = "soak counts time in Git, not in the cluster";
                let help = format!(
                    "make it longer than a rollout to `{environment}` takes, or let `deployed` of that environment start it when the set runs: `{{check: NAME}}` on GitHub, or `{{argocd: {{server: NAME, app: NAME}}}}`"
                );
                let finding = Finding::warning(code::SOAK, place, words).help(help);
                report.say(pipeline, finding);
            }
        }
    }
}
