//! The engine: edges and reconciler put together from the operator's settings, for every verb that works on the base.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::output::progress::Bar;
use super::view::words::ago_in_words;
use super::{CliError, Context, Exit, output};
use crate::apply::Applier;
use crate::config::Settings;
use crate::config::forge::{ForgeKind, GitHubPlace};
use crate::config::git::CommitWay;
use crate::daemon::PATIENCE;
use crate::forge::{Forge, GitHubForge, OfflineForge};
use crate::git::{GitError, Person, Repository, Us};
use crate::model::{Faulty, Party, Timestamp};
use crate::observe::{ObserveError, Observer, ObserverSettings, Progress};
use crate::plan::facts::Trouble;
use crate::plan::{Observation, Plan};
use crate::reconciler::Reconciler;
use crate::registry::Client;

/// Everything a pass needs.
#[derive(Debug, Clone)]
pub struct Engine {
    /// The repository.
    pub git: Repository,
    /// The forge.
    pub forge: Arc<dyn Forge>,
    /// Registries.
    pub registry: Client,
    /// Passes.
    pub reconciler: Reconciler,
}

/// Where the repository is, and what is particular about this use of it.
#[derive(Default)]
pub struct Opening {
    /// A path or a URL.
    pub location: String,
    /// A work tree without a remote is its own base.
    pub local: bool,
    /// Whether changed digests wait for others: only where passes follow each other.
    pub settle: bool,
    /// How long a pass waits for a registry that says nothing; `None` waits until it answers or fails.
    pub patience: Option<Duration>,
    /// Told how far questions to registries are answered.
    pub progress: Option<Progress>,
}

impl Engine {
    /// The engine for a command line; `follow` where passes follow each other.
    ///
    /// # Errors
    /// When there is no repository, or a setting makes no sense.
    pub fn open(context: &Context, follow: bool) -> Result<Self, CliError> {
        Self::open_with(context, context.settings(), follow)
    }

    /// The same with other settings than those the process began with; `follow` where passes follow each other.
    ///
    /// # Errors
    /// When there is no repository, or a setting makes no sense.
    pub fn open_with(
        context: &Context,
        settings: &Settings,
        follow: bool,
    ) -> Result<Self, CliError> {
        Self::assemble(settings, Self::opening(context, follow))
    }

    /// The same for passes that follow those of an observer: what it has asked registries and what they have not answered yet
    /// is not asked again.
    ///
    /// # Errors
    /// When there is no repository, or a setting makes no sense.
    pub fn open_after(
        context: &Context,
        settings: &Settings,
        before: Option<&Observer>,
    ) -> Result<Self, CliError> {
        let mut engine = Self::assemble(settings, Self::opening(context, true))?;
        if let (Some(before), Some(observer)) =
            (before, Arc::get_mut(&mut engine.reconciler.observer))
        {
            observer.take_over(before);
        }
        Ok(engine)
    }

    fn opening(context: &Context, follow: bool) -> Opening {
        Opening {
            location: context.globals.repository.location(),
            local: context.globals.local,
            settle: follow,
            patience: follow.then_some(PATIENCE),
            progress: Some(bar(context.out.progress().clone())),
        }
    }

