//! HW0409: `generation: 0` asks a server for an import at every sync; here it has no effect.

use super::super::Finding;
use super::super::finding::route;
use crate::manifests::code;
use crate::model::ImageStream;

pub(super) fn check(stream: &ImageStream, findings: &mut Vec<Finding>) {
    for (index, tag) in stream.spec.tags.iter().enumerate() {
        if tag.generation == Some(0) {
            let message = "`generation: 0` makes a server import again at every sync";
            let place = route!["spec", "tags", index, "generation"];
            findings.push(
                Finding::warning(code::GENERATION, place, message)
                    .help("remove it; `import-image` looks again once"),
            );
        }
    }
}
