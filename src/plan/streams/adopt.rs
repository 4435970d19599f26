//! `init --adopt`: what runs already is recorded as the first set of its stage. Streams change, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, TagFields};
use super::{Done, Drafts, Refused, Scene};
use crate::model::image_stream::ObjectReference;
use crate::model::promotion::{Cause, Evidence, PROMOTION, REQUEST, SOURCE, annotation};
use crate::model::{PinnedImage, Promotion, RepoPath, Source, TagEvent, TagReference, Timestamp};
use crate::plan::acts::{Adopted, Adoption};

/// Records what is adopted, in the name of whoever asked for it.
///
/// # Errors
/// When a stream cannot be used, or a tag got a history meanwhile.
pub fn adopt(adoption: &Adoption, by: &str, scene: Scene<'_>) -> Result<Done, Refused> {
    let mut drafts = Drafts::new(scene);
    let mut done = Done::default();
    for adopted in &adoption.adopted {
        let record = annotation(&record(adopted, by, scene.now));
        for (stream, image) in &adopted.running.images {
            let draft = drafts.open(stream)?;
            let list = draft.stream.status_tag(&adopted.tag);
            let first = list.and_then(|list| list.items.first());
            // What an earlier call wrote down here is not on the base yet.
            if first.is_some_and(|event| event.is_of(&image.digest)) {
                done.warnings.push(format!(
                    "{}:{} is recorded here already: push it",
                    scene.shown(stream),
                    adopted.tag
                ));
                continue;
            }
            if first.is_some() {
                let tag = format!("{}:{}", scene.shown(stream), adopted.tag);
                return Err(Refused::no(format!("{tag} has a history by now"))
                    .help(format!("headwater history {}", adopted.stage)));
            }
            point(draft, adopted, image, &record, scene.now)?;
        }
        done.says.push(format!(
            "{} adopted with {}, as {}",
            adopted.stage,
            adopted.words,
            have_it(&adopted.running.files)
        ));
        let unseen = adopted.unseen.iter();
        done.warnings
            .extend(unseen.map(|why| format!("{}: {why}", adopted.stage)));
    }
    done.changes = drafts.changes();
    Ok(done)
}

/// `a.yaml has it`, `a.yaml and 2 more have it`
fn have_it(files: &BTreeSet<RepoPath>) -> String {
    let more = files.len().saturating_sub(1);
    match files.first() {
        Some(first) if more > 0 => format!("{first} and {more} more have it"),
        Some(first) => format!("{first} has it"),
        None => "its outputs have it".to_owned(),
    }
}

fn record(adopted: &Adopted, by: &str, now: Timestamp) -> Promotion {
    let at = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let evidence = adopted
        .running
        .files
        .iter()
        .take(MOST_EVIDENCE)
        .map(|file| Evidence {
            at,
            detail: format!("{file} has it"),
            gate: "adopted".to_owned(),
            verdict: "open".to_owned(),
        });
    Promotion {
        asked_by: Some(by.to_owned()),
        cause: Cause::Adopted,
        evidence: evidence.collect(),
        from: Vec::new(),
        pipeline: adopted.stage.pipeline.clone(),
        set: adopted.running.set().id(),
        stage: adopted.stage.stage.clone(),
        v: 1,
    }
}

/// The most outputs that a record names.
const MOST_EVIDENCE: usize = 5;

/// Spec, source, record and event of one tag. An imported tag keeps its source, and what it has stands for what that had.
fn point(
    draft: &mut Draft,
    adopted: &Adopted,
    image: &PinnedImage,
    record: &str,
    now: Timestamp,
) -> Result<(), Refused> {
    let tag = &adopted.tag;
    let from = (!adopted.first)
        .then(|| ObjectReference::stream_image(&draft.stream.metadata.name, &image.digest));
    let pinned = from.clone().map(|from| TagReference {
        from: Some(from),
        ..TagReference::default()
    });
    let spec = pinned.as_ref().or_else(|| draft.stream.spec_tag(tag));
    let Some(source) = spec.and_then(Source::of) else {
        return Err(Refused::no(format!(
            "{}:{tag} has no source: what {} begins with cannot be said",
            draft.stream.metadata.name, adopted.stage
        ))
        .help("give the tag a `from`"));
    };
    let mut annotations = BTreeMap::from([
        (SOURCE.to_owned(), Some(annotation(&source))),
        (PROMOTION.to_owned(), Some(record.to_owned())),
    ]);
    let asked = draft.stream.spec_tag(tag);
    if asked.is_some_and(|tag| tag.annotations.contains_key(REQUEST)) {
        annotations.insert(REQUEST.to_owned(), None);
    }
    draft.set(
        tag,
        TagFields {
            from,
            annotations,
            ..TagFields::default()
        },
    );
    let event = TagEvent::new(None, &image.to_string(), image.digest.as_str(), 0);
    draft.record(tag, &event, now);
    Ok(())
}