    /// What is to be done now; shown to be under way on a terminal.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub async fn plan(
        &self,
        context: &Context,
        now: Timestamp,
    ) -> Result<(Observation, Plan), CliError> {
        let _spinner = context.out.progress().spinner("observing and planning");
        self.reconciler.plan(now).await.map_err(|e| unobserved(&e))
    }

    /// Where everything is, without asking registries for digests.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub async fn look(
        &self,
        context: &Context,
        now: Timestamp,
    ) -> Result<(Observation, Plan), CliError> {
        let _spinner = context.out.progress().spinner("reading the base");
        self.reconciler.look(now).await.map_err(|e| unobserved(&e))
    }

    /// The engine for settings and a place.
    ///
    /// # Errors
    /// When there is no repository, or a setting makes no sense.
    pub fn assemble(settings: &Settings, opening: Opening) -> Result<Self, CliError> {
        let github = github(settings, &opening.location)?;
        let check = settings.git.check_commits(github.is_some());
        check.map_err(CliError::usage)?;
        let committer = Person::from(&settings.git.committer);
        let us = Us {
            email: committer.email.clone(),
            forge: forge_committer(settings, github.as_ref()),
        };
        let (git, github) = reached(settings, &opening, github)?;
        if settings.git.commits == CommitWay::Api && git.is_in_place() {
            return Err(CliError::usage(format!(
                "`git.commits: api` has GitHub commit, and `{}` is a repository on this disk: name its address at GitHub with `--repo`",
                opening.location
            )));
        }
        let forge: Arc<dyn Forge> = match github {
            Some(forge) => Arc::new(forge),
            None => Arc::new(OfflineForge::new(
                git.clone(),
                settings.forge.offline.clone(),
                committer.clone(),
            )),
        };
        let registry = Client::new(&settings.registry);
        let observer_settings = ObserverSettings {
            us: us.clone(),
            cache_dir: Some(settings.git.cache_dir.join("observed")),
            guards: settings.guards.clone(),
            settle: opening.settle,
            deployments: settings.forge.kind == ForgeKind::GitHub
                && settings.forge.github.deployments,
            egress: settings.egress.clone(),
            argocd: settings.argocd.clone(),
            patience: opening.patience,
        };
        let mut observer = Observer::new(
            git.clone(),
            registry.clone(),
            Arc::clone(&forge),
            observer_settings,
        );
        if let Some(progress) = opening.progress {
            observer = observer.with_progress(progress);
        }
        let applier = Applier {
            git: git.clone(),
            forge: Arc::clone(&forge),
            committer,
            us,
            forge_commits: settings.git.commits == CommitWay::Api,
        };
        Ok(Self {
            git,
            forge,
            registry,
            reconciler: Reconciler {
                observer: Arc::new(observer),
                applier,
            },
        })
    }
}

/// The repository at a place, with GitHub's login where the settings give one; what only reads goes without.
///
/// # Errors
/// When there is no repository, or a setting makes no sense.
pub fn repository(
    settings: &Settings,
    location: &str,
    local: bool,
) -> Result<Repository, CliError> {
    let opening = Opening {
        location: location.to_owned(),
        local,
        ..Opening::default()
    };
    let github = github(settings, location).ok().flatten();
    reached(settings, &opening, github).map(|(git, _)| git)
}

/// The repository, and GitHub where it keeps the pull requests: who we are there we are for Git too.
fn reached(
    settings: &Settings,
    opening: &Opening,
    github: Option<GitHubPlace>,
) -> Result<(Repository, Option<GitHubForge>), CliError> {
    let mut git_settings = settings.git.clone();
    let mut lender = None;
    let mut forge = None;
    if let Some(place) = github {
        git_settings.forge_committer = forge_committer(settings, Some(&place));
        place.lend(&mut git_settings);
        let origin = place.lends_to(&settings.git);
        let made = GitHubForge::new(place, settings.git.base.clone());
        let made = made.map_err(|e| CliError::from_error(Exit::Usage, &e))?;
        lender = origin.and_then(|origin| made.lender(origin));
        forge = Some(made);
    }
    let git = Repository::open_with(&opening.location, &git_settings, opening.local, lender);
    Ok((git.map_err(|e| unopened(&e))?, forge))
}

/// The address by which GitHub commits in our name, where it does, or did: then the operator leaves that address in the
/// settings.
fn forge_committer(settings: &Settings, github: Option<&GitHubPlace>) -> Option<String> {
    let by_api = settings.git.commits == CommitWay::Api;
    let did = settings.forge.github.noreply.is_some();
    Some(github.filter(|_| by_api || did)?.noreply.clone())
}

