//! Rules about pipelines: their stages, and what these name.

mod approvals;
mod approved_by;
mod cycle;
mod floors;
mod followed;
mod gates;
mod going_back;
mod names;
mod release;
mod schedule;
mod soak;
mod sources;
mod stages;
mod targets;
mod windows;

use super::Rule;
use super::finding::{Finding, Report, Repository, Thing};
use crate::manifests::code;
use crate::manifests::documents::Located;
use crate::model::Pipeline;

/// The rules about pipelines.
pub(super) const RULES: &[Rule] = &[
    (
        "stages have names of their own",
        code::STAGE_TWICE,
        stages::check,
    ),
    (
        "stages take sets from stages",
        code::UNKNOWN_STAGE,
        sources::check,
    ),
    ("no circle of stages", code::STAGE_CYCLE, cycle::check),
    (
        "streams and environments exist",
        code::UNKNOWN_STREAM,
        names::check,
    ),
    ("one stage writes one tag", code::TAG_TWICE, targets::check),
    (
        "release tags are nobody's pointer",
        code::RELEASE_TAG,
        release::check,
    ),
    (
        "gates stand where they have a meaning",
        code::GATE_LIST,
        gates::check,
    ),
    ("windows are open sometimes", code::WINDOW, windows::check),
    (
        "approvals need a pull request",
        code::APPROVALS,
        approvals::check,
    ),
    (
        "who vouches for a stage has something approved",
        code::APPROVALS,
        approved_by::check,
    ),
    (
        "a pipeline adds to its environments' rules",
        code::FLOOR,
        floors::check,
    ),
    (
        "a stage that goes back by itself can",
        code::AUTO_ROLLBACK,
        going_back::check,
    ),
    ("soak counts time in the cluster", code::SOAK, soak::check),
    (
        "first stages look again",
        code::NOT_SCHEDULED,
        schedule::check,
    ),
    (
        "no rule for newer tags moves what promotions move",
        code::FOLLOW_UNREAD,
        followed::check,
    ),
];

/// Records an error that makes its pipeline unusable.
fn breaks(report: &mut Report, pipeline: &Located<Pipeline>, finding: Finding) {
    let thing = Thing::Pipeline(pipeline.value.name().clone());
    report.breaks(thing, pipeline, finding);
}

/// Every pipeline that could be read.
fn all<'a>(repository: &Repository<'a>) -> impl Iterator<Item = &'a Located<Pipeline>> + use<'a> {
    repository.documents.pipelines.values()
}
