//! Facts of pull requests: what the forge says of each, and its branch held against the base.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::marker::Marker;
use crate::model::{BlobId, CommitId, CommitStatus, RepoPath, Timestamp};

/// A pull request that bears our marker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullRequestFacts {
    /// The forge's name for it (`482`, or `promote-myapp-prod-1a2b3c4d` offline).
    pub id: String,
    /// Its branch, without `refs/heads/`.
    pub branch: String,
    /// Open, merged or closed.
    pub state: PullState,
    /// What it is for.
    pub marker: Marker,
    /// Its text has lost the marker, which was found by its branch.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unmarked: bool,
    /// Its title, to see whether it must be changed.
    pub title: String,
    /// Its body, likewise.
    pub body: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// Head of the branch as the forge reports it.
    pub head: CommitId,
    /// Who closed it without merging, where the forge tells; `None` while open, or when we did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<String>,
    /// Why it was closed, where the forge tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_why: Option<String>,
    /// The commit on the base that merged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_as: Option<CommitId>,
    /// A merge of ours that is on the base, but was cut off before the forge wrote it down.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unrecorded: bool,
    /// Commit statuses of the head below `headwater/`; `None` where the forge keeps none, and for one that is not open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statuses: Option<Vec<CommitStatus>>,
    /// Approvals, whatever head they name.
    #[serde(default)]
    pub approvals: Vec<ApprovalFacts>,
    /// How an open one stands with the merge queue of the base; `None` where that has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueFacts>,
    /// What was done about an open one before; `None` where the forge does not tell, and then nothing is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<PastFacts>,
    /// When it was opened, where the forge tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Timestamp>,
    /// The branch against the base; only of open pull requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch_facts: Option<BranchFacts>,
}

/// Open, merged or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PullState {
    /// Waiting.
    Open,
    /// Its change set is on the base.
    Merged,
    /// Closed without merging.
    Closed,
}

/// How a pull request stands with a merge queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum QueueFacts {
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

/// The head of what a merge queue would merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MergeGroupFacts {
    /// The commit.
    pub head: CommitId,
    /// Pull requests of ours whose whole change is in it.
    pub pulls: Vec<String>,
    /// What we said of it.
    pub statuses: Vec<CommitStatus>,
}

/// What was done about a pull request before: whatever somebody took away again is in it all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PastFacts {
    /// Labels that it bears or has borne, in lower case.
    pub labels: BTreeSet<String>,
    /// Whoever knows of it, in lower case: opened it, reviewed it, or was asked to.
    pub informed: BTreeSet<String>,
    /// Keys of the notes that we left.
    pub notes: BTreeSet<String>,
    /// What people who may write ask us for in comments, oldest first, as far as no note answers it.
    pub commands: Vec<CommandFacts>,
}

/// What somebody asks us for in a comment, or by a box that they ticked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandFacts {
    /// The key of the note that answers it.
    pub key: String,
    /// Who asks; empty where the forge does not tell.
    pub who: String,
    /// For what.
    pub word: String,
    /// What they say of it, in one line, or what else stands beside the box.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Whether it is a box that was ticked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ticked: bool,
    /// Whether they may not ask for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub barred: bool,
}

/// Somebody's approval.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalFacts {
    /// Who: `@login` or an e-mail address.
    pub who: String,
    /// The head they approved.
    pub head: CommitId,
    /// When.
    pub at: Timestamp,
    /// Whether the forge vouches for who it was.
    pub authentic: bool,
    /// Whether the forge says that they may read the repository, but not write to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reader: bool,
}

/// Who approved a merged pull request, and who pushed to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewFacts {
    /// Approvals that stand, whatever head they name.
    pub approvals: Vec<ApprovalFacts>,
    /// Who pushed commits of their own to its branch; `None` where its head is not there any more.
    pub pushed_by: Option<BTreeSet<String>>,
}

/// A promotion branch held against the base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BranchFacts {
    /// Head of the branch.
    pub head: CommitId,
    /// Where it left the base.
    pub merge_base: CommitId,
    /// Why the change set is not ours any more, if it is not. Merges of the base are not foreign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<String>,
    /// Who pushed commits of their own to it.
    #[serde(default)]
    pub pushed_by: Vec<String>,
    /// Files that differ from the merge base, with their blobs at the head (`None`: deleted).
    pub changed: BTreeMap<RepoPath, Option<BlobId>>,
    /// Base and branch merged in memory: files that differ from the base; `None` when they conflict.
    pub merged: Option<BTreeMap<RepoPath, Option<BlobId>>>,
}
