//! The forge: pull requests behind one small trait. It knows nothing of promotions: a marker is the first line of a
//! body, and whether something may be merged is decided by whoever asks for it.

mod error;
pub mod github;
pub mod offline;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

pub use error::ForgeError;
pub use github::GitHubForge;
pub use offline::OfflineForge;
pub use types::{
    Abilities, Ability, Approval, Approver, Author, Closing, Command, Committed, Committing, Deed,
    Listing, May, MergeMethod, Merged, Merging, NewPull, Note, Opened, Part, Past, PullProblem,
    PullRequest, PullState, PullText, Queued, Room, Tending,
};

use crate::git::Fetched;
use crate::model::workflow_run::{Dispatch, WorkflowFile, WorkflowRun};
use crate::model::{CommitCheck, CommitId, CommitStatus, Deployment, DeploymentState, Timestamp};

/// What a forge will have done, or why not.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, ForgeError>>;

/// Keeps pull requests for branches below `headwater/`. Creating looks before it creates, so that a call may be repeated
/// after a crash; every change is lost, not forced, when somebody else was faster.
pub trait Forge: Debug + Send + Sync {
    /// Its name, for people.
    fn name(&self) -> &'static str;

    /// What it lets us do. Asks; for somebody who wants to know, not for passes.
    fn abilities(&self) -> Answer<'_, Abilities>;

    /// All pull requests, as of what was fetched. Writes nothing.
    fn list<'a>(&'a self, fetched: &'a Fetched) -> Answer<'a, Listing>;

    /// Approvals of a merged pull request with this head; `None` where [`Self::list`] gives them.
    fn approvals<'a>(
        &'a self,
        id: &'a str,
        head: &'a CommitId,
    ) -> Answer<'a, Option<Vec<Approval>>> {
        let _ = (id, head);
        futures_util::future::ready(Ok(None)).boxed()
    }

    /// Members of a team (`@org/team`), named as approvals name people; `None` where the forge keeps no teams, has none of
    /// that name, or does not tell.
    fn members<'a>(&'a self, team: &'a str) -> Answer<'a, Option<Vec<String>>>;

    /// Whether it knows members of teams without asking anybody.
    fn knows_members(&self) -> bool {
        false
    }

    /// The account behind an e-mail address, named as approvals name people; `None` where the forge knows of none. A forge
    /// whose people are their addresses gives the address.
    fn account<'a>(&'a self, email: &'a str) -> Answer<'a, Option<String>>;

    /// The open pull request of a branch, made if it is not there. A branch whose pull request was closed or merged
    /// gets no other one.
    fn open(&self, new: NewPull) -> Answer<'_, Opened>;

    /// Sets the text and notes the branch's present head; whether anything was changed.
    fn update_text<'a>(&'a self, id: &'a str, text: PullText, now: Timestamp) -> Answer<'a, bool>;

    /// Closes without merging; whether that changed anything. What is closed already keeps who closed it.
    fn close<'a>(&'a self, id: &'a str, closing: Closing) -> Answer<'a, bool>;

    /// Opens a closed one again, if its branch is still there; whether that changed anything.
    fn reopen<'a>(&'a self, id: &'a str, now: Timestamp) -> Answer<'a, bool>;

    /// Approves this head of an open pull request; gives the approval as [`Self::list`] will.
    fn approve<'a>(
        &'a self,
        id: &'a str,
        head: CommitId,
        approver: Approver,
    ) -> Answer<'a, Approval>;

    /// Merges it into the base. Approvals and gates are the caller's affair.
    fn merge<'a>(&'a self, id: &'a str, merging: Merging) -> Answer<'a, Merged>;

    /// Adds an open one with this head to the merge queue of its base, unless it is in it; its place there, if the forge tells.
    fn enqueue<'a>(&'a self, id: &'a str, head: &'a CommitId) -> Answer<'a, Option<u32>>;

    /// Labels an open one, asks people for reviews and leaves notes; gives the parts that were refused, each with the reason.
    /// One part hinders no other.
    fn tend<'a>(&'a self, id: &'a str, tending: Tending) -> Answer<'a, Vec<(Part, ForgeError)>>;

    /// What is said of a commit, by commit statuses and check runs: of each name what was said last. `None` where the forge
    /// keeps none.
    fn checks<'a>(&'a self, commit: &'a CommitId) -> Answer<'a, Option<Vec<CommitCheck>>>;

    /// What we said of a commit by commit statuses below `headwater/`; nothing where the forge keeps none.
    fn shown<'a>(&'a self, commit: &'a CommitId) -> Answer<'a, Vec<CommitStatus>>;

    /// Shows a status beside a commit, in place of one of the same context.
    fn set_status<'a>(&'a self, head: &'a CommitId, status: &'a CommitStatus) -> Answer<'a, ()>;

    /// Whom the commits are by that it makes in our name, as far as is known before the first one.
    fn author(&self) -> Answer<'_, Author> {
        makes_none()
    }

    /// Makes a commit in our name on a branch, by compare-and-swap ([`ForgeError::BaseMoved`]), and signs it.
    fn commit(&self, new: Committing) -> Answer<'_, Committed> {
        drop(new);
        makes_none()
    }

    /// How deployments of an environment fare, by key, as far as there are such; `None` where the forge keeps none.
    fn deployments<'a>(
        &'a self,
        environment: &'a str,
        keys: &'a BTreeSet<String>,
    ) -> Answer<'a, Option<BTreeMap<String, DeploymentState>>>;

    /// Shows that a set came into an environment, and how it fares there. A success ends what the same stage brought there
    /// before.
    fn record_deployment<'a>(
        &'a self,
        deployment: &'a Deployment,
        state: DeploymentState,
        words: &'a str,
    ) -> Answer<'a, ()>;

    /// Runs of a workflow that were started since the day of this instant; `None` where the forge runs none.
    fn runs<'a>(
        &'a self,
        workflow: &'a WorkflowFile,
        since: Timestamp,
    ) -> Answer<'a, Option<Vec<WorkflowRun>>>;

    /// Starts a run, unless one with its key is there; its number, where that is told.
    fn dispatch<'a>(&'a self, dispatch: &'a Dispatch) -> Answer<'a, Option<u64>>;

    /// Writes down that a merge of ours is on the base, where that was cut off; the commit on the base.
    fn record_merge<'a>(&'a self, id: &'a str, now: Timestamp) -> Answer<'a, Option<CommitId>>;
}

fn makes_none<T: Send + 'static>() -> Answer<'static, T> {
    let error =
        ForgeError::Invalid("this forge makes no commits: set `git.commits: push`".to_owned());
    futures_util::future::ready(Err(error)).boxed()
}
