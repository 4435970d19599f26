//! `import-image`: which tags are imported from where (upstream's rules, imagestreams 3.3), and what the answers change.

use super::draft::TagFields;
use super::tag::Policies;
use super::{Done, Drafts, Refused, Scene, pointers};
use crate::manifests::suggest::listed;
use crate::model::alias::{AliasError, follow};
use crate::model::image_stream::{ImportPolicy, ObjectReference, ReferencePolicy, TagEvent};
use crate::model::{
    ImageReference, ImageRepository, ImageStream, PinnedImage, Source, StreamKey, TagKey,
    TagReference,
};

/// What `import-image` is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportWish {
    /// `[namespace/]stream[:tag]`.
    pub target: String,
    /// A pull spec; without it what the stream says.
    pub from: Option<String>,
    /// Whether a stream may be made, or another repository be used.
    pub confirm: bool,
    /// Every tag.
    pub all: bool,
    /// How the tags are to be set.
    pub policies: Policies,
}

/// What is to be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Into which stream.
    pub stream: StreamKey,
    /// What.
    pub what: What,
}

/// Tags, or a whole repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// These tags.
    Tags(Vec<Import>),
    /// All tags of this repository.
    Repository {
        /// Where.
        from: ImageRepository,
        /// How each tag will be set.
        policies: Policies,
    },
}

/// A tag to be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Its name.
    pub tag: String,
    /// The pull spec, as it will stand in the stream.
    pub from: String,
    /// The same, understood.
    pub reference: ImageReference,
    /// How it will be set; what is `None` stays.
    pub policies: Policies,
}

/// Decides what is imported.
///
/// # Errors
/// For each of the reasons upstream has.
pub fn decide(wish: &ImportWish, scene: Scene<'_>) -> Result<Decided, Refused> {
    let target = wish.target.as_str();
    if target.contains('@') {
        return Err(
            Refused::usage(format!("`{target}` names one image, which never changes"))
                .help("`headwater tag SOURCE STREAM:TAG` points a tag at an image"),
        );
    }
    let (name, tag) = match target.split_once(':') {
        Some((name, _)) => (name, Some(scene.tag_key(target, false)?.tag)),
        None => (target, None),
    };
    let key = scene.stream_key(name)?;
    if tag.is_some() && wish.all {
        return Err(Refused::usage(
            "a tag and --all do not go together: all tags are imported, or one",
        ));
    }
    let known =
        scene.docs.streams.contains_key(&key) || scene.docs.broken_streams.contains_key(&key);
    if !known {
        if !wish.confirm {
            return Err(Refused::no(format!(
                "there is no image stream `{}` yet",
                scene.shown(&key)
            ))
            .help("add --confirm to create it and import"));
        }
        let from = wish.from.as_deref().unwrap_or(target);
        let what = if wish.all {
            repository(from, &wish.policies)?
        } else {
            let tag = tag.as_deref().unwrap_or("latest");
            What::Tags(vec![import(tag, from, wish.policies.clone())?])
        };
        return Ok(Decided { stream: key, what });
    }
    let stream = scene.stream(&key)?;
    let what = match wish.all {
        true => all(stream, wish, &scene.shown(&key))?,
        false => {
            let tag = tag.unwrap_or_else(|| "latest".to_owned());
            What::Tags(vec![one(stream, &tag, wish, &scene.shown(&key))?])
        }
    };
    Ok(Decided { stream: key, what })
}

fn import(tag: &str, from: &str, policies: Policies) -> Result<Import, Refused> {
    let reference = from.parse::<ImageReference>();
    let reference = reference.map_err(|error| Refused::usage(error.to_string()))?;
    Ok(Import {
        tag: tag.to_owned(),
        from: from.to_owned(),
        reference,
        policies,
    })
}

