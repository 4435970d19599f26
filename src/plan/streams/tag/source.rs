//! What `tag` may point to: an image of a registry, a tag or an image of a stream, and what those point to now.

use std::str::FromStr;

use super::{TagWish, no_tag};
use crate::manifests::suggest::listed;
use crate::model::alias::follow;
use crate::model::image_stream::{ObjectReference, TagEvent};
use crate::model::{ImageReference, ImageStream, StreamKey, TagKey};
use crate::plan::road::settled::settled;
use crate::plan::streams::image_id::{Found, resolve_image_id};
use crate::plan::streams::{Refused, Scene};

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

/// A source that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// An image of a registry, by pull spec.
    Docker(String),
    /// A tag that is followed.
    Alias(TagKey),
    /// An image of a stream, whole.
    Image { stream: StreamKey, event: TagEvent },
}

impl Source {
    /// Understands a source.
    pub(super) fn of(wish: &TagWish, scene: Scene<'_>) -> Result<Self, Refused> {
        let text = wish.source.as_str();
        match wish.kind.unwrap_or_else(|| kind_of(text)) {
            SourceKind::DockerImage => {
                text.parse::<ImageReference>()
                    .map_err(|error| Refused::usage(error.to_string()))?;
                Ok(Self::Docker(text.to_owned()))
            }
            SourceKind::ImageStreamTag => {
                let text = within_streams(text, wish.kind, SourceKind::ImageStreamTag)?;
                let key = scene.tag_key(text, true)?;
                if wish.alias {
                    return Ok(Self::Alias(key));
                }
                resolved(&key, scene)
            }
            SourceKind::ImageStreamImage => {
                let text = within_streams(text, wish.kind, SourceKind::ImageStreamImage)?;
                image(text, scene)
            }
        }
    }
}

/// What a source is by its looks: with a registry, or a bare name, an image of a registry; else one of a stream.
pub(super) fn kind_of(text: &str) -> SourceKind {
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
pub(in crate::plan::streams) fn head(stream: &ImageStream, tag: &str) -> Option<TagEvent> {
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
