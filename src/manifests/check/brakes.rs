//! HW0302, HW0303, HW0118: a hold or freeze of something that does not exist, or for no time at all, would brake nothing.
//! Nobody writes such a file on purpose, so everything holds until it is mended.

use super::Rule;
use super::finding::{Finding, Report, Repository, Thing, route};
use super::zone;
use crate::manifests::code;
use crate::manifests::diagnostic::Severity;
use crate::manifests::documents::{Documents, Located};
use crate::manifests::suggest::{did_you_mean, listed};
use crate::manifests::yaml::Step;
use crate::model::hold::{HoldCause, HoldSpec};
use crate::model::name_pattern::fits;
use crate::model::{Freeze, Hold, Name, Pipeline};

/// The rules about holds and freezes.
pub(super) const RULES: &[Rule] = &[
    ("holds hold something", code::HOLD_TARGET, holds),
    ("freezes freeze something", code::FREEZE_TARGET, freezes),
];

fn holds(repository: &Repository<'_>, report: &mut Report) {
    for hold in repository.documents.holds.values() {
        for finding in hold_targets(repository.documents, hold) {
            brake(hold, finding, report);
        }
    }
}

/// An error of a brake means that nobody knows what it is to stop.
fn brake<T>(brake: &Located<T>, finding: Finding, report: &mut Report) {
    match finding.severity {
        Severity::Error => report.breaks(Thing::Brakes(brake.path.clone()), brake, finding),
        Severity::Warning => report.say(brake, finding),
    }
}

/// Whether a Hold that holds nothing was sound when it was written: what only lifts another one is no brake, and what a
/// verb or a stage that went back wrote is no slip. Its pipeline has vanished since, and with it what there was to hold.
fn is_left_over(spec: &HoldSpec) -> bool {
    spec.lifted || spec.cause != HoldCause::Person
}

/// The finding of a brake that brakes nothing.
fn void(lifted: bool, code: &'static str, place: Vec<Step>, words: String) -> Finding {
    match lifted {
        true => Finding::warning(code, place, words),
        false => Finding::error(code, place, words),
    }
}

fn hold_targets(documents: &Documents, hold: &Located<Hold>) -> Vec<Finding> {
    let spec = &hold.value.spec;
    let Some(pipeline) = documents.pipelines.get(&spec.pipeline) else {
        // A matrix that cannot be carried out may mean it.
        let perhaps = documents.nameless_pipelines.is_some();
        if perhaps || documents.broken_pipelines.contains_key(&spec.pipeline) {
            return Vec::new();
        }
        let words = format!(
            "this holds nothing: there is no pipeline `{}`",
            spec.pipeline
        );
        let names = documents.pipelines.keys().map(Name::as_str);
        let place = route!["spec", "pipeline"];
        let finding = void(is_left_over(spec), code::HOLD_TARGET, place, words);
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
            let finding = void(is_left_over(spec), code::HOLD_TARGET, place, words);
            finding.help(did_you_mean(name.as_str(), stages.clone()))
        })
        .chain(idle)
        .chain(unknown_digest(documents, hold, &pipeline.value))
        .chain(spec.stages.is_empty().then(|| {
            let place = route!["spec", "stages"];
            let words = "this holds nothing: it names no stage".to_owned();
            void(is_left_over(spec), code::HOLD_TARGET, place, words).help(format!(
                "write `stages: [...]` with some of: {}; or delete the file",
                listed(stages.clone())
            ))
        }))
        .collect()
}

/// A digest that no stream of the pipeline records: a slip, or an image that is yet to come.
fn unknown_digest(
    documents: &Documents,
    hold: &Located<Hold>,
    pipeline: &Pipeline,
) -> Option<Finding> {
    let digest = hold.value.spec.digest.as_ref()?;
    let streams = documents.pipeline_streams(pipeline).into_iter();
    let streams: Vec<_> = streams
        .filter_map(|key| documents.streams.get(&key))
        .collect();
    let mut items = streams
        .iter()
        .flat_map(|located| &located.value.status.tags)
        .flat_map(|tag| &tag.items);
    if streams.is_empty() || items.any(|item| *item.image() == *digest.as_str()) {
        return None;
    }
    let words = format!(
        "this holds nothing yet: no stream of pipeline `{}` records that digest",
        hold.value.spec.pipeline
    );
    let place = route!["spec", "digest"];
    let finding = Finding::warning(code::HOLD_TARGET, place, words);
    Some(finding.help(
        "look at `headwater history`; older images than a stream keeps are held all the same",
    ))
}

fn freezes(repository: &Repository<'_>, report: &mut Report) {
    for freeze in repository.documents.freezes.values() {
        for finding in freeze_targets(repository.documents, freeze) {
            brake(freeze, finding, report);
        }
        let zone = freeze.value.spec.time_zone.as_deref();
        if let Some(finding) = zone.and_then(|zone| zone::unknown(zone, route!["spec", "timeZone"]))
        {
            let thing = Thing::Brakes(freeze.path.clone());
            report.breaks(thing, freeze, finding);
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
        let fits = |name: &str| fits(pattern, name);
        // A matrix that cannot be carried out may mean it.
        if !names().any(fits) && documents.nameless_environments.is_none() {
            let words = format!("this freezes nothing: there is no environment `{pattern}`");
            let place = route!["spec", "environments", index];
            // A beginning may be meant for environments that are yet to come.
            let finding = match pattern.ends_with('*') {
                true => Finding::warning(code::FREEZE_TARGET, place, words),
                false => Finding::error(code::FREEZE_TARGET, place, words),
            };
            let beginning = pattern.trim_end_matches('*');
            findings.push(finding.help(match beginning.contains('*') {
                true => "one `*` is allowed, at the end: write `prod*`".to_owned(),
                false => did_you_mean(pattern, names()),
            }));
        }
    }
    let spec = &freeze.value.spec;
    if spec.environments.is_empty() {
        let words = "this freezes nothing: it names no environment";
        let place = route!["spec", "environments"];
        let finding = Finding::error(code::FREEZE_TARGET, place, words);
        findings.push(finding.help("`[\"*\"]` names all of them"));
    }
    if spec
        .from
        .zip(spec.until)
        .is_some_and(|(from, until)| from >= until)
    {
        let words = "this freezes nothing: it ends before it begins";
        let finding = Finding::error(code::FREEZE_TARGET, route!["spec", "until"], words);
        findings.push(
            finding.help(
                "write an `until` that is later than `from`, take it out, or delete the file",
            ),
        );
    }
    for (index, name) in spec.except.pipelines.iter().enumerate() {
        if !documents.pipelines.contains_key(name) && documents.why_no_pipeline(name).is_none() {
            let words = format!("there is no pipeline `{name}`");
            let place = route!["spec", "except", "pipelines", index];
            let finding = Finding::warning(code::FREEZE_TARGET, place, words);
            let pipelines = documents.pipelines.keys().map(Name::as_str);
            findings.push(finding.help(did_you_mean(name.as_str(), pipelines)));
        }
    }
    findings
}
