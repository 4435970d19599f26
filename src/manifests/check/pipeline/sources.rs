//! HW0111, HW0112, HW0113: where a stage takes its sets from.

use super::{all, breaks};
use crate::manifests::check::finding::{Finding, Report, Repository, route};
use crate::manifests::code;
use crate::manifests::documents::Located;
use crate::manifests::suggest::{did_you_mean, listed};
use crate::manifests::yaml::Step;
use crate::model::pipeline::From;
use crate::model::{Name, Pipeline, Stage};

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    for pipeline in all(repository) {
        for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
            from(report, pipeline, index, stage);
            if let Some(other) = &stage.approved_by {
                let place = route!["spec", "stages", index, "approvedBy"];
                known(report, pipeline, other, place);
            }
        }
    }
}

fn from(report: &mut Report, pipeline: &Located<Pipeline>, index: usize, stage: &Stage) {
    let names = |pipeline: &Pipeline| {
        let stages = pipeline.spec.stages.iter();
        stages
            .map(|s| s.name.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    let Some(from) = &stage.from else {
        if index > 1 {
            let before = names(&pipeline.value)[..index].join(", ");
            let words = format!(
                "stage `{}` does not say where it takes sets from",
                stage.name
            );
            let finding = Finding::error(
                code::FROM_MISSING,
                route!["spec", "stages", index, "name"],
                words,
            )
            .label(format!("{before} come before it"))
            .help(format!(
                "write from: [{}]",
                pipeline.value.spec.stages[index - 1].name
            ));
            breaks(report, pipeline, finding);
        }
        return;
    };
    for (position, name) in from.stages().iter().enumerate() {
        let mut place = route!["spec", "stages", index, "from"];
        if matches!(from, From::Any(_)) {
            place.push(Step::from("any"));
        }
        place.push(Step::from(position));
        if *name == stage.name {
            let words = format!("stage `{name}` takes sets from itself");
            breaks(
                report,
                pipeline,
                Finding::error(code::FROM_ITSELF, place, words),
            );
        } else {
            known(report, pipeline, name, place);
        }
    }
}

fn known(report: &mut Report, pipeline: &Located<Pipeline>, name: &Name, place: Vec<Step>) {
    if pipeline.value.stage(name).is_none() {
        let stages = pipeline
            .value
            .spec
            .stages
            .iter()
            .map(|stage| stage.name.as_str());
        let finding = Finding::error(
            code::UNKNOWN_STAGE,
            place,
            format!("unknown stage `{name}`"),
        )
        .label(format!("this pipeline has {}", listed(stages.clone())))
        .help(did_you_mean(name.as_str(), stages));
        breaks(report, pipeline, finding);
    }
}
