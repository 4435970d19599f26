//! HW0422: rules for newer tags (`headwater.dev/follow`) that can never choose one, because there is no list of tags behind
//! the source of the tag.

use super::super::Finding;
use super::super::finding::route;
use crate::manifests::code;
use crate::model::promotion::{FOLLOW, PROMOTION};
use crate::model::{ImageReference, ImageStream, TagReference};

pub(super) fn check(stream: &ImageStream, findings: &mut Vec<Finding>) {
    for (index, tag) in stream.spec.tags.iter().enumerate() {
        // Where a promotion points, it is read by nobody, which is told of the stage.
        let ours = tag.annotations.contains_key(FOLLOW) && !tag.annotations.contains_key(PROMOTION);
        if let Some((why, help)) = ours.then(|| never(tag)).flatten() {
            let place = route!["spec", "tags", index, "annotations", FOLLOW];
            let message = format!("the rule of tag `{}` never chooses a tag: {why}", tag.name);
            let finding = match is_pinned(tag) {
                true => Finding::warning(code::FOLLOW, place, message),
                false => Finding::error(code::FOLLOW, place, message),
            };
            findings.push(finding.help(help));
        }
    }
}

/// Whether the tag stands at one image of its stream, as `tag` and `rollback` pin it: for a while, perhaps.
fn is_pinned(tag: &TagReference) -> bool {
    let from = tag.from.as_ref();
    from.is_some_and(|from| from.kind == "ImageStreamImage")
}

/// Why a rule has no tags to choose from, and what to do.
fn never(tag: &TagReference) -> Option<(String, String)> {
    let give = "write a source in a registry, with the tag to begin with";
    let Some(from) = &tag.from else {
        return Some(("the tag has no `from`".to_owned(), give.to_owned()));
    };
    match &*from.kind {
        "DockerImage" if tag.reference => Some((
            "with `reference: true` nobody asks a registry".to_owned(),
            "delete `reference`, or the rule".to_owned(),
        )),
        "DockerImage" => {
            let reference = from.name.parse::<ImageReference>().ok()?;
            let digest = reference.digest.as_ref()?;
            Some((
                format!("its source is the digest {}, which never changes", digest.short()),
                format!("write a tag instead: `{}:TAG`", reference.repository),
            ))
        }
        "ImageStreamImage" => Some((
            format!("it is pinned to `{}`", from.name),
            "`headwater tag REGISTRY/REPOSITORY:TAG STREAM:TAG` lets it follow again, or delete the rule"
                .to_owned(),
        )),
        "ImageStreamTag" => Some((
            format!("its source is the tag `{}` of an image stream", from.name),
            format!("{give}, or put the rule on that tag"),
        )),
        // Told by itself.
        _ => None,
    }
}
