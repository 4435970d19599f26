//! The settled view: what a tag's status would say once every move implied by its spec were recorded.

use crate::model::alias;
use crate::model::image_stream::NamedTagEventList;
use crate::model::promotion::stream_image_digest;
use crate::model::{Digest, ImageRepository, ImageStream, PinnedImage};

/// Where a tag points, recorded or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The image.
    pub image: PinnedImage,
    /// Whether it follows from a pinned `from` in the spec, rather than from a recorded event alone.
    pub by_spec: bool,
}

/// How many aliases are followed.
const DEEPEST_ALIAS: usize = 8;

/// Where a tag points, by spec first and status second; `None` for tags without spec or without digest.
pub fn settled(stream: &ImageStream, tag: &str) -> Option<Settled> {
    settled_by(stream, tag, |_| None)
}

/// The same where `past` knows the repositories of digests that no item of the stream records any more.
pub fn settled_by(
    stream: &ImageStream,
    tag: &str,
    past: impl Fn(&Digest) -> Option<ImageRepository>,
) -> Option<Settled> {
    let mut tag = tag.to_owned();
    for _ in 0..DEEPEST_ALIAS {
        let spec = stream.spec_tag(&tag)?;
        if let Some(digest) = stream_image_digest(spec) {
            let repository = repository_of(stream, &tag, &digest).or_else(|| past(&digest))?;
            return Some(Settled {
                image: repository.at(digest),
                by_spec: true,
            });
        }
        match same_stream_alias(stream, &tag) {
            Some(target) => tag = target,
            None => break,
        }
    }
    let head = stream.head(&tag)?;
    Some(Settled {
        image: head_image(head)?,
        by_spec: false,
    })
}

/// The tag of the same stream that this one tracks (`ImageStreamTag`, bare or with the stream's name).
pub fn same_stream_alias(stream: &ImageStream, tag: &str) -> Option<String> {
    alias::same_stream_alias(stream, stream.spec_tag(tag)?).map(str::to_owned)
}

fn head_image(head: &crate::model::TagEvent) -> Option<PinnedImage> {
    // After an in-place rewrite the digest field is the newer word (add-event rule: same reference, other image).
    Some(head.repository()?.at(head.digest()?))
}

/// The repository a digest was recorded from: in the tag's own history, else in any tag's.
fn repository_of(stream: &ImageStream, tag: &str, digest: &Digest) -> Option<ImageRepository> {
    stream
        .status_tag(tag)
        .and_then(|list| recorded_in(list, digest))
        .or_else(|| repository_of_any(stream, digest))
}

/// The repository a digest was recorded from, in the history of any tag.
pub fn repository_of_any(stream: &ImageStream, digest: &Digest) -> Option<ImageRepository> {
    stream
        .status
        .tags
        .iter()
        .find_map(|list| recorded_in(list, digest))
}

fn recorded_in(list: &NamedTagEventList, digest: &Digest) -> Option<ImageRepository> {
    let item = list.items.iter().find(|item| item.is_of(digest))?;
    item.repository()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image_stream::ObjectReference;
    use crate::model::promotion::{SOURCE, annotation};
    use crate::model::{Source, TagEvent, TagReference};

    fn stream() -> ImageStream {
        let digest = Digest::sha256(b"one");
        let mut stream = ImageStream::default();
        stream.metadata.name = "myapp".to_owned();
        stream.spec.tags = vec![
            TagReference {
                name: "dev".into(),
                from: Some(ObjectReference::docker_image("q.io/a/b:main")),
                ..Default::default()
            },
            TagReference {
                name: "qa".into(),
                from: Some(ObjectReference::stream_image("myapp", &digest)),
                ..Default::default()
            },
            TagReference {
                name: "alias".into(),
                from: Some(ObjectReference {
                    kind: "ImageStreamTag".into(),
                    namespace: None,
                    name: "myapp:dev".into(),
                }),
                ..Default::default()
            },
        ];
        stream.status.tags = vec![NamedTagEventList {
            tag: "dev".into(),
            items: vec![TagEvent::new(
                None,
                &format!("q.io/a/b@{digest}"),
                digest.as_str(),
                1,
            )],
            conditions: vec![],
        }];
        stream
    }

    #[test]
    fn a_pinned_spec_counts_before_it_is_recorded() {
        let settled = settled(&stream(), "qa").unwrap();
        assert!(settled.by_spec);
        assert_eq!(
            settled.image.to_string(),
            format!("q.io/a/b@{}", Digest::sha256(b"one"))
        );
    }

    #[test]
    fn an_alias_points_where_its_target_points() {
        assert_eq!(
            settled(&stream(), "alias").unwrap().image,
            settled(&stream(), "dev").unwrap().image
        );
        assert_eq!(settled(&stream(), "unknown"), None);
    }

    #[test]
    fn a_tag_is_pending_until_its_source_is_recorded() {
        let mut stream = stream();
        assert!(Source::differs_on(stream.spec_tag("dev").unwrap()));
        let source = Source::of(&stream.spec.tags[0]).unwrap();
        stream.spec.tags[0]
            .annotations
            .insert(SOURCE, annotation(&source));
        assert!(!Source::differs_on(stream.spec_tag("dev").unwrap()));
        stream.spec.tags[0].from = Some(ObjectReference::docker_image("q.io/a/b:next"));
        assert!(
            Source::differs_on(stream.spec_tag("dev").unwrap()),
            "a person's edit of the source makes it pending, without any generation"
        );
    }
}
