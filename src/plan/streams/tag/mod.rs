//! `tag`: points tags of streams at an image of a registry or of a stream, or at another tag; `tag -d` takes tags away
//! (imagestreams 3.2).

mod source;

use source::{Source, head, kind_of};
pub use source::{SourceKind, pointed_at};

use super::draft::{Draft, TagFields};
use super::{Done, Drafts, Refused, Scene};
use crate::manifests::suggest::proposed;
use crate::model::alias::{AliasError, follow};
use crate::model::image_stream::{ImportPolicy, ObjectReference, ReferencePolicy, TagEvent};
use crate::model::promotion::SOURCE;
use crate::model::{ImageStream, TagKey};
use crate::plan::road::settled::same_stream_alias;

/// How tags are to be set; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies {
    /// Whether the string is kept without import.
    pub reference: Option<bool>,
    /// Whether the registry is looked at again from time to time.
    pub scheduled: Option<bool>,
    /// Whether the registry may be an insecure one.
    pub insecure: Option<bool>,
    /// `Source` or `Local`.
    pub reference_policy: Option<String>,
    /// `Legacy` or `PreserveOriginal`.
    pub import_mode: Option<String>,
}

/// What `tag` is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagWish {
    /// What the source is, where it is said.
    pub kind: Option<SourceKind>,
    /// The source.
    pub source: String,
    /// The tags.
    pub to: Vec<String>,
    /// Whether the tags follow the source from now on.
    pub alias: bool,
    /// How they are to be set.
    pub policies: Policies,
}

/// Points tags at a source.
///
/// # Errors
/// When a name is no name, the source points nowhere, or flags do not go together.
pub fn tag(wish: &TagWish, scene: Scene<'_>) -> Result<Done, Refused> {
    let to: Vec<TagKey> = wish
        .to
        .iter()
        .map(|to| scene.tag_key(to, false))
        .collect::<Result<_, _>>()?;
    fits(wish)?;
    let source = Source::of(wish, scene)?;
    let mut drafts = Drafts::new(scene);
    let mut says = Vec::new();
    let mut warnings = scene.warnings(&to);
    warnings.extend(taken_for_docker(wish, &source, scene));
    for key in &to {
        if let Source::Alias(target) = &source {
            may_follow(key, target)?;
        }
        let name = format!("{}:{}", scene.shown(&key.stream), key.tag);
        let draft = drafts.open_or_create(&key.stream)?;
        let scheduled = point(draft, key, &source, &wish.policies, scene);
        if let Err(AliasError::Circular { .. }) = follow(&draft.stream, &key.tag) {
            let why = format!("{name} would follow itself by way of `{}`", wish.source);
            return Err(Refused::usage(why).help("name a tag that does not follow this one"));
        }
        says.push(match &source {
            Source::Alias(target) => {
                let target = format!("{}:{}", scene.shown(&target.stream), target.tag);
                format!("Tag {name} set up to track {target}.")
            }
            Source::Docker(spec) if scheduled => {
                format!("Tag {name} set to import {spec} periodically.")
            }
            Source::Docker(spec) => format!("Tag {name} set to {spec}."),
            Source::Image { stream, event } => {
                let image = format!("{}@{}", scene.shown(stream), event.image());
                format!("Tag {name} set to {image}.")
            }
        });
    }
    Ok(Done {
        changes: drafts.changes(),
        manifests: Vec::new(),
        says,
        warnings,
        ..Done::default()
    })
}

/// Takes tags away, with their history.
///
/// # Errors
/// When a name is no name, or a stream that is there has no such tag.
pub fn delete(names: &[String], scene: Scene<'_>) -> Result<Done, Refused> {
    let mut drafts = Drafts::new(scene);
    let mut says = Vec::new();
    let mut warnings = Vec::new();
    for name in names {
        let key = scene.tag_key(name, true)?;
        let draft = drafts.open(&key.stream)?;
        if !draft.forget(&key.tag) {
            return Err(no_tag(&draft.stream, &key, scene));
        }
        says.push(format!("Deleted tag {}:{}.", key.stream, key.tag));
        let trackers: Vec<&str> = trackers(&draft.stream, &key.tag);
        if !trackers.is_empty() {
            warnings.push(format!(
                "what tracked {name} keeps the image it has: {}",
                trackers.join(", ")
            ));
        }
        warnings.extend(scene.warnings([&key]));
    }
    Ok(Done {
        changes: drafts.changes(),
        manifests: Vec::new(),
        says,
        warnings,
        ..Done::default()
    })
}

fn trackers<'s>(stream: &'s ImageStream, tag: &str) -> Vec<&'s str> {
    let tags = stream.spec.tags.iter().map(|t| t.name.as_str());
    tags.filter(|name| same_stream_alias(stream, name).as_deref() == Some(tag))
        .collect()
}

