//! A world to tell stories in: a repository, an embedded registry known as `registry.example`, the engine, people, and a
//! clock that stands still until it is advanced.
//!
//! ```text
//! let mut world = World::example().await;
//! let build = world.push_build("acme/myapp:main", "1.2.0", &[("tests", "passed")]);
//! world.settle().await;
//! world.advance("35m");
//! assert_eq!(world.head("myapp", "qa-stable"), Some(build));
//! ```

mod people;
pub(crate) mod small;

use std::collections::BTreeMap;
use std::path::PathBuf;

use headwater::cli::engine::{Engine, Opening};
use headwater::cli::output::time::Zone;
use headwater::cli::view::plan::PlanView;
use headwater::cli::view::{Frame, View as _};
use headwater::config::Settings;
use headwater::config::forge::{ForgeKind, GitHubBudget, GitHubPlace, GitHubSettings, Trust};
use headwater::config::git::CommitWay;
use headwater::config::registry::RegistryEntry;
use headwater::demo::registry::{BuildSpec, EmbeddedRegistry};
use headwater::forge::{Approver, Closing, PullRequest, PullState};
use headwater::git::Person;
use headwater::model::{Delivery, Digest, Period, StageKey, Timestamp};
use headwater::observe::Progress;
use headwater::plan::acts::{self, Act, ActError, Named};
use headwater::plan::{Observation, Plan, StageReport, State};
use headwater::reconciler::Pass;
use tempfile::TempDir;

pub(crate) use people::{Files, Repository};

use super::git_http::GitHttp;
use super::github::GitHub;
use super::hermetic::example_content;

/// Monday, 2026-01-05T09:00:00Z.
const BEGIN: i64 = 1_767_603_600;
/// Passes that no story of these tests needs.
const MANY: usize = 12;

/// Everything there is. It is gone when dropped.
pub(crate) struct World {
    folder: TempDir,
    /// The repository, as people and tests see it.
    pub(crate) repository: Repository,
    /// What `registry.example` serves.
    pub(crate) registry: EmbeddedRegistry,
    /// The engine that passes are made with.
    pub(crate) engine: Engine,
    settings: Settings,
    location: String,
    server: Option<GitHttp>,
    now: Timestamp,
    restarts: usize,
}

impl World {
    /// The example content of this project.
    pub(crate) async fn example() -> Self {
        Self::begin(example_content(), false).await
    }

    /// The small repository ([`small`]), used in place.
    pub(crate) async fn small() -> Self {
        Self::with(&[]).await
    }

    /// The small repository with some files more or others, used in place. An empty text takes a file away.
    pub(crate) async fn with(files: &[(&str, &str)]) -> Self {
        Self::begin(small_with(files), false).await
    }

    /// The same, served over smart HTTP: pushes race as they do in earnest.
    pub(crate) async fn served(files: &[(&str, &str)]) -> Self {
        Self::begin(small_with(files), true).await
    }

    /// The small repository on a GitHub, on top of what lies there.
    pub(crate) async fn on_github(github: &GitHub) -> Self {
        let settings = GitHubSettings {
            token: github.token("headwater-bot").into(),
            ..GitHubSettings::default()
        };
        Self::on_github_as(github, settings).await
    }

    /// The same as the App that is installed there.
    pub(crate) async fn on_github_as_app(github: &GitHub) -> Self {
        let settings = GitHubSettings {
            app: Some(github.app().settings()),
            ..GitHubSettings::default()
        };
        Self::on_github_as(github, settings).await
    }

    /// From now on we are the App that is installed at the GitHub; takes a restart.
    pub(crate) fn become_app(&mut self, github: &GitHub) {
        let settings = &mut self.settings.forge.github;
        settings.token = String::new().into();
        settings.app = Some(github.app().settings());
        self.restart();
    }

    /// Where we are at GitHub, and who.
    pub(crate) fn github_place(&self) -> GitHubPlace {
        let settings = &self.settings.forge.github;
        settings.place(&self.location, |_| None).unwrap()
    }

