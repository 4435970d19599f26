//! From documents to the streams, tags and images that somebody asked for by kind, name, namespace and label.

use crate::cli::args::{Resource, Selector};
use crate::cli::{CliError, Exit};
use crate::manifests::suggest::{listed, proposed};
use crate::manifests::{Documents, Located};
use crate::model::image_stream::TagEvent;
use crate::model::{ImageStream, Namespace, StreamKey, Timestamp};
use crate::plan::streams::current::Tags;
use crate::plan::streams::image_id::{Found, resolve_image_id};
use crate::plan::streams::{Refused, Scene};

/// What somebody asked for.
pub(in crate::cli) struct Asked<'a> {
    /// Kinds, each with a name or with none for all of them.
    pub(in crate::cli) things: Vec<(Resource, Option<String>)>,
    /// The namespace of names without one.
    pub(in crate::cli) namespace: Namespace,
    /// Whether all namespaces are meant where there is no name.
    pub(in crate::cli) everywhere: bool,
    /// Labels of the streams that are meant.
    pub(in crate::cli) selector: Option<&'a Selector>,
    /// The present instant.
    pub(in crate::cli) now: Timestamp,
}

/// A stream, or what is meant of it.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Thing<'d> {
    /// The kind it was asked for as.
    pub(in crate::cli) kind: Resource,
    /// Its stream's identity.
    pub(in crate::cli) key: StreamKey,
    /// Its stream and where that is written.
    pub(in crate::cli) located: &'d Located<ImageStream>,
    /// What of the stream.
    pub(in crate::cli) part: Part,
}

/// What of a stream is meant.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cli) enum Part {
    /// All of it.
    Stream,
    /// A tag, with its current image if it has one.
    Tag(String, Option<TagEvent>),
    /// An image by the event that recorded it.
    Image(TagEvent),
}

impl Thing<'_> {
    /// The stream.
    pub(in crate::cli) fn stream(&self) -> &ImageStream {
        &self.located.value
    }

    /// Its name, without a namespace: `app`, `app:1`, `app@sha256:...`.
    pub(in crate::cli) fn name(&self) -> String {
        let stream = &self.key.name;
        match &self.part {
            Part::Stream => stream.to_string(),
            Part::Tag(tag, _) => format!("{stream}:{tag}"),
            Part::Image(event) => format!("{stream}@{}", event.image()),
        }
    }

    /// The event of the image that is meant.
    pub(in crate::cli) const fn event(&self) -> Option<&TagEvent> {
        match &self.part {
            Part::Stream => None,
            Part::Tag(_, event) => event.as_ref(),
            Part::Image(event) => Some(event),
        }
    }
}

impl Asked<'_> {
    /// Everything that was asked for, in the order asked; what is meant by kind alone in the order of its names.
    ///
    /// # Errors
    /// When something named is not there, or its file cannot be used.
    pub(in crate::cli) fn find<'d>(&self, docs: &'d Documents) -> Result<Vec<Thing<'d>>, CliError> {
        let named = self.things.iter().any(|(_, name)| name.is_some());
        if named && self.selector.is_some() {
            return Err(CliError::usage("name things, or select them by labels")
                .help("leave the names out, or --selector"));
        }
        if named && self.everywhere {
            return Err(CliError::usage(
                "a thing that is named is in one namespace, not in all of them",
            )
            .help("write NAMESPACE/NAME, or -n NAMESPACE"));
        }
        let mut found = Vec::new();
        for (kind, name) in &self.things {
            match name {
                Some(name) => found.push(self.named(docs, *kind, name)?),
                None => found.extend(self.all(docs, *kind)),
            }
        }
        Ok(found)
    }

    /// Streams that are meant where there is no name.
    fn streams<'d>(
        &self,
        docs: &'d Documents,
    ) -> impl Iterator<Item = (&'d StreamKey, &'d Located<ImageStream>)> {
        docs.streams.iter().filter(|(key, located)| {
            let here = self.everywhere || key.namespace == self.namespace;
            let labels = &located.value.metadata.labels;
            here && self.selector.is_none_or(|s| s.matches(labels))
        })
    }

    fn all<'d>(&self, docs: &'d Documents, kind: Resource) -> Vec<Thing<'d>> {
        let parts = |located: &'d Located<ImageStream>| parts(&located.value, kind);
        let things = self.streams(docs).flat_map(|(key, located)| {
            parts(located).into_iter().map(move |part| Thing {
                kind,
                key: key.clone(),
                located,
                part,
            })
        });
        things.collect()
    }

    fn named<'d>(
        &self,
        docs: &'d Documents,
        kind: Resource,
        name: &str,
    ) -> Result<Thing<'d>, CliError> {
        let scene = Scene {
            docs,
            namespace: &self.namespace,
            now: self.now,
        };
        let (key, part) = match kind {
            Resource::ImageStream => (scene.stream_key(name), None),
            Resource::ImageStreamTag | Resource::ImageTag => {
                let parted = scene.tag_key(name, true);
                let two = parted.as_ref().is_ok_and(|key| key.tag.contains(':'));
                if two {
                    return Err(CliError::usage(format!(
                        "`{name}` names no tag of an image stream: there are two colons"
                    ))
                    .help("write STREAM:TAG or NAMESPACE/STREAM:TAG"));
                }
                let tag = parted.as_ref().ok().map(|key| key.tag.clone());
                (parted.map(|key| key.stream), tag)
            }
            Resource::ImageStreamImage => {
                let (stream, id) = image_name(name)?;
                (scene.stream_key(stream), Some(id.to_owned()))
            }
        };
        let key = key.map_err(refused)?;
        // A stream with errors that can be read is shown all the same.
        let Some(located) = docs.streams.get(&key) else {
            let why = scene.stream(&key).err();
            return Err(why.map_or_else(
                || {
                    CliError::new(
                        Exit::Invalid,
                        format!("image stream `{key}` cannot be read"),
                    )
                },
                refused,
            ));
        };
        let stream = &located.value;
        let shown = scene.shown(&key);
        let part = match (kind, part) {
            (Resource::ImageStreamImage, Some(id)) => Part::Image(image(stream, &shown, &id)?),
            (kind, Some(tag)) => self::tag(stream, &shown, &tag, kind)?,
            (_, None) => Part::Stream,
        };
        Ok(Thing {
            kind,
            key,
            located,
            part,
        })
    }
}

