//! `importMode: Legacy`: of an index a single image is recorded, as upstream chooses it, and the index is forgotten.

use super::Place;
use crate::model::platform::Preferred;
use crate::model::{Digest, ImageReference, Namespace, Party, PinnedImage, TagEvent, TagReference};
use crate::plan::desk::{Desk, Known};
use crate::plan::facts::{Failure, Outcome};
use crate::plan::question::Describe;

/// Whether a tag takes single images.
pub(super) fn is_legacy(tag: &TagReference) -> bool {
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
            None => Err(Failure {
                reason: "Invalid".to_owned(),
                message: format!("`{index}` is an index without any image"),
                canonical: format!("the index \"{index}\" holds no image"),
                transient: false,
                party: Some(Party::Remote),
                retry_at: None,
            }),
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
