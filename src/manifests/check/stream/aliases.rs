//! HW0407 and HW0408: tags that follow other tags of the same stream must end somewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Finding;
use super::super::finding::{circle_in_words, circles, route};
use crate::manifests::code;
use crate::manifests::suggest::did_you_mean;
use crate::model::ImageStream;
use crate::model::alias::same_stream_alias;

pub(super) fn check(stream: &ImageStream, findings: &mut Vec<Finding>) {
    let follows: BTreeMap<&str, &str> = stream
        .spec
        .tags
        .iter()
        .filter_map(|tag| Some((tag.name.as_str(), same_stream_alias(stream, tag)?)))
        .collect();
    if follows.is_empty() {
        return;
    }
    let circles = circles(&follows);
    let spec = stream.spec.tags.iter().map(|tag| tag.name.as_str());
    let status = stream.status.tags.iter().map(|tag| tag.tag.as_str());
    let known: BTreeSet<&str> = spec.chain(status).collect();
    for (index, tag) in stream.spec.tags.iter().enumerate() {
        let name = tag.name.as_str();
        let Some(target) = follows.get(name) else {
            continue;
        };
        let place = route!["spec", "tags", index, "from", "name"];
        if let Some(circle) = circles.iter().find(|circle| circle.contains(&name)) {
            let way = circle_in_words(circle, name);
            let message = format!("tags follow each other in a circle: {way}");
            let finding = Finding::error(code::ALIAS_CYCLE, place, message);
            findings.push(finding.help("let one of them name an image"));
        } else if !known.contains(target) {
            let others = known.iter().copied().filter(|other| *other != name);
            let message = format!("the tag `{name}` follows `{target}`, which does not exist");
            let finding = Finding::warning(code::ALIAS_MISSING, place, message);
            findings.push(finding.help(did_you_mean(target, others)));
        }
    }
}
