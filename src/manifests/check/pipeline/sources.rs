//! HW0111, HW0112, HW0113: where a stage takes its sets from.

use std::collections::BTreeSet;

use super::{all, breaks};
use crate::manifests::check::finding::{Finding, Report, Repository, route};
use crate::manifests::code;
use crate::manifests::documents::Located;
use crate::manifests::suggest::{listed, nearest};
use crate::manifests::yaml::Step;
use crate::model::pipeline::From;
use crate::model::{Name, Pipeline, Stage};

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    for pipeline in all(repository) {
        for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
            from(report, pipeline, index, stage);
            if let Some(other) = &stage.approved_by {
                let place = route!["spec", "stages", index, "approvedBy"];
                if comes_after(&pipeline.value, &stage.name, other) {
                    let words = format!(
                        "stage `{other}` comes after `{}`, so nobody has approved there before",
                        stage.name
                    );
                    let help = "name a stage before it or beside it, or take `approvedBy` out";
                    let finding = Finding::error(code::APPROVALS, place.clone(), words);
                    breaks(report, pipeline, finding.help(help));
                }
                known(report, pipeline, &stage.name, other, place);
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
    if from.stages().is_empty() && index > 0 {
        let words = format!(
            "stage `{}` takes sets from no other stage: it imports what its registry has, past the stages above it",
            stage.name
        );
        let place = route!["spec", "stages", index, "from"];
        let help = "write `from: [...]` with the stage before it, or leave this so where a second road begins";
        let finding = Finding::warning(code::FROM_NOTHING, place, words).help(help);
        report.say(pipeline, finding);
    }
    for (position, name) in from.stages().iter().enumerate() {
        let mut place = route!["spec", "stages", index, "from"];
        if matches!(from, From::Any(_)) {
            place.push(Step::from("any"));
        }
        place.push(Step::from(position));
        if *name == stage.name {
            let words = format!("stage `{name}` takes sets from itself");
            let others = others(&pipeline.value, &stage.name);
            let help = format!(
                "name the stage before it (others here: {}), or take `from` out of the first stage",
                listed(others)
            );
            breaks(
                report,
                pipeline,
                Finding::error(code::FROM_ITSELF, place, words).help(help),
            );
        } else {
            known(report, pipeline, &stage.name, name, place);
        }
    }
}

/// Whether a stage is the same as another, or takes its sets from there over any number of stages.
fn comes_after(pipeline: &Pipeline, stage: &Name, other: &Name) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![other.clone()];
    while let Some(name) = open.pop() {
        if name == *stage {
            return true;
        }
        let sources = pipeline.stage(&name).and_then(|s| pipeline.sources(s));
        if seen.insert(name) {
            open.extend(sources.iter().flat_map(|from| from.stages()).cloned());
        }
    }
    false
}

/// The stages of a pipeline but one.
fn others<'p>(pipeline: &'p Pipeline, stage: &Name) -> Vec<&'p str> {
    let names = pipeline.spec.stages.iter().map(|stage| &stage.name);
    names
        .filter(|name| *name != stage)
        .map(Name::as_str)
        .collect()
}

/// Says that a stage names one that is not there.
fn known(
    report: &mut Report,
    pipeline: &Located<Pipeline>,
    stage: &Name,
    name: &Name,
    place: Vec<Step>,
) {
    if pipeline.value.stage(name).is_none() {
        let others = others(&pipeline.value, stage);
        let words = format!("unknown stage `{name}`");
        let finding = Finding::error(code::UNKNOWN_STAGE, place, words)
            .label(format!(
                "besides `{stage}` this pipeline has {}",
                listed(others.iter().copied())
            ))
            .help(match nearest(name.as_str(), others) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write one of those, or add the stage that is meant".to_owned(),
            });
        breaks(report, pipeline, finding);
    }
}
