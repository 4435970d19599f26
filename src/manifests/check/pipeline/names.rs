//! HW0102 and HW0103: the image streams and environments that a pipeline names exist.

use super::{all, breaks};
use crate::manifests::check::finding::{Finding, Report, Repository, route};
use crate::manifests::code;
use crate::manifests::documents::{Documents, Located};
use crate::manifests::suggest::did_you_mean;
use crate::model::{Name, Pipeline};

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    for pipeline in all(repository) {
        streams(repository.documents, pipeline, report);
        for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
            for (position, name) in stage.environments().iter().enumerate() {
                let place = match &stage.environments {
                    Some(_) => route!["spec", "stages", index, "environments", position],
                    None => route!["spec", "stages", index, "name"],
                };
                environment(repository.documents, pipeline, name, place, report);
            }
        }
    }
}

fn streams(documents: &Documents, pipeline: &Located<Pipeline>, report: &mut Report) {
    for (index, key) in documents
        .pipeline_streams(&pipeline.value)
        .iter()
        .enumerate()
    {
        // A stream that is there but broken has told so itself.
        if documents.streams.contains_key(key) || documents.broken_streams.contains_key(key) {
            continue;
        }
        let place = if pipeline.value.spec.streams.is_empty() {
            route!["metadata", "name"]
        } else {
            route!["spec", "streams", index]
        };
        let names: Vec<&str> = documents
            .streams
            .keys()
            .filter(|other| other.namespace == key.namespace)
            .map(|other| other.name.as_str())
            .collect();
        let elsewhere = documents
            .streams
            .keys()
            .find(|other| other.name == key.name);
        let help = match (elsewhere, documents.unreadable.first()) {
            (Some(other), _) => {
                format!("there is `{other}`: set metadata.namespace of the pipeline")
            }
            (None, Some(file)) => format!("`{file}` cannot be read and may hold it"),
            (None, None) => did_you_mean(key.name.as_str(), names.iter().copied()),
        };
        let words = format!("there is no image stream `{key}`");
        breaks(
            report,
            pipeline,
            Finding::error(code::UNKNOWN_STREAM, place, words).help(help),
        );
    }
}

fn environment(
    documents: &Documents,
    pipeline: &Located<Pipeline>,
    name: &Name,
    place: Vec<crate::manifests::yaml::Step>,
    report: &mut Report,
) {
    let known = documents.environments.contains_key(name)
        || documents.broken_environments.contains_key(name);
    if !known {
        let names = documents.environments.keys().map(Name::as_str);
        let words = format!("there is no environment `{name}`");
        let finding = Finding::error(code::UNKNOWN_ENVIRONMENT, place, words);
        let help = match &documents.nameless_environments {
            Some(file) => format!("the matrix in `{file}` gives nothing and may mean it"),
            None => format!(
                "{} (`environments: []` is for a stage deployed nowhere)",
                did_you_mean(name.as_str(), names)
            ),
        };
        // The stage that names it stands still, and no other one.
        report.say(pipeline, finding.help(help));
    }
}
