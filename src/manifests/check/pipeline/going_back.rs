//! HW0121: a stage goes back by itself only where something can refuse a set, where there is something to go back to, and
//! where nobody has to approve that. Elsewhere nothing else is the worse for it: whoever wrote it may think that it helps.

use super::all;
use crate::manifests::check::finding::{Finding, Report, Repository, route};
use crate::manifests::code;
use crate::model::{Environment, Pipeline, Stage};

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    for pipeline in all(repository) {
        for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
            if stage.auto_rollback.is_none() {
                continue;
            }
            let place = route!["spec", "stages", index, "autoRollback"];
            if let Some((words, help)) = wrong(repository, &pipeline.value, stage) {
                let finding = Finding::warning(code::AUTO_ROLLBACK, place, words).help(help);
                report.say(pipeline, finding);
            }
        }
    }
}

fn wrong(
    repository: &Repository<'_>,
    pipeline: &Pipeline,
    stage: &Stage,
) -> Option<(String, &'static str)> {
    let name = &stage.name;
    let is_first = pipeline
        .sources(stage)
        .is_some_and(|from| from.stages().is_empty());
    if is_first {
        let words = format!(
            "stage `{name}` takes what the registry offers, which would come again at once, so it never goes back by itself"
        );
        return Some((words, "leave autoRollback out, or put it on a later stage"));
    }
    let names = stage.environments();
    let known = &repository.documents.environments;
    let environments = names.iter().filter_map(|name| known.get(name));
    let environments: Vec<&Environment> = environments.map(|located| &*located.value).collect();
    let unknown = environments.len() < names.len();
    let tells = environments.iter().any(|e| e.spec.deployed.is_some());
    if stage.verify.is_empty() && !tells && !unknown {
        let words = format!("nothing ever refuses a set in stage `{name}`, so it never goes back");
        return Some((
            words,
            "give the stage a `verify`, or its environment a `deployed`, or leave autoRollback out",
        ));
    }
    let approved = environments
        .iter()
        .find(|e| e.spec.rollback.approvals > 0)?;
    let words = format!(
        "environment `{}` wants {} approvals of a rollback, so stage `{name}` cannot go back by itself",
        approved.name(),
        approved.spec.rollback.approvals
    );
    Some((
        words,
        "leave autoRollback out, or ask for no approvals of rollbacks there",
    ))
}
