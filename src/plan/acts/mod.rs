//! People's acts as changes of files: rollback, promote, hold, unhold, and what a pull request still needs to be merged.
//! Pure: from an observation to final texts; who writes them, and where, is the command line's affair.

mod adopt;
pub mod freeze;
mod hold;
mod merge;
mod next;
mod overridden;
mod pick;
mod promote;
mod rollback;
mod room;
mod uncounted;
mod unhold;

pub use adopt::{Adopted, Adoption, Left, adoption};
pub use hold::hold;
pub use merge::{Standing, standing};
pub use overridden::overridden;
pub use promote::promote;
pub use rollback::rollback;
pub use uncounted::{Uncounted, uncounted};
pub use unhold::unhold;

use std::collections::BTreeMap;

use super::change::files::Files;
use super::question::Question;
use super::report::{SetReport, StageReport};
use crate::manifests::edit::StreamEdit;
use crate::model::{PinnedImage, RepoPath, SetId, StageKey, StreamKey, TagKey, Timestamp};

/// A person's act, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    /// One word: `rollback`, `promote`, `hold`, `unhold`.
    pub kind: &'static str,
    /// Final texts; `None` deletes.
    pub files: Files,
    /// How streams change among them, for whoever writes them together with something else.
    pub edits: BTreeMap<StreamKey, Vec<StreamEdit>>,
    /// Where tags point after it.
    pub heads: BTreeMap<TagKey, PinnedImage>,
    /// Files below an environment among them: those that its delivery is about.
    pub outputs: Vec<RepoPath>,
    /// Message for its commit.
    pub message: String,
    /// The stage.
    pub stage: StageKey,
    /// What was current, where the act moves anything.
    pub old: Option<SetReport>,
    /// What is asked for or current now; of a hold or unhold the set it is about.
    pub new: Option<SetReport>,
    /// Of a rollback: when `new` ran here before.
    pub ran: Option<Ran>,
    /// Gates that are not asked.
    pub skipped: Vec<String>,
    /// Who allows that.
    pub skipped_by: Option<String>,
    /// Whether the stage is pinned until `unhold`.
    pub pins: bool,
    /// How many images change in outputs.
    pub images: usize,
    /// What else somebody should know.
    pub notes: Vec<String>,
    /// A pull request to open again.
    pub reopen: Option<String>,
    /// Of an unhold: how the stage stands once it is carried out.
    pub next: Option<Box<Next>>,
}

/// What comes of a stage once an act is carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    /// The stage as it then stands.
    pub stage: StageReport,
    /// Whether what it takes next was here before, so that what it has shown counts already.
    pub again: bool,
    /// Why the stage itself refuses what it takes next, as it did when that was here before.
    pub refused: Option<String>,
}

/// When a set ran in a stage before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// From when; absent where its clock never started.
    pub from: Option<Timestamp>,
    /// Until when.
    pub until: Option<Timestamp>,
    /// What brought it then: a pull request or a commit.
    pub by: Option<String>,
}

/// Why an act cannot be done.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ActError {
    /// Facts are lacking; ask and try again.
    #[error("facts are lacking")]
    Asking(Vec<Question>),
    /// A word names nothing that is there, or too much: what, and what there is.
    #[error("{why}")]
    Unknown {
        /// The reason.
        why: String,
        /// The names there are.
        help: Option<String>,
    },
    /// What it names cannot be read as it is written.
    #[error("{why}")]
    Invalid {
        /// The reason.
        why: String,
    },
    /// It makes no sense, or is not allowed: what and what to do.
    #[error("{why}")]
    No {
        /// The reason.
        why: String,
        /// What to do instead.
        help: Option<String>,
    },
}

/// How people name a set to go back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// The set before the present one.
    Previous,
    /// A version, a tag, or at least eight hex digits of a digest.
    Text(String),
    /// This very set.
    Set(SetId),
}

/// Who acts, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// E-mail address or login.
    pub by: String,
    /// The reason.
    pub reason: String,
}

fn no<T>(why: impl Into<String>, help: Option<&str>) -> Result<T, ActError> {
    Err(ActError::No {
        why: why.into(),
        help: help.map(str::to_owned),
    })
}

fn unknown<T>(why: String, help: String) -> Result<T, ActError> {
    Err(ActError::Unknown {
        why,
        help: Some(help),
    })
}

/// An act that changes nothing yet.
fn empty(kind: &'static str, stage: &StageKey) -> Act {
    Act {
        kind,
        edits: BTreeMap::new(),
        heads: BTreeMap::new(),
        files: Files::new(),
        outputs: Vec::new(),
        message: String::new(),
        stage: stage.clone(),
        old: None,
        new: None,
        ran: None,
        skipped: Vec::new(),
        skipped_by: None,
        pins: false,
        images: 0,
        notes: Vec::new(),
        reopen: None,
        next: None,
    }
}

/// A person's words as one line, so that they cannot be read as trailers.
fn one_line(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(500)
        .collect()
}

#[cfg(test)]
mod tests;
