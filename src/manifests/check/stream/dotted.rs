//! HW0413: a name with a dot reads as a registry host, so that no short name ever reaches the stream.

use super::super::Finding;
use super::super::finding::route;
use crate::manifests::code;
use crate::model::ImageStream;

pub(super) fn check(stream: &ImageStream, findings: &mut Vec<Finding>) {
    let name = &stream.metadata.name;
    if stream.spec.lookup_policy.local && name.contains('.') {
        let message =
            format!("no short name reaches `{name}`: with its dot it reads as a registry host");
        findings.push(
            Finding::warning(code::DOTTED_NAME, route!["metadata", "name"], message)
                .help("rename the stream, or name its images in full"),
        );
    }
}
