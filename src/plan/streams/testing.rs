//! Small streams for tests of these verbs.

use crate::manifests::Documents;
use crate::manifests::world::assemble_all;
use crate::model::image_stream::{NamedTagEventList, TagEvent};
use crate::model::{Digest, ImageStream, Namespace};
use crate::plan::streams::Scene;

/// The digest that a word stands for.
pub(crate) fn digest(word: &str) -> String {
    Digest::sha256(word.as_bytes()).to_string()
}

/// An event of image `word` in `quay.io/acme/app`.
pub(crate) fn event(word: &str) -> TagEvent {
    let reference = format!("quay.io/acme/app@{}", digest(word));
    TagEvent::new(None, &reference, &digest(word), 1)
}

/// A stream `app` with these histories, newest first.
pub(crate) fn stream(tags: &[(&str, &[&str])]) -> ImageStream {
    let mut stream = ImageStream::default();
    stream.metadata.name = "app".to_owned();
    stream.status.tags = tags
        .iter()
        .map(|(tag, words)| NamedTagEventList {
            tag: (*tag).to_owned(),
            items: words.iter().map(|word| event(word)).collect(),
            conditions: Vec::new(),
        })
        .collect();
    stream
}

/// Documents of streams by file, read as the program reads them.
pub(crate) fn documents(files: &[(&str, &str)]) -> Documents {
    let documents = assemble_all(files);
    let errors: Vec<_> = documents.errors().collect();
    assert!(errors.is_empty(), "{errors:?}");
    documents
}

/// What a verb is given on the morning of the fifth of January.
pub(crate) fn scene<'a>(docs: &'a Documents, namespace: &'a Namespace) -> Scene<'a> {
    Scene {
        docs,
        namespace,
        now: "2026-01-05T09:00:00.5Z".parse().unwrap(),
    }
}
