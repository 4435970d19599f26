//! HW0423: a rule for newer tags on a tag that a stage takes from another stage. Only promotions move it, so nobody reads
//! the rule.

use super::all;
use crate::manifests::check::finding::{Finding, Report, Repository, route};
use crate::manifests::code;
use crate::model::StageKey;
use crate::model::promotion::FOLLOW;

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    for pipeline in all(repository) {
        let value = &pipeline.value;
        let first = value.spec.stages.iter().find(|stage| {
            let from = value.sources(stage);
            from.is_some_and(|from| from.stages().is_empty())
        });
        for stage in &value.spec.stages {
            let from = value.sources(stage);
            let Some(from) = from.filter(|from| !from.stages().is_empty()) else {
                continue;
            };
            let sources: Vec<&str> = from.stages().iter().map(|name| name.as_str()).collect();
            for key in repository.documents.pipeline_streams(value) {
                let Some(stream) = repository.documents.streams.get(&key) else {
                    continue;
                };
                let tags = &stream.value.spec.tags;
                let Some(index) = tags.iter().rposition(|tag| tag.name == stage.tag()) else {
                    continue;
                };
                if !tags[index].annotations.contains_key(FOLLOW) {
                    continue;
                }
                let stage = StageKey {
                    pipeline: value.name().clone(),
                    stage: stage.name.clone(),
                };
                let words = format!(
                    "nobody reads the rule of `{key}:{}`: stage {stage} takes this tag from {}",
                    tags[index].name,
                    sources.join(" and ")
                );
                let help = match first {
                    Some(first) => format!(
                        "delete it, or put it on tag `{}`, with which the pipeline begins",
                        first.tag()
                    ),
                    None => "delete it".to_owned(),
                };
                let place = route!["spec", "tags", index, "annotations", FOLLOW];
                let finding = Finding::warning(code::FOLLOW_UNREAD, place, words).help(help);
                report.say(stream, finding);
            }
        }
    }
}
