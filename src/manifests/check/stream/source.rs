//! HW0404, HW0405, HW0406: sources that upstream's validation refuses.

use super::super::Finding;
use super::super::finding::route;
use crate::manifests::code;
use crate::manifests::suggest::did_you_mean;
use crate::model::image_stream::ObjectReference;
use crate::model::{ImageReference, ImageStream, StreamName};

const KINDS: [&str; 3] = ["DockerImage", "ImageStreamTag", "ImageStreamImage"];

pub(super) fn check(stream: &ImageStream, findings: &mut Vec<Finding>) {
    for (index, tag) in stream.spec.tags.iter().enumerate() {
        let Some(from) = &tag.from else { continue };
        if !KINDS.contains(&&*from.kind) {
            let message = format!("unknown kind of source `{}`", from.kind);
            let place = route!["spec", "tags", index, "from", "kind"];
            findings.push(
                Finding::error(code::SOURCE_KIND, place, message)
                    .help(did_you_mean(&from.kind, KINDS)),
            );
            continue;
        }
        if let Err(why) = readable(from) {
            let place = route!["spec", "tags", index, "from", "name"];
            findings.push(Finding::error(code::SOURCE_NAME, place, why));
        }
        if tag.import_policy.scheduled && from.kind != "DockerImage" {
            let message = format!("a source of kind `{}` cannot be scheduled", from.kind);
            let place = route!["spec", "tags", index, "importPolicy", "scheduled"];
            findings.push(Finding::error(code::SCHEDULED, place, message).help(
                "only a DockerImage is looked up again; a tag of this stream is followed anyway",
            ));
        }
    }
}

fn readable(from: &ObjectReference) -> Result<(), String> {
    let name = &*from.name;
    match &*from.kind {
        "DockerImage" => name
            .parse::<ImageReference>()
            .map(drop)
            .map_err(|error| error.to_string()),
        "ImageStreamTag" => {
            let parts: Vec<&str> = name.split(':').collect();
            match parts[..] {
                [tag] if !tag.is_empty() => Ok(()),
                [stream, tag] if !tag.is_empty() => stream_name(stream),
                _ => Err(format!("`{name}` names no tag: write tag, or stream:tag")),
            }
        }
        _ => {
            let (stream, id) = name.rsplit_once('@').unwrap_or(("", name));
            let hex = id.strip_prefix("sha256:").unwrap_or(id);
            let is_id = !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit());
            if !is_id {
                return Err(format!("`{name}` names no image: write stream@sha256:..."));
            }
            if name.contains('@') {
                stream_name(stream)
            } else {
                Ok(())
            }
        }
    }
}

fn stream_name(name: &str) -> Result<(), String> {
    name.parse::<StreamName>()
        .map(drop)
        .map_err(|error| error.to_string())
}
