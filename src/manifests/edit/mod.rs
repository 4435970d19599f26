//! Byte-exact edits of an image stream inside a person's file. The wished values are worked out first, then only the
//! bytes that differ are written, then both are compared through a second parser; what does not agree is refused.

mod block;
mod change;
mod describe;
mod events;
mod flow;
mod fresh;
mod guard;
mod pods;
mod quote;
mod reconcile;
mod render;
mod style;
mod wish;

use std::collections::BTreeMap;

use super::yaml::{self, Id, Tree, place_of};
use crate::model::RepoPath;
use crate::model::image_stream::{
    ImportPolicy, ObjectReference, ReferencePolicy, TagEvent, TagEventCondition,
};
pub use fresh::{freeze_text, hold_text, new_stream_text};
pub use pods::{PodEdit, edit_workload};
pub(super) use quote::image_text;
use reconcile::Editor;
use wish::Wish;

/// One change of an image stream.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamEdit {
    /// Sets fields of a wished tag, and adds the tag at its sorted place where it is missing. What is `None` stays.
    SetTag {
        /// Name of the tag.
        name: String,
        /// Where its image comes from.
        from: Option<ObjectReference>,
        /// Annotations to set, or to delete where the value is `None`.
        annotations: BTreeMap<String, Option<String>>,
        /// Whether the string is kept without import.
        reference: Option<bool>,
        /// How it is imported.
        import_policy: Option<ImportPolicy>,
        /// How it is referred to.
        reference_policy: Option<ReferencePolicy>,
    },
    /// Removes a wished tag; its history stays.
    DeleteTag {
        /// Name of the tag.
        name: String,
    },
    /// Makes the history of a tag exactly this; without items and conditions it is dropped.
    RecordEvent {
        /// Name of the tag.
        tag: String,
        /// What it has pointed to, newest first.
        items: Vec<TagEvent>,
        /// Failures of import.
        conditions: Vec<TagEventCondition>,
    },
    /// Sets whether short names resolve through the stream.
    SetLookup(bool),
    /// Sets an annotation of the stream itself, or deletes it.
    SetAnnotation {
        /// Its key.
        key: String,
        /// Its value; `None` deletes it.
        value: Option<String>,
    },
}

/// An edit that cannot be made without touching more than it is about. A person has to make it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}`{} cannot be edited safely: {why}; smallest change: {smallest_change}", at_line(*.line))]
pub struct EditRefused {
    /// The file.
    pub path: RepoPath,
    /// The line that stands in the way, from 1, where it is known.
    pub line: Option<usize>,
    /// What stands in the way.
    pub why: String,
    /// The smallest change a person can make instead.
    pub smallest_change: String,
}

fn at_line(line: Option<usize>) -> String {
    line.map(|line| format!(" line {line}")).unwrap_or_default()
}

/// Why an edit is not made, with the byte that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    at: Option<usize>,
    why: String,
}

impl Refusal {
    fn at(at: usize, why: impl Into<String>) -> Self {
        Self {
            at: Some(at),
            why: why.into(),
        }
    }

    fn whole(why: impl Into<String>) -> Self {
        Self {
            at: None,
            why: why.into(),
        }
    }
}

/// Makes all edits in document `index` of a file (items of a `List` count one by one), or none of them.
///
/// Everything the edits are not about keeps its bytes: comments, order, quotes, anchors, line endings. Edits that change
/// nothing give back the same text.
pub fn edit_stream(
    path: &RepoPath,
    text: &str,
    index: usize,
    edits: &[StreamEdit],
) -> Result<String, EditRefused> {
    if let Ok(edited) = together(text, index, edits) {
        return Ok(edited);
    }
    // Together they touch the same bytes, or one of them cannot be made: one by one shows which.
    let mut edited = text.to_owned();
    for edit in edits {
        edited = together(&edited, index, std::slice::from_ref(edit)).map_err(|refusal| {
            EditRefused {
                path: path.clone(),
                line: refusal.at.map(|at| place_of(&edited, &(at..at)).line),
                why: refusal.why,
                smallest_change: describe::smallest_change(edit),
            }
        })?;
    }
    Ok(edited)
}

fn together(text: &str, index: usize, edits: &[StreamEdit]) -> Result<String, Refusal> {
    attempt(text, index, |wish, tree, root| {
        for edit in edits {
            change::apply(wish, tree, root, edit).map_err(|refusal| Refusal {
                at: refusal.at.or_else(|| Some(change::place(tree, root, edit))),
                ..refusal
            })?;
        }
        Ok(())
    })
}

/// Makes document `index` say what `change` makes of what it says now.
fn attempt(
    text: &str,
    index: usize,
    change: impl FnOnce(&mut Wish, &Tree<'_>, Id) -> Result<(), Refusal>,
) -> Result<String, Refusal> {
    let tree = yaml::parse(text)
        .map_err(|error| Refusal::at(error.at.start, "the file is not valid YAML"))?;
    let root = *tree
        .documents()
        .get(index)
        .ok_or_else(|| Refusal::whole(format!("the file has no document {index}")))?;
    let before = Wish::of(&tree, root)?;
    let mut wish = before.clone();
    change(&mut wish, &tree, root)?;
    if wish == before {
        return Ok(text.to_owned());
    }
    let mut editor = Editor::new(&tree, root);
    editor.document(root, &wish)?;
    let edited = splice(text, editor.splices)?;
    guard::verify(&tree, &edited, index, &wish)?;
    Ok(edited)
}

/// New bytes for a range of the old ones.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Splice {
    start: usize,
    end: usize,
    text: String,
}

fn splice(text: &str, mut splices: Vec<Splice>) -> Result<String, Refusal> {
    // Stable: what is inserted at one place comes in the order in which it was asked for, inner values first.
    splices.sort_by_key(|splice| (splice.start, splice.end));
    let mut edited = String::with_capacity(text.len() + 1024);
    let mut done = 0;
    for Splice {
        start,
        end,
        text: new,
    } in splices
    {
        let kept = text
            .get(done..start)
            .filter(|_| end >= start && end <= text.len())
            .ok_or_else(|| Refusal::at(start, "two changes touch the same bytes"))?;
        edited.push_str(kept);
        edited.push_str(&new);
        done = end;
    }
    edited.push_str(&text[done..]);
    Ok(edited)
}

#[cfg(test)]
mod tests;
