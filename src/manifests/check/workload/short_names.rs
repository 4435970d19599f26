//! HW0801: short names that no image stream answers for, so that whoever runs the pod takes them from its default registry
//! without a word (imagestreams 4).

use std::collections::BTreeSet;

use super::super::Finding;
use super::Object;
use crate::manifests::code;
use crate::manifests::suggest::{nearest, proposed};
use crate::manifests::yaml::Step;
use crate::model::{ImageStream, StreamKey};

/// Ephemeral containers are never looked up.
const LISTS: [&str; 2] = ["initContainers", "containers"];

pub(super) fn check(
    object: &Object<'_, '_>,
    moved: &BTreeSet<String>,
    findings: &mut Vec<Finding>,
) {
    for list in LISTS {
        let way = [object.pod_spec().as_slice(), &[list]].concat();
        let items = object.at(&way).map(|list| object.tree.items(list));
        for (index, item) in items.unwrap_or_default().iter().enumerate() {
            let text = |key: &str| {
                let value = object.tree.get(*item, key);
                value.and_then(|value| object.tree.scalar(value))
            };
            if text("name").is_some_and(|name| moved.contains(name)) {
                continue;
            }
            let Some((name, tag)) = text("image").and_then(short_name) else {
                continue;
            };
            let Some((why, help)) = unanswered(object, name, tag) else {
                continue;
            };
            let mut place: Vec<Step> = way.iter().map(|key| Step::from(*key)).collect();
            place.extend([Step::from(index), Step::from("image")]);
            findings.push(Finding::warning(code::SHORT_NAME, place, why).help(help));
        }
    }
}

/// Name and tag, if it is a name without registry, namespace and digest. A blank stands for "not yet" by convention.
fn short_name(image: &str) -> Option<(&str, &str)> {
    let whole = image.trim();
    if whole.is_empty() || whole.contains(['/', '@', '$', '{']) {
        return None;
    }
    Some(whole.split_once(':').unwrap_or((whole, "latest")))
}

/// Why no stream answers, and what to do.
fn unanswered(object: &Object<'_, '_>, name: &str, tag: &str) -> Option<(String, String)> {
    match object.stream(None, name) {
        None if object.is_broken(name) => None,
        None => {
            let known = object.docs.streams.keys().map(|key| key.name.as_str());
            let meant = nearest(name, known).map(|near| format!("did you mean `{near}`? else "));
            Some((
                format!("no image stream answers for `{name}`: it comes from a default registry"),
                format!(
                    "{}write the registry too (docker.io/library/{name}:{tag}), or `headwater create is {name}`",
                    meant.unwrap_or_default()
                ),
            ))
        }
        Some((key, stream)) => in_stream(object, &key, stream, (name, tag)),
    }
}

fn in_stream(
    object: &Object<'_, '_>,
    key: &StreamKey,
    stream: &ImageStream,
    (name, tag): (&str, &str),
) -> Option<(String, String)> {
    if !stream.spec.lookup_policy.local && !object.workload.resolves {
        let why = format!(
            "image stream `{name}` resolves no short names: `{name}:{tag}` comes from a default registry"
        );
        let help = format!(
            "headwater set image-lookup {name}, or {}",
            object.workload.id
        );
        return Some((why, help));
    }
    let known = object.tags(key, stream);
    if known.contains(tag) {
        return None;
    }
    Some((
        format!("image stream `{name}` has no tag `{tag}`"),
        proposed(tag, known),
    ))
}
