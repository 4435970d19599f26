//! Patterns of release tags, filled for a version as good as any: one that cannot be filled waits for an image that never
//! comes.

use super::place::{key, placed};
use crate::cli::read::Files;
use crate::manifests::{Diagnostic, Documents, Said, Step, code};
use crate::plan::version::{Version, release_tag};

/// What is wrong with release tags of pipelines.
pub(super) fn problems(documents: &Documents, files: &Files) -> Vec<Said> {
    let semver = semver::Version::new(1, 2, 3);
    let version = Version {
        text: semver.to_string(),
        semver: Some(semver),
    };
    let mut problems = Vec::new();
    for located in documents.pipelines.values() {
        for (index, stage) in located.value.spec.stages.iter().enumerate() {
            let pattern = stage.release_tag.as_deref();
            let Some(Err(why)) = pattern.map(|pattern| release_tag(pattern, &version)) else {
                continue;
            };
            let route = [
                key("spec"),
                key("stages"),
                Step::Index(index),
                key("releaseTag"),
            ];
            let help = "write a pattern such as \"v{{version.majorMinor}}\", or take it out";
            let problem = Diagnostic::error(&located.path, code::RELEASE_TAG, why).help(help);
            problems.push(placed(located, &route, problem, files));
        }
    }
    problems
}
