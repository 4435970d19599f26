//! HW0416, HW0419, HW0420: what upstream's validation refuses of names, of repositories, and of recorded images.

use super::super::Finding;
use super::super::finding::route;
use crate::manifests::code;
use crate::model::{ImageRepository, ImageStream};

/// The longest `namespace/name`, in bytes (upstream: it becomes the name of a repository).
const LONGEST: usize = 255;

pub(super) fn check(stream: &ImageStream, findings: &mut Vec<Finding>) {
    let metadata = &stream.metadata;
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    if namespace.len() + 1 + metadata.name.len() > LONGEST {
        let message = format!("namespace and name are together longer than {LONGEST} bytes");
        findings.push(Finding::error(
            code::STREAM_NAME,
            route!["metadata", "name"],
            message,
        ));
    }
    let repository = stream.spec.docker_image_repository.as_deref();
    if let Some(name) = repository.filter(|name| !name.is_empty())
        && let Err(error) = ImageRepository::try_from(name.to_owned())
    {
        let place = route!["spec", "dockerImageRepository"];
        findings.push(Finding::error(
            code::STREAM_REPOSITORY,
            place,
            error.to_string(),
        ));
    }
    for (list, tag) in stream.status.tags.iter().enumerate() {
        for (item, event) in tag.items.iter().enumerate() {
            if event.docker_image_reference().is_empty() {
                let place = route!["status", "tags", list, "items", item];
                let message =
                    "this item has no `dockerImageReference`, so nothing is taken from it";
                findings.push(
                    Finding::warning(code::NO_REFERENCE, place, message)
                        .help("delete the item; a cluster refuses the stream with it"),
                );
            }
        }
    }
}
