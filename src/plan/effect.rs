//! Effects: the closed list of things a plan may have done to the world, each with what must still be true.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::facts::marker::Marker;
use super::report::Subject;
use crate::model::workflow_run::Dispatch;
use crate::model::{CommitId, CommitStatus, Deployment, DeploymentState, RepoPath, StageKey};

/// One thing to do. Apply carries it out and decides nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub enum Effect {
    /// One commit on the base, by compare-and-swap.
    PushBase {
        /// The base head this was planned on.
        expect: CommitId,
        /// The commit.
        commit: CommitContent,
        /// What it is made of. Where the server refuses the whole by a rule of its own, these are pushed one by one.
        #[serde(default)]
        sets: Vec<ChangeSet>,
    },
    /// A new branch and its pull request.
    OpenPullRequest {
        /// Branch, which must not exist.
        branch: String,
        /// Unless it has this head: one of ours for which no pull request was opened yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expect: Option<CommitId>,
        /// The base commit it starts from.
        start: CommitId,
        /// Its only commit.
        commit: CommitContent,
        /// What people read.
        text: PullRequestText,
    },
    /// A branch of ours made anew, its pull request's text changed, or both.
    UpdatePullRequest {
        /// The pull request.
        id: String,
        /// Its branch.
        branch: String,
        /// Head the branch must still have.
        expect: CommitId,
        /// A new change set, replacing the branch's, starting from this base commit.
        rebuild: Option<Rebuild>,
        /// New text.
        text: Option<PullRequestText>,
    },
    /// Merge an approved pull request.
    MergePullRequest {
        /// The pull request.
        id: String,
        /// Its branch.
        branch: String,
        /// Head that was approved.
        head: CommitId,
        /// The base head the merge was checked on.
        expect_base: CommitId,
        /// Message of the squash commit.
        message: String,
    },
    /// Add an approved pull request to the merge queue of the base, which merges it.
    EnqueuePullRequest {
        /// The pull request.
        id: String,
        /// Its branch.
        branch: String,
        /// Head that was approved.
        head: CommitId,
    },
    /// Show whether a pull request may be merged, beside its head.
    SetCommitStatus {
        /// The pull request.
        id: String,
        /// Its head.
        head: CommitId,
        /// What to show.
        status: CommitStatus,
    },
    /// Give an open pull request what it lacks beside its content.
    TendPullRequest {
        /// The pull request.
        id: String,
        /// What it is to get.
        tending: Tending,
    },
    /// Write down at the forge that a pull request is merged: a merge of ours was cut off behind its push to the base.
    RecordMerge {
        /// The pull request.
        id: String,
    },
    /// Take away branches that commits were made on (`model::staging`) and that an earlier pass left behind.
    ClearBranches {
        /// Each with the head it must still have.
        branches: BTreeMap<String, CommitId>,
    },
    /// Show at the forge that a set came into an environment, and how it fares there.
    RecordDeployment {
        /// What came where.
        deployment: Deployment,
        /// How it fares.
        state: DeploymentState,
        /// Why, one line.
        words: String,
    },
    /// Start a run of a workflow, unless one with its key is there.
    DispatchWorkflow {
        /// The stage that waits for it.
        stage: StageKey,
        /// What to start.
        dispatch: Dispatch,
    },
    /// Close a pull request that is of no use any more; marked `superseded` first.
    ClosePullRequest {
        /// The pull request.
        id: String,
        /// Its text with the marker that says so.
        text: PullRequestText,
        /// Why, for people.
        reason: String,
    },
}

/// What an open pull request lacks beside its content. Each part stands alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tending {
    /// Labels to add.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Who is asked for a review: `@login`, `@org/team`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ask: Vec<String>,
    /// Notes to people, each left once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// A note to people below a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// By which it is found again.
    pub key: String,
    /// What people read.
    pub text: String,
}

/// A part of a commit that can stand alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeSet {
    /// By which a refusal is remembered.
    pub id: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Subject>,
    /// It alone, on top of the base or of others of the same wave that write none of its files; `None` where it is the
    /// whole, or cannot be made without the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<CommitContent>,
}

/// A branch's content, made anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rebuild {
    /// The base commit it starts from.
    pub start: CommitId,
    /// Its only commit.
    pub commit: CommitContent,
}

/// A commit as content: final bytes and a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitContent {
    /// Message with trailers.
    pub message: String,
    /// Final text of each file; `None` deletes it.
    pub files: BTreeMap<RepoPath, Option<String>>,
}

/// What people read of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullRequestText {
    /// Title.
    pub title: String,
    /// Body; its first line is the marker.
    pub body: String,
    /// Labels.
    pub labels: Vec<String>,
    /// What it is for.
    pub marker: Marker,
}
