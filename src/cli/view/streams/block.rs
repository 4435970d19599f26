//! One tag of a described stream: where it comes from, what people say of it, what failed, and its images.

use std::borrow::Cow;

use super::words::{ago, one_line};
use crate::cli::output::tabs::Tabbed;
use crate::model::image_stream::{NamedTagEventList, TagEvent, TagEventCondition};
use crate::model::{Digest, ImageReference, Namespace, Source, TagReference, Timestamp};
use crate::plan::streams::current::Tags;

/// A tag and what is around it.
pub(super) struct Tag<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// The tags of its stream.
    pub(super) tags: &'a Tags<'a>,
    /// The namespace of its stream.
    pub(super) namespace: &'a Namespace,
    /// Tags that follow it, in the order they are shown.
    pub(super) followers: Vec<&'a str>,
    /// The tag of its own stream that it follows to no end.
    pub(super) astray: Option<&'a str>,
}

/// Whether a tag is imported with the next pass because it asks for another source than the one imported last.
pub(super) fn pending(tag: &TagReference) -> bool {
    let imported = tag.from.as_ref().is_some_and(|f| f.kind == "DockerImage");
    imported && !tag.reference && Source::differs_on(tag)
}

/// Whether a condition tells that an import failed.
pub(super) fn failed(condition: &TagEventCondition) -> bool {
    condition.kind == "ImportSuccess" && condition.status == "False"
}

/// Adds the lines of a tag.
pub(super) fn tag(out: &mut Tabbed, tag: &Tag<'_>, now: Timestamp) {
    let spec = tag.tags.spec(tag.name);
    match tag.followers.as_slice() {
        [] => out.line([tag.name]),
        followers => out.line([format!("{} ({})", tag.name, followers.join(", "))]),
    }
    out.line([format!("  {}", source(tag.namespace, spec))]);
    if let Some(spec) = spec {
        if spec.from.is_some() && spec.import_policy.insecure {
            out.line(["    will use insecure HTTPS or HTTP connections"]);
        }
        if spec.reference_policy.kind == "Local" {
            out.line(["    prefer registry pullthrough when referencing this tag"]);
        }
    }
    out.line([""]);
    if let Some(spec) = spec {
        told(out, spec);
        if pending(spec) {
            out.line(["  ~ importing latest image ..."]);
        }
    }
    if let Some(next) = tag.astray {
        out.line([format!(
            "  ! error: it follows {next}, which leads to a tag that is not there, or in a circle"
        )]);
    }
    if let Some(list) = tag.tags.status(tag.name) {
        failures(out, list, now);
        for (position, event) in list.items.iter().enumerate() {
            image(out, position == 0, event, now);
        }
    }
}

/// Where the images of a tag come from.
fn source(own: &Namespace, spec: Option<&TagReference>) -> String {
    let Some(spec) = spec else {
        return "no spec tag".to_owned();
    };
    let Some(from) = &spec.from else {
        return "tag without source image".to_owned();
    };
    let namespace = from.namespace.as_deref();
    let name = match namespace.filter(|name| !name.is_empty() && *name != own.as_str()) {
        Some(namespace) => format!("{namespace}/{}", from.name),
        None => from.name.to_string(),
    };
    let scheduled = spec.import_policy.scheduled;
    match (&*from.kind, spec.reference) {
        ("ImageStreamTag", true) => format!("reference to {name}"),
        ("ImageStreamTag", false) if scheduled => format!("updates automatically from {name}"),
        ("DockerImage", true) => format!("reference to registry {name}"),
        ("DockerImage", false) if scheduled => {
            format!("updates automatically from registry {name}")
        }
        ("ImageStreamImage", true) => format!("reference to image {name}"),
        ("ImageStreamTag" | "DockerImage" | "ImageStreamImage", false) => {
            format!("tagged from {name}")
        }
        (kind, true) => format!("reference to {kind} {name}"),
        (kind, false) => format!("updates from {kind} {name}"),
    }
}

/// What people say of a tag in its annotations. Always one line each: a line break must not make a line that looks like one
/// of an image.
fn told(out: &mut Tabbed, spec: &TagReference) {
    let said = |key: &str| spec.annotations.get(key).filter(|text| !text.is_empty());
    let list = |text: &str| text.split(',').collect::<Vec<_>>().join(", ");
    let lines = [
        said("description").map(Cow::into_owned),
        said("tags").map(|text| format!("Tags: {}", list(&text))),
        said("supports").map(|text| format!("Supports: {}", list(&text))),
        said("sampleRepo").map(|text| format!("Example Repo: {text}")),
    ];
    let lines: Vec<String> = lines.into_iter().flatten().collect();
    for line in &lines {
        out.line([format!("  {}", one_line(line))]);
    }
    if !lines.is_empty() {
        out.line([""]);
    }
}

fn failures(out: &mut Tabbed, list: &NamedTagEventList, now: Timestamp) {
    for condition in list.conditions.iter().filter(|condition| failed(condition)) {
        let message = one_line(&condition.message);
        let reason = &condition.reason;
        out.line([format!("  ! error: Import failed ({reason}): {message}")]);
        if let Some(since) = condition.last_transition_time {
            out.line([format!("      {}", ago(since, now))]);
        }
    }
}

/// An image: its reference, its age, and its digest where the reference does not end with it.
fn image(out: &mut Tabbed, current: bool, event: &TagEvent, now: Timestamp) {
    let mark = if current { "  *" } else { "   " };
    let (text, image) = (event.docker_image_reference(), event.image());
    out.line([format!("{mark} {text}")]);
    let reference: Option<ImageReference> = text.parse().ok();
    let elsewhere = reference.is_some_and(|reference| {
        let digest = reference.digest.as_ref().map(Digest::as_str);
        !image.is_empty() && digest != Some(&*image)
    });
    let age = event.created.map(|at| ago(at, now)).unwrap_or_default();
    match (age.is_empty(), elsewhere) {
        (_, true) => out.line([format!("      {age}"), image.into_owned()]),
        (false, false) => out.line([format!("      {age}")]),
        (true, false) => {}
    }
}
