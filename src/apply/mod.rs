//! Effects: each plan effect is carried out by one file here; nothing is decided.

mod by_forge;
mod clear_branches;
mod close_pull_request;
mod dispatch_workflow;
mod enqueue_pull_request;
mod merge_pull_request;
mod open_pull_request;
mod push_base;
mod push_branch;
mod record_deployment;
mod record_merge;
mod set_commit_status;
mod tend_pull_request;
mod update_pull_request;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use serde::Serialize;

use crate::forge::{Forge, ForgeError};
use crate::git::{GitError, NewCommit, Person, Repository, Us};
use crate::model::workflow_run::Dispatch;
use crate::model::{
    CommitId, CommitStatus, Deployment, DeploymentState, Fault, Faulty as _, Party, Retry,
    Timestamp,
};
use crate::plan::effect::CommitContent;
use crate::plan::refusal::changes_of;
use crate::plan::{Effect, Plan};

/// Carries plans out.
#[derive(Debug, Clone)]
pub struct Applier {
    /// Where commits go.
    pub git: Repository,
    /// Where pull requests are.
    pub forge: Arc<dyn Forge>,
    /// Who our commits are made by.
    pub committer: Person,
    /// By what commits are known as ours.
    pub us: Us,
    /// Whether the forge makes our commits, rather than that we push them.
    pub forge_commits: bool,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "did")]
pub enum Done {
    /// The base moved.
    Pushed {
        /// The new head.
        commit: CommitId,
        /// First line of its message.
        subject: String,
        /// How many files it changed.
        files: usize,
    },
    /// A pull request was opened.
    Opened {
        /// Its id.
        id: String,
        /// Its title.
        title: String,
    },
    /// A pull request was changed.
    Updated {
        /// Its id.
        id: String,
    },
    /// What may become of a pull request was shown beside its head.
    Marked {
        /// Its id.
        id: String,
        /// What is shown.
        status: CommitStatus,
    },
    /// A pull request got labels, people were asked for a review of it, or were left a note.
    Tended {
        /// Its id.
        id: String,
        /// What it got, in words.
        with: Vec<String>,
    },
    /// A pull request is in the merge queue of the base.
    Queued {
        /// Its id.
        id: String,
        /// Where, from 1, if the forge tells.
        position: Option<u32>,
    },
    /// A pull request was merged.
    Merged {
        /// Its id.
        id: String,
        /// The commit on the base, where it is known.
        commit: Option<CommitId>,
    },
    /// Branches that commits of ours were made on were taken away again.
    Cleared {
        /// Their names.
        branches: Vec<String>,
    },
    /// The forge shows that a set came into an environment, and how it fares there.
    Deployed {
        /// What came where.
        deployment: Deployment,
        /// How it fares.
        state: DeploymentState,
    },
    /// A run of a workflow was started, or was there.
    Dispatched {
        /// What was to be started.
        dispatch: Dispatch,
        /// Its number at the forge, where that is told.
        run: Option<u64>,
    },
    /// A pull request was closed.
    Closed {
        /// Its id.
        id: String,
        /// Why.
        reason: String,
    },
}

/// An effect that was not carried out although nothing moved under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// What was tried.
    pub what: String,
    /// The words of whoever refused.
    pub why: String,
    /// Who has to do something, and whether a later pass may succeed by itself.
    pub fault: Fault,
    /// By which it is remembered; nothing where the next pass may try again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
}

/// What became of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// In order.
    pub done: Vec<Done>,
    /// What was refused.
    pub refused: Vec<Refusal>,
    /// Somebody else was faster: observe and plan again. Effects after that were not tried.
    pub again: bool,
}

/// How one effect ended.
enum Ended {
    Done(Done),
    /// By a rule of somebody's: remembered, unless it is transient.
    Refused(Refusal),
    /// By trouble on the way: the next pass tries again.
    Failed(Refusal),
    /// What it was planned on is not so any more.
    Lost,
}

impl Applier {
    /// Carries out the effects in order. A lost race stops the rest; a refusal does not.
    pub async fn apply(&self, plan: &Plan) -> Receipt {
        let mut receipt = Receipt::default();
        for effect in &plan.effects {
            for ended in self.shielded(effect, plan).await {
                match ended {
                    Ended::Done(done) => receipt.done.push(done),
                    Ended::Refused(refusal) => receipt.refused.push(remembered(refusal, effect)),
                    Ended::Failed(refusal) => receipt.refused.push(refusal),
                    Ended::Lost => receipt.again = true,
                }
            }
            if receipt.again {
                break;
            }
        }
        receipt
    }

    /// An effect that panics is one that failed: the others go on, and the next pass looks how far it came.
    async fn shielded(&self, effect: &Effect, plan: &Plan) -> Vec<Ended> {
        let carried = AssertUnwindSafe(self.one(effect, plan)).catch_unwind();
        carried.await.unwrap_or_else(|_| {
            vec![Ended::Failed(Refusal {
                what: subject_of(effect, plan),
                why: "a bug in headwater ended it on the way".to_owned(),
                fault: Fault::of(Party::Us),
                changes: Vec::new(),
            })]
        })
    }