    /// The same where GitHub makes our commits, as the App that is installed there.
    pub(crate) async fn on_github_signed(github: &GitHub) -> Self {
        let who = GitHubSettings {
            app: Some(github.app().settings()),
            ..GitHubSettings::default()
        };
        Self::on_github_signed_as(github, who, "headwater[bot]").await
    }

    /// The same as whoever the settings say, who has this login.
    pub(crate) async fn on_github_signed_as(
        github: &GitHub,
        who: GitHubSettings,
        login: &str,
    ) -> Self {
        let mut world = Self::on_github_as(github, who).await;
        world.settings.git.commits = CommitWay::Api;
        world.settings.git.committer.name = login.to_owned();
        world.settings.git.committer.email = github.email(login);
        world.settings.forge.github.noreply = Some("noreply@github.com".to_owned());
        world.engine = open(&world.settings, &world.location);
        world
    }

    /// What the operator set; takes a restart.
    pub(crate) fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// The same as whoever the settings say.
    pub(crate) async fn on_github_as(github: &GitHub, who: GitHubSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(BEGIN).unwrap();
        let repository = Repository::open(github.bare());
        repository.commit("Mara", now, "Begin", &small_with(&[]));
        let registry = EmbeddedRegistry::start().await.unwrap();
        let location = github.git_url();
        let mut settings = settings(&folder.path().join("cache"), &registry);
        settings.forge.kind = ForgeKind::GitHub;
        settings.forge.github = GitHubSettings {
            repository: Some("acme/deploy".to_owned()),
            api: Some(github.api()),
            budget: GitHubBudget {
                pause: Period::seconds(0),
                ..who.budget
            },
            ..who
        };
        let engine = open(&settings, &location);
        Self {
            folder,
            repository,
            registry,
            engine,
            settings,
            location,
            server: None,
            now,
            restarts: 0,
        }
    }

    async fn begin(files: Files, http: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(BEGIN).unwrap();
        let repository = Repository::init(&folder.path().join("base.git"));
        repository.commit("Mara", now, "Begin", &files);
        let registry = EmbeddedRegistry::start().await.unwrap();
        let server = if http {
            Some(GitHttp::serve(folder.path(), None).await)
        } else {
            None
        };
        let location = server.as_ref().map_or_else(
            || repository.path().display().to_string(),
            |server| server.url("base.git"),
        );
        let settings = settings(&folder.path().join("cache"), &registry);
        let engine = open(&settings, &location);
        Self {
            folder,
            repository,
            registry,
            engine,
            settings,
            location,
            server,
            now,
            restarts: 0,
        }
    }

    /// The server, where the repository is served.
    pub(crate) fn server(&self) -> &GitHttp {
        self.server.as_ref().expect("the repository is served")
    }

