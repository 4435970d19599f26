//! What the forge gives and takes: pull requests as plain data, the same for every forge.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::git::Person;
use crate::model::{CommitId, CommitStatus, RepoPath, Timestamp};

/// What a forge lets us do, as far as it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abilities {
    /// Its name, for people.
    pub name: &'static str,
    /// Who we are there, as approvals name people; `None` where it does not tell.
    pub who: Option<String>,
    /// What we may do.
    pub deeds: Vec<Ability>,
    /// What somebody should know about how it is set up.
    pub notes: Vec<String>,
}

/// Whether we may do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ability {
    /// What.
    pub deed: Deed,
    /// Whether.
    pub may: May,
    /// Why, or why not and what to do about it; may be empty.
    pub words: String,
}

/// Something that a forge may let us do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Push to the base (`delivery: commit`).
    Push,
    /// Open and change pull requests.
    PullRequests,
    /// Set commit statuses.
    Statuses,
    /// Record deployments, where that is wanted.
    Deployments,
    /// Merge pull requests.
    Merge,
    /// Add pull requests to the base's merge queue, where it has one.
    MergeQueue,
    /// Read who is in a team.
    Teams,
}

/// Whether something is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum May {
    /// It is.
    Yes,
    /// Nobody tells before it is tried.
    Unknown,
    /// Something speaks against it that may not hold for us.
    Perhaps,
    /// It is not.
    No,
}

/// All pull requests below `headwater/`, and what could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Sorted by id.
    pub pulls: Vec<PullRequest>,
    /// What is wrong with others; they hinder none of those above.
    pub problems: Vec<PullProblem>,
    /// What the operator should mend, such as lines of `allowed_signers` that cannot be used.
    pub notes: Vec<String>,
    /// Why these are not all there are, if they are not.
    pub cut: Option<String>,
    /// What the forge lets be made in a while; `None` where it sets no bounds.
    pub room: Option<Room>,
    /// Whether the forge shows boxes that people tick, and tells who did.
    pub boxes: bool,
    /// Heads of what the base's merge queue would merge, by branch.
    pub groups: BTreeMap<String, CommitId>,
}

/// How many calls a forge takes of what people are told of, and when such calls were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Calls in any 60 seconds.
    pub per_minute: u32,
    /// Calls in any 3,600 seconds.
    pub per_hour: u32,
    /// When calls were made, as far as the forge tells; also of long ago.
    pub made: Vec<Timestamp>,
}

/// A pull request, or a part of one, that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PullProblem {
    /// Its id, as far as it has one.
    pub id: String,
    /// What is wrong, in one line.
    pub message: String,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// The forge's name for it.
    pub id: String,
    /// Its branch, without `refs/heads/`.
    pub branch: String,
    /// The branch it goes into, where that can be another than the base.
    pub target: Option<String>,
    /// Open, merged or closed.
    pub state: PullState,
    /// Title, one line.
    pub title: String,
    /// Body; its first line is the marker.
    pub body: String,
    /// Labels in the order they were given.
    pub labels: Vec<String>,
    /// Head of the branch; where the branch is gone, the last head known.
    pub head: CommitId,
    /// Who closed it without merging; `None` while open, and when we closed it.
    pub closed_by: Option<String>,
    /// Why it was closed, on one line; `None` where the forge does not tell.
    pub closed_why: Option<String>,
    /// The commit on the base that merged it, where it can be told.
    pub merged_as: Option<CommitId>,
    /// A merge of ours that is on the base, but was cut off before the forge wrote down that it is.
    pub unrecorded: bool,
    /// Commit statuses of the head below `headwater/`; `None` where the forge keeps none, and for one that is not open.
    pub statuses: Option<Vec<CommitStatus>>,
    /// Approvals of any head, sorted by who and head.
    pub approvals: Vec<Approval>,
    /// What was done about an open one before; `None` where the forge does not tell.
    pub past: Option<Past>,
    /// How an open one stands with the merge queue of the base; `None` where that has none.
    pub queue: Option<Queued>,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// How a pull request stands with a merge queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Queued {
    /// It is not in it, or another head of it was.
    Out,
    /// It is in it.
    In {
        /// Where, from 1, if the forge tells.
        position: Option<u32>,
    },
    /// This very head was in it and left without being merged.
    ThrownOut {
        /// Why, in words.
        why: String,
        /// A status of ours on the head of its group said that it may not be merged.
        by_us: bool,
    },
}

