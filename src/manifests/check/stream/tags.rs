//! HW0402 and HW0403: of two tags with one name upstream silently keeps the last; a name outside the distribution spec's
//! grammar can stand in a file but never in a pull spec.

use std::collections::BTreeMap;

use super::super::Finding;
use super::super::finding::route;
use crate::manifests::code;
use crate::model::{ImageStream, TagName};

pub(super) fn check(stream: &ImageStream, findings: &mut Vec<Finding>) {
    let spec = stream.spec.tags.iter().map(|tag| tag.name.as_str());
    twice("spec", "name", spec, findings);
    let status = stream.status.tags.iter().map(|tag| tag.tag.as_str());
    twice("status", "tag", status, findings);
    for (index, tag) in stream.spec.tags.iter().enumerate() {
        if let Err(error) = tag.name.parse::<TagName>() {
            let place = route!["spec", "tags", index, "name"];
            findings.push(if tag.name.is_empty() {
                Finding::error(code::TAG_NAME, place, "a tag without a name")
            } else {
                Finding::warning(code::TAG_NAME, place, error.to_string())
                    .help("no pull spec can name this tag")
            });
        }
    }
}

fn twice<'s>(
    part: &str,
    key: &str,
    names: impl Iterator<Item = &'s str>,
    findings: &mut Vec<Finding>,
) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, name) in names.enumerate() {
        let count = seen.entry(name).or_default();
        *count += 1;
        if *count == 2 {
            let message = format!("the tag `{name}` stands twice in `{part}.tags`");
            let finding = Finding::error(
                code::STREAM_TAG_TWICE,
                route![part, "tags", index, key],
                message,
            );
            findings.push(
                finding
                    .help("keep one of them; servers silently keep the last")
                    .breaking(),
            );
        }
    }
}
