//! Streams being changed: the values as they will be, and the edits that make the files say so.

use std::collections::{BTreeMap, BTreeSet};

use super::{Refused, Scene, pointers};
use crate::manifests::edit::StreamEdit;
use crate::model::image_stream::{
    ImportPolicy, NamedTagEventList, ObjectReference, ReferencePolicy, TagEvent, TagReference,
};
use crate::model::promotion::{SOURCE, annotation};
use crate::model::tag_event::{add_event, next_generation};
use crate::model::{ImageStream, Source, StreamKey, Timestamp};
use crate::plan::road::settled::same_stream_alias;

/// Streams being changed, by identity.
#[derive(Debug)]
pub struct Drafts<'a> {
    scene: Scene<'a>,
    drafts: BTreeMap<StreamKey, Draft>,
}

/// One stream being changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// As it will be.
    pub stream: ImageStream,
    /// How its file comes there.
    pub edits: Vec<StreamEdit>,
    /// Whether it comes into being.
    pub fresh: bool,
    /// Items of history kept of each tag.
    limit: usize,
    /// Tags that only promotions move: they track nothing.
    pointers: BTreeSet<String>,
}

/// All changes of one verb, by stream.
pub type Changes = BTreeMap<StreamKey, Draft>;

/// Fields of a wished tag to set; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TagFields {
    /// Where its image comes from.
    pub from: Option<ObjectReference>,
    /// Annotations to set, or to delete where the value is `None`.
    pub annotations: BTreeMap<String, Option<String>>,
    /// Whether the string is kept without import.
    pub reference: Option<bool>,
    /// How it is imported.
    pub import_policy: Option<ImportPolicy>,
    /// How it is referred to.
    pub reference_policy: Option<ReferencePolicy>,
}

impl<'a> Drafts<'a> {
    /// Nothing is changed yet.
    pub const fn new(scene: Scene<'a>) -> Self {
        Self {
            scene,
            drafts: BTreeMap::new(),
        }
    }

    /// A stream that is there already, or was made by this verb.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub fn open(&mut self, key: &StreamKey) -> Result<&mut Draft, Refused> {
        if !self.drafts.contains_key(key) {
            let stream = self.scene.stream(key)?.clone();
            let draft = self.draft(key, stream, false);
            self.drafts.insert(key.clone(), draft);
        }
        self.drafts
            .get_mut(key)
            .ok_or_else(|| Refused::no(format!("there is no image stream `{key}`")))
    }

    /// A stream that is there, or comes into being now.
    ///
    /// # Errors
    /// When there is one that cannot be used.
    pub fn open_or_create(&mut self, key: &StreamKey) -> Result<&mut Draft, Refused> {
        let docs = self.scene.docs;
        let known = docs.streams.contains_key(key) || docs.broken_streams.contains_key(key);
        if !known && !self.drafts.contains_key(key) {
            let mut stream = ImageStream::default();
            stream.metadata.name = key.name.to_string();
            if key.namespace != docs.config.spec.namespace {
                stream.metadata.namespace = Some(key.namespace.to_string());
            }
            let draft = self.draft(key, stream, true);
            self.drafts.insert(key.clone(), draft);
        }
        self.open(key)
    }

    fn draft(&self, key: &StreamKey, stream: ImageStream, fresh: bool) -> Draft {
        let pointers = pointers(self.scene.docs).into_keys();
        let pointers = pointers.filter(|pointer| pointer.stream == *key);
        Draft {
            pointers: pointers.map(|pointer| pointer.tag).collect(),
            stream,
            edits: Vec::new(),
            fresh,
            limit: self.scene.docs.config.spec.history.max(1),
        }
    }

    /// Streams that change; the others are dropped.
    pub fn changes(self) -> Changes {
        let mut drafts = self.drafts;
        drafts.retain(|_, draft| draft.fresh || !draft.edits.is_empty());
        drafts
    }
}

