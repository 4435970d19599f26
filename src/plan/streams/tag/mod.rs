//! `tag`: points tags of streams at an image of a registry or of a stream, or at another tag; `tag -d` takes tags away
//! (imagestreams 3.2).

use std::fmt;
use std::str::FromStr;

use super::draft::{Draft, TagFields};
use super::image_id::{Found, resolve_image_id};
use super::{Done, Drafts, Refused, Scene};
use crate::manifests::suggest::{listed, proposed};
use crate::model::alias::follow;
use crate::model::image_stream::{ImportPolicy, ObjectReference, ReferencePolicy, TagEvent};
use crate::model::promotion::SOURCE;
use crate::model::{ImageReference, ImageStream, StreamKey, TagKey};
use crate::plan::road::settled::{same_stream_alias, settled};

/// What a source is, where the words alone do not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// `[namespace/]stream:tag`.
    ImageStreamTag,
    /// `[namespace/]stream@id`.
    ImageStreamImage,
    /// A pull spec.
    DockerImage,
}

impl SourceKind {
    /// As it stands in a stream.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ImageStreamTag => "ImageStreamTag",
            Self::ImageStreamImage => "ImageStreamImage",
            Self::DockerImage => "DockerImage",
        }
    }
}

impl FromStr for SourceKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "imagestreamtag" | "istag" => Ok(Self::ImageStreamTag),
            "imagestreamimage" | "isimage" => Ok(Self::ImageStreamImage),
            "docker" | "dockerimage" => Ok(Self::DockerImage),
            _ => Err("one of imagestreamtag, imagestreamimage, docker".to_owned()),
        }
    }
}

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

