//! Proposals: a change of tags as edits of stream files, with the record that proves it. One beat: spec, event and record
//! travel together, and the rendered files ride along.

use std::collections::BTreeMap;

use crate::manifests::edit::StreamEdit;
use crate::model::alias::aliases;
use crate::model::image_stream::{NamedTagEventList, ObjectReference};
use crate::model::promotion::{Cause, Evidence, FromStage, PROMOTION, REQUEST, SOURCE, annotation};
use crate::model::tag_event::{Added, add_event, next_generation};
use crate::model::{
    Digest, ImageStream, PinnedImage, Promotion, Set, SetId, Source, StreamKey, TagEvent, TagKey,
    TagReference, Timestamp,
};
use crate::plan::desk::Desk;
use crate::plan::report::{HoldReport, State, Subject};
use crate::plan::road::StageView;
use crate::plan::stage::decide::Judged;
use crate::plan::streams::pointers;
use crate::plan::version::release_tag;

/// Tags moved together, as edits.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The set the stage will hold.
    pub set: Set,
    /// Its identity.
    pub id: SetId,
    /// Edits by stream.
    pub edits: BTreeMap<StreamKey, Vec<StreamEdit>>,
    /// Where tags point after it.
    pub heads: BTreeMap<TagKey, PinnedImage>,
    /// Evidence written into the record.
    pub evidence: Vec<Evidence>,
    /// Where the set came from.
    pub from: Vec<FromStage>,
    /// Who asked for it.
    pub asked_by: Option<String>,
}

/// Things stamped once per (branch, set): taken from an open branch's head instead of made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamps {
    /// `created` of the events.
    pub created: Timestamp,
    /// The record, where one was written already.
    pub record: Option<Promotion>,
}

/// How many items of history a tag keeps: all, while an open pull request of ours touches the stream's file.
pub fn history_limit(stream: &StreamKey, desk: &Desk<'_>) -> usize {
    let Some(located) = desk.docs.streams.get(stream) else {
        return usize::MAX;
    };
    let open = desk
        .obs
        .facts
        .pulls
        .iter()
        .flatten()
        .filter_map(|p| p.branch_facts.as_ref());
    if open
        .into_iter()
        .any(|b| b.changed.contains_key(&located.path))
    {
        return usize::MAX;
    }
    desk.docs.config.spec.history.max(1)
}

/// The edit that puts an event into a tag's history by upstream's rule.
pub fn record_event(
    stream: &ImageStream,
    tag: &str,
    image: &PinnedImage,
    created: Timestamp,
    limit: usize,
) -> StreamEdit {
    let mut list = stream
        .status_tag(tag)
        .cloned()
        .unwrap_or_else(|| NamedTagEventList {
            tag: tag.to_owned(),
            ..Default::default()
        });
    let generation =
        next_generation(Some(&list).filter(|l| !l.items.is_empty() || !l.conditions.is_empty()));
    let created = Timestamp::from_second(created.as_second()).unwrap_or(created);
    let digest = image.digest.as_str();
    let event = TagEvent::new(Some(created), &image.to_string(), digest, generation);
    add_event(&mut list, event);
    list.items.truncate(limit);
    StreamEdit::RecordEvent {
        tag: tag.to_owned(),
        items: list.items,
        conditions: list.conditions,
    }
}

/// The edits that move a tag: its own event, and the same one in the history of every tag that tracks it, directly or
/// through others (imagestreams 3.1). Where a stage points is no business of a tag that it tracks: only a promotion moves it.
pub fn record_move(
    key: &StreamKey,
    tag: &str,
    image: &PinnedImage,
    created: Timestamp,
    desk: &Desk<'_>,
) -> Vec<StreamEdit> {
    let Some(stream) = desk.stream(key) else {
        return Vec::new();
    };
    let limit = history_limit(key, desk);
    let own = record_event(stream, tag, image, created, limit);
    let head = match &own {
        StreamEdit::RecordEvent { items, .. } => items.first().cloned(),
        _ => None,
    };
    let mut edits = vec![own];
    let tracking = aliases(stream).into_iter();
    let tracking = tracking.filter(|(alias, end)| *end == tag && *alias != tag);
    let tracking: Vec<&str> = tracking.map(|(alias, _)| alias).collect();
    if tracking.is_empty() {
        return edits;
    }
    let pointers = pointers(desk.docs);
    let is_pointer = |alias: &str| pointers.contains_key(&TagKey::new(key.clone(), alias));
    for alias in tracking.into_iter().filter(|alias| !is_pointer(alias)) {
        let known = stream.status_tag(alias).cloned();
        let mut list = known.unwrap_or_else(|| NamedTagEventList {
            tag: alias.to_owned(),
            ..Default::default()
        });
        let Some(event) = head.clone() else { break };
        if add_event(&mut list, event) == Added::Nothing {
            continue;
        }
        list.items.truncate(limit);
        edits.push(StreamEdit::RecordEvent {
            tag: list.tag,
            items: list.items,
            conditions: list.conditions,
        });
    }
    edits
}

