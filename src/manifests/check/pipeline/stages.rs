//! HW0104 and HW0110: a pipeline has stages, each with a name of its own.

use super::{all, breaks};
use crate::manifests::check::finding::{Finding, Report, Repository, route};
use crate::manifests::code;

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    for pipeline in all(repository) {
        let stages = &pipeline.value.spec.stages;
        if stages.is_empty() {
            let words = "a pipeline without stages";
            breaks(
                report,
                pipeline,
                Finding::error(code::NO_STAGES, route!["spec", "stages"], words)
                    .help("write `stages: [{name: dev}]`, or delete the document"),
            );
        }
        for (index, stage) in stages.iter().enumerate() {
            if stages[..index]
                .iter()
                .any(|earlier| earlier.name == stage.name)
            {
                let words = format!("a second stage `{}`", stage.name);
                let place = route!["spec", "stages", index, "name"];
                let finding =
                    Finding::error(code::STAGE_TWICE, place, words).help("rename one of them");
                breaks(report, pipeline, finding);
            }
        }
    }
}
