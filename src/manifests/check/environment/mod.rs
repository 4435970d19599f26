//! Rules about environments and their applications. What is wrong with one application leaves the others usable.

mod applications;
mod paths;
mod two_stages;

use super::Rule;
use super::finding::{Finding, Report, Thing};
use crate::manifests::code;
use crate::manifests::documents::Located;
use crate::model::{Application, Environment};

/// The rules about environments.
pub(super) const RULES: &[Rule] = &[
    (
        "applications say how they are written",
        code::APPLICATION_KIND,
        applications::check,
    ),
    (
        "paths stay where they belong",
        code::PATH_LEAVES,
        paths::check,
    ),
    (
        "an application follows one stage of a stream",
        code::TWO_STAGES,
        two_stages::check,
    ),
];

/// Which of its document's applications one was written as.
fn written(application: &Application, index: usize) -> usize {
    application.written.unwrap_or(index)
}

/// Records an error that makes one application unusable.
fn breaks(
    report: &mut Report,
    environment: &Located<Environment>,
    application: &Application,
    finding: Finding,
) {
    let name = environment.value.name().clone();
    let thing = Thing::Application(name, application.name.clone());
    report.breaks(thing, environment, finding);
}
