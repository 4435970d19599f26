//! HW0410: insecure transport is only a wish here; the operator's list of hosts grants it.

use super::super::Finding;
use super::super::finding::route;
use crate::manifests::code;
use crate::model::ImageStream;

const ANNOTATION: &str = "openshift.io/image.insecureRepository";
const MESSAGE: &str = "insecure transport is a wish that only the operator's settings grant";

pub(super) fn check(stream: &ImageStream, findings: &mut Vec<Finding>) {
    let warn = |place| Finding::warning(code::INSECURE, place, MESSAGE);
    if stream
        .metadata
        .annotations
        .get(ANNOTATION)
        .is_some_and(|value| value == "true")
    {
        findings.push(warn(route!["metadata", "annotations", ANNOTATION]));
    }
    for (index, tag) in stream.spec.tags.iter().enumerate() {
        if tag.import_policy.insecure {
            findings.push(warn(route![
                "spec",
                "tags",
                index,
                "importPolicy",
                "insecure"
            ]));
        }
    }
}
