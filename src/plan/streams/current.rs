//! The tags of a stream by name, and the image that each of them points to now: the settled view, for looking at all tags of
//! a stream of any size.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::alias::aliases;
use crate::model::image_stream::{NamedTagEventList, TagEvent};
use crate::model::promotion::stream_image_digest;
use crate::model::{Digest, ImageStream, TagReference};
use crate::plan::road::settled::repository_of_any;

/// The tags of one stream by name.
#[derive(Debug)]
pub struct Tags<'s> {
    stream: &'s ImageStream,
    spec: BTreeMap<&'s str, &'s TagReference>,
    status: BTreeMap<&'s str, &'s NamedTagEventList>,
    ends: BTreeMap<&'s str, &'s str>,
}

impl<'s> Tags<'s> {
    /// The tags of a stream; of several with one name the last in the spec, the first in the status.
    pub fn of(stream: &'s ImageStream) -> Self {
        let spec = stream.spec.tags.iter();
        let status = stream.status.tags.iter().rev();
        Self {
            stream,
            spec: spec.map(|tag| (tag.name.as_str(), tag)).collect(),
            status: status.map(|list| (list.tag.as_str(), list)).collect(),
            ends: aliases(stream),
        }
    }

    /// The names of all tags, wished or only recorded, in the order of their bytes.
    pub fn names(&self) -> BTreeSet<&'s str> {
        self.spec
            .keys()
            .chain(self.status.keys())
            .copied()
            .collect()
    }

    /// What is wished of a tag.
    pub fn spec(&self, tag: &str) -> Option<&'s TagReference> {
        self.spec.get(tag).copied()
    }

    /// What was recorded of a tag.
    pub fn status(&self, tag: &str) -> Option<&'s NamedTagEventList> {
        self.status.get(tag).copied()
    }

    /// Tags that follow others, with the tag where that ends.
    pub const fn ends(&self) -> &BTreeMap<&'s str, &'s str> {
        &self.ends
    }

    /// The event of the image that a tag points to: what its spec pins, else the head of where it leads, recorded here or
    /// not. `None` for tags without a digest.
    pub fn current(&self, tag: &str) -> Option<TagEvent> {
        let end = self.ends.get(tag).copied().unwrap_or(tag);
        if let Some(digest) = self.spec(end).and_then(stream_image_digest) {
            return self.pinned(&[tag, end], &digest);
        }
        let head = |tag: &str| self.status(tag)?.items.first();
        let found = head(end).or_else(|| head(tag))?;
        (!found.image().is_empty()).then(|| found.clone())
    }

    /// The event of a digest in the histories of some tags, or what the rest of the stream tells of it.
    fn pinned(&self, tags: &[&str], digest: &Digest) -> Option<TagEvent> {
        let items = tags.iter().filter_map(|tag| self.status(tag));
        let mut items = items.flat_map(|list| &list.items);
        let recorded = items.find(|event| event.is_of(digest));
        recorded.cloned().or_else(|| {
            let repository = repository_of_any(self.stream, digest)?;
            let reference = repository.at(digest.clone()).to_string();
            Some(TagEvent::new(None, &reference, digest.as_str(), 0))
        })
    }

    /// Every image in the history of any tag, by digest, each with the newest event that recorded it.
    pub fn images(&self) -> BTreeMap<String, &'s TagEvent> {
        let mut images: BTreeMap<String, &TagEvent> = BTreeMap::new();
        let lists = self.stream.status.tags.iter();
        for event in lists.flat_map(|list| &list.items) {
            let image = event.image();
            if image.is_empty() {
                continue;
            }
            let known = images.entry(image.into_owned()).or_insert(event);
            if event.created > known.created {
                *known = event;
            }
        }
        images
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image_stream::ObjectReference;
    use crate::plan::streams::testing::{digest, event, stream};

    fn tag(name: &str, kind: &str, target: &str) -> TagReference {
        TagReference {
            name: name.to_owned(),
            from: Some(ObjectReference {
                kind: kind.to_owned().into(),
                namespace: None,
                name: target.into(),
            }),
            ..TagReference::default()
        }
    }

    #[test]
    fn a_tag_points_to_what_its_spec_pins_or_to_where_it_leads() {
        let mut stream = stream(&[
            ("dev", &["3", "2", "1"]),
            ("alias", &["1"]),
            ("pushed", &["2"]),
        ]);
        stream.spec.tags = vec![
            tag("dev", "DockerImage", "quay.io/acme/app:dev"),
            tag("alias", "ImageStreamTag", "dev"),
            tag(
                "pinned",
                "ImageStreamImage",
                &format!("app@{}", digest("1")),
            ),
            tag("second", "ImageStreamTag", "pinned"),
            tag(
                "unknown",
                "ImageStreamImage",
                &format!("app@{}", digest("9")),
            ),
            tag("new", "DockerImage", "quay.io/acme/app:new"),
            tag("circle", "ImageStreamTag", "circle"),
        ];
        let tags = Tags::of(&stream);
        for (tag, image) in [
            ("dev", Some("3")),
            ("alias", Some("3")),
            ("pinned", Some("1")),
            ("second", Some("1")),
            ("pushed", Some("2")),
            ("unknown", None),
            ("new", None),
            ("circle", None),
            ("none", None),
        ] {
            assert_eq!(
                tags.current(tag),
                image.map(event).map(|mut event| {
                    // What is pinned without an event of its own has no generation.
                    event.generation = tags.current(tag).unwrap().generation;
                    event
                }),
                "{tag}"
            );
        }
        let names: Vec<&str> = tags.names().into_iter().collect();
        assert_eq!(names.len(), 8, "{names:?}");
    }

    #[test]
    fn each_image_of_a_history_is_told_once_by_its_newest_event() {
        let mut stream = stream(&[("a", &["1", "2"]), ("b", &["1"])]);
        stream.status.tags[0].items[0].created = "2026-01-01T00:00:00Z".parse().ok();
        stream.status.tags[1].items[0].created = "2026-01-02T00:00:00Z".parse().ok();
        stream.status.tags[0].items[1] = event("2").with_image("");
        let tags = Tags::of(&stream);
        let images = tags.images();
        assert_eq!(images.len(), 1);
        let newest = images[&digest("1")].created.unwrap();
        assert_eq!(newest.to_string(), "2026-01-02T00:00:00Z");
    }
}
