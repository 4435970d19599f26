//! Rules about one image stream, run while its text is at hand.

mod aliases;
mod annotations;
mod dotted;
mod fields;
mod follow;
mod generation;
mod history;
mod insecure;
mod names;
mod policies;
mod source;
mod tags;

use super::Finding;
use super::finding::route;
use crate::manifests::code;
use crate::manifests::yaml::{Id, Tree};
use crate::model::ImageStream;

/// More tags than this in one stream are refused.
const MAX_TAGS: usize = 10_000;

/// A rule about one stream: its name, the code of its first problem, and what it does.
type Rule = (
    &'static str,
    &'static str,
    fn(&ImageStream, &mut Vec<Finding>),
);

/// The rules about one stream.
const RULES: &[Rule] = &[
    (
        "tag names are unique and valid",
        code::STREAM_TAG_TWICE,
        tags::check,
    ),
    ("sources can be read", code::SOURCE_NAME, source::check),
    ("aliases lead somewhere", code::ALIAS_CYCLE, aliases::check),
    (
        "generations are the server's",
        code::GENERATION,
        generation::check,
    ),
    ("transport is secure", code::INSECURE, insecure::check),
    (
        "history belongs to a tag",
        code::HISTORY_ONLY,
        history::check,
    ),
    ("short names can be said", code::DOTTED_NAME, dotted::check),
    (
        "annotations of ours can be read",
        code::ANNOTATION,
        annotations::check,
    ),
    ("policies exist", code::POLICY, policies::check),
    (
        "rules for newer tags have tags to choose from",
        code::FOLLOW,
        follow::check,
    ),
    (
        "images have their repositories",
        code::STREAM_REPOSITORY,
        names::check,
    ),
];

/// Everything that is wrong with one stream by itself.
pub(crate) fn findings(tree: &Tree<'_>, root: Id, stream: &ImageStream) -> Vec<Finding> {
    let mut findings = Vec::new();
    let most = stream.spec.tags.len().max(stream.status.tags.len());
    if most > MAX_TAGS {
        let words = format!("the stream has {most} tags; at most {MAX_TAGS} are read");
        let finding = Finding::error(code::TOO_MANY, route!["spec", "tags"], words);
        findings.push(finding.breaking());
        return findings;
    }
    fields::check(tree, root, &mut findings);
    for (_, _, rule) in RULES {
        rule(stream, &mut findings);
    }
    findings
}

#[cfg(test)]
mod tests;
