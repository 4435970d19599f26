//! A model of GitHub on loopback, spoken to through the real client: one repository `acme/deploy` whose Git side is a
//! bare repository on disk, served over smart HTTP too, with its people, pull requests, reviews, checks and deployments.
//! Heads, bases, merges and conflicts are real commits. Every request and every answer is held against GitHub's published
//! description; whatever differs, and is not among the known deviations, fails the test when the model is dropped.
//!
//! ```text
//! let github = GitHub::start().await;                               // or `with(&[("a.yaml", "a: 1\n")])`
//! let client = github.client(&github.token("headwater-bot"));       // a plain user; `app_client()` is `headwater[bot]`
//! let head = github.push("headwater/promote/x", &[("a.yaml", "a: 2\n")], "headwater-bot");
//! let number = github.open("headwater/promote/x", "Promote x", "headwater-bot");   // or through the client
//! github.approve(number, "mara");
//! github.advance("2h");
//! github.merge_by(number, "mara", Method::Squash);
//! assert_eq!(github.pull(number).state, State::Merged);
//! assert_eq!(github.writing(), 0);                                   // no request of anybody's wrote anything
//! ```
//!
//! **Where**: REST at [`GitHub::api`] (`http://127.0.0.1:PORT/api/v3`, as an Enterprise server has it) and at the root
//! ([`GitHub::origin`]); GraphQL at `/api/graphql` and `/graphql`; Git at [`GitHub::git_url`], with a token in it at
//! [`GitHub::git_url_as`] (`x-access-token:TOKEN`). Addresses inside answers carry the `Host` that was asked, so a
//! `FaultProxy` may stand in front.
//!
//! **Who**: `mara` (admin), `otto` and `headwater-bot` (write), `rita` (read), `nobody` (none); `add_user` adds more;
//! [`GitHub::token`] gives the token of any of them. `team("release", &["mara"])` makes a team. The App `headwater` is installed:
//! [`GitHub::app`] has its id, installation and private key, its login is `headwater[bot]`. Its tokens live for an hour of the
//! real clock (the client reads that); [`GitHub::revoke_tokens`] ends all of them at once.
//!
//! **When**: the model's clock stands still at 2026-01-05T09:00:00Z until `advance` or `set_time`.
//!
//! **People's acts**: `push`, `delete_branch`, `open`, `approve`, `request_changes`, `dismiss`, `close`, `reopen`, `merge_by`,
//! `edit_body`, `edit_title`, `label`, `comment`, `update_branch`, `protect`, `check` (a check run of somebody else's App), `status`.
//! They ask as GitHub's pages would, count as nobody's requests, and panic where GitHub would refuse. What others push straight into
//! [`GitHub::bare`] is noticed with the next request.
//!
//! **Faults**: `fault(Rule::on("POST", "/pulls$").once(), Fault::LoseAnswer)`; the first rule that fits decides, rules as in
//! the fault proxy; the path is that without `/api/v3`.
//!
//! | what shall happen | fault |
//! | --- | --- |
//! | this answer without doing anything (403, 410, 451, 502, HTML, cut JSON, ...) | [`Fault::status`], [`Fault::reply`] |
//! | done, but the connection breaks before the answer | [`Fault::LoseAnswer`] |
//! | not done, the connection breaks | [`Fault::LoseRequest`] |
//! | done after this long | [`Fault::Delay`] |
//! | a list as it was before the last so many changes | [`Fault::Stale`] |
//! | 403, nothing remaining, until so many seconds from now by the model's clock | [`Fault::PrimaryLimit`] |
//! | 403 with or without `retry-after` in seconds | [`Fault::SecondaryLimit`] |
//! | 401, 404 | `revoke_tokens`, `set_permission(login, Permission::None)`, `suspend_app` |
//! | `mergeable: null` as long as it lasts | `know_mergeability(false)` |
//! | a merge queue: a ruleset that wants it, groups that are built, and what comes of them | `demand`, `build_groups`, `run_queue` |
//!
//! **Counters**: [`GitHub::requests`] by method and path, [`GitHub::reading`] (GET), [`GitHub::writing`] (all else but tokens and GraphQL
//! queries), [`GitHub::content`] (those that notify people: pull requests, reviews, comments, merges), [`GitHub::conditional`] (answered 304; they count
//! against no limit), [`GitHub::seen`] for all of them, [`GitHub::forget_requests`] to begin anew.

mod acts;
mod bare;
mod call;
mod contract;
mod dispatch;
mod endpoint;
mod fault;
mod git;
mod graphql;
mod limits;
mod merging;
mod people;
mod queue;
mod records;
mod server;
mod state;
mod traffic;
mod view;
mod wire;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use headwater::config::forge::GitHubAppSettings;
use headwater::model::{Period, Timestamp};
use octocrab::Octocrab;
use octocrab::models::{AppId, InstallationId};
use octocrab::service::middleware::retry::RetryConfig;
use tempfile::TempDir;

