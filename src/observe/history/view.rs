//! What one version of a file says about tags: the settled view of each, and the record it bears.

use std::collections::BTreeSet;

use crate::manifests::{DocumentKind, Loaded};
use crate::model::promotion::{REQUEST, stream_image_digest};
use crate::model::{Digest, ImageRepository, ImageStream, Namespace, Promotion, StreamKey};
use crate::plan::road::settled::settled;

/// The streams of a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct FileView {
    /// Tags of each stream, each sorted by name.
    pub streams: Vec<(StreamKey, Vec<(String, TagView)>)>,
    /// Whether something in it cannot be read, so that what is not found may yet be there.
    pub partial: bool,
}

/// Where a tag points.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct TagView {
    /// The digest; `None` while it points nowhere.
    pub digest: Option<Digest>,
    /// The repository that digest was recorded in, as far as the file says.
    pub repository: Option<ImageRepository>,
    /// Whether the digest follows from a pinned `from`.
    pub by_spec: bool,
    /// The record on it.
    pub record: Option<Box<Promotion>>,
    /// A person's request on it, as written.
    pub request: Option<Box<str>>,
}

impl FileView {
    /// The view of a loaded file; streams without a namespace are in `default`. Documents that must not be used say
    /// nothing, and neither does a stream that the file holds twice.
    pub(super) fn of(loaded: &Loaded, default: &Namespace) -> Self {
        let broken: BTreeSet<usize> = loaded.broken.iter().map(|b| b.index).collect();
        let mut view = Self {
            partial: loaded.unreadable || !broken.is_empty(),
            ..Self::default()
        };
        let mut twice = BTreeSet::new();
        for document in &loaded.documents {
            let DocumentKind::ImageStream(stream) = &document.kind else {
                continue;
            };
            let Some(key) = key(stream, default).filter(|_| !broken.contains(&document.index))
            else {
                continue;
            };
            if view.stream(&key).is_some() {
                twice.insert(key);
            } else {
                view.streams.push((key, tags(stream)));
            }
        }
        view.partial |= !twice.is_empty();
        view.streams.retain(|(key, _)| !twice.contains(key));
        view.streams.sort_by(|a, b| a.0.cmp(&b.0));
        view.streams.shrink_to_fit();
        view
    }

    /// Tags of one stream.
    pub(super) fn stream(&self, key: &StreamKey) -> Option<&[(String, TagView)]> {
        let found = self.streams.iter().find(|(stream, _)| stream == key);
        found.map(|(_, tags)| tags.as_slice())
    }

    /// The streams it holds, sorted.
    pub(super) fn keys(&self) -> impl Iterator<Item = &StreamKey> {
        self.streams.iter().map(|(key, _)| key)
    }
}

fn key(stream: &ImageStream, default: &Namespace) -> Option<StreamKey> {
    let namespace = match &stream.metadata.namespace {
        Some(namespace) => namespace.parse().ok()?,
        None => default.clone(),
    };
    Some(StreamKey {
        namespace,
        name: stream.metadata.name.parse().ok()?,
    })
}

fn tags(stream: &ImageStream) -> Vec<(String, TagView)> {
    let names: BTreeSet<&str> = stream.spec.tags.iter().map(|t| t.name.as_str()).collect();
    let views = names.into_iter().filter_map(|name| {
        let spec = stream.spec_tag(name)?;
        let settled = settled(stream, name);
        let by_spec = settled.as_ref().map(|s| s.by_spec);
        let image = settled.map(|s| s.image);
        let (repository, digest) = image.map(|i| (i.repository, i.digest)).unzip();
        // A digest that no event of the stream knows is pinned all the same.
        let pinned = stream_image_digest(spec).filter(|_| digest.is_none());
        let view = TagView {
            by_spec: by_spec.unwrap_or(pinned.is_some()),
            digest: digest.or(pinned),
            repository,
            record: Promotion::recorded(spec).map(Box::new),
            request: spec
                .annotations
                .get(REQUEST)
                .map(|text| text.as_ref().into()),
        };
        let says = view.digest.is_some() || view.record.is_some() || view.request.is_some();
        says.then(|| (name.to_owned(), view))
    });
    views.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::{Role, load};

    fn view(text: &str) -> FileView {
        let loaded = load(
            &"streams/a.yaml".parse().unwrap(),
            text.as_bytes(),
            Role::Streams,
        );
        FileView::of(&loaded, &"team".parse().unwrap())
    }

    fn stream(name: &str, from: &str) -> String {
        format!(
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: {name}}}\n\
             spec: {{tags: [{{name: qa, from: {{kind: ImageStreamImage, name: '{from}'}}}}]}}\n"
        )
    }

    #[test]
    fn a_pinned_digest_counts_even_if_no_event_knows_it() {
        let digest = Digest::sha256(b"x");
        let view = view(&stream("a", &format!("a@{digest}")));
        let key = StreamKey::try_from("team/a".to_owned()).unwrap();
        assert_eq!(
            view.stream(&key).unwrap()[0].1,
            TagView {
                digest: Some(digest),
                repository: None,
                by_spec: true,
                record: None,
                request: None
            }
        );
        assert!(!view.partial);
    }

    #[test]
    fn what_cannot_be_read_or_is_there_twice_says_nothing() {
        let pinned = format!("a@{}", Digest::sha256(b"x"));
        for text in [
            "a: [".to_owned(),
            stream("a", &pinned).replace("tags: [", "tags: [1, "),
            format!("{0}---\n{0}", stream("a", &pinned)),
        ] {
            let view = view(&text);
            assert!(view.partial && view.streams.is_empty(), "{text}");
        }
        assert_eq!(view("kind: Pod\n"), FileView::default());
    }
}
