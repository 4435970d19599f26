//! Rules about one image stream, run while its text is at hand.

mod fields;

use super::Finding;
use super::finding::route;
use crate::manifests::code;
use crate::manifests::yaml::{Id, Tree};
use crate::model::ImageStream;

/// More tags than this in one stream are refused.
pub(crate) const MAX_TAGS: usize = 10_000;

/// A rule about one stream: its name, the code of its problems, and what it does.
type Rule = (
    &'static str,
    &'static str,
    fn(&ImageStream, &mut Vec<Finding>),
);

const RULES: &[Rule] = &[];

/// Everything that is wrong with one stream by itself.
pub(crate) fn findings(tree: &Tree<'_>, root: Id, stream: &ImageStream) -> Vec<Finding> {
    let mut findings = Vec::new();
    let most = stream.spec.tags.len().max(stream.status.tags.len());
    if most > MAX_TAGS {
        let words = format!("the stream has {most} tags; at most {MAX_TAGS} are read");
        findings
            .push(Finding::error(code::TOO_MANY_TAGS, route!["spec", "tags"], words).breaking());
        return findings;
    }
    fields::check(tree, root, &mut findings);
    for (_, _, rule) in RULES {
        rule(stream, &mut findings);
    }
    findings
}
