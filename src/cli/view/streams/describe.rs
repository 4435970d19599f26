//! An image stream in full, to the byte as `oc describe is` prints it; only whether a tag is being imported is decided by
//! what was imported last, not by generations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::block;
use super::words::{NONE, ago};
use crate::cli::output::tabs::Tabbed;
use crate::model::alias::same_stream_alias;
use crate::model::tag_order::prioritize;
use crate::model::{ImageStream, Namespace, Timestamp};
use crate::plan::streams::current::Tags;

/// Annotation whose text has a line of its own.
const DESCRIPTION: &str = "description";

/// A stream and what is not in its document.
#[derive(Debug, Clone, Copy)]
pub struct Described<'a> {
    /// The stream.
    pub stream: &'a ImageStream,
    /// Its namespace, perhaps by default.
    pub namespace: &'a Namespace,
    /// Since when it is there, if that is known.
    pub created: Option<Timestamp>,
}

/// The text, each line with its end.
pub fn stream(described: &Described<'_>, now: Timestamp) -> String {
    let Described {
        stream,
        namespace,
        created,
    } = *described;
    let mut out = Tabbed::default();
    value(&mut out, "Name", &stream.metadata.name);
    value(&mut out, "Namespace", namespace.as_str());
    if let Some(created) = created {
        value(&mut out, "Created", &ago(created, now));
    }
    map(&mut out, "Labels", &stream.metadata.labels);
    let annotations = &stream.metadata.annotations;
    let description = annotations.get(DESCRIPTION);
    if let Some(description) = description.filter(|text| !text.is_empty()) {
        value(&mut out, "Description", &description);
    }
    let others = annotations.iter().filter(|(key, _)| *key != DESCRIPTION);
    map(&mut out, "Annotations", others);
    let status = &stream.status;
    let public = status.public_docker_image_repository.as_deref();
    let internal = status.docker_image_repository.as_deref();
    let repository = public.filter(|text| !text.is_empty()).or(internal);
    value(&mut out, "Image Repository", repository.unwrap_or_default());
    let local = format!("local={}", stream.spec.lookup_policy.local);
    value(&mut out, "Image Lookup", &local);
    tags(&mut out, stream, namespace, now);
    out.draw()
}

/// `Label:` and a value; further lines of it stand below, and nothing is said so.
pub(super) fn value(out: &mut Tabbed, label: &str, text: &str) {
    let text = if text.is_empty() { NONE } else { text };
    for (number, line) in text.lines().enumerate() {
        let label = if number == 0 {
            format!("{label}:")
        } else {
            String::new()
        };
        out.line([label.as_str(), line]);
    }
}

/// `Label:` and pairs in the order of their keys.
pub(super) fn map<K: Display, V: Display>(
    out: &mut Tabbed,
    label: &str,
    pairs: impl IntoIterator<Item = (K, V)>,
) {
    let pairs = pairs.into_iter().map(|(k, v)| format!("{k}={v}"));
    let pairs: Vec<String> = pairs.collect();
    value(out, label, &pairs.join("\n"));
}

fn tags(out: &mut Tabbed, stream: &ImageStream, namespace: &Namespace, now: Timestamp) {
    let tags = Tags::of(stream);
    let mut names: Vec<&str> = tags.names().into_iter().collect();
    if names.is_empty() {
        value(out, "Tags", "");
        return;
    }
    value(out, "Unique Images", &unique(stream).to_string());
    value(out, "Tags", &names.len().to_string());
    prioritize(&mut names);
    let mut followers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (tag, end) in tags.ends() {
        followers.entry(end).or_default().push(tag);
    }
    for tag in names
        .into_iter()
        .filter(|tag| !tags.ends().contains_key(tag))
    {
        let mut followers = followers.remove(tag).unwrap_or_default();
        prioritize(&mut followers);
        out.line([""]);
        let tag = block::Tag {
            name: tag,
            tags: &tags,
            namespace,
            followers,
            astray: tags
                .spec(tag)
                .and_then(|spec| same_stream_alias(stream, spec)),
        };
        block::tag(out, &tag, now);
    }
}

/// Digests in all of the history. As upstream, everything without a digest counts as one.
fn unique(stream: &ImageStream) -> usize {
    let items = stream.status.tags.iter().flat_map(|list| &list.items);
    let counted = items.filter(|i| !i.image().is_empty() || !i.docker_image_reference().is_empty());
    counted
        .map(|item| item.image())
        .collect::<BTreeSet<_>>()
        .len()
}

#[cfg(test)]
mod tests;
