//! What leans on something broken is broken too, by name: a pipeline on its streams and on its stages' environments.

use crate::manifests::documents::Documents;

/// Marks pipelines that lean on broken or unknown streams and environments.
pub(super) fn on_broken(documents: &mut Documents) {
    let mut broken = Vec::new();
    for (name, pipeline) in &documents.pipelines {
        let stream = documents
            .pipeline_streams(&pipeline.value)
            .into_iter()
            .find_map(|key| match documents.broken_streams.get(&key) {
                Some(why) => Some(format!("image stream `{key}` is broken: {why}")),
                None if documents.streams.contains_key(&key) => None,
                None => Some(format!("there is no image stream `{key}`")),
            });
        let environment = || {
            let mut stages = pipeline.value.spec.stages.iter();
            stages.find_map(|stage| {
                stage.environments().iter().find_map(|environment| {
                    match documents.broken_environments.get(environment) {
                        Some(why) => Some(format!("environment `{environment}` is broken: {why}")),
                        None if documents.environments.contains_key(environment) => None,
                        None => Some(format!("there is no environment `{environment}`")),
                    }
                })
            })
        };
        if let Some(why) = stream.or_else(environment) {
            broken.push((name.clone(), why));
        }
    }
    for (name, why) in broken {
        documents.broken_pipelines.entry(name).or_insert(why);
    }
}