    /// A folder for what a story needs beside the repository.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, period: &str) {
        let period: Period = period.parse().unwrap();
        self.now = period.after(self.now);
    }

    /// The clock is put back.
    pub(crate) fn turn_back(&mut self, period: &str) {
        let period: Period = period.parse().unwrap();
        let seconds = i64::try_from(period.as_seconds()).unwrap();
        self.now = Timestamp::from_second(self.now.as_second() - seconds).unwrap();
    }

    /// A build pushed to `repository:tag`, with a version and labels; its digest.
    pub(crate) fn push_build(&self, place: &str, version: &str, labels: &[(&str, &str)]) -> Digest {
        self.push_image(place, version, labels, &[])
    }

    /// A build for several platforms.
    pub(crate) fn push_image(
        &self,
        place: &str,
        version: &str,
        labels: &[(&str, &str)],
        platforms: &[(&str, &str)],
    ) -> Digest {
        let (repository, tag) = place.split_once(':').expect("`repository:tag`");
        let version = ("org.opencontainers.image.version", version);
        let labels = labels.iter().chain(Some(&version));
        let spec = BuildSpec {
            labels: labels.map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            content: format!("{place} {version:?}"),
            platforms: platforms
                .iter()
                .map(|(os, arch)| ((*os).into(), (*arch).into()))
                .collect(),
        };
        self.registry.push(repository, tag, spec)
    }

    /// One pass.
    pub(crate) async fn pass(&self) -> Pass {
        self.engine.reconciler.pass(self.now).await.unwrap()
    }

    /// What `headwater run` does; how many passes it took.
    pub(crate) async fn run_once(&self) -> usize {
        let passes = self.engine.reconciler.run(self.now).await.unwrap();
        for pass in &passes {
            let refused = &pass.receipt.refused;
            assert!(refused.is_empty(), "{refused:?}\n{}", shown(&pass.plan));
        }
        passes.len()
    }

    /// Passes at one instant until a plan is empty, within as many as the first law allows.
    pub(crate) async fn settle(&self) -> Vec<Pass> {
        let mut passes = Vec::new();
        loop {
            let pass = self.pass().await;
            let refused = &pass.receipt.refused;
            assert!(refused.is_empty(), "{refused:?}\n{}", shown(&pass.plan));
            let empty = pass.plan.is_empty();
            let most = needed(&pass.plan) + 2;
            passes.push(pass);
            if empty {
                return passes;
            }
            let story = || passes.iter().map(|p| shown(&p.plan)).collect::<Vec<_>>();
            assert!(
                passes.len() <= most.min(MANY),
                "it does not come to rest:\n{}",
                story().join("\n\n")
            );
        }
    }

    /// What a pass would do now, and what it rests on.
    pub(crate) async fn observed(&self) -> (Observation, Plan) {
        self.engine.reconciler.plan(self.now).await.unwrap()
    }

    /// What a pass would do now.
    pub(crate) async fn plan(&self) -> Plan {
        self.observed().await.1
    }

    /// What is said of a stage, `pipeline/stage`.
    pub(crate) async fn stage(&self, key: &str) -> StageReport {
        stage(&self.plan().await, key)
    }

    /// Fails unless a stage is in this state, for a reason that contains these words.
    pub(crate) async fn assert_stage(&self, key: &str, state: State, why: &str) {
        let plan = self.plan().await;
        let stage = stage(&plan, key);
        assert!(
            stage.state == state && stage.why.contains(why),
            "{key} should be {state:?} because of `{why}`, but is {:?}: {}\n{}",
            stage.state,
            stage.why,
            shown(&plan)
        );
    }

    /// Fails unless there is nothing to do.
    pub(crate) async fn assert_nothing_to_do(&self) {
        let plan = self.plan().await;
        assert!(plan.is_empty(), "something is left to do\n{}", shown(&plan));
    }

    /// Fails unless some hold bears this reason and these words; gives it.
    pub(crate) async fn assert_hold(&self, reason: &str, words: &str) -> String {
        let plan = self.plan().await;
        let found = plan
            .holds
            .iter()
            .find(|h| h.reason == reason && h.why.contains(words));
        let found = found.unwrap_or_else(|| {
            panic!(
                "nothing is held for {reason} with `{words}`: {:#?}\n{}",
                plan.holds,
                shown(&plan)
            )
        });
        found.why.clone()
    }

    /// Where a tag of a stream points on the base, read from the file itself.
    pub(crate) fn head(&self, stream: &str, tag: &str) -> Option<Digest> {
        self.repository.heads("main").remove(&key(stream, tag))
    }

    /// All outputs of an application, one after the other.
    pub(crate) fn rendered(&self, environment: &str, application: &str) -> String {
        let folder = format!("environments/{environment}/rendered/{application}/");
        let files = self.repository.files("main");
        let mine = files.iter().filter(|(path, _)| path.starts_with(&folder));
        let texts: Vec<&str> = mine.map(|(_, text)| text.as_str()).collect();
        texts.join("---\n")
    }

    /// A commit by a person on the base.
    pub(crate) fn person_commits(&self, files: &[(&str, &str)], message: &str) -> String {
        self.repository
            .commit("Mara", self.now, message, &owned(files))
    }

    /// A person deletes files on the base.
    pub(crate) fn person_deletes(&self, paths: &[&str], message: &str) -> String {
        let files: Files = paths.iter().map(|p| ((*p).to_owned(), None)).collect();
        self.repository.commit("Mara", self.now, message, &files)
    }

    /// A person replaces a piece of a file, which must be there.
    pub(crate) fn person_edits(&self, path: &str, from: &str, to: &str) -> String {
        let text = self.repository.text("main", path).expect("the file exists");
        assert!(text.contains(from), "`{from}` is not in {path}:\n{text}");
        self.person_commits(&[(path, &text.replacen(from, to, 1))], "Edit by hand")
    }

    /// `git revert` of a commit, pushed.
    pub(crate) fn person_reverts(&self, commit: &str) -> String {
        self.try_revert(commit).expect("it can be reverted")
    }

    /// The same, where it can be done.
    pub(crate) fn try_revert(&self, commit: &str) -> Option<String> {
        self.repository.revert("Mara", self.now, commit)
    }

    /// A person writes down what an act of the command line would write.
    pub(crate) fn person_does(&self, act: &Act) -> String {
        let files = act.files.iter().map(|(path, text)| {
            (
                path.to_string(),
                text.as_ref().map(|t| t.clone().into_bytes()),
            )
        });
        let files: Files = files.collect();
        self.repository
            .commit("Mara", self.now, &act.message, &files)
    }

    /// A build of the small world's application that reached qa and was proposed for prod.
    pub(crate) async fn proposed(&mut self, version: &str) -> (Digest, PullRequest) {
        let build = self.good_build(version);
        self.settle().await;
        (build, self.open_pull().await)
    }

    /// A build of the small world's application that went all the way.
    pub(crate) async fn delivered(&mut self, version: &str) -> Digest {
        let (build, pull) = self.proposed(version).await;
        self.approve(&pull, "Ines").await;
        self.settle().await;
        assert_eq!(self.head("app", "prod").as_ref(), Some(&build));
        build
    }

    /// A build of the small world's application whose tests passed, a minute later, so that its source is asked again.
    pub(crate) fn good_build(&mut self, version: &str) -> Digest {
        self.advance("1m");
        self.push_build("acme/app:main", version, &[("tests", "passed")])
    }

    /// What an act of the command line would change.
    pub(crate) async fn act(
        &self,
        act: impl Fn(&Observation) -> Result<Act, ActError>,
    ) -> Result<Act, ActError> {
        let (mut observation, _) = self.observed().await;
        for _ in 0..4 {
            match act(&observation) {
                Err(ActError::Asking(questions)) => {
                    let observer = &self.engine.reconciler.observer;
                    observer.answer(&mut observation, &questions).await.unwrap();
                }
                done => return done,
            }
        }
        panic!("an act asks for ever");
    }

    /// `headwater rollback`, committed by Mara; the commit.
    pub(crate) async fn rolls_back(&self, key: &str) -> String {
        let mara = acts::Person {
            by: "mara@example.com".to_owned(),
            reason: "it hurts".to_owned(),
        };
        let key: StageKey = key.parse().unwrap();
        let act = self.act(|obs| acts::rollback(obs, &key, &Named::Previous, &mara));
        self.person_does(&act.await.unwrap())
    }

    /// `headwater promote`, committed by Mara; the commit.
    pub(crate) async fn promotes(&self, key: &str) -> String {
        let mara = acts::Person {
            by: "mara@example.com".to_owned(),
            reason: "it is time".to_owned(),
        };
        let key: StageKey = key.parse().unwrap();
        let act = self.act(|obs| acts::promote(obs, &key, None, &[], &mara));
        self.person_does(&act.await.unwrap())
    }

    /// `headwater unhold`, committed by Mara; the act.
    pub(crate) async fn unholds(&self, key: &str) -> Act {
        let mara = acts::Person {
            by: "mara@example.com".to_owned(),
            reason: "it is mended".to_owned(),
        };
        let key: StageKey = key.parse().unwrap();
        let act = self.act(|obs| acts::unhold(obs, &key, None, &mara));
        let act = act.await.unwrap();
        if !act.files.is_empty() {
            self.person_does(&act);
        }
        act
    }

    /// All pull requests, by id.
    pub(crate) async fn pulls(&self) -> BTreeMap<String, PullRequest> {
        let fetched = self.engine.git.fetch().await.unwrap();
        let listing = self.engine.forge.list(&fetched).await.unwrap();
        assert!(listing.problems.is_empty(), "{:?}", listing.problems);
        let pulls = listing.pulls.into_iter();
        pulls.map(|p| (p.id.clone(), p)).collect()
    }

    /// The only open pull request.
    pub(crate) async fn open_pull(&self) -> PullRequest {
        let pulls = self.pulls().await;
        let mut open: Vec<PullRequest> = pulls
            .into_values()
            .filter(|p| p.state == PullState::Open)
            .collect();
        assert_eq!(open.len(), 1, "{open:#?}");
        open.remove(0)
    }

    /// Somebody approves the head that a pull request has now.
    pub(crate) async fn approve(&self, pull: &PullRequest, who: &str) {
        let approver = Approver {
            person: person(who),
            key: None,
            now: self.now,
        };
        let head = self.pulls().await[&pull.id].head.clone();
        self.engine
            .forge
            .approve(&pull.id, head, approver)
            .await
            .unwrap();
    }

    /// Somebody closes a pull request without merging it.
    pub(crate) async fn close(&self, pull: &PullRequest, who: &str) {
        let closing = Closing {
            by: Some(who.to_owned()),
            reason: "not this one".to_owned(),
            text: None,
            now: self.now,
        };
        self.engine.forge.close(&pull.id, closing).await.unwrap();
    }

    /// Somebody opens a closed pull request again.
    pub(crate) async fn reopen(&self, pull: &PullRequest) {
        self.engine.forge.reopen(&pull.id, self.now).await.unwrap();
    }

    /// A process of its own on the same repository, with its own caches.
    pub(crate) fn another_engine(&self, name: &str) -> Engine {
        let mut settings = self.settings.clone();
        settings.git.cache_dir = self.folder.path().join(name);
        open(&settings, &self.location)
    }

    /// The same with somebody who is told how far questions to registries are answered.
    pub(crate) fn engine_telling(&self, progress: Progress) -> Engine {
        let opening = Opening {
            location: self.location.clone(),
            progress: Some(progress),
            ..Opening::default()
        };
        Engine::assemble(&self.settings, opening).unwrap()
    }

    /// A daemon on the same repository, with its own caches: changed digests settle.
    pub(crate) fn daemon(&self) -> Engine {
        let mut settings = self.settings.clone();
        settings.git.cache_dir = self.folder.path().join("daemon");
        let opening = Opening {
            location: self.location.clone(),
            settle: true,
            ..Opening::default()
        };
        Engine::assemble(&settings, opening).unwrap()
    }

    /// The process ends and another begins; caches stay.
    pub(crate) fn restart(&mut self) {
        self.engine = open(&self.settings, &self.location);
    }

    /// The process ends, and its caches are lost.
    pub(crate) fn forget(&mut self) {
        self.restarts += 1;
        let name = format!("cache-{}", self.restarts);
        self.settings.git.cache_dir = self.folder.path().join(name);
        self.restart();
    }

    /// The repository is reached at another address from now on, which takes a restart.
    pub(crate) fn reach_at(&mut self, location: &str) {
        location.clone_into(&mut self.location);
        self.restart();
    }

    /// The operator changes settings, which takes a restart.
    pub(crate) fn operator(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        self.restart();
    }

    /// How many requests the registry has answered.
    pub(crate) fn requests(&self) -> usize {
        self.registry.requests().len()
    }
}