/// Where GitHub is, if it keeps the pull requests.
fn github(settings: &Settings, location: &str) -> Result<Option<GitHubPlace>, CliError> {
    match settings.forge.kind {
        ForgeKind::Offline => Ok(None),
        ForgeKind::GitHub => {
            let place = settings
                .forge
                .github
                .place(location, |name| std::env::var(name).ok());
            place.map(Some).map_err(CliError::usage)
        }
    }
}

/// An error of an edge: try again later where that may help.
pub fn edge(error: &(impl Faulty + 'static)) -> CliError {
    CliError::from_error(Exit::of(error.fault()), error)
}

/// Why no repository could be opened: mostly a wrong `--repo`.
pub fn unopened(error: &GitError) -> CliError {
    let fault = error.fault();
    let exit = match fault.party {
        Party::User => Exit::Usage,
        _ => Exit::of(fault),
    };
    with_help(CliError::from_error(exit, error), git_help(error))
}

/// What a repository without any commit needs.
const FIRST_COMMIT: &str = "`git add -A && git commit -m \"Begin\"`, and `git push` to a remote: files that are not committed yet do not count";

/// Why the repository could not be read.
pub fn unobserved(error: &ObserveError) -> CliError {
    let help = match error {
        ObserveError::Git(error) => git_help(error),
        ObserveError::CommitGone { .. } => {
            Some("observe again: `headwater observe --out FILE`, on the repository they are of")
        }
        ObserveError::Empty(_) => Some(FIRST_COMMIT),
        ObserveError::Stopped(_) => None,
    };
    with_help(edge(error), help)
}

/// The same with since when the Git remote does not answer, if it failed before, and whether what was last seen is shown.
pub async fn since(engine: &Engine, error: CliError, shown: bool, now: Timestamp) -> CliError {
    let known = match shown {
        true => "what is shown is what was last seen",
        false => "nothing is known of any pipeline",
    };
    let trouble = engine.reconciler.observer.git_trouble().await;
    match trouble.filter(|trouble| trouble.tries > 1) {
        Some(Trouble {
            since: Some(since),
            tries,
            ..
        }) => error.because(format!(
            "it has failed {tries} times since {since}, {}; {known}",
            ago_in_words(since, now)
        )),
        _ => error,
    }
}

fn with_help(error: CliError, help: Option<&str>) -> CliError {
    match help {
        Some(help) => error.help(help),
        None => error,
    }
}

const fn git_help(error: &GitError) -> Option<&'static str> {
    match error {
        GitError::NotFound(_) => {
            Some("name a repository with `--repo PATH|URL`, or begin one with `git init`")
        }
        GitError::NoBranch { .. } => Some(
            "name the branch that is the base with `git.base` of the settings, or have the repository's HEAD name one that is there",
        ),
        GitError::Auth { .. } => Some(
            "give credentials for it under `git.credentials` of the settings (`headwater config` shows those in use)",
        ),
        GitError::Owner { .. } => Some(
            "if you trust it: git config --global --add safe.directory PATH, with its full path",
        ),
        GitError::Network { .. } => Some("nothing was written; try again later"),
        GitError::Local { .. } => Some(
            "see that this folder can be written and has room, or choose another with `git.cacheDir` of the settings",
        ),
        _ => None,
    }
}

/// A bar for each round of questions to registries; it goes away with the last answer.
fn bar(progress: output::Progress) -> Progress {
    let shown: Mutex<Option<Bar>> = Mutex::new(None);
    Progress::new(move |done, total| {
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = u64::try_from(total).unwrap_or(u64::MAX);
        shown
            .get_or_insert_with(|| progress.bar(steps, "asking registries"))
            .step();
        if done >= total {
            *shown = None;
        }
    })
}

/// The wall clock, read in one place.
pub fn now() -> Timestamp {
    crate::config::clock::now()
}
