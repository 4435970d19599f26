//! `get`: image streams, tags and images as lists, names or objects, as `oc get` gives them.

use serde_json::Value;

use super::args::{GetArgs, Resource, resource};
use super::output::{Format, Table};
use super::read::{Looked, Part, Thing};
use super::view::streams::{cluster, list, object};
use super::{CliError, Context, Exit};
use crate::model::{Namespace, StreamKey};
use crate::observe::{Images, Seen};
use crate::plan::streams::current::Tags;
use crate::plan::streams::image_id::{Found, resolve_image_id};

/// Prints what was asked for.
///
/// # Errors
/// When something named is not there, or files cannot be read.
pub async fn run(context: &Context, args: &GetArgs) -> Result<Exit, CliError> {
    let asked = resource::asked(&args.asked)?;
    let data = matches!(context.out.format(), Format::Json | Format::Yaml);
    if args.for_cluster && (!data || asked.iter().any(|(k, _)| *k != Resource::ImageStream)) {
        return Err(
            CliError::usage("--for-cluster is about image streams as objects")
                .help("headwater get is NAME -o yaml --for-cluster"),
        );
    }
    // One thing that is named is printed by itself, everything else as a list.
    let single = matches!(asked[..], [(_, Some(_))]);
    let looked = Looked::at(context, args.at.as_ref()).await?;
    let selector = args.selector.as_ref();
    let things = looked.find(context, asked, args.all_namespaces, selector)?;
    match context.out.format() {
        Format::Json | Format::Yaml => {
            let mut objects = objects(context, &looked, &things, args.for_cluster).await;
            let value = match objects.pop() {
                Some(one) if single => one,
                last => {
                    objects.extend(last);
                    object::list(objects)
                }
            };
            context.out.result(&value, |_| {})?;
        }
        Format::Name => things.iter().for_each(|thing| {
            let name = format!("{}/{}", thing.kind.full(), thing.name());
            context.out.line(name);
        }),
        _ => tables(context, &looked, &things, args.all_namespaces),
    }
    Ok(Exit::Settled)
}

/// One table for each kind, in the order asked; names bear their kind where there are several.
fn tables(context: &Context, looked: &Looked, things: &[Thing<'_>], everywhere: bool) {
    let mut kinds: Vec<Resource> = Vec::new();
    for thing in things {
        if !kinds.contains(&thing.kind) {
            kinds.push(thing.kind);
        }
    }
    for (number, kind) in kinds.iter().enumerate() {
        if number > 0 {
            context.out.line("");
        }
        let things = things.iter().filter(|thing| thing.kind == *kind);
        let wide = context.out.format() == Format::Wide;
        let mut table = Table::with_columns(headers(*kind, wide, everywhere));
        let mut rows = Rows::new(looked, wide);
        for thing in things {
            let mut cells = Vec::new();
            if everywhere {
                cells.push(thing.key.namespace.to_string());
            }
            cells.push(if kinds.len() > 1 {
                format!("{}/{}", kind.full(), thing.name())
            } else {
                thing.name()
            });
            cells.extend(rows.cells(thing));
            table.row(cells);
        }
        context.out.table(&table);
    }
}

fn headers(kind: Resource, wide: bool, everywhere: bool) -> Vec<&'static str> {
    let columns: &[&str] = match (kind, wide) {
        (Resource::ImageStream, _) => &["NAME", "IMAGE REPOSITORY", "TAGS", "UPDATED"],
        (Resource::ImageStreamTag, false) => &["NAME", "IMAGE REFERENCE", "UPDATED"],
        (Resource::ImageStreamTag, true) => &["NAME", "IMAGE REFERENCE", "UPDATED", "IMAGE NAME"],
        (Resource::ImageStreamImage, false) => &["NAME", "UPDATED"],
        (Resource::ImageStreamImage, true) => &["NAME", "UPDATED", "IMAGE REFERENCE", "IMAGE NAME"],
        (Resource::ImageTag, _) => &["NAME", "SPEC", "STATUS", "HISTORY", "UPDATED"],
    };
    let first: &[&str] = if everywhere { &["NAMESPACE"] } else { &[] };
    [first, columns].concat()
}

/// Makes cells; the tags of the stream that was looked at last are kept, since its other tags come next.
struct Rows<'d> {
    looked: &'d Looked,
    wide: bool,
    tags: Option<(StreamKey, Tags<'d>)>,
}

impl<'d> Rows<'d> {
    const fn new(looked: &'d Looked, wide: bool) -> Self {
        Self {
            looked,
            wide,
            tags: None,
        }
    }

