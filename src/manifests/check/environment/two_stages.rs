//! HW0206 and HW0208: where two stages of one stream share an environment, each application there says which it follows.

use std::collections::{BTreeMap, BTreeSet};

use super::{breaks, written};
use crate::manifests::check::finding::{Finding, Report, Repository, route};
use crate::manifests::code;
use crate::manifests::documents::Documents;
use crate::manifests::suggest::did_you_mean;
use crate::model::{Application, Name, StreamName};

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    let documents = repository.documents;
    let roads = roads(documents);
    let streams: BTreeSet<&StreamName> = documents
        .streams
        .keys()
        .chain(documents.broken_streams.keys())
        .map(|key| &key.name)
        .collect();
    for (name, environment) in &documents.environments {
        for (index, application) in environment.value.spec.applications.iter().enumerate() {
            let index = written(application, index);
            let named = application.name.to_string();
            // What `*` means lists what `*` does, and that is told there.
            if !application.from_every {
                for finding in images(&streams, &roads, name, application, index) {
                    breaks(report, environment, application, finding);
                }
            }
            // A template's default stream is the one named like the application.
            let default = named.parse::<StreamName>().ok();
            let listed = application
                .images
                .iter()
                .any(|image| image.stream.as_str() == named);
            let stages = default.and_then(|stream| roads.get(&(name.clone(), stream)));
            if let Some(stages) = stages.filter(|stages| !listed && stages.len() > 1) {
                let place = route!["spec", "applications", index, "name"];
                breaks(
                    report,
                    environment,
                    application,
                    unclear(&named, &named, stages, place),
                );
            }
        }
    }
}

fn images(
    streams: &BTreeSet<&StreamName>,
    roads: &Roads,
    environment: &Name,
    application: &Application,
    index: usize,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (position, image) in application.images.iter().enumerate() {
        let place = |field: &str| route!["spec", "applications", index, "images", position, field];
        if !streams.contains(&image.stream) {
            let names = streams.iter().map(|name| name.as_str());
            let words = format!("there is no image stream `{}`", image.stream);
            let finding = Finding::error(code::APPLICATION_IMAGE, place("stream"), words);
            findings.push(finding.help(did_you_mean(image.stream.as_str(), names)));
            continue;
        }
        let none = BTreeSet::new();
        let stages = roads
            .get(&(environment.clone(), image.stream.clone()))
            .unwrap_or(&none);
        match &image.stage {
            None if stages.len() > 1 => {
                let named = application.name.to_string();
                findings.push(unclear(
                    &named,
                    image.stream.as_str(),
                    stages,
                    place("stream"),
                ));
            }
            Some(stage) if !stages.contains(stage) => {
                let words = format!(
                    "no stage `{stage}` brings `{}` to environment `{environment}`",
                    image.stream
                );
                let finding = Finding::error(code::APPLICATION_IMAGE, place("stage"), words);
                findings.push(finding.help(did_you_mean(
                    stage.as_str(),
                    stages.iter().map(Name::as_str),
                )));
            }
            _ => {}
        }
    }
    findings
}

fn unclear(
    application: &str,
    stream: &str,
    stages: &BTreeSet<Name>,
    place: Vec<crate::manifests::yaml::Step>,
) -> Finding {
    let names: Vec<&str> = stages.iter().map(Name::as_str).collect();
    let words = format!(
        "application `{application}` follows `{stream}`, which several stages bring here: {}",
        names.join(", ")
    );
    let one = names.first().copied().unwrap_or_default();
    let help = format!("write images: [{{stream: {stream}, stage: {one}}}]");
    Finding::error(code::TWO_STAGES, place, words).help(help)
}

/// The stages, of whatever pipeline, that bring a stream to an environment. Streams go by name, because an application
/// names them without namespace.
type Roads = BTreeMap<(Name, StreamName), BTreeSet<Name>>;

fn roads(documents: &Documents) -> Roads {
    let mut roads = Roads::new();
    for pipeline in documents.pipelines.values() {
        for key in documents.pipeline_streams(&pipeline.value) {
            for stage in &pipeline.value.spec.stages {
                for environment in stage.environments() {
                    let road = roads.entry((environment, key.name.clone())).or_default();
                    road.insert(stage.name.clone());
                }
            }
        }
    }
    roads
}
