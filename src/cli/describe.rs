//! `describe`: image streams, tags and images in full, as `oc describe` prints them.

use std::collections::BTreeMap;

use super::args::{DescribeArgs, Resource, resource};
use super::engine::edge;
use super::get::{kept, objects, seen};
use super::output::Format;
use super::read::{Looked, Part, Thing};
use super::view::streams::{describe, follows, image, list, object};
use super::{CliError, Context, Exit};
use crate::model::{PinnedImage, Timestamp};
use crate::observe::{Images, Seen};
use crate::plan::import::Following;
use crate::plan::question::List;
use crate::plan::streams::current::Tags;
use crate::registry::{Access, Client};

/// Since when they are there is looked up for so many streams at most: it takes a walk through the past for each.
const MOST_AGES: usize = 10;

/// Prints what was asked for, one after the other.
///
/// # Errors
/// When something named is not there, files cannot be read, or a registry that was to be asked does not answer.
pub async fn run(context: &Context, args: &DescribeArgs) -> Result<Exit, CliError> {
    let asked = resource::asked(&args.asked)?;
    let single = matches!(asked[..], [(_, Some(_))]);
    let looked = Looked::at(context, args.at.as_ref()).await?;
    let selector = args.selector.as_ref();
    let found = looked.find(context, asked.clone(), args.all_namespaces, selector);
    let things = match found {
        // As upstream a tag without an image is none to be described; what it follows can be told all the same.
        Err(error) if args.refresh => {
            let tags = asked.into_iter().map(|(kind, name)| match kind {
                Resource::ImageStreamTag => (Resource::ImageTag, name),
                other => (other, name),
            });
            let found = looked.find(context, tags.collect(), args.all_namespaces, selector);
            let told = |thing: &Thing<'_>| thing.event().is_some() || following(thing).is_some();
            let found = found.ok().filter(|things| things.iter().all(told));
            found.ok_or(error)?
        }
        found => found?,
    };
    let lists = match args.refresh {
        true => refresh(context, &things).await?,
        false => Lists::new(),
    };
    match context.out.format() {
        Format::Json | Format::Yaml => {
            let objects = objects(context, &looked, &things, false).await;
            match objects.as_slice() {
                [one] if single => context.out.result(one, |_| {})?,
                _ => context.out.result(&object::list(objects), |_| {})?,
            }
        }
        Format::Name => things.iter().for_each(|thing| {
            let name = format!("{}/{}", thing.kind.full(), thing.name());
            context.out.line(name);
        }),
        _ => print(context, &looked, &things, &lists).await?,
    }
    Ok(Exit::Settled)
}