/// `name` is `Mara` for `mara@example.com`.
pub(crate) fn person(name: &str) -> Person {
    Person {
        name: name.to_owned(),
        email: format!("{}@example.com", name.to_lowercase()),
    }
}

/// A tag of a stream, as the maps of these tests name it.
pub(crate) fn key(stream: &str, tag: &str) -> String {
    format!("{stream}:{tag}")
}

/// What a plan says of a stage.
pub(crate) fn stage(plan: &Plan, key: &str) -> StageReport {
    let wanted: StageKey = key.parse().unwrap();
    let found = plan.stages.iter().find(|s| s.key == wanted);
    found
        .unwrap_or_else(|| panic!("the plan knows no stage {key}\n{}", shown(plan)))
        .clone()
}

/// A plan as JSON, without how often a failing import was tried: looking counts as a try.
pub(crate) fn without_tries(plan: &Plan) -> String {
    let text = serde_json::to_string(plan).unwrap();
    text.split(" tries")
        .map(|piece| piece.trim_end_matches(|c: char| c.is_ascii_digit()))
        .collect::<Vec<_>>()
        .join(" tries")
}

/// The plan as people see it.
pub(crate) fn shown(plan: &Plan) -> String {
    let frame = Frame {
        width: Some(160),
        zone: Zone::UTC,
        now: plan.now,
        wide: false,
    };
    let view = PlanView {
        plan,
        saved_as: None,
        old: None,
    };
    let styled = view.text(&frame);
    let holds: Vec<String> = plan.holds.iter().map(|h| format!("  {h:?}")).collect();
    let stages = plan.stages.iter().map(|s| {
        let key = String::from(s.key.clone());
        format!("  {key}: {:?} {}", s.state, s.why)
    });
    format!(
        "--- {}\n{styled}\nstages:\n{}\nholds:\n{}\nquestions: {:?}",
        plan.now,
        stages.collect::<Vec<_>>().join("\n"),
        holds.join("\n"),
        plan.questions
    )
}

