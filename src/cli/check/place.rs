//! Problems at the place of a value, told for each result of a matrix that they are of.

use crate::cli::read::Files;
use crate::manifests::{Diagnostic, Located, Said, Step, Texts as _, locate};

/// A problem at a route of a document.
pub(super) fn placed<T>(
    located: &Located<T>,
    route: &[Step],
    problem: Diagnostic,
    files: &Files,
) -> Said {
    let text = files.text(&located.path);
    let place = text.and_then(|text| locate(&text, located.index, route));
    Said::of(located, problem.at(place))
}

/// A key on a route.
pub(super) fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}
