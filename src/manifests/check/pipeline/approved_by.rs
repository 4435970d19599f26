//! HW0119 of `approvedBy`: a stage whose approvals count elsewhere is another one, and has pull requests that people approve.

use super::approvals::by_commit;
use super::{all, breaks};
use crate::manifests::check::finding::{Finding, Report, Repository, route};
use crate::manifests::code;

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    for pipeline in all(repository) {
        for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
            let Some(named) = &stage.approved_by else {
                continue;
            };
            let place = route!["spec", "stages", index, "approvedBy"];
            let itself = *named == stage.name;
            let other = pipeline.value.stage(named).filter(|_| !itself);
            let (words, help) = if itself {
                let help =
                    "name the stage whose pull request people approve first, or leave it out";
                (format!("stage `{named}` cannot vouch for itself"), help)
            } else if other.is_some_and(|other| by_commit(repository, other).is_some()) {
                let help = "name a stage that is delivered by pull request, or leave it out";
                let words = format!(
                    "stage `{named}` is delivered by commit, so nobody approves anything there"
                );
                (words, help)
            } else {
                continue;
            };
            let finding = Finding::error(code::APPROVALS, place, words).help(help);
            breaks(report, pipeline, finding);
        }
    }
}
