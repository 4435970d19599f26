//! What imports come to: tags that move, things to be written down of tags that do not, and the edits of stream files for
//! both.

use std::collections::BTreeMap;

use super::{Followed, whole};
use crate::manifests::edit::StreamEdit;
use crate::model::image_stream::ObjectReference;
use crate::model::promotion::{PROMOTION, SOURCE, annotation};
use crate::model::{ImageReference, PinnedImage, Source, TagKey, TagReference, Timestamp};
use crate::plan::change::propose::record_move;
use crate::plan::desk::Desk;

/// A tag that imports something new.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// The tag.
    pub tag: TagKey,
    /// Where it was imported from.
    pub source: ImageReference,
    /// Where it points now, if anywhere.
    pub old: Option<PinnedImage>,
    /// Where it will point.
    pub image: PinnedImage,
    /// Whether the head changes, or only what is remembered of the source.
    pub moves: bool,
    /// Set where `from` changes with it, by the rule that the tag follows.
    pub followed: Option<Followed>,
    /// The wish for a tag that the stream does not wish by itself yet: its repository is imported as a whole.
    pub wished: Option<Box<TagReference>>,
}

/// Something to be written down of a tag that moves no image: a lasting failure, a string that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The tag.
    pub tag: TagKey,
    /// The edits.
    pub edits: Vec<StreamEdit>,
    /// Of what it is a record.
    pub subject: &'static str,
    /// What is written, for people.
    pub what: String,
}

/// All that the registry has to say in this pass.
#[derive(Debug, Clone, Default)]
pub struct Imports {
    /// New digests.
    pub imports: Vec<Import>,
    /// Lasting failures.
    pub records: Vec<Record>,
}

/// Edits that carry an import out.
pub fn edits(import: &Import, created: Timestamp, desk: &Desk<'_>) -> Vec<StreamEdit> {
    let Some(stream) = desk.stream(&import.tag.stream) else {
        return Vec::new();
    };
    let name = &import.tag.tag;
    let wished = import.wished.as_deref();
    let spec = stream.spec_tag(name).or(wished);
    let followed = import.followed.as_ref();
    let source = spec.and_then(Source::of).map(|source| match followed {
        Some(followed) => annotation(&Source {
            name: followed.name.clone(),
            ..source
        }),
        None => annotation(&source),
    });
    let mut annotations = BTreeMap::from([(SOURCE.to_owned(), source)]);
    // The record of an adoption is about what was here before.
    if import.moves && spec.is_some_and(|tag| tag.annotations.contains_key(PROMOTION)) {
        annotations.insert(PROMOTION.to_owned(), None);
    }
    let from = spec.and_then(|spec| spec.from.clone());
    let from = from.zip(followed).map(|(from, followed)| ObjectReference {
        name: followed.name.as_str().into(),
        ..from
    });
    let mut edits: Vec<StreamEdit> = wished.map(whole::wish).into_iter().collect();
    edits.push(StreamEdit::SetTag {
        name: name.clone(),
        from,
        annotations,
        reference: None,
        import_policy: None,
        reference_policy: None,
    });
    edits.extend(record_move(
        &import.tag.stream,
        name,
        &import.image,
        created,
        desk,
    ));
    edits
}
