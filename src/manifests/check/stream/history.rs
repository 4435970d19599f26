//! HW0412: a tag that was taken out of `spec` while its history remains; its images can still be resolved.

use std::collections::BTreeSet;

use super::super::Finding;
use super::super::finding::route;
use crate::manifests::code;
use crate::model::ImageStream;

pub(super) fn check(stream: &ImageStream, findings: &mut Vec<Finding>) {
    let wished: BTreeSet<&str> = stream
        .spec
        .tags
        .iter()
        .map(|tag| tag.name.as_str())
        .collect();
    for (index, tag) in stream.status.tags.iter().enumerate() {
        if !tag.items.is_empty() && !wished.contains(tag.tag.as_str()) {
            let message = format!("`{}` has history but is no tag of `spec` any more", tag.tag);
            let place = route!["status", "tags", index, "tag"];
            findings.push(
                Finding::warning(code::HISTORY_ONLY, place, message)
                    .help("delete its history too, or wish the tag again"),
            );
        }
    }
}
