//! GitHub as a forge: pull requests and reviews through its REST API, branches through Git. What is known of a pull
//! request is read anew where GitHub says that it changed; nothing of it is kept beyond the process.

mod abilities;
mod accounts;
mod app;
mod author;
mod cache;
mod checks;
mod client;
mod commit;
mod deployments;
mod fit;
mod graphql;
mod http;
mod list;
mod login;
mod merge;
mod pace;
mod past;
mod queue;
mod reviews;
mod shut;
mod statuses;
mod stopped;
mod teams;
mod tend;
mod ticks;
mod transport;
mod who;
mod why;
mod wire;
mod workflows;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures_util::FutureExt as _;
use tokio::sync::{Mutex, OnceCell};

use self::http::Http;
use super::types::{
    Abilities, Approval, Approver, Author, Closing, Committed, Committing, Listing, Merged,
    Merging, NewPull, Opened, Part, PullText, Tending,
};
use super::{Answer, Forge, ForgeError};
use crate::config::forge::{GitHubBudget, GitHubLogin, GitHubPlace};
use crate::git::{Fetched, Lender};
use crate::model::workflow_run::{Dispatch, WorkflowFile, WorkflowRun};
use crate::model::{CommitCheck, CommitId, CommitStatus, Deployment, DeploymentState, Timestamp};
use app::App;
use client::Client;
use login::{GitLogin, Login};

/// Pull requests of a repository on GitHub, or on a GitHub Enterprise server.
#[derive(Debug)]
pub struct GitHubForge {
    client: Client,
    http: Arc<Http>,
    login: Arc<Login>,
    /// `owner/name`.
    repository: String,
    /// The base branch, if the operator names one.
    base: Option<String>,
    who: OnceCell<Option<String>>,
    budget: GitHubBudget,
    /// Whether we record deployments.
    deployments: bool,
    /// Repositories whose workflows we may start.
    workflows: Vec<String>,
    known: Mutex<list::Known>,
    /// GitHub said that the base is merged into by a queue.
    queue_met: AtomicBool,
    /// `@login` by address.
    accounts: Mutex<BTreeMap<String, String>>,
    /// The address by which GitHub commits.
    noreply: String,
    /// Whether that is certain before it was seen.
    noreply_sure: bool,
    /// Whom commits are by that it makes in our name, once that is known.
    author: Mutex<Option<Author>>,
}

impl GitHubForge {
    /// For a repository. `base` is the branch that pull requests go to; without it GitHub's default branch.
    ///
    /// # Errors
    /// When the address of the API cannot be used.
    pub fn new(place: GitHubPlace, base: Option<String>) -> Result<Self, ForgeError> {
        Self::at(place, base, Timestamp::now)
    }

    /// The same with another clock, which tells whether an App's tokens are still good.
    ///
    /// # Errors
    /// When the address of the API, or the App's key, cannot be used.
    pub fn at(
        place: GitHubPlace,
        base: Option<String>,
        clock: fn() -> Timestamp,
    ) -> Result<Self, ForgeError> {
        let http = Http::new(&place.api).map_err(|error| {
            let api = &place.api;
            ForgeError::Invalid(format!("`forge.github.api: {api}` cannot be used: {error}"))
        })?;
        let login = match place.login {
            GitHubLogin::Token(token) => Login::Token(token),
            GitHubLogin::App(app) => {
                let app = App::new(&app, &place.repository, clock)?;
                Login::App(Box::new(
                    app.recording(place.deployments, !place.workflows.is_empty()),
                ))
            }
        };
        let (http, login) = (Arc::new(http), Arc::new(login));
        Ok(Self {
            client: Client::new(Arc::clone(&http), Arc::clone(&login), place.budget.pause),
            http,
            login,
            repository: place.repository,
            base,
            who: OnceCell::new(),
            budget: place.budget,
            deployments: place.deployments,
            workflows: place.workflows,
            known: Mutex::default(),
            queue_met: AtomicBool::new(false),
            accounts: Mutex::default(),
            noreply: place.noreply,
            noreply_sure: place.noreply_sure,
            author: Mutex::default(),
        })
    }

    /// Who lends an App's tokens to Git at `origin`; `None` where we are no App.
    pub fn lender(&self, origin: String) -> Option<Arc<dyn Lender>> {
        self.login.app()?;
        Some(Arc::new(GitLogin {
            http: Arc::clone(&self.http),
            login: Arc::clone(&self.login),
            origin,
            last: Mutex::default(),
        }))
    }

    /// An address below the repository's.
    fn route(&self, rest: &str) -> String {
        format!("/repos/{}{rest}", self.repository)
    }

    /// The repository as it is now: its default branch may get another name.
    async fn facts(&self) -> Result<wire::Repository, ForgeError> {
        let route = self.route("");
        self.client.get("show the repository", &route, &[]).await
    }

