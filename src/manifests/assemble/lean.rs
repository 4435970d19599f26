//! What leans on something broken is broken too, by name: a pipeline on its streams. A stage's environments are that stage's
//! affair alone: the others go on without them.

use crate::manifests::documents::Documents;

/// Marks pipelines that lean on broken or unknown streams.
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
        broken.extend(stream.map(|why| (name.clone(), why)));
    }
    for (name, why) in broken {
        documents.broken_pipelines.entry(name).or_insert(why);
    }
}