pub(crate) use acts::Method;
pub(crate) use fault::Fault;
pub(crate) use people::Permission;
pub(crate) use records::{Happening, Protection, Pull, Records};
pub(crate) use traffic::{Asked, Kind};

use super::git_http::bare_repository;
use people::Actor;
use server::Model;
use state::State;
use traffic::Traffic;
use wire::{CutListener, Cutter};

use super::fault_proxy::Rule;

/// Monday, 2026-01-05T09:00:00Z.
const BEGIN: i64 = 1_767_603_600;

/// The running model; it stops, and asserts that everything was as published, when it is dropped.
pub(crate) struct GitHub {
    folder: TempDir,
    address: SocketAddr,
    model: Arc<Model>,
    task: tokio::task::JoinHandle<()>,
}

/// How an App proves itself.
pub(crate) struct AppKey {
    /// Its number.
    pub(crate) id: u64,
    /// The number of its installation in `acme`.
    pub(crate) installation: u64,
    /// Its private key.
    pub(crate) pem: &'static str,
}

impl AppKey {
    /// As an operator sets it.
    pub(crate) fn settings(&self) -> GitHubAppSettings {
        GitHubAppSettings {
            id: self.id.to_string(),
            private_key: self.pem.to_owned().into(),
            ..GitHubAppSettings::default()
        }
    }
}

impl GitHub {
    /// With one small file on `main`.
    pub(crate) async fn start() -> Self {
        Self::with(&[("README.md", "deployments of acme\n")]).await
    }

    /// With these files on `main`.
    pub(crate) async fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let owner = folder.path().join(view::OWNER);
        std::fs::create_dir(&owner).unwrap();
        let bare = bare_repository(&owner, &format!("{}.git", view::NAME), files);
        git::prepare(&bare);
        let now = Timestamp::from_second(BEGIN).unwrap();
        let model = Arc::new(Model {
            root: folder.path().to_owned(),
            state: Mutex::new(State::new(&bare, now)),
            bare,
            traffic: Mutex::new(Traffic::new()),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = CutListener(listener);
        let address = listener.address();
        let app = Router::new()
            .fallback(server::handle)
            .with_state(Arc::clone(&model))
            .into_make_service_with_connect_info::<Cutter>();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            folder,
            address,
            model,
            task,
        }
    }

    /// Host and port.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where REST is on an Enterprise server.
    pub(crate) fn api(&self) -> String {
        format!("{}/api/v3", self.origin())
    }

    /// Where GraphQL is on an Enterprise server. The real client puts `/api/v3` before it, so only others reach it.
    pub(crate) fn graphql(&self) -> String {
        format!("{}/api/graphql", self.origin())
    }

    /// Where Git is.
    pub(crate) fn git_url(&self) -> String {
        format!("{}/{}/{}.git", self.origin(), view::OWNER, view::NAME)
    }

    /// Where Git is, with a token in it.
    pub(crate) fn git_url_as(&self, token: &str) -> String {
        self.git_url()
            .replacen("http://", &format!("http://x-access-token:{token}@"), 1)
    }

    /// The bare repository itself.
    pub(crate) fn bare(&self) -> &Path {
        &self.model.bare
    }

    /// A folder that goes with the model.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A new token of a user's.
    pub(crate) fn token(&self, login: &str) -> String {
        let mut state = self.state();
        let login = state.people.user(login).login.clone();
        state.people.issue(Actor::User(login), None)
    }

    /// A new token of the App's installation, good for so many seconds of the real clock.
    pub(crate) fn installation_token(&self, seconds: i64) -> String {
        let until = Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap();
        let mut state = self.state();
        state.people.issue(Actor::Installation, Some(until))
    }

    /// How the App proves itself.
    pub(crate) fn app(&self) -> AppKey {
        AppKey {
            id: people::APP,
            installation: people::INSTALLATION,
            pem: &people::app_key().0,
        }
    }

    /// The real client with a user's token, as with an Enterprise server; it repeats nothing by itself.
    pub(crate) fn client(&self, token: &str) -> Octocrab {
        Self::client_at(&self.api(), token)
    }

    /// The same as with github.com, where REST is at the root and GraphQL beside it.
    pub(crate) fn root_client(&self, token: &str) -> Octocrab {
        Self::client_at(&self.origin(), token)
    }

    fn client_at(base: &str, token: &str) -> Octocrab {
        Octocrab::builder()
            .base_uri(base)
            .unwrap()
            .add_retry_config(RetryConfig::None)
            .personal_token(token.to_owned())
            .build()
            .unwrap()
    }