/// How many passes the pipelines of a plan need at most: the longest one's stages, and a merge in each pass.
pub(crate) fn needed(plan: &Plan) -> usize {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for stage in &plan.stages {
        *counts.entry(stage.key.pipeline.as_str()).or_default() += 1;
    }
    let by_pull = |stage: &&StageReport| stage.delivery == Delivery::PullRequest;
    let merges = plan.stages.iter().filter(by_pull).count();
    counts.into_values().max().unwrap_or(1) + merges
}

fn owned(files: &[(&str, &str)]) -> Files {
    let files = files.iter();
    files
        .map(|(path, text)| ((*path).to_owned(), Some(text.as_bytes().to_vec())))
        .collect()
}

fn small_with(files: &[(&str, &str)]) -> Files {
    let mut all: BTreeMap<String, String> = small::files().into_iter().collect();
    all.extend(files.iter().map(|(p, t)| ((*p).into(), (*t).into())));
    let kept = all.into_iter().filter(|(_, text)| !text.is_empty());
    kept.map(|(path, text)| (path, Some(text.into_bytes())))
        .collect()
}

fn open(settings: &Settings, location: &str) -> Engine {
    let opening = Opening {
        location: location.to_owned(),
        ..Opening::default()
    };
    Engine::assemble(settings, opening).unwrap()
}

fn settings(cache: &std::path::Path, registry: &EmbeddedRegistry) -> Settings {
    let mut settings = Settings::default();
    settings.git.cache_dir = cache.to_owned();
    settings.registry.use_docker_config = false;
    settings.registry.registries.push(RegistryEntry {
        host: "registry.example".to_owned(),
        mirror: Some(registry.url()),
        plain_http: true,
        skip_verify: false,
        ca_file: None,
        concurrency: None,
        token_realms: Vec::new(),
    });
    settings.forge.offline.trust = Trust::Push;
    let team = |name: &str, members: &[&str]| {
        let members = members.iter().map(|m| person(m).email).collect();
        (name.to_owned(), members)
    };
    settings.forge.offline.teams = BTreeMap::from([
        team("@acme/release", &["Ines", "Rui"]),
        team("@acme/sre", &["Sven"]),
    ]);
    settings
}