fn repository(from: &str, policies: &Policies) -> Result<What, Refused> {
    let reference = from.parse::<ImageReference>();
    let reference = reference.map_err(|error| Refused::usage(error.to_string()))?;
    if reference.tag.is_some() || reference.digest.is_some() {
        return Err(Refused::usage(format!(
            "with --all `{from}` must be a whole repository, without tag or digest"
        )));
    }
    Ok(What::Repository {
        from: reference.repository,
        policies: policies.clone(),
    })
}

/// One tag of a stream that is there.
fn one(stream: &ImageStream, tag: &str, wish: &ImportWish, shown: &str) -> Result<Import, Refused> {
    let Some(wished) = stream.spec_tag(tag) else {
        let whole = stream.spec.docker_image_repository.as_deref();
        let from = wish
            .from
            .as_deref()
            .or_else(|| whole.filter(|_| tag == "latest"));
        let Some(from) = from else {
            let known = stream.spec.tags.iter().map(|t| t.name.as_str());
            return Err(Refused::usage(format!(
                "image stream `{shown}` has no tag `{tag}` to import"
            ))
            .help(format!(
                "name one of its tags ({}), or add --from for a new one",
                listed(known)
            )));
        };
        return import(tag, from, policies(stream, None, &wish.policies));
    };
    let wished = last(stream, &wished.name, shown)?;
    let name = format!("{shown}:{}", wished.name);
    let Some(from) = wished.from.as_ref().filter(|from| !from.name.is_empty()) else {
        return Err(Refused::no(format!(
            "tag {name} has no source: it takes what is pushed to it"
        ))
        .help(format!("`headwater tag SOURCE {name}` gives it one")));
    };
    if from.kind != "DockerImage" {
        return Err(Refused::no(format!(
            "tag {name} points to {} {}, which is not imported from a registry",
            from.kind, from.name
        ))
        .help(format!("`headwater tag SOURCE {name}` points it elsewhere")));
    }
    if let Some(other) = wish.from.as_deref().filter(|other| *other != &*from.name) {
        return Err(Refused::no(format!(
            "tag {name} takes its image from {}, not from {other}",
            from.name
        ))
        .help(format!("`headwater tag {other} {name}` points it there")));
    }
    import(
        &wished.name,
        &from.name,
        policies(stream, Some(wished), &wish.policies),
    )
}

/// The tag that a tag follows in the end.
fn last<'s>(
    stream: &'s ImageStream,
    first: &str,
    shown: &str,
) -> Result<&'s TagReference, Refused> {
    follow(stream, first).map(|end| end.tag).map_err(|error| {
        let help = match &error {
            AliasError::OtherStream { .. } => "import the tag of that stream instead",
            _ => "headwater check",
        };
        Refused::no(format!("{shown}:{first} cannot be imported: {error}")).help(help)
    })
}

/// Every tag of a stream that is there.
fn all(stream: &ImageStream, wish: &ImportWish, shown: &str) -> Result<What, Refused> {
    let recorded = stream
        .spec
        .docker_image_repository
        .as_deref()
        .filter(|text| !text.is_empty());
    let from = wish.from.as_deref();
    if let Some(from) = from.filter(|from| Some(*from) != recorded)
        && !wish.confirm
    {
        let why = match recorded {
            Some(recorded) => format!("image stream `{shown}` is of {recorded}, not of {from}"),
            None => format!("image stream `{shown}` names no repository to import all of"),
        };
        return Err(Refused::no(why).help(format!("add --confirm to import all tags of {from}")));
    }
    if let Some(from) = from.or(recorded) {
        return repository(from, &policies(stream, None, &wish.policies));
    }
    let tags = stream.spec.tags.iter().filter_map(|tag| {
        let from = tag.from.as_ref().filter(|f| f.kind == "DockerImage")?;
        let policies = policies(stream, Some(tag), &wish.policies);
        Some(import(&tag.name, &from.name, policies))
    });
    let tags: Vec<Import> = tags.collect::<Result<_, _>>()?;
    if tags.is_empty() {
        return Err(Refused::no(format!(
            "image stream `{shown}` has no tag that takes its image from a registry"
        ))
        .help("add --from REPOSITORY --confirm to import all tags of one"));
    }
    Ok(What::Tags(tags))
}