impl Draft {
    /// Sets fields of a tag, which is added if it is not there.
    pub fn set(&mut self, name: &str, fields: TagFields) {
        let tags = &mut self.stream.spec.tags;
        let at = tags
            .iter()
            .rposition(|tag| tag.name == name)
            .unwrap_or_else(|| {
                let at = tags.partition_point(|tag| tag.name.as_str() < name);
                let tag = TagReference {
                    name: name.to_owned(),
                    ..TagReference::default()
                };
                tags.insert(at, tag);
                at
            });
        let tag = &mut tags[at];
        if let Some(from) = &fields.from {
            tag.from = Some(from.clone());
        }
        for (key, value) in &fields.annotations {
            match value {
                Some(value) => tag.annotations.insert(key, value),
                None => tag.annotations.remove(key),
            };
        }
        if let Some(reference) = fields.reference {
            tag.reference = reference;
        }
        if let Some(policy) = &fields.import_policy {
            tag.import_policy = policy.clone();
        }
        if let Some(policy) = &fields.reference_policy {
            tag.reference_policy = policy.clone();
        }
        self.edits.push(StreamEdit::SetTag {
            name: name.to_owned(),
            from: fields.from,
            annotations: fields.annotations,
            reference: fields.reference,
            import_policy: fields.import_policy,
            reference_policy: fields.reference_policy,
        });
    }

    /// Remembers that a tag's present source is the one its image came from: it is pending no longer.
    pub fn remember_source(&mut self, name: &str) {
        let source = self.stream.spec_tag(name).and_then(Source::of);
        let annotations = [(SOURCE.to_owned(), source.map(|s| annotation(&s)))].into();
        self.set(
            name,
            TagFields {
                annotations,
                ..TagFields::default()
            },
        );
    }

    /// Remembers that the repository which the stream names is imported: it is pending no longer.
    pub fn remember_repository(&mut self) {
        if let Some(name) = self.stream.pending_repository() {
            let source = annotation(&Source::docker_image(name));
            self.stream.metadata.annotations.insert(SOURCE, &source);
            self.edits.push(StreamEdit::SetAnnotation {
                key: SOURCE.to_owned(),
                value: Some(source),
            });
        }
    }

    /// Records what a tag points to now, by the add-event rule; tags of this stream that track it follow. `created` of
    /// the event is kept where there is one, which is how upstream copies events between tags. What a tag points to
    /// already is not recorded again.
    pub fn record(&mut self, name: &str, event: &TagEvent, now: Timestamp) {
        let mut event = event.clone();
        event.created = Some(to_the_second(event.created.unwrap_or(now)));
        event.generation = next_generation(self.stream.status_tag(name));
        let mut waiting = vec![name.to_owned()];
        let mut done: Vec<String> = Vec::new();
        while let Some(tag) = waiting.pop() {
            if done.contains(&tag) {
                continue;
            }
            self.add(&tag, &event);
            let trackers = self.stream.spec.tags.iter();
            let trackers = trackers
                .filter(|t| same_stream_alias(&self.stream, &t.name).as_deref() == Some(&tag))
                .filter(|t| !self.pointers.contains(&t.name));
            waiting.extend(trackers.map(|t| t.name.clone()));
            done.push(tag);
        }
    }

    fn add(&mut self, tag: &str, event: &TagEvent) {
        let known = self.stream.status_tag(tag);
        let same = known.is_some_and(|list| {
            list.conditions.is_empty()
                && list.items.first().is_some_and(|head| {
                    head.docker_image_reference() == event.docker_image_reference()
                        && head.image() == event.image()
                })
        });
        if same {
            return;
        }
        let mut list = known.cloned().unwrap_or_else(|| empty(tag));
        add_event(&mut list, event.clone());
        // A failure that lasted until now has ended, whether or not the image is another one.
        list.conditions.clear();
        list.items.truncate(self.limit);
        self.put(list);
    }

    /// Makes the history of a tag exactly this.
    pub fn put(&mut self, list: NamedTagEventList) {
        self.edits.push(StreamEdit::RecordEvent {
            tag: list.tag.clone(),
            items: list.items.clone(),
            conditions: list.conditions.clone(),
        });
        let lists = &mut self.stream.status.tags;
        lists.retain(|known| known.tag != list.tag);
        if !list.items.is_empty() || !list.conditions.is_empty() {
            let at = lists.partition_point(|known| known.tag < list.tag);
            lists.insert(at, list);
        }
    }