    fn tags(&mut self, thing: &Thing<'d>) -> &Tags<'d> {
        let (_, tags) = match self.tags.take() {
            Some((key, tags)) if key == thing.key => self.tags.insert((key, tags)),
            _ => {
                let tags = Tags::of(&thing.located.value);
                self.tags.insert((thing.key.clone(), tags))
            }
        };
        tags
    }

    fn cells(&mut self, thing: &Thing<'d>) -> Vec<String> {
        let (now, wide) = (self.looked.now, self.wide);
        let stream = thing.stream();
        match (&thing.part, thing.kind) {
            (Part::Stream, _) => list::stream(stream, now).into(),
            (Part::Tag(tag, _), Resource::ImageTag) => {
                let tags = self.tags(thing);
                list::image_tag(stream, tags.spec(tag), tags.status(tag), now).into()
            }
            (Part::Tag(tag, Some(event)), _) => {
                let spec = self.tags(thing).spec(tag);
                let [reference, updated, name] = list::image(stream, spec, event, now);
                let name = wide.then_some(name);
                [reference, updated].into_iter().chain(name).collect()
            }
            (Part::Tag(_, None), _) => Vec::new(),
            (Part::Image(event), _) => {
                let [reference, updated, name] = list::image(stream, None, event, now);
                let more = [reference, name].into_iter().filter(|_| wide);
                std::iter::once(updated).chain(more).collect()
            }
        }
    }
}

/// Things as objects.
pub(super) async fn objects<'d>(
    context: &Context,
    looked: &'d Looked,
    things: &[Thing<'d>],
    for_cluster: bool,
) -> Vec<Value> {
    let images = kept(context);
    let mut objects = Vec::new();
    let mut rows = Rows::new(looked, false);
    for thing in things {
        let seen = seen(&images, thing).await;
        objects.push(match thing.part {
            Part::Stream if for_cluster => fit(context, looked, thing),
            _ => object(looked, thing, rows.tags(thing), seen.as_ref()),
        });
    }
    objects
}

/// What is kept of images.
pub(super) fn kept(context: &Context) -> Images {
    Images::kept_in(&context.settings().git.cache_dir.join("observed"))
}

/// What is known of a thing's image.
pub(super) async fn seen(images: &Images, thing: &Thing<'_>) -> Option<Seen> {
    images.seen(&thing.event()?.digest()?).await
}

fn object(looked: &Looked, thing: &Thing<'_>, tags: &Tags<'_>, seen: Option<&Seen>) -> Value {
    let tag = match &thing.part {
        Part::Tag(tag, _) => Some(tag.as_str()),
        Part::Stream | Part::Image(_) => None,
    };
    let name = thing.name();
    let parts = object::Parts {
        kind: thing.kind.kind(),
        name: &name,
        namespace: &thing.key.namespace,
        stream: thing.stream(),
        spec: tag.and_then(|tag| tags.spec(tag)),
        status: tag.and_then(|tag| tags.status(tag)),
        event: thing.event(),
        seen,
    };
    match thing.kind {
        Resource::ImageStream => {
            object::stream(looked.written(thing), thing.stream(), &thing.key.namespace)
        }
        Resource::ImageStreamTag => parts.image_stream_tag(),
        Resource::ImageStreamImage => parts.image_stream_image(),
        Resource::ImageTag => parts.image_tag(),
    }
}

/// A stream as a cluster takes it: a namespace that is not written is not made up, so that `oc -n` decides.
fn fit(context: &Context, looked: &Looked, thing: &Thing<'_>) -> Value {
    let written = looked.written(thing);
    let own = written
        .as_ref()
        .and_then(|w| w["metadata"].get("namespace").cloned());
    let mut object = object::stream(written, thing.stream(), &thing.key.namespace);
    if own.is_none_or(|namespace| namespace.is_null())
        && let Some(metadata) = object["metadata"].as_object_mut()
    {
        metadata.remove("namespace");
    }
    let pull_spec = |namespace: Option<&str>, name: &str| pull_spec(looked, thing, namespace, name);
    for note in cluster::fit(&mut object, &pull_spec) {
        context.out.warning(&format!("{}: {note}", thing.key.name));
    }
    object
}

/// The pull spec of `stream@id` or of an id of the thing's own stream.
fn pull_spec(
    looked: &Looked,
    thing: &Thing<'_>,
    namespace: Option<&str>,
    name: &str,
) -> Option<String> {
    let (stream, id) = match name.rsplit_once('@') {
        Some((stream, id)) => (stream.parse().ok()?, id),
        None => (thing.key.name.clone(), name),
    };
    let namespace: Namespace = match namespace {
        Some(namespace) => namespace.parse().ok()?,
        None => thing.key.namespace.clone(),
    };
    let key = StreamKey {
        namespace,
        name: stream,
    };
    match resolve_image_id(&looked.docs.streams.get(&key)?.value, id) {
        Found::One(event) => {
            let image: crate::model::PinnedImage = event.docker_image_reference().parse().ok()?;
            Some(image.repository.at(event.digest()?).to_string())
        }
        Found::None | Found::Several(_) => None,
    }
}