/// All parts of a stream that a kind means.
fn parts(stream: &ImageStream, kind: Resource) -> Vec<Part> {
    let tags = Tags::of(stream);
    let names = || tags.names().into_iter();
    match kind {
        Resource::ImageStream => vec![Part::Stream],
        Resource::ImageTag => names()
            .map(|tag| Part::Tag(tag.to_owned(), tags.current(tag)))
            .collect(),
        // As upstream: tags without an image do not show here.
        Resource::ImageStreamTag => names()
            .filter_map(|tag| Some(Part::Tag(tag.to_owned(), Some(tags.current(tag)?))))
            .collect(),
        Resource::ImageStreamImage => {
            let images = tags.images().into_values();
            images.cloned().map(Part::Image).collect()
        }
    }
}

/// A tag by name.
fn tag(stream: &ImageStream, shown: &str, tag: &str, kind: Resource) -> Result<Part, CliError> {
    let tags = Tags::of(stream);
    let names = tags.names();
    if !names.contains(tag) {
        return Err(
            CliError::usage(format!("image stream `{shown}` has no tag `{tag}`"))
                .help(proposed(tag, names)),
        );
    }
    let current = tags.current(tag);
    if current.is_none() && kind == Resource::ImageStreamTag {
        return Err(
            CliError::failed(format!("tag `{shown}:{tag}` points to no image yet"))
                .help("`headwater status` says what its import waits for"),
        );
    }
    Ok(Part::Tag(tag.to_owned(), current))
}

/// `stream@id`; the id may be the beginning of a digest, with the algorithm or without.
fn image_name(name: &str) -> Result<(&str, &str), CliError> {
    let no = |why: &str| {
        CliError::usage(format!("`{name}` names no image of an image stream: {why}"))
            .help("write STREAM@sha256:DIGEST; the beginning of the digest is enough")
    };
    match name.split_once('@') {
        None => Err(no("the digest is missing")),
        Some((_, id)) if id.contains('@') => Err(no("there are two `@`")),
        Some(("", _) | (_, "")) => Err(no("a part is empty")),
        Some(parts) => Ok(parts),
    }
}

/// An image by the beginning of its digest; its newest event.
fn image(stream: &ImageStream, shown: &str, id: &str) -> Result<TagEvent, CliError> {
    match resolve_image_id(stream, id) {
        Found::One(event) => {
            let images = Tags::of(stream).images();
            Ok(TagEvent::clone(
                images.get(&*event.image()).unwrap_or(&event),
            ))
        }
        Found::None => Err(CliError::usage(format!(
            "image stream `{shown}` has had no image whose digest begins with `{id}`"
        ))
        .help(format!("`headwater describe is {shown}` shows its history"))),
        Found::Several(digests) => {
            let message = format!("{} images of `{shown}` begin with `{id}`", digests.len());
            Err(CliError::usage(message).help(format!(
                "write more of it: {}",
                listed(digests.iter().map(String::as_str))
            )))
        }
    }
}

/// A refusal as an error of the command line.
fn refused(refused: Refused) -> CliError {
    let Refused { usage, why, help } = refused;
    let exit = if usage { Exit::Usage } else { Exit::Invalid };
    CliError {
        help,
        ..CliError::new(exit, why)
    }
}

#[cfg(test)]
mod tests;