    /// Deletes a tag with its history; says whether there was one.
    pub fn forget(&mut self, name: &str) -> bool {
        let wished = self.stream.spec_tag(name).is_some();
        let recorded = self.stream.status_tag(name).is_some();
        if wished {
            self.stream.spec.tags.retain(|tag| tag.name != name);
            let name = name.to_owned();
            self.edits.push(StreamEdit::DeleteTag { name });
        }
        if recorded {
            self.put(empty(name));
        }
        wished || recorded
    }

    /// Sets whether short names resolve through the stream.
    pub fn set_lookup(&mut self, local: bool) {
        if self.stream.spec.lookup_policy.local != local {
            self.stream.spec.lookup_policy.local = local;
            self.edits.push(StreamEdit::SetLookup(local));
        }
    }
}

fn empty(tag: &str) -> NamedTagEventList {
    NamedTagEventList {
        tag: tag.to_owned(),
        ..NamedTagEventList::default()
    }
}

fn to_the_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::streams::testing::{digest, documents, scene};

    /// The tags that have the new image, after `2.0` of the stream `ns/ruby` moved to it.
    fn moved(tags: &str, image: &str) -> Vec<String> {
        let old = digest("old");
        let item = format!(
            "{{dockerImageReference: 'q.io/ns/ruby@{old}', image: '{old}', generation: 1}}"
        );
        let text = format!(
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: ruby, namespace: ns}}\nspec:\n  tags: [{tags}]\nstatus:\n  tags:\n  - {{tag: '2.0', items: [{item}]}}\n  - {{tag: '3.0', items: [{item}]}}\n"
        );
        let docs = documents(&[("streams/ruby.yaml", &text)]);
        let namespace = "ns".parse().unwrap();
        let scene = scene(&docs, &namespace);
        let mut drafts = Drafts::new(scene);
        let key = "ns/ruby".to_owned().try_into().unwrap();
        let draft = drafts.open(&key).unwrap();
        let new = digest(image);
        let event = TagEvent::new(None, &format!("q.io/ns/ruby@{new}"), &new, 0);
        draft.record("2.0", &event, scene.now);
        let lists = draft.edits.iter().filter_map(|edit| match edit {
            StreamEdit::RecordEvent { tag, items, .. } => {
                assert_eq!(items[0].image(), new, "{tag}");
                Some(tag.clone())
            }
            _ => None,
        });
        lists.collect()
    }

    #[test]
    fn tags_track_a_tag_as_upstream_has_them_track_it() {
        let tag = |name: &str, from: &str| format!("{{name: {name}, from: {{kind: {from}}}}}");
        let tracks = |name: &str| tag(name, "ImageStreamTag, name: '2.0'");
        for (tags, wanted) in [
            ("{name: latest}".to_owned(), &["2.0"][..]),
            (tag("latest", "ImageStreamImage, name: abcd"), &["2.0"]),
            (
                tag(
                    "latest",
                    "ImageStreamTag, namespace: other, name: 'ruby:2.0'",
                ),
                &["2.0"],
            ),
            (
                tag("latest", "ImageStreamTag, name: 'otherstream:2.0'"),
                &["2.0"],
            ),
            (String::new(), &["2.0"]),
            (
                tag("latest", "ImageStreamTag, name: 'ruby:2.0'"),
                &["2.0", "latest"],
            ),
            // Saying one's own namespace changes nothing.
            (
                tag("latest", "ImageStreamTag, namespace: ns, name: 'ruby:2.0'"),
                &["2.0", "latest"],
            ),
            (
                format!("{}, {{name: other}}", tracks("latest")),
                &["2.0", "latest"],
            ),
            (
                format!(
                    "{}, {}, {{name: other1}}, {{name: other2}}",
                    tracks("latest1"),
                    tracks("latest2")
                ),
                &["2.0", "latest2", "latest1"],
            ),
        ] {
            let mut found = moved(&tags, "new");
            let mut wanted = wanted.to_vec();
            found.sort();
            wanted.sort_unstable();
            assert_eq!(found, wanted, "{tags}");
        }
        // What a tag points to already moves nobody who points there, too.
        let same = format!(
            "{}, {{name: '3.0'}}",
            tag("latest", "ImageStreamTag, name: '3.0'")
        );
        assert_eq!(moved(&same, "old"), [""; 0]);
    }
}
