//! Streams at rest: whether a plan has to look at the tags of a stream at all, answered once when its file is read.

use super::image_stream::{ImageStream, TagReference};
use super::promotion::{FOLLOW, Source};

impl ImageStream {
    /// Whether no tag of it wants anything by itself: none is scheduled, pending, without an image, or failing, and no whole
    /// repository waits to be imported. What is remembered of its checks may still say otherwise.
    pub fn rests(&self) -> bool {
        self.pending_repository().is_none() && self.spec.tags.iter().all(|tag| self.tag_rests(tag))
    }

    fn tag_rests(&self, tag: &TagReference) -> bool {
        let Some(from) = tag.from.as_ref() else {
            return true;
        };
        if Source::differs_on(tag) {
            return false;
        }
        if from.kind != "DockerImage" || tag.reference {
            return true;
        }
        let list = self.status_tag(&tag.name);
        let is_well = list.is_some_and(|list| !list.items.is_empty() && list.conditions.is_empty());
        let scheduled = tag.import_policy.scheduled && !from.name.contains('@');
        is_well && !scheduled && !tag.annotations.contains_key(FOLLOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image_stream::{NamedTagEventList, ObjectReference, TagEventCondition};
    use crate::model::promotion::{SOURCE, annotation};
    use crate::model::{Digest, TagEvent};

    fn stream(change: impl Fn(&mut TagReference, &mut NamedTagEventList)) -> ImageStream {
        let mut tag = TagReference {
            name: "dev".to_owned(),
            from: Some(ObjectReference::docker_image("q.io/a/b:main")),
            ..TagReference::default()
        };
        let source = Source::of(&tag).map(|source| annotation(&source));
        tag.annotations.insert(SOURCE, source.unwrap());
        let digest = Digest::sha256(b"1");
        let pinned = format!("q.io/a/b@{digest}");
        let mut list = NamedTagEventList {
            tag: "dev".to_owned(),
            items: vec![TagEvent::new(None, &pinned, digest.as_str(), 1)],
            ..NamedTagEventList::default()
        };
        change(&mut tag, &mut list);
        let mut stream = ImageStream::default();
        stream.spec.tags = vec![TagReference::default(), tag];
        stream.status.tags = vec![list];
        stream
    }

    #[test]
    fn a_stream_rests_until_one_of_its_tags_wants_something() {
        assert!(stream(|_, _| {}).rests());
        assert!(stream(|tag, _| tag.from = None).rests());
        assert!(!stream(|tag, _| tag.import_policy.scheduled = true).rests());
        assert!(!stream(|tag, _| tag.annotations.remove(SOURCE)).rests());
        assert!(!stream(|tag, _| tag.annotations.insert(FOLLOW, "semver 1")).rests());
        assert!(!stream(|_, list| list.items.clear()).rests());
        assert!(!stream(|_, list| list.conditions.push(TagEventCondition::default())).rests());
        assert!(!stream(|tag, _| tag.name = "else".to_owned()).rests());
        let moved =
            stream(|tag, _| tag.from = Some(ObjectReference::docker_image("q.io/a/b:next")));
        assert!(!moved.rests());
        let by_digest = stream(|tag, _| {
            let pinned = format!("q.io/a/b@{}", Digest::sha256(b"1"));
            tag.from = Some(ObjectReference::docker_image(&pinned));
            tag.import_policy.scheduled = true;
            let source = Source::of(tag).map(|source| annotation(&source));
            tag.annotations.insert(SOURCE, source.unwrap());
        });
        assert!(by_digest.rests(), "a digest never moves");
    }
}
