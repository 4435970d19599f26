//! The columns of `get`, as upstream's printers fill them.

use super::block::{failed, pending};
use super::words::ago;
use crate::model::alias::same_stream_alias;
use crate::model::image_stream::{NamedTagEventList, ObjectReference, TagEvent};
use crate::model::{ImageStream, TagReference, Timestamp};

/// Columns that the tags of a stream take in a list, more or less.
const TAGS_WIDTH: usize = 40;

/// IMAGE REPOSITORY, TAGS and UPDATED of a stream.
pub fn stream(stream: &ImageStream, now: Timestamp) -> [String; 3] {
    let status = &stream.status;
    let heads = status.tags.iter().filter_map(|list| list.items.first());
    let newest = heads.filter_map(|head| head.created).max();
    let repositories = [
        &status.public_docker_image_repository,
        &stream.spec.docker_image_repository,
        &status.docker_image_repository,
    ];
    let repository = repositories.into_iter().flatten().find(|r| !r.is_empty());
    [
        repository.cloned().unwrap_or_default(),
        tags(&status.tags, TAGS_WIDTH),
        newest.map(|at| ago(at, now)).unwrap_or_default(),
    ]
}

/// As many tags as fit into some columns, the last moved first. There is always one, and up to a quarter more is taken if
/// that makes the edge less ragged.
fn tags(lists: &[NamedTagEventList], width: usize) -> String {
    let mut names = by_age(lists);
    let all = names.len();
    let mut taken = 0;
    for (position, name) in names.iter().enumerate() {
        let before = taken;
        taken += name.chars().count() + 1;
        let margin = width / 4;
        let ragged =
            width.saturating_sub(before) > margin + 1 && taken.saturating_sub(width) <= margin;
        if taken <= width || ragged {
            continue;
        }
        names.truncate(position.max(1));
        break;
    }
    let hidden = all - names.len();
    let shown = names.join(",");
    match hidden {
        0 => shown,
        hidden => format!("{shown} + {hidden} more..."),
    }
}

/// Names of tags, the one whose head is newest first; by name where that is the same second.
fn by_age(lists: &[NamedTagEventList]) -> Vec<&str> {
    let mut tags: Vec<(i64, &str)> = lists
        .iter()
        .map(|list| {
            let created = list.items.first().and_then(|head| head.created);
            let second = created.map_or(i64::MIN, |at| {
                at.as_second() + i64::from(at.subsec_nanosecond() >= 500_000_000)
            });
            (second, list.tag.as_str())
        })
        .collect();
    tags.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    tags.into_iter().map(|(_, name)| name).collect()
}

/// IMAGE REFERENCE and UPDATED of an image, and its name for a wide list. `policy` is the reference policy of the tag, if it
/// is looked at by one.
pub fn image(
    stream: &ImageStream,
    policy: Option<&TagReference>,
    event: &TagEvent,
    now: Timestamp,
) -> [String; 3] {
    let updated = event.created.map(|at| ago(at, now));
    [
        reference(stream, policy, event),
        updated.unwrap_or_default(),
        event.image().into_owned(),
    ]
}

/// How workloads refer to an image: by its source, or by the internal registry where a tag says `Local` and there is one.
pub fn reference(stream: &ImageStream, policy: Option<&TagReference>, event: &TagEvent) -> String {
    let local = policy.is_some_and(|tag| tag.reference_policy.kind == "Local");
    let internal = stream.status.docker_image_repository.as_deref();
    match internal.filter(|text| local && !text.is_empty() && !event.image().is_empty()) {
        Some(repository) => format!("{repository}@{}", event.image()),
        None => event.docker_image_reference().into_owned(),
    }
}

/// SPEC, STATUS, HISTORY and UPDATED of a tag.
pub fn image_tag(
    stream: &ImageStream,
    spec: Option<&TagReference>,
    status: Option<&NamedTagEventList>,
    now: Timestamp,
) -> [String; 4] {
    let mut word = spec.map_or("", |tag| spec_word(stream, tag)).to_owned();
    let wished = spec.and_then(|tag| tag.from.as_ref()).map(source);
    let (mut source, mut state) = match wished {
        None => (String::new(), String::new()),
        Some(Ok(source)) => (source, String::new()),
        Some(Err(invalid)) => (String::new(), invalid.to_owned()),
    };
    let items = status.map_or(&[][..], |list| &list.items);
    let mut last = None;
    if let Some(head) = items.first() {
        last = head.created;
        if spec.is_some_and(pending) {
            state = "Importing".to_owned();
        } else if !head.image().is_empty() {
            source = format!("image/{}", head.image());
        } else if !head.docker_image_reference().is_empty() {
            source = head.docker_image_reference().into_owned();
        }
        let pushed = spec.is_some_and(|tag| pushed_over(tag, head));
        if (pushed || (word.is_empty() && !source.is_empty())) && word != "Track" {
            word = "Push".to_owned();
        }
    }
    for condition in status.into_iter().flat_map(|list| &list.conditions) {
        if failed(condition) {
            state = format!("ImportFailed ({})", condition.reason);
        }
        last = last.max(condition.last_transition_time);
    }
    let count = items.len();
    [
        word,
        if state.is_empty() { source } else { state },
        if count == 0 {
            String::new()
        } else {
            count.to_string()
        },
        last.map(|at| ago(at, now)).unwrap_or_default(),
    ]
}

fn spec_word(stream: &ImageStream, tag: &TagReference) -> &'static str {
    if tag.from.is_none() {
        ""
    } else if same_stream_alias(stream, tag).is_some() {
        "Track"
    } else if tag.import_policy.scheduled {
        "Scheduled"
    } else if tag.reference {
        "Ref"
    } else {
        "Tag"
    }
}

/// What a tag takes its image from, or why that cannot be.
fn source(from: &ObjectReference) -> Result<String, &'static str> {
    let namespace = from.namespace.as_deref().filter(|name| !name.is_empty());
    match &*from.kind {
        "DockerImage" => Ok(from.name.to_string()),
        "ImageStreamImage" => match from.name.split_once('@') {
            Some((_, id)) => Ok(format!("image/{id}")),
            None => Err("InvalidRefName"),
        },
        "ImageStreamTag" => Ok(match namespace {
            Some(namespace) => format!("istag {namespace}/{}", from.name),
            None => format!("istag/{}", from.name),
        }),
        _ => Err("InvalidRefKind"),
    }
}

/// Whether somebody pushed over a tag: upstream sees it by generations. Those of tags that are imported here say nothing,
/// since nobody writes them into the spec.
fn pushed_over(tag: &TagReference, head: &TagEvent) -> bool {
    let ours = tag
        .annotations
        .contains_key(crate::model::promotion::SOURCE);
    let wished = tag.generation.unwrap_or_default();
    !ours && wished > 0 && head.generation > wished
}

#[cfg(test)]
mod tests;
