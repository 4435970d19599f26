//! HW0302, HW0303, HW0118: holds and freezes of things that do not exist brake nothing, which is worth a warning; a freeze
//! whose time zone does not exist cannot be kept, so everything holds.

use super::Rule;
use super::finding::{Finding, Report, Repository, Thing, route};
use super::zone;
use crate::manifests::code;
use crate::manifests::documents::{Documents, Located};
use crate::manifests::suggest::did_you_mean;
use crate::model::{Freeze, Hold, Name};

/// The rules about holds and freezes.
pub(super) const RULES: &[Rule] = &[
    ("holds hold something", code::HOLD_TARGET, holds),
    ("freezes freeze something", code::FREEZE_TARGET, freezes),
];

fn holds(repository: &Repository<'_>, report: &mut Report) {
    for hold in repository.documents.holds.values() {
        for finding in hold_targets(repository.documents, hold) {
            report.say(&hold.path, hold.index, finding);
        }
    }
}

fn hold_targets(documents: &Documents, hold: &Located<Hold>) -> Vec<Finding> {
    let spec = &hold.value.spec;
    let Some(pipeline) = documents.pipelines.get(&spec.pipeline) else {
        if documents.broken_pipelines.contains_key(&spec.pipeline) {
            return Vec::new();
        }
        let words = format!(
            "this holds nothing: there is no pipeline `{}`",
            spec.pipeline
        );
        let names = documents.pipelines.keys().map(Name::as_str);
        let finding = Finding::warning(code::HOLD_TARGET, route!["spec", "pipeline"], words);
        return vec![finding.help(did_you_mean(spec.pipeline.as_str(), names))];
    };
    let stages = pipeline
        .value
        .spec
        .stages
        .iter()
        .map(|stage| stage.name.as_str());
    let unknown = spec.stages.iter().enumerate();
    let idle = (spec.lifted && spec.lifts.is_empty()).then(|| {
        let words = "this lifts nothing: it does not say which revert or pull request".to_owned();
        Finding::warning(code::HOLD_TARGET, route!["spec", "lifted"], words).help(format!(
            "`lifts: [<commit of the revert, or id of the pull request>]`; `headwater unhold {}/{}` writes such a file",
            spec.pipeline, spec.stages.first().map_or("STAGE", Name::as_str)
        ))
    });
    unknown
        .filter(|(_, name)| pipeline.value.stage(name).is_none())
        .map(|(index, name)| {
            let words = format!("pipeline `{}` has no stage `{name}`", spec.pipeline);
            let place = route!["spec", "stages", index];
            let finding = Finding::warning(code::HOLD_TARGET, place, words);
            finding.help(did_you_mean(name.as_str(), stages.clone()))
        })
        .chain(idle)
        .collect()
}

fn freezes(repository: &Repository<'_>, report: &mut Report) {
    for freeze in repository.documents.freezes.values() {
        for finding in freeze_targets(repository.documents, freeze) {
            report.say(&freeze.path, freeze.index, finding);
        }
        let zone = freeze.value.spec.time_zone.as_deref();
        if let Some(finding) = zone.and_then(|zone| zone::unknown(zone, route!["spec", "timeZone"]))
        {
            let thing = Thing::Brakes(freeze.path.clone());
            report.breaks(thing, &freeze.path, freeze.index, finding);
        }
    }
}

fn freeze_targets(documents: &Documents, freeze: &Located<Freeze>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let names = || {
        documents
            .environments
            .keys()
            .chain(documents.broken_environments.keys())
            .map(Name::as_str)
    };
    for (index, pattern) in freeze.value.spec.environments.iter().enumerate() {
        let fits = |name: &str| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == pattern,
        };
        if !names().any(fits) {
            let words = format!("this freezes nothing: there is no environment `{pattern}`");
            let place = route!["spec", "environments", index];
            let finding = Finding::warning(code::FREEZE_TARGET, place, words);
            findings.push(finding.help(did_you_mean(pattern, names())));
        }
    }
    for (index, name) in freeze.value.spec.except.pipelines.iter().enumerate() {
        if !documents.pipelines.contains_key(name) && !documents.broken_pipelines.contains_key(name)
        {
            let words = format!("there is no pipeline `{name}`");
            let place = route!["spec", "except", "pipelines", index];
            let finding = Finding::warning(code::FREEZE_TARGET, place, words);
            let pipelines = documents.pipelines.keys().map(Name::as_str);
            findings.push(finding.help(did_you_mean(name.as_str(), pipelines)));
        }
    }
    findings
}
