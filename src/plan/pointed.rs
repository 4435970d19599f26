//! Tags that point into streams, and tags that keep a string: what they point to is recorded when their spec changes, as
//! upstream does it. A tag of another stream is a snapshot of that moment: it never follows (imagestreams 3.1).

use super::change::propose::history_limit;
use super::desk::Desk;
use super::import::{Import, Imports, Record};
use super::report::{State, Subject};
use super::road::settled::{same_stream_alias, settled};
use super::streams::Scene;
use super::streams::tag::pointed_at;
use crate::manifests::edit::StreamEdit;
use crate::model::image_stream::{NamedTagEventList, ObjectReference, TagEvent};
use crate::model::promotion::{SOURCE, annotation};
use crate::model::tag_event::{add_event, next_generation};
use crate::model::{
    ImageReference, ImageStream, PinnedImage, Source, TagKey, TagReference, Timestamp,
};

/// Looks at a tag that no registry is asked about. Nothing is due but what somebody changed.
pub(super) fn look_at(
    key: &TagKey,
    tag: &TagReference,
    from: &ObjectReference,
    stream: &ImageStream,
    desk: &mut Desk<'_>,
    all: &mut Imports,
) {
    if from.kind == "DockerImage" {
        if tag.reference && Source::differs_in(tag, &key.stream.namespace) {
            all.records.push(string(key, from, stream, desk));
        }
        return;
    }
    // What tracks a tag of its own stream moves with it, and a digest in full needs no event to count.
    let settles = same_stream_alias(stream, &tag.name).is_some()
        || settled(stream, &tag.name).is_some_and(|settled| settled.by_spec);
    if settles || !Source::differs_in(tag, &key.stream.namespace) {
        return;
    }
    let scene = Scene {
        docs: desk.docs,
        namespace: &key.stream.namespace,
        now: desk.now(),
    };
    let name = format!("{} {}", from.kind, from.name);
    match pointed_at(from, &key.stream, scene) {
        Ok(Some(event)) => match event.docker_image_reference().parse::<PinnedImage>() {
            Ok(image) => push(key, image, desk, all),
            Err(_) => waits(key, &format!("{name} has no digest"), None, desk),
        },
        Ok(None) => waits(key, &format!("{name} points to no image yet"), None, desk),
        Err(refused) => waits(key, &refused.why, refused.help, desk),
    }
}

fn push(key: &TagKey, image: PinnedImage, desk: &mut Desk<'_>, all: &mut Imports) {
    let old = desk.head(&key.stream, &key.tag);
    desk.fresh
        .insert((key.stream.clone(), image.digest.clone()), image.clone());
    all.imports.push(Import {
        tag: key.clone(),
        source: ImageReference {
            repository: image.repository.clone(),
            tag: None,
            digest: Some(image.digest.clone()),
        },
        moves: old.as_ref() != Some(&image),
        old,
        image,
        followed: None,
        wished: None,
    });
}

fn waits(key: &TagKey, why: &str, help: Option<String>, desk: &mut Desk<'_>) {
    let tag = Subject::Tag(key.clone());
    let why = format!("NoSource: {why}");
    desk.hold(tag, State::Waiting, "NoSource", why).help = help;
}

/// The record of a tag that keeps its string: an item without a digest.
fn string(key: &TagKey, from: &ObjectReference, stream: &ImageStream, desk: &Desk<'_>) -> Record {
    let known = stream.status_tag(&key.tag);
    let mut list = known.cloned().unwrap_or_else(|| NamedTagEventList {
        tag: key.tag.clone(),
        ..NamedTagEventList::default()
    });
    let created = Timestamp::from_second(desk.stamp().as_second()).ok();
    let event = TagEvent::new(created, &from.name, "", next_generation(known));
    add_event(&mut list, event);
    list.items.truncate(history_limit(&key.stream, desk));
    let source = stream.spec_tag(&key.tag).and_then(Source::of);
    let annotations = [(SOURCE.to_owned(), source.map(|s| annotation(&s)))].into();
    Record {
        tag: key.clone(),
        edits: vec![
            StreamEdit::SetTag {
                name: key.tag.clone(),
                from: None,
                annotations,
                reference: None,
                import_policy: None,
                reference_policy: None,
            },
            StreamEdit::RecordEvent {
                tag: key.tag.clone(),
                items: list.items,
                conditions: list.conditions,
            },
        ],
        subject: "reference",
        what: from.name.to_string(),
    }
}