/// What was asked for over what is there: `scheduled` and `insecure` are never taken away by not being said.
fn policies(stream: &ImageStream, tag: Option<&TagReference>, asked: &Policies) -> Policies {
    let has = |flag: fn(&ImportPolicy) -> bool| tag.is_some_and(|tag| flag(&tag.import_policy));
    let insecure = has(|policy| policy.insecure) || stream.is_insecure();
    let scheduled = has(|policy| policy.scheduled);
    Policies {
        reference: None,
        scheduled: Some(asked.scheduled.unwrap_or_default() || scheduled),
        insecure: Some(asked.insecure.unwrap_or(insecure)),
        reference_policy: asked
            .reference_policy
            .clone()
            .filter(|_| tag.is_none_or(|tag| tag.reference_policy.kind.is_empty())),
        import_mode: asked
            .import_mode
            .clone()
            .or_else(|| tag.and_then(|tag| tag.import_policy.import_mode.clone())),
    }
}

/// What a registry answered for a tag.
pub type Answered = (Import, PinnedImage);

/// Puts answers into the stream: spec, source and event together. A tag that has the image already keeps every byte. Where
/// they are those of a whole `repository`, which is the stream's own, passes need not import it again.
///
/// # Errors
/// When the stream cannot be used, or a stage points with one of the tags: an import counts as one of ours, and such a tag
/// moves by promotion alone.
pub fn imported(
    stream: &StreamKey,
    answers: &[Answered],
    repository: Option<&ImageRepository>,
    scene: Scene<'_>,
) -> Result<Done, Refused> {
    let pointers = pointers(scene.docs);
    let mut drafts = Drafts::new(scene);
    for (import, image) in answers {
        if let Some(stage) = pointers.get(&TagKey::new(stream.clone(), &import.tag)) {
            let name = format!("{}:{}", scene.shown(stream), import.tag);
            let why = format!("{name} is where stage {stage} points, which is never imported");
            return Err(Refused::usage(why).help(format!("headwater promote {stage}")));
        }
        let draft = drafts.open_or_create(stream)?;
        let tag = draft.stream.spec_tag(&import.tag);
        let known = tag.cloned().unwrap_or_default();
        let policies = &import.policies;
        draft.set(
            &import.tag,
            TagFields {
                from: Some(ObjectReference::docker_image(&import.from)),
                import_policy: Some(ImportPolicy {
                    insecure: policies.insecure.unwrap_or(known.import_policy.insecure),
                    scheduled: policies.scheduled.unwrap_or(known.import_policy.scheduled),
                    import_mode: policies
                        .import_mode
                        .clone()
                        .or(known.import_policy.import_mode),
                }),
                reference_policy: policies
                    .reference_policy
                    .clone()
                    .map(|kind| ReferencePolicy { kind: kind.into() }),
                ..TagFields::default()
            },
        );
        if draft
            .stream
            .spec_tag(&import.tag)
            .is_some_and(Source::differs_on)
        {
            draft.remember_source(&import.tag);
        }
        let event = TagEvent::new(None, &image.to_string(), image.digest.as_str(), 0);
        draft.record(&import.tag, &event, scene.now);
    }
    if let Some(repository) = repository {
        let draft = drafts.open_or_create(stream)?;
        let pending = draft.stream.pending_repository();
        let parsed = pending.map(|name| ImageRepository::try_from(name.to_owned()));
        if parsed.is_some_and(|own| own.as_ref() == Ok(repository)) {
            draft.remember_repository();
        }
    }
    Ok(Done {
        changes: drafts.changes(),
        manifests: Vec::new(),
        says: Vec::new(),
        warnings: Vec::new(),
        ..Done::default()
    })
}

#[cfg(test)]
mod tests;