async fn print(
    context: &Context,
    looked: &Looked,
    things: &[Thing<'_>],
    lists: &Lists,
) -> Result<(), CliError> {
    let images = kept(context);
    let few = things.len() <= MOST_AGES;
    let (mut unknown, mut untold) = (0, 0);
    for (number, thing) in things.iter().enumerate() {
        if number > 0 {
            context.out.verbatim("\n\n");
        }
        if thing.kind == Resource::ImageStream {
            let created = if few {
                created(context, looked, thing).await?
            } else {
                None
            };
            let described = describe::Described {
                stream: thing.stream(),
                namespace: &thing.key.namespace,
                created,
            };
            context
                .out
                .verbatim(&describe::stream(&described, looked.now));
            continue;
        }
        let seen = seen(&images, thing).await;
        if thing.event().is_some() && seen.as_ref().is_none_or(|seen| seen.details.is_none()) {
            unknown += 1;
        }
        context.out.verbatim(&text(looked, thing, seen.as_ref()));
        if let Some(following) = following(thing) {
            let tags = lists.get(&following.list()).map(Vec::as_slice);
            untold += usize::from(tags.is_none());
            context.out.verbatim(&follows::follows(&following, tags));
        }
    }
    if unknown > 0 {
        let them = if unknown == 1 {
            "this image says"
        } else {
            "these images say"
        };
        context.out.note(format!(
            "not all that {them} about itself is known here: --refresh asks the registry"
        ));
    }
    if untold > 0 {
        context
            .out
            .note("--refresh asks the registry which tags there are, and tells why each is or is not the one");
    }
    Ok(())
}

/// Tags of repositories, by the questions for them.
type Lists = BTreeMap<List, Vec<String>>;

/// What a tag follows, if it is one that follows a rule.
fn following<'a>(thing: &'a Thing<'_>) -> Option<Following<'a>> {
    let Part::Tag(tag, _) = &thing.part else {
        return None;
    };
    Following::of(&thing.key, thing.stream().spec_tag(tag)?)
}

/// A tag or an image.
fn text(looked: &Looked, thing: &Thing<'_>, seen: Option<&Seen>) -> String {
    let Some(event) = thing.event() else {
        return format!("Name:\t{}\nImage:\t<none>\n", thing.name());
    };
    let spec = match &thing.part {
        Part::Tag(tag, _) => Tags::of(thing.stream()).spec(tag),
        Part::Stream | Part::Image(_) => None,
    };
    let reference = list::reference(thing.stream(), spec, event);
    let shown = image::Shown {
        reference: &reference,
        digest: &event.image(),
        created: event.created,
        seen,
    };
    image::image(&shown, looked.now)
}

/// Since when a stream is there: as its document says, else by the commit that brought its file.
async fn created(
    context: &Context,
    looked: &Looked,
    thing: &Thing<'_>,
) -> Result<Option<Timestamp>, CliError> {
    let written = looked.written(thing);
    let said = written
        .as_ref()
        .and_then(|w| w["metadata"]["creationTimestamp"].as_str());
    match said.and_then(|text| text.parse().ok()) {
        Some(said) => Ok(Some(said)),
        None => looked.there_since(context, &thing.located.path).await,
    }
}

/// Asks registries about the images of all things, and for the lists that tags choose from.
async fn refresh(context: &Context, things: &[Thing<'_>]) -> Result<Lists, CliError> {
    let client = Client::new(&context.settings().registry);
    let images = kept(context);
    let _spinner = context.out.progress().spinner("asking registries");
    let mut lists = Lists::new();
    for thing in things {
        ask(&client, &images, thing).await?;
        let Some(question) = following(thing).map(|following| following.list()) else {
            continue;
        };
        if lists.contains_key(&question) {
            continue;
        }
        let access = Access {
            namespace: question.namespace.clone(),
            insecure: question.insecure,
        };
        let tags = client.tags(&question.repository, &access).await;
        let tags = tags.map_err(|error| {
            edge(&error).context(format!("cannot list the tags of {}", question.repository))
        })?;
        let tags = tags.iter().map(|tag| tag.as_str().to_owned()).collect();
        lists.insert(question, tags);
    }
    Ok(lists)
}

async fn ask(client: &Client, images: &Images, thing: &Thing<'_>) -> Result<(), CliError> {
    let Some(event) = thing.event() else {
        return Ok(());
    };
    let pinned: Option<PinnedImage> = event.docker_image_reference().parse().ok();
    let digest = event.digest();
    let (Some(pinned), Some(digest)) = (pinned, digest) else {
        return Err(CliError::failed(format!(
            "`{}` cannot be asked for: its history names no image by digest",
            thing.name()
        )));
    };
    let tags = thing.stream().spec.tags.iter();
    let mut wishes = tags.filter(|tag| match &thing.part {
        Part::Tag(name, _) => tag.name == *name,
        Part::Stream | Part::Image(_) => true,
    });
    let access = Access {
        namespace: thing.key.namespace.clone(),
        insecure: wishes.any(|tag| tag.import_policy.insecure),
    };
    let image = pinned.repository.at(digest);
    let asked = images.ask(client, &image, &access).await;
    asked
        .map(drop)
        .map_err(|error| edge(&error).context(format!("cannot ask about {}", thing.name())))
}
