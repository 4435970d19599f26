//! Repositories that a stream imports as a whole (`spec.dockerImageRepository`): whether that is still to be done.

use super::image_stream::ImageStream;
use super::promotion::{SOURCE, Source};

/// Annotation that makes every tag of a stream an insecure one; only `true` counts (imagestreams 1.1).
const INSECURE: &str = "openshift.io/image.insecureRepository";
/// Annotation with which a cluster remembers that it imported the stream.
const CHECKED: &str = "openshift.io/image.dockerRepositoryCheck";

impl ImageStream {
    /// The repository that is to be imported as a whole, and was not yet: it happens once, as upstream does it. A cluster
    /// that did it before the stream came into Git counts, too.
    pub fn pending_repository(&self) -> Option<&str> {
        let name = self.spec.docker_image_repository.as_deref();
        let name = name.filter(|name| !name.is_empty())?;
        let annotations = &self.metadata.annotations;
        let done = match annotations.get(SOURCE) {
            Some(recorded) => {
                let recorded = serde_json::from_str::<Source>(&recorded);
                recorded.is_ok_and(|recorded| recorded == Source::docker_image(name))
            }
            None => annotations.contains_key(CHECKED),
        };
        (!done).then_some(name)
    }

    /// Whether it says of itself that its registry may be an insecure one.
    pub fn is_insecure(&self) -> bool {
        let said = self.metadata.annotations.get(INSECURE);
        said.is_some_and(|said| said == "true")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::promotion::annotation;

    #[test]
    fn a_repository_is_imported_once_unless_it_becomes_another_one() {
        let mut stream = ImageStream::default();
        assert_eq!(stream.pending_repository(), None);
        stream.spec.docker_image_repository = Some(String::new());
        assert_eq!(stream.pending_repository(), None);
        assert!(stream.rests());
        stream.spec.docker_image_repository = Some("q.io/a/b".to_owned());
        assert_eq!(stream.pending_repository(), Some("q.io/a/b"));
        assert!(!stream.rests());
        let annotations = &mut stream.metadata.annotations;
        annotations.insert(CHECKED, "2024-01-01T00:00:00Z");
        assert_eq!(stream.pending_repository(), None, "a cluster did it");
        let annotations = &mut stream.metadata.annotations;
        annotations.insert(SOURCE, annotation(&Source::docker_image("q.io/a/other")));
        assert_eq!(stream.pending_repository(), Some("q.io/a/b"));
        let annotations = &mut stream.metadata.annotations;
        annotations.insert(SOURCE, annotation(&Source::docker_image("q.io/a/b")));
        assert_eq!(stream.pending_repository(), None);
        assert!(stream.rests());
    }

    #[test]
    fn only_the_word_true_makes_a_stream_insecure() {
        for (said, insecure) in [("true", true), ("True", false), ("1", false)] {
            let mut stream = ImageStream::default();
            stream.metadata.annotations.insert(INSECURE, said);
            assert_eq!(stream.is_insecure(), insecure, "{said}");
        }
    }
}
