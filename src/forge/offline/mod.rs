//! The offline forge: pull requests as refs of the repository itself, so that a plain Git server is enough.
//!
//! The head of a pull request is its branch. `refs/headwater/pulls/<id>/meta` is a chain of commits with one file,
//! `pull.json`; `approvals/<head8>-<who>` beside it are commits that name the full head. Where a server refuses such refs
//! all of it lives below `refs/heads/headwater-pulls/`. Every write is a compare-and-swap of one ref.
//!
//! A merge first notes in `pull.json` which commit it is about to push (`merging`), then pushes that to the base, then
//! notes that it is merged. Once the noted commit is on the base the pull request counts as merged whatever else it says,
//! so the steps may be cut off anywhere, and no server has to move two refs at once.

mod approval;
mod approve;
mod document;
mod merge;
mod names;
mod read;
mod scan;
mod signers;
mod standing;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;

use super::types::{
    Abilities, Approval, Approver, Closing, Listing, Merged, Merging, NewPull, Opened, Part,
    PullText, Tending,
};
use super::{Answer, Forge, ForgeError};
use crate::config::forge::{OfflineSettings, Trust};
use crate::git::{Fetched, Person, Repository};
use crate::model::workflow_run::{Dispatch, WorkflowFile, WorkflowRun};
use crate::model::{CommitCheck, CommitId, CommitStatus, Deployment, DeploymentState, Timestamp};

/// How often a lost race is run again.
const ATTEMPTS: u32 = 10;

/// Pull requests kept in a repository's refs.
#[derive(Debug)]
pub struct OfflineForge {
    repository: Repository,
    settings: OfflineSettings,
    committer: Person,
    /// Whether the server was seen to refuse refs of our own.
    custom_refused: AtomicBool,
    cache: Mutex<read::Cache>,
}

impl OfflineForge {
    /// Keeps pull requests in `repository`; what it writes there is committed by `committer`.
    pub fn new(repository: Repository, settings: OfflineSettings, committer: Person) -> Self {
        Self {
            repository,
            settings,
            committer,
            custom_refused: AtomicBool::new(false),
            cache: Mutex::default(),
        }
    }

    fn cache(&self) -> MutexGuard<'_, read::Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Forge for OfflineForge {
    fn name(&self) -> &'static str {
        "offline"
    }

    fn abilities(&self) -> Answer<'_, Abilities> {
        let signed = self.settings.trust == Trust::Signed;
        let mut notes = Vec::new();
        if !signed {
            notes.push(
                "approvals count for whoever they name (`forge.offline.trust: push`)".to_owned(),
            );
        } else if self.settings.allowed_signers.is_none() {
            notes.push(
                "no approval can count: `forge.offline.allowedSigners` is not set".to_owned(),
            );
        }
        let abilities = Abilities {
            name: self.name(),
            who: None,
            deeds: Vec::new(),
            notes,
        };
        futures_util::future::ready(Ok(abilities)).boxed()
    }

    fn list<'a>(&'a self, fetched: &'a Fetched) -> Answer<'a, Listing> {
        self.read_all(fetched).boxed()
    }

    fn members<'a>(&'a self, team: &'a str) -> Answer<'a, Option<Vec<String>>> {
        let members = self.settings.teams.get(team).cloned();
        futures_util::future::ready(Ok(members)).boxed()
    }

    fn knows_members(&self) -> bool {
        true
    }

    fn account<'a>(&'a self, email: &'a str) -> Answer<'a, Option<String>> {
        futures_util::future::ready(Ok(Some(email.to_owned()))).boxed()
    }

    fn open(&self, new: NewPull) -> Answer<'_, Opened> {
        self.create(new).boxed()
    }

    fn update_text<'a>(&'a self, id: &'a str, text: PullText, now: Timestamp) -> Answer<'a, bool> {
        self.set_text(id, text, now).boxed()
    }

    fn close<'a>(&'a self, id: &'a str, closing: Closing) -> Answer<'a, bool> {
        self.set_closed(id, closing).boxed()
    }

    fn reopen<'a>(&'a self, id: &'a str, now: Timestamp) -> Answer<'a, bool> {
        self.set_open(id, now).boxed()
    }

    fn approve<'a>(
        &'a self,
        id: &'a str,
        head: CommitId,
        approver: Approver,
    ) -> Answer<'a, Approval> {
        self.add_approval(id, head, approver).boxed()
    }

    fn merge<'a>(&'a self, id: &'a str, merging: Merging) -> Answer<'a, Merged> {
        self.land(id, merging).boxed()
    }

    fn enqueue<'a>(&'a self, id: &'a str, _head: &'a CommitId) -> Answer<'a, Option<u32>> {
        let message = format!("a plain Git server has no merge queue for {id}");
        futures_util::future::ready(Err(ForgeError::Invalid(message))).boxed()
    }

    fn shown<'a>(&'a self, _commit: &'a CommitId) -> Answer<'a, Vec<CommitStatus>> {
        futures_util::future::ready(Ok(Vec::new())).boxed()
    }

    fn checks<'a>(&'a self, _commit: &'a CommitId) -> Answer<'a, Option<Vec<CommitCheck>>> {
        futures_util::future::ready(Ok(None)).boxed()
    }

    fn runs<'a>(
        &'a self,
        _workflow: &'a WorkflowFile,
        _since: Timestamp,
    ) -> Answer<'a, Option<Vec<WorkflowRun>>> {
        futures_util::future::ready(Ok(None)).boxed()
    }

    fn dispatch<'a>(&'a self, dispatch: &'a Dispatch) -> Answer<'a, Option<u64>> {
        let message = format!("a plain Git server runs no {}", dispatch.workflow.file);
        futures_util::future::ready(Err(ForgeError::Invalid(message))).boxed()
    }

    fn deployments<'a>(
        &'a self,
        _environment: &'a str,
        _keys: &'a BTreeSet<String>,
    ) -> Answer<'a, Option<BTreeMap<String, DeploymentState>>> {
        futures_util::future::ready(Ok(None)).boxed()
    }

    fn record_deployment<'a>(
        &'a self,
        deployment: &'a Deployment,
        _state: DeploymentState,
        _words: &'a str,
    ) -> Answer<'a, ()> {
        let message = format!(
            "a plain Git server shows no deployment of {}",
            deployment.title
        );
        futures_util::future::ready(Err(ForgeError::Invalid(message))).boxed()
    }

    fn set_status<'a>(&'a self, head: &'a CommitId, status: &'a CommitStatus) -> Answer<'a, ()> {
        let message = format!(
            "a plain Git server shows no `{}` beside {head}",
            status.context
        );
        futures_util::future::ready(Err(ForgeError::Invalid(message))).boxed()
    }

    fn tend<'a>(&'a self, id: &'a str, _tending: Tending) -> Answer<'a, Vec<(Part, ForgeError)>> {
        let message = format!("a plain Git server asks nobody about pull request {id}");
        futures_util::future::ready(Err(ForgeError::Invalid(message))).boxed()
    }

    fn record_merge<'a>(&'a self, id: &'a str, now: Timestamp) -> Answer<'a, Option<CommitId>> {
        self.write_merged(id, now).boxed()
    }
}
