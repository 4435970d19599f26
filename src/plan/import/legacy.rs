//! `importMode: Legacy`: of an index a single image is recorded, as upstream chooses it, and the index is forgotten.

use super::Place;
use crate::model::platform::Preferred;
use crate::model::{Digest, ImageReference, Namespace, Party, PinnedImage, TagEvent, TagReference};
use crate::plan::desk::{Desk, Known};
use crate::plan::facts::{Failure, ImageFacts, Outcome};
use crate::plan::question::Describe;

/// Whether a tag takes single images.
pub fn is_legacy(tag: &TagReference) -> bool {
    tag.import_policy.import_mode.as_deref() == Some("Legacy")
}

/// The image that stands for an index; `None` until it is known what the index holds.
///
/// # Errors
/// When nobody tells, or there is none.
pub(super) fn single(
    tag: &TagReference,
    index: &PinnedImage,
    namespace: &Namespace,
    desk: &mut Desk<'_>,
) -> Result<Option<Digest>, Failure> {
    match desk.describe(index, namespace) {
        Known::NotYet => Ok(None),
        Known::Failed(failure) => Err(failure),
        Known::Yes(facts) => match facts.single(&Preferred::of(tag)) {
            Some(digest) => Ok(Some(digest.clone())),
            None => Err(without_images(index)),
        },
    }
}

fn without_images(index: &PinnedImage) -> Failure {
    Failure {
        reason: "Invalid".to_owned(),
        message: format!("`{index}` is an index without any image"),
        canonical: format!("the index \"{index}\" holds no image"),
        transient: false,
        party: Some(Party::Remote),
        retry_at: None,
    }
}

/// How reading an index went, of which a tag takes a single image.
///
/// # Errors
/// When it could not be read, or no image can be chosen of it: to the tag that is a failing check.
pub fn reading(
    tag: &TagReference,
    index: &PinnedImage,
    outcome: &Outcome<ImageFacts>,
) -> Result<(), Failure> {
    match outcome {
        Outcome::Failed(failure) => Err(failure.clone()),
        Outcome::Ok(facts) => match facts.single(&Preferred::of(tag)) {
            Some(_) => Ok(()),
            None => Err(without_images(index)),
        },
    }
}

/// Whether an index that was seen is the one whose image a tag has, as far as that is known without asking: nothing new.
pub(super) fn is_taken(
    at: Place<'_>,
    source: &str,
    index: &Digest,
    head: &TagEvent,
    desk: &Desk<'_>,
) -> bool {
    let Ok(reference) = source.parse::<ImageReference>() else {
        return true;
    };
    let question = Describe {
        image: reference.repository.at(index.clone()),
        namespace: at.stream.namespace.clone(),
    };
    let described = desk.obs.facts.described.get(&question);
    let Some(Outcome::Ok(facts)) = described.map(|answer| &answer.outcome) else {
        return true;
    };
    let single = facts.single(&Preferred::of(at.tag));
    single.is_none_or(|single| head.is_of(single))
}