/// What was done about a pull request before: whatever somebody took away again is in it all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// Labels that it bears or has borne, in lower case.
    pub labels: BTreeSet<String>,
    /// Whoever knows of it, in lower case: opened it, reviewed it, or was asked to (`@login`, `@org/team`).
    pub informed: BTreeSet<String>,
    /// Keys of the notes that we left.
    pub notes: BTreeSet<String>,
    /// What people who may write ask us for in comments, oldest first, then by boxes, as far as no note answers it.
    pub commands: Vec<Command>,
}

/// What somebody asks us for in a comment (`/headwater WORD TEXT`), or by a box that they ticked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The key of the note that answers it.
    pub key: String,
    /// Who: the name the forge vouches for; empty where it does not tell.
    pub who: String,
    /// What.
    pub word: String,
    /// What they say of it, in one line, or what else stands beside the box; may be empty.
    pub text: String,
    /// Whether it is a box that was ticked.
    pub ticked: bool,
    /// Whether they may ask for it; of those who may not, only boxes are given.
    pub allowed: bool,
}

/// What an open pull request is to get beside its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tending {
    /// Labels to add.
    pub labels: Vec<String>,
    /// Who is asked for a review: `@login`, `@org/team`.
    pub ask: Vec<String>,
    /// Notes to leave.
    pub notes: Vec<Note>,
}

/// A note to people, left once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// By which it is found again.
    pub key: String,
    /// What people read.
    pub text: String,
}

/// A part of a [`Tending`] that was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A label.
    Label(String),
    /// Somebody to ask.
    Ask(String),
    /// A note, by its key.
    Note(String),
}

/// Open, merged or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullState {
    /// Waiting.
    Open,
    /// Its change is on the base.
    Merged,
    /// Closed without merging.
    Closed,
}

/// Somebody's approval of one head.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Approval {
    /// Who: the name the forge vouches for, else what the approval says of itself.
    pub who: String,
    /// The head they approved.
    pub head: CommitId,
    /// When, as they say.
    pub at: Timestamp,
    /// Whether the forge vouches for `who`.
    pub authentic: bool,
    /// Whether the forge says that they may read the repository, but not write to it.
    pub reader: bool,
    /// Why it does not.
    pub note: Option<String>,
}

/// What people read of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullText {
    /// Title, one line.
    pub title: String,
    /// Body; its first line is the marker.
    pub body: String,
    /// Labels.
    pub labels: Vec<String>,
}

/// A pull request to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPull {
    /// Its branch without `refs/heads/`, pushed already.
    pub branch: String,
    /// What people read.
    pub text: PullText,
    /// The pass's instant.
    pub now: Timestamp,
}

/// An open pull request of the branch that was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The forge's name for it.
    pub id: String,
    /// Whether this call made it; if not, it keeps the text it has.
    pub created: bool,
}

/// How to close a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// Who closes it; `None` for ourselves.
    pub by: Option<String>,
    /// Why, in one line for people.
    pub reason: String,
    /// Text to set in the same step: the marker that says `superseded`, when we close it ourselves.
    pub text: Option<PullText>,
    /// The instant of it.
    pub now: Timestamp,
}

/// Somebody who approves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    /// Name and e-mail address, recorded as they are.
    pub person: Person,
    /// A private key in OpenSSH's format to sign with.
    pub key: Option<PathBuf>,
    /// The instant of it.
    pub now: Timestamp,
}

/// How the base takes a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MergeMethod {
    /// One commit with all of it.
    #[default]
    Squash,
    /// A merge commit.
    Merge,
    /// The branch's own commits, made anew on the base.
    Rebase,
}

/// A merge to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merging {
    /// The head that was approved; any other is not merged.
    pub head: CommitId,
    /// The base head that it was checked on; any other is not moved.
    pub base: CommitId,
    /// How.
    pub method: MergeMethod,
    /// Message with trailers; `Rebase` keeps the branch's messages instead.
    pub message: String,
    /// Who merges.
    pub author: Person,
    /// The instant of it.
    pub now: Timestamp,
}

/// A commit that the forge is to make on a branch that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committing {
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// Where it must be; the only parent.
    pub expect: CommitId,
    /// The message with its trailers.
    pub message: String,
    /// Content per file; `None` deletes one that is there.
    pub files: BTreeMap<RepoPath, Option<Vec<u8>>>,
}

/// A commit that the forge made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The commit.
    pub commit: CommitId,
    /// The id of its tree.
    pub tree: String,
}

/// Whom a forge says to be the author of what it commits in our name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The addresses that it may be, the likeliest first; never none.
    pub emails: Vec<String>,
    /// Whether it is the first of them for certain.
    pub sure: bool,
}

/// A merged pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The commit on the base; `None` where somebody merged it by hand long ago.
    pub commit: Option<CommitId>,
    /// Whether this call merged it.
    pub fresh: bool,
}