    /// The real client as the App's installation; it repeats nothing by itself.
    pub(crate) fn app_client(&self) -> Octocrab {
        let AppKey {
            id,
            installation,
            pem,
        } = self.app();
        let key = octocrab::EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        Octocrab::builder()
            .base_uri(self.api())
            .unwrap()
            .add_retry_config(RetryConfig::None)
            .app(AppId(id), key)
            .build()
            .unwrap()
            .installation(InstallationId(installation))
            .unwrap()
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Timestamp {
        self.state().now
    }

    /// Sets the clock.
    pub(crate) fn set_time(&self, now: Timestamp) {
        self.state().now = now;
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, period: &str) {
        let period: Period = period.parse().unwrap();
        let mut state = self.state();
        state.now = period.after(state.now);
    }

    /// Everything that GitHub keeps, as it is now.
    pub(crate) fn records(&self) -> Records {
        let mut state = self.state();
        state.look(None);
        state.records.clone()
    }

    /// A pull request, as it is now.
    pub(crate) fn pull(&self, number: u64) -> Pull {
        self.records().pulls[&number].clone()
    }

    /// All pull requests, by number.
    pub(crate) fn pulls(&self) -> Vec<Pull> {
        self.records().pulls.into_values().collect()
    }

    /// From now on requests that fit the rule meet the fault.
    pub(crate) fn fault(&self, rule: Rule, fault: Fault) {
        self.model.traffic.lock().unwrap().add(rule, fault);
    }

    /// Whoever makes the first request that fits the rule dies of it: it meets the fault ([`Fault::LoseRequest`] before it is
    /// done, [`Fault::LoseAnswer`] after), and nothing gets through after it until [`Self::heal`].
    pub(crate) fn die(&self, rule: Rule, fault: Fault) {
        self.model.traffic.lock().unwrap().die(rule, fault);
    }

    /// Whether that has happened.
    pub(crate) fn is_dead(&self) -> bool {
        self.model.traffic.lock().unwrap().dead
    }

    /// From now on everything goes well.
    pub(crate) fn heal(&self) {
        self.model.traffic.lock().unwrap().heal();
    }

    /// How many requests of a method (`*` is any) to a path (a regular expression) there were.
    pub(crate) fn requests(&self, method: &str, path: &str) -> usize {
        let path = regex::Regex::new(path).unwrap();
        let fits = |asked: &&Asked| {
            (method == "*" || method == asked.method) && path.is_match(&asked.path)
        };
        self.seen().iter().filter(fits).count()
    }

    /// All requests so far, in the order in which they came.
    pub(crate) fn seen(&self) -> Vec<Asked> {
        self.model.traffic.lock().unwrap().seen.clone()
    }

    /// How many requests read and were answered anew.
    pub(crate) fn reading(&self) -> usize {
        self.count(|asked| asked.kind == Kind::Read && asked.status != Some(304))
    }

    /// How many requests wrote or tried to.
    pub(crate) fn writing(&self) -> usize {
        self.count(|asked| asked.kind == Kind::Write)
    }

    /// How many requests there were that people are notified of.
    pub(crate) fn content(&self) -> usize {
        self.count(|asked| asked.content)
    }

    /// How many requests read what had not changed.
    pub(crate) fn conditional(&self) -> usize {
        self.count(|asked| asked.status == Some(304))
    }

    fn count(&self, fits: impl Fn(&Asked) -> bool) -> usize {
        self.seen().iter().filter(|asked| fits(asked)).count()
    }

    /// Begins to count anew.
    pub(crate) fn forget_requests(&self) {
        self.model.traffic.lock().unwrap().seen.clear();
    }

    /// What was not as published so far; whoever takes it answers for it.
    pub(crate) fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.model.traffic.lock().unwrap().violations)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.model.state.lock().unwrap()
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        self.task.abort();
        if !std::thread::panicking() {
            let violations = self.take_violations();
            let list = violations.join("\n  ");
            assert!(
                violations.is_empty(),
                "not as GitHub publishes it:\n  {list}"
            );
        }
    }
}

/// Published operations that nothing carries out, and the other way round.
pub(crate) fn unmatched_routes() -> (Vec<String>, Vec<String>) {
    let published: Vec<&str> = contract::Contract::published().names().collect();
    let spoken: Vec<&str> = endpoint::ROUTES.iter().map(|r| r.operation).collect();
    let without = |all: &[&str], others: &[&str]| {
        let missing = all.iter().filter(|name| !others.contains(name));
        missing.map(|name| (*name).to_owned()).collect()
    };
    (without(&published, &spoken), without(&spoken, &published))
}