/// A source that was understood.
#[derive(Debug, Clone, PartialEq)]
enum Source {
    /// An image of a registry, by pull spec.
    Docker(String),
    /// A tag that is followed.
    Alias(TagKey),
    /// An image of a stream, whole.
    Image { stream: StreamKey, event: TagEvent },
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
    let source = source(wish, scene)?;
    let mut drafts = Drafts::new(scene);
    let mut says = Vec::new();
    let mut warnings = scene.warnings(&to);
    warnings.extend(taken_for_docker(wish, &source, scene));
    for key in &to {
        if let Source::Alias(target) = &source {
            may_follow(key, target, scene)?;
        }
        let draft = drafts.open_or_create(&key.stream)?;
        let scheduled = point(draft, key, &source, &wish.policies, scene);
        let name = format!("{}:{}", scene.shown(&key.stream), key.tag);
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
        says,
        warnings,
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
        if !scene.docs.streams.contains_key(&key.stream)
            && !scene.docs.broken_streams.contains_key(&key.stream)
        {
            let stream = scene.shown(&key.stream);
            warnings.push(format!(
                "there is no image stream `{stream}`: nothing to delete"
            ));
            continue;
        }
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
        says,
        warnings,
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
    Refused::usage(format!("image stream `{name}` has no tag `{}`", key.tag))
        .help(proposed(&key.tag, known.iter().copied()))
}

fn source(wish: &TagWish, scene: Scene<'_>) -> Result<Source, Refused> {
    let text = wish.source.as_str();
    match wish.kind.unwrap_or_else(|| kind_of(text)) {
        SourceKind::DockerImage => {
            text.parse::<ImageReference>()
                .map_err(|error| Refused::usage(error.to_string()))?;
            Ok(Source::Docker(text.to_owned()))
        }
        SourceKind::ImageStreamTag => {
            let text = within_streams(text, wish.kind, SourceKind::ImageStreamTag)?;
            let key = scene.tag_key(text, true)?;
            if wish.alias {
                return Ok(Source::Alias(key));
            }
            resolved(&key, scene)
        }
        SourceKind::ImageStreamImage => {
            let text = within_streams(text, wish.kind, SourceKind::ImageStreamImage)?;
            image(text, scene)
        }
    }
}

/// What a source is by its looks: with a registry, or a bare name, an image of a registry; else one of a stream.
fn kind_of(text: &str) -> SourceKind {
    let path = text.split(['@', ':']).next().unwrap_or_default();
    let registry = text.split_once('/').is_some_and(|(first, _)| {
        first.contains('.') || first.contains(':') || first == "localhost"
    });
    if registry || path.matches('/').count() > 1 {
        SourceKind::DockerImage
    } else if text.contains('@') {
        SourceKind::ImageStreamImage
    } else if text.contains(':') {
        SourceKind::ImageStreamTag
    } else {
        SourceKind::DockerImage
    }
}

/// A source that is said to be of a stream names no registry; `library` stands for the current namespace (upstream).
fn within_streams(text: &str, said: Option<SourceKind>, kind: SourceKind) -> Result<&str, Refused> {
    if said.is_some() && kind_of(text) == SourceKind::DockerImage && text.contains('/') {
        let why = format!(
            "`{text}` names a registry, but an {} is in none",
            kind.as_str()
        );
        return Err(Refused::usage(why).help("leave --source out, or the registry"));
    }
    Ok(text.strip_prefix("library/").unwrap_or(text))
}

/// What a tag of a stream points to now, for good.
fn resolved(key: &TagKey, scene: Scene<'_>) -> Result<Source, Refused> {
    let stream = scene.stream(&key.stream)?;
    if stream.spec_tag(&key.tag).is_none() && stream.status_tag(&key.tag).is_none() {
        return Err(no_tag(stream, key, scene));
    }
    let Some(event) = head(stream, &key.tag) else {
        let name = format!("{}:{}", scene.shown(&key.stream), key.tag);
        return Err(Refused::no(format!("{name} points to no image yet"))
            .help(format!("`headwater import-image {name}` imports one")));
    };
    if event.image().is_empty() {
        return Ok(Source::Docker(event.docker_image_reference().into_owned()));
    }
    let event = event.at(None);
    Ok(Source::Image {
        stream: key.stream.clone(),
        event,
    })
}

/// The image that a tag points to, recorded or not.
pub(super) fn head(stream: &ImageStream, tag: &str) -> Option<TagEvent> {
    let last = follow(stream, tag).map_or(tag, |end| end.tag.name.as_str());
    let recorded = stream.head(last).or_else(|| stream.head(tag)).cloned();
    match settled(stream, tag) {
        Some(settled) => {
            let same = recorded.filter(|event| event.is_of(&settled.image.digest));
            Some(same.unwrap_or_else(|| {
                let digest = settled.image.digest.as_str();
                TagEvent::new(None, &settled.image.to_string(), digest, 0)
            }))
        }
        None => recorded,
    }
}

/// What a `from` of a stream points to now: of another tag its event, `created` and all (upstream copies it); of an image a
/// new one. `None` for images of registries and for tags that point nowhere yet.
///
/// # Errors
/// When there is no such stream or image (upstream refuses the write as well).
pub fn pointed_at(
    from: &ObjectReference,
    own: &StreamKey,
    scene: Scene<'_>,
) -> Result<Option<TagEvent>, Refused> {
    let namespace = from.namespace.as_deref().unwrap_or(own.namespace.as_str());
    match &*from.kind {
        "ImageStreamTag" => {
            let name = &*from.name;
            let whole = match name.split_once(':') {
                Some(_) => format!("{namespace}/{name}"),
                None => format!("{own}:{name}"),
            };
            let key = scene.tag_key(&whole, true)?;
            match scene.docs.streams.contains_key(&key.stream) || key.stream != *own {
                true => Ok(head(scene.stream(&key.stream)?, &key.tag)),
                // Of a stream that this very verb makes.
                false => Ok(None),
            }
        }
        "ImageStreamImage" => {
            let whole = match from.name.contains('@') {
                true => format!("{namespace}/{}", from.name),
                false => format!("{own}@{}", from.name),
            };
            match image(&whole, scene)? {
                Source::Image { event, .. } => Ok(Some(event)),
                Source::Docker(_) | Source::Alias(_) => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

fn image(text: &str, scene: Scene<'_>) -> Result<Source, Refused> {
    let Some((name, id)) = text.split_once('@') else {
        return Err(
            Refused::usage(format!("`{text}` names no image of a stream"))
                .help("write STREAM@DIGEST"),
        );
    };
    let key = scene.stream_key(name)?;
    match resolve_image_id(scene.stream(&key)?, id) {
        Found::One(event) => Ok(Source::Image {
            event: event.clone().at(None),
            stream: key,
        }),
        Found::None => Err(Refused::usage(format!(
            "no tag of image stream `{0}` ever pointed to `{id}`",
            scene.shown(&key)
        ))
        .help(format!(
            "`headwater describe is {}` lists its images",
            scene.shown(&key)
        ))),
        Found::Several(digests) => {
            let digests = listed(digests.iter().map(String::as_str));
            Err(
                Refused::usage(format!("`{id}` is the beginning of several images"))
                    .help(format!("write more of it: {digests}")),
            )
        }
    }
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

fn may_follow(key: &TagKey, target: &TagKey, scene: Scene<'_>) -> Result<(), Refused> {
    if key.stream != target.stream {
        return Err(
            Refused::usage("a tag can follow only a tag of the same image stream").help(
                "leave --alias out: then the tag stays on the image that the source points to now",
            ),
        );
    }
    let mut next = Some(target.tag.clone());
    let stream = scene.docs.streams.get(&key.stream);
    for _ in 0..=64 {
        match next {
            Some(tag) if tag == key.tag => {
                return Err(Refused::usage(format!(
                    "{}:{} would follow itself by way of `{}`",
                    scene.shown(&key.stream),
                    key.tag,
                    target.tag
                ))
                .help("name a tag that does not follow this one"));
            }
            Some(tag) => next = stream.and_then(|s| same_stream_alias(&s.value, &tag)),
            None => return Ok(()),
        }
    }
    Err(Refused::no(format!(
        "tags of `{}` follow each other in a circle",
        scene.shown(&key.stream)
    ))
    .help("headwater check"))
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

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