/// Builds the change that moves a stage to a set.
pub fn promotion(
    view: &StageView<'_>,
    judged: &Judged,
    asked_by: Option<String>,
    stamps: &Stamps,
    desk: &mut Desk<'_>,
) -> Result<Proposal, Box<HoldReport>> {
    let evidence = judged
        .conditions
        .iter()
        .filter(|c| c.kind != "from")
        .map(|c| Evidence {
            at: Timestamp::from_second(stamps.created.as_second()).unwrap_or(stamps.created),
            detail: c.verdict.why().to_owned(),
            gate: c.name.clone(),
            verdict: if c.verdict.why().starts_with("skipped") {
                "skipped".to_owned()
            } else {
                "open".to_owned()
            },
        })
        .collect();
    let record = stamps.record.clone().unwrap_or_else(|| Promotion {
        asked_by,
        cause: Cause::Promotion,
        evidence,
        from: judged.candidate.from.clone(),
        pipeline: view.key.pipeline.clone(),
        set: judged.candidate.id.clone(),
        stage: view.key.stage.clone(),
        v: 1,
    });
    let moves = move_stage(
        view,
        &judged.candidate.set,
        &record,
        stamps.created,
        true,
        desk,
    )?;
    Ok(Proposal {
        set: judged.candidate.set.clone(),
        id: judged.candidate.id.clone(),
        edits: moves.0,
        heads: moves.1,
        evidence: record.evidence,
        from: record.from,
        asked_by: record.asked_by,
    })
}

/// Edits by stream, and where tags point after them.
pub type Moves = (
    BTreeMap<StreamKey, Vec<StreamEdit>>,
    BTreeMap<TagKey, PinnedImage>,
);

/// Edits that point a stage's tag (and, going forward, its release tags) at a set.
pub fn move_stage(
    view: &StageView<'_>,
    set: &Set,
    record: &Promotion,
    created: Timestamp,
    release: bool,
    desk: &mut Desk<'_>,
) -> Result<Moves, Box<HoldReport>> {
    let mut edits: BTreeMap<StreamKey, Vec<StreamEdit>> = BTreeMap::new();
    let mut heads = BTreeMap::new();
    for (key, digest) in set.members() {
        let Some(image) = desk.image(key, digest) else {
            return Err(hold(
                view,
                "ImageForgotten",
                format!("{key} no longer records {}", digest.short()),
                "raise `history` in headwater.yaml",
            ));
        };
        let Some(stream) = desk.stream(key) else {
            return Err(hold(
                view,
                "Invalid",
                format!("stream {key} cannot be read"),
                "headwater check",
            ));
        };
        let list = edits.entry(key.clone()).or_default();
        list.push(point(stream, view.tag(), digest, Some(record)));
        list.extend(record_move(key, view.tag(), &image, created, desk));
        heads.insert(TagKey::new(key.clone(), view.tag()), image.clone());
        if let Some(pattern) = view.stage.release_tag.as_ref().filter(|_| release) {
            let tag = release_tag_of(view, key, digest, pattern, desk)?;
            list.push(point(stream, &tag, digest, Some(record)));
            list.extend(record_move(key, &tag, &image, created, desk));
            heads.insert(TagKey::new(key.clone(), tag), image);
        }
    }
    Ok((edits, heads))
}

/// The edit that pins a tag to a digest of its stream, with source and record.
fn point(
    stream: &ImageStream,
    tag: &str,
    digest: &Digest,
    record: Option<&Promotion>,
) -> StreamEdit {
    let from = ObjectReference::stream_image(&stream.metadata.name, digest);
    let wished = TagReference {
        from: Some(from.clone()),
        ..Default::default()
    };
    let source = Source::of(&wished).map(|s| annotation(&s));
    let mut annotations = BTreeMap::from([(SOURCE.to_owned(), source)]);
    if let Some(record) = record {
        annotations.insert(PROMOTION.to_owned(), Some(annotation(record)));
    }
    if stream
        .spec_tag(tag)
        .is_some_and(|t| t.annotations.contains_key(REQUEST))
    {
        annotations.insert(REQUEST.to_owned(), None);
    }
    StreamEdit::SetTag {
        name: tag.to_owned(),
        from: Some(from),
        annotations,
        reference: None,
        import_policy: None,
        reference_policy: None,
    }
}

/// The release tag of one stream: needs a semantic version, and a tag that no stage and no person owns.
fn release_tag_of(
    view: &StageView<'_>,
    key: &StreamKey,
    digest: &Digest,
    pattern: &str,
    desk: &mut Desk<'_>,
) -> Result<String, Box<HoldReport>> {
    let (version, known) = desk.version(key, digest);
    if !known {
        let mut waiting = hold(
            view,
            "VersionUnread",
            "labels are not read yet".to_owned(),
            "",
        );
        waiting.state = State::Waiting;
        return Err(waiting);
    }
    let tag = release_tag(pattern, &version).map_err(|why| {
        hold(
            view,
            "VersionUnclear",
            format!("releaseTag `{pattern}`: {why}"),
            "label the image with org.opencontainers.image.version, or take releaseTag out",
        )
    })?;
    let stages = desk.docs.pipelines.values().flat_map(|p| {
        let ours = desk.docs.pipeline_streams(&p.value).contains(key);
        p.value.spec.stages.iter().filter(move |_| ours)
    });
    if stages.into_iter().any(|s| s.tag() == tag.as_str()) {
        return Err(hold(
            view,
            "ReleaseTagTaken",
            format!("releaseTag {tag} is the tag of a stage"),
            "choose another pattern",
        ));
    }
    let taken = desk
        .stream(key)
        .and_then(|s| s.spec_tag(tag.as_str()))
        .is_some_and(|existing| {
            Promotion::recorded(existing)
                .is_none_or(|r| r.pipeline != view.key.pipeline || r.stage != view.key.stage)
        });
    if taken {
        return Err(hold(
            view,
            "ReleaseTagTaken",
            format!("{key}:{tag} was not made by this stage"),
            "rename that tag, or choose another pattern",
        ));
    }
    Ok(tag.as_str().to_owned())
}

fn hold(view: &StageView<'_>, reason: &str, why: String, help: &str) -> Box<HoldReport> {
    Box::new(HoldReport {
        subject: Subject::Stage(view.key.clone()),
        reason: reason.to_owned(),
        why: format!("{reason}: {why}"),
        until: None,
        help: (!help.is_empty()).then(|| help.to_owned()),
        state: State::Held,
    })
}
