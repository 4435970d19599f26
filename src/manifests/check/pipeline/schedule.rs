//! HW0411: a first stage whose tag is not scheduled imports once, and no newer image ever enters the pipeline.

use super::all;
use crate::manifests::check::finding::{Finding, Report, Repository, route};
use crate::manifests::code;
use crate::model::promotion::FOLLOW;
use crate::model::{ImageReference, StreamKey};

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    for pipeline in all(repository) {
        for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
            let first = pipeline
                .value
                .sources(stage)
                .is_some_and(|from| from.stages().is_empty());
            if !first {
                continue;
            }
            for stream in repository.documents.pipeline_streams(&pipeline.value) {
                if !source(repository, &stream, stage.tag(), report) {
                    let words = format!(
                        "`{stream}` has no tag `{}`, so nothing enters this stage",
                        stage.tag()
                    );
                    let place = match stage.tag {
                        Some(_) => route!["spec", "stages", index, "tag"],
                        None => route!["spec", "stages", index, "name"],
                    };
                    let finding = Finding::warning(code::NOT_SCHEDULED, place, words)
                        .help("wish the tag in the stream, with a source in a registry");
                    report.say(pipeline, finding);
                }
            }
        }
    }
}

/// Looks at the tag a first stage points with; says whether it exists.
fn source(repository: &Repository<'_>, key: &StreamKey, tag: &str, report: &mut Report) -> bool {
    let Some(stream) = repository.documents.streams.get(key) else {
        return true;
    };
    let Some(index) = stream.value.spec.tags.iter().rposition(|t| t.name == tag) else {
        // A repository that is imported as a whole may bring it.
        return stream.value.status_tag(tag).is_some()
            || stream.value.pending_repository().is_some();
    };
    let wished = &stream.value.spec.tags[index];
    let moving = wished.from.as_ref().is_some_and(|from| {
        let reference = from.name.parse::<ImageReference>();
        from.kind == "DockerImage" && reference.is_ok_and(|reference| reference.digest.is_none())
    });
    // A rule for newer tags moves it whether its source is asked again or not.
    let follows = wished.annotations.contains_key(FOLLOW);
    if moving && !follows && !wished.reference && !wished.import_policy.scheduled {
        let words = format!("`{key}:{tag}` imports once, then never: the tag is not scheduled");
        let place = route!["spec", "tags", index, "name"];
        let finding = Finding::warning(code::NOT_SCHEDULED, place, words)
            .help("add importPolicy: {scheduled: true}");
        report.say(stream, finding);
    }
    true
}