    /// The branch that pull requests go to.
    async fn base(&self) -> Result<String, ForgeError> {
        match &self.base {
            Some(base) => Ok(base.clone()),
            None => Ok(self.facts().await?.default_branch),
        }
    }
}

/// The number behind an id.
fn number(id: &str) -> Result<u64, ForgeError> {
    let digits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| id.parse().ok())
        .flatten()
        .ok_or_else(|| ForgeError::NotFound(id.chars().take(80).collect()))
}

impl Forge for GitHubForge {
    fn name(&self) -> &'static str {
        "github"
    }

    fn abilities(&self) -> Answer<'_, Abilities> {
        self.what_we_may().boxed()
    }

    fn list<'a>(&'a self, fetched: &'a Fetched) -> Answer<'a, Listing> {
        self.read_all(fetched).boxed()
    }

    fn approvals<'a>(
        &'a self,
        id: &'a str,
        head: &'a CommitId,
    ) -> Answer<'a, Option<Vec<Approval>>> {
        self.approvals_of_merged(id, head).boxed()
    }

    fn members<'a>(&'a self, team: &'a str) -> Answer<'a, Option<Vec<String>>> {
        self.team(team).boxed()
    }

    fn account<'a>(&'a self, email: &'a str) -> Answer<'a, Option<String>> {
        self.account_of(email).boxed()
    }

    fn open(&self, new: NewPull) -> Answer<'_, Opened> {
        self.create(new).boxed()
    }

    fn update_text<'a>(&'a self, id: &'a str, text: PullText, _now: Timestamp) -> Answer<'a, bool> {
        self.set_text(id, text).boxed()
    }

    fn close<'a>(&'a self, id: &'a str, closing: Closing) -> Answer<'a, bool> {
        self.set_closed(id, closing).boxed()
    }

    fn reopen<'a>(&'a self, id: &'a str, _now: Timestamp) -> Answer<'a, bool> {
        self.set_open(id).boxed()
    }

    fn approve<'a>(
        &'a self,
        id: &'a str,
        _head: CommitId,
        _approver: Approver,
    ) -> Answer<'a, Approval> {
        // A review bears the name of whoever's token sent it, and ours must not count.
        let message = format!(
            "pull request {id} is approved on GitHub, by a review of its present head; an approval from here would be ours"
        );
        futures_util::future::ready(Err(ForgeError::Invalid(message))).boxed()
    }

    fn merge<'a>(&'a self, id: &'a str, merging: Merging) -> Answer<'a, Merged> {
        self.land(id, merging).boxed()
    }

    fn enqueue<'a>(&'a self, id: &'a str, head: &'a CommitId) -> Answer<'a, Option<u32>> {
        self.add_to_queue(id, head).boxed()
    }

    fn shown<'a>(&'a self, commit: &'a CommitId) -> Answer<'a, Vec<CommitStatus>> {
        self.statuses(commit).boxed()
    }

    fn tend<'a>(&'a self, id: &'a str, tending: Tending) -> Answer<'a, Vec<(Part, ForgeError)>> {
        self.tend_to(id, tending).boxed()
    }

    fn checks<'a>(&'a self, commit: &'a CommitId) -> Answer<'a, Option<Vec<CommitCheck>>> {
        self.said_of(commit).map(|said| said.map(Some)).boxed()
    }

    fn set_status<'a>(&'a self, head: &'a CommitId, status: &'a CommitStatus) -> Answer<'a, ()> {
        self.put_status(head, status).boxed()
    }

    fn author(&self) -> Answer<'_, Author> {
        self.author_of_ours().boxed()
    }

    fn commit(&self, new: Committing) -> Answer<'_, Committed> {
        self.make(new).boxed()
    }

    fn runs<'a>(
        &'a self,
        workflow: &'a WorkflowFile,
        since: Timestamp,
    ) -> Answer<'a, Option<Vec<WorkflowRun>>> {
        let runs = self.runs_of(workflow, since);
        runs.map(|runs| runs.map(Some)).boxed()
    }

    fn dispatch<'a>(&'a self, dispatch: &'a Dispatch) -> Answer<'a, Option<u64>> {
        self.start(dispatch).boxed()
    }

    fn deployments<'a>(
        &'a self,
        environment: &'a str,
        keys: &'a BTreeSet<String>,
    ) -> Answer<'a, Option<BTreeMap<String, DeploymentState>>> {
        let found = self.deployed(environment, keys);
        found.map(|found| found.map(Some)).boxed()
    }

    fn record_deployment<'a>(
        &'a self,
        deployment: &'a Deployment,
        state: DeploymentState,
        words: &'a str,
    ) -> Answer<'a, ()> {
        self.show_deployment(deployment, state, words).boxed()
    }

    fn record_merge<'a>(&'a self, id: &'a str, _now: Timestamp) -> Answer<'a, Option<CommitId>> {
        self.merged_as(id).boxed()
    }
}