    async fn one(&self, effect: &Effect, plan: &Plan) -> Vec<Ended> {
        let ended = match effect {
            Effect::PushBase {
                expect,
                commit,
                sets,
            } => return push_base::run(self, expect, commit, sets, plan).await,
            Effect::OpenPullRequest {
                branch,
                expect,
                start,
                commit,
                text,
            } => {
                let opening = open_pull_request::Opening {
                    branch,
                    expect: expect.as_ref(),
                    start,
                    commit,
                    text,
                };
                open_pull_request::run(self, opening, plan.stamp).await
            }
            Effect::UpdatePullRequest {
                id,
                branch,
                expect,
                rebuild,
                text,
            } => {
                let update = update_pull_request::Update {
                    id,
                    branch,
                    expect,
                    rebuild: rebuild.as_ref(),
                    text: text.as_ref(),
                };
                update_pull_request::run(self, update, plan.stamp).await
            }
            Effect::MergePullRequest {
                id,
                head,
                expect_base,
                message,
                ..
            } => merge_pull_request::run(self, id, head, expect_base, message, plan.stamp).await,
            Effect::EnqueuePullRequest { id, head, .. } => {
                enqueue_pull_request::run(self, id, head).await
            }
            Effect::SetCommitStatus { id, head, status } => {
                set_commit_status::run(self, id, head, status).await
            }
            Effect::TendPullRequest { id, tending } => {
                return tend_pull_request::run(self, id, tending).await;
            }
            Effect::RecordDeployment {
                deployment,
                state,
                words,
            } => record_deployment::run(self, deployment, *state, words).await,
            Effect::DispatchWorkflow { dispatch, .. } => {
                dispatch_workflow::run(self, dispatch).await
            }
            Effect::RecordMerge { id } => record_merge::run(self, id, plan.stamp).await,
            Effect::ClearBranches { branches } => clear_branches::run(self, branches).await,
            Effect::ClosePullRequest { id, text, reason } => {
                close_pull_request::run(self, id, text, reason, plan.stamp).await
            }
        };
        vec![ended]
    }

    /// Writes a commit as objects. The same content at the same instant on the same parent is the same commit.
    async fn write(
        &self,
        parent: &CommitId,
        content: &CommitContent,
        time: Timestamp,
    ) -> Result<CommitId, GitError> {
        let files = content
            .files
            .iter()
            .map(|(path, text)| (path.clone(), text.as_ref().map(|t| t.clone().into_bytes())))
            .collect();
        self.git
            .commit(NewCommit {
                parents: vec![parent.clone()],
                start: Some(parent.clone()),
                files,
                message: content.message.clone(),
                author: self.committer.clone(),
                committer: self.committer.clone(),
                time,
            })
            .await
    }
}

/// The server took the request and said no: its rules, or our rights.
fn refused(what: String, why: String) -> Ended {
    Ended::Refused(Refusal {
        what,
        why,
        fault: Fault::of(Party::Operator),
        changes: Vec::new(),
    })
}

/// A refusal that no retry mends is remembered by all that the effect would have brought about, unless it says itself.
fn remembered(mut refusal: Refusal, effect: &Effect) -> Refusal {
    if !refusal.fault.heals() && refusal.changes.is_empty() {
        refusal.changes = changes_of(effect);
    }
    refusal
}

/// What an effect is about, for people.
fn subject_of(effect: &Effect, plan: &Plan) -> String {
    match effect {
        Effect::PushBase { .. } => format!("push to {}", plan.branch),
        Effect::OpenPullRequest { branch, .. } => format!("open a pull request from {branch}"),
        Effect::UpdatePullRequest { id, .. } => format!("update pull request {id}"),
        Effect::MergePullRequest { id, .. } => format!("merge pull request {id}"),
        Effect::EnqueuePullRequest { id, .. } => {
            format!("add pull request {id} to the merge queue")
        }
        Effect::SetCommitStatus { id, status, .. } => {
            format!("set {} of pull request {id}", status.context)
        }
        Effect::TendPullRequest { id, .. } => format!("tend to pull request {id}"),
        Effect::RecordDeployment { deployment, .. } => {
            format!("record the deployment of {}", deployment.title)
        }
        Effect::DispatchWorkflow { dispatch, .. } => {
            format!(
                "start {} in {}",
                dispatch.workflow.file, dispatch.workflow.repository
            )
        }
        Effect::RecordMerge { id } => format!("record the merge of pull request {id}"),
        Effect::ClearBranches { .. } => "clear left-over branches".to_owned(),
        Effect::ClosePullRequest { id, .. } => format!("close pull request {id}"),
    }
}

fn git_refusal(what: &str, error: &GitError) -> Ended {
    let refusal = Refusal {
        what: what.to_owned(),
        why: error.to_string(),
        fault: error.fault(),
        changes: Vec::new(),
    };
    match error {
        GitError::Auth { .. } | GitError::Rejected { .. } | GitError::Invalid(_) => {
            Ended::Refused(refusal)
        }
        _ => Ended::Failed(refusal),
    }
}

/// Moves under our feet are lost races; all else is a refusal.
fn forge_ended(what: &str, error: &ForgeError) -> Ended {
    match error {
        ForgeError::HeadMoved { .. } | ForgeError::BaseMoved { .. } | ForgeError::State { .. } => {
            Ended::Lost
        }
        ForgeError::Git(error) => git_refusal(what, error),
        other if other.fault().retry == Retry::Now => Ended::Lost,
        other => Ended::Refused(Refusal {
            what: what.to_owned(),
            why: other.to_string(),
            fault: other.fault(),
            changes: Vec::new(),
        }),
    }
}
