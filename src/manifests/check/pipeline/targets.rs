//! HW0115: two stages that write one tag would put each other's digest back for ever.

use std::collections::BTreeMap;

use super::{all, breaks};
use crate::manifests::check::finding::{Finding, Report, Repository, route};
use crate::manifests::code;
use crate::manifests::documents::Located;
use crate::model::{Pipeline, StageKey, TagKey};

/// Every stage by the tags it writes.
pub(super) fn writers<'a>(
    repository: &Repository<'a>,
) -> BTreeMap<TagKey, Vec<(&'a Located<Pipeline>, usize)>> {
    let mut writers: BTreeMap<TagKey, Vec<_>> = BTreeMap::new();
    for pipeline in all(repository) {
        for stream in repository.documents.pipeline_streams(&pipeline.value) {
            for (index, stage) in pipeline.value.spec.stages.iter().enumerate() {
                let tag = TagKey::new(stream.clone(), stage.tag());
                writers.entry(tag).or_default().push((pipeline, index));
            }
        }
    }
    writers
}

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    for (tag, stages) in writers(repository) {
        if stages.len() < 2 {
            continue;
        }
        let name = |pipeline: &Located<Pipeline>, index: usize| StageKey {
            pipeline: pipeline.value.name().clone(),
            stage: pipeline.value.spec.stages[index].name.clone(),
        };
        for (position, (pipeline, index)) in stages.iter().enumerate() {
            let others: Vec<String> = stages
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != position)
                .map(|(_, (pipeline, index))| format!("`{}`", name(pipeline, *index)))
                .collect();
            let place = match pipeline.value.spec.stages[*index].tag {
                Some(_) => route!["spec", "stages", *index, "tag"],
                None => route!["spec", "stages", *index, "name"],
            };
            let words = format!("`{tag}` is written by {} stages", stages.len());
            let finding = Finding::error(code::TAG_TWICE, place, words)
                .label(format!("also by {}", others.join(", ")))
                .help("give each stage a tag of its own");
            breaks(report, pipeline, finding);
        }
    }
}
