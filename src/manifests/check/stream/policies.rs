//! HW0417: policies with values that upstream refuses.

use super::super::Finding;
use super::super::finding::route;
use crate::manifests::code;
use crate::manifests::suggest::did_you_mean;
use crate::model::ImageStream;
use crate::model::image_stream::IMPORT_MODES;

const TYPES: [&str; 2] = ["Source", "Local"];

pub(super) fn check(stream: &ImageStream, findings: &mut Vec<Finding>) {
    for (index, tag) in stream.spec.tags.iter().enumerate() {
        if let Some(mode) = tag.import_policy.unknown_mode() {
            let place = route!["spec", "tags", index, "importPolicy", "importMode"];
            let message = format!("unknown import mode `{mode}`");
            let help = did_you_mean(mode, IMPORT_MODES);
            findings.push(Finding::error(code::POLICY, place, message).help(help));
        }
        let kind = &*tag.reference_policy.kind;
        if !kind.is_empty() && !TYPES.contains(&kind) {
            let place = route!["spec", "tags", index, "referencePolicy", "type"];
            let message = format!("unknown reference policy `{kind}`");
            findings
                .push(Finding::error(code::POLICY, place, message).help(did_you_mean(kind, TYPES)));
        }
    }
}