/// The error for a tag that is not there.
pub(super) fn no_tag(stream: &ImageStream, key: &TagKey, scene: Scene<'_>) -> Refused {
    let spec = stream.spec.tags.iter().map(|t| t.name.as_str());
    let status = stream.status.tags.iter().map(|t| t.tag.as_str());
    let known: std::collections::BTreeSet<&str> = spec.chain(status).collect();
    let name = scene.shown(&key.stream);
    if known.contains(key.tag.as_str()) {
        return Refused::no(format!("{name}:{} points to no image yet", key.tag));
    }
    Refused::usage(format!("image stream `{name}` has no tag `{}`", key.tag))
        .help(proposed(&key.tag, known.iter().copied()))
}

/// Flags and sources that do not go together.
fn fits(wish: &TagWish) -> Result<(), Refused> {
    let kind = wish.kind.unwrap_or_else(|| kind_of(&wish.source));
    if wish.alias && kind != SourceKind::ImageStreamTag {
        return Err(
            Refused::usage("--alias follows a tag of the same image stream")
                .help("name the source as STREAM:TAG"),
        );
    }
    let policies = &wish.policies;
    for (flag, name) in [
        (policies.scheduled, "--scheduled"),
        (policies.insecure, "--insecure"),
    ] {
        if flag == Some(true) && kind != SourceKind::DockerImage {
            return Err(Refused::usage(format!(
                "{name} is for images of registries, and `{}` is none",
                wish.source
            ))
            .help("a tag that stays on one image, or follows another tag, is never imported"));
        }
    }
    Ok(())
}

fn may_follow(key: &TagKey, target: &TagKey) -> Result<(), Refused> {
    if key.stream != target.stream {
        return Err(
            Refused::usage("a tag can follow only a tag of the same image stream").help(
                "leave --alias out: then the tag stays on the image that the source points to now",
            ),
        );
    }
    Ok(())
}

/// A bare name means an image of Docker Hub (upstream), which surprises whoever has a stream of that name.
fn taken_for_docker(wish: &TagWish, source: &Source, scene: Scene<'_>) -> Option<String> {
    let bare = matches!(source, Source::Docker(_)) && !wish.source.contains(['/', ':', '@']);
    let key = scene.stream_key(&wish.source).ok()?;
    (bare && wish.kind.is_none() && scene.docs.streams.contains_key(&key)).then(|| {
        format!(
            "`{0}` was taken for docker.io/library/{0}; the stream's tag is `{0}:latest`",
            wish.source
        )
    })
}

/// Changes one tag; says whether it is imported from time to time.
fn point(
    draft: &mut Draft,
    key: &TagKey,
    source: &Source,
    policies: &Policies,
    scene: Scene<'_>,
) -> bool {
    let known = draft.stream.spec_tag(&key.tag).cloned().unwrap_or_default();
    let from = match source {
        Source::Docker(spec) => ObjectReference::docker_image(spec),
        Source::Alias(target) => ObjectReference {
            kind: SourceKind::ImageStreamTag.as_str().into(),
            namespace: None,
            name: format!("{}:{}", target.stream.name, target.tag).into(),
        },
        Source::Image { stream, event } => ObjectReference {
            kind: SourceKind::ImageStreamImage.as_str().into(),
            namespace: (stream.namespace != key.stream.namespace)
                .then(|| stream.namespace.to_string()),
            name: format!("{}@{}", stream.name, event.image()).into(),
        },
    };
    let docker = matches!(source, Source::Docker(_));
    let was_docker = known.from.as_ref().is_some_and(|f| f.kind == from.kind) && docker;
    let keep = |was: bool| was && was_docker;
    let old = &known.import_policy;
    let import_policy = ImportPolicy {
        insecure: policies.insecure.unwrap_or(keep(old.insecure)),
        scheduled: policies.scheduled.unwrap_or(keep(old.scheduled)),
        import_mode: policies
            .import_mode
            .clone()
            .or_else(|| old.import_mode.clone()),
    };
    let reference = policies.reference.unwrap_or(keep(known.reference));
    let scheduled = import_policy.scheduled;
    // Asked for again, an image of a registry is imported again.
    let annotations = [(SOURCE.to_owned(), None)].into();
    draft.set(
        &key.tag,
        TagFields {
            from: Some(from),
            annotations: if docker {
                annotations
            } else {
                Default::default()
            },
            reference: Some(reference),
            import_policy: Some(import_policy),
            reference_policy: policies
                .reference_policy
                .clone()
                .map(|kind| ReferencePolicy { kind: kind.into() }),
        },
    );
    let event = match source {
        Source::Docker(spec) if reference => Some(TagEvent::new(None, spec, "", 0)),
        Source::Docker(_) => None,
        Source::Alias(target) => head(&draft.stream, &target.tag),
        Source::Image { event, .. } => Some(event.clone()),
    };
    if !docker || reference {
        draft.remember_source(&key.tag);
    }
    if let Some(event) = event {
        draft.record(&key.tag, &event, scene.now);
    }
    scheduled
}

#[cfg(test)]
mod tests;
