//! HW0116: a release tag stands beside the pointers of stages and must never be one of them.

use super::{all, breaks, targets};
use crate::manifests::check::finding::{Finding, Report, Repository, route};
use crate::manifests::code;
use crate::model::{StageKey, TagKey};

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    let writers = targets::writers(repository);
    for pipeline in all(repository) {
        for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
            let Some(release) = &stage.release_tag else {
                continue;
            };
            let streams = repository.documents.pipeline_streams(&pipeline.value);
            let owner = streams.into_iter().find_map(|stream| {
                let stages = writers.get(&TagKey::new(stream, release.as_str()))?;
                stages.first().copied()
            });
            if let Some((owner, position)) = owner {
                let key = StageKey {
                    pipeline: owner.value.name().clone(),
                    stage: owner.value.spec.stages[position].name.clone(),
                };
                let words = format!("the release tag `{release}` is the tag of stage `{key}`");
                let place = route!["spec", "stages", index, "releaseTag"];
                let finding = Finding::error(code::RELEASE_TAG, place, words)
                    .help("give it a version, such as \"v{{version.majorMinor}}\"");
                breaks(report, pipeline, finding);
            }
        }
    }
}
