//! The engine: edges and reconciler put together from the operator's settings, for every verb that works on the base.

use std::sync::Arc;

use super::{CliError, Context, Exit};
use crate::apply::Applier;
use crate::config::Settings;
use crate::config::forge::ForgeKind;
use crate::forge::{Forge, OfflineForge};
use crate::git::{Person, Repository};
use crate::model::Timestamp;
use crate::observe::{Observer, ObserverSettings, Progress};
use crate::reconciler::Reconciler;
use crate::registry::Client;

/// Everything a pass needs.
#[derive(Debug, Clone)]
pub struct Engine {
    /// The repository.
    pub git: Repository,
    /// The forge.
    pub forge: Arc<dyn Forge>,
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
    /// Told how far questions to registries are answered.
    pub progress: Option<Progress>,
}

impl Engine {
    /// The engine for a command line.
    ///
    /// # Errors
    /// When there is no repository, or a setting makes no sense.
    pub fn open(context: &Context, settle: bool) -> Result<Self, CliError> {
        let opening = Opening {
            location: context.globals.repository.location(),
            local: context.globals.local,
            settle,
            progress: None,
        };
        Self::assemble(context.settings(), opening)
    }

    /// The engine for settings and a place.
    ///
    /// # Errors
    /// When there is no repository, or a setting makes no sense.
    pub fn assemble(settings: &Settings, opening: Opening) -> Result<Self, CliError> {
        let git = Repository::open(&opening.location, &settings.git, opening.local)
            .map_err(|e| edge(&e, e.is_transient()))?;
        let committer = Person::from(&settings.git.committer);
        let forge: Arc<dyn Forge> = match settings.forge.kind {
            ForgeKind::Offline => Arc::new(OfflineForge::new(
                git.clone(),
                settings.forge.offline.clone(),
                committer.clone(),
            )),
        };
        let registry =
            Client::new(&settings.registry).map_err(|e| CliError::from_error(Exit::Usage, &e))?;
        let observer_settings = ObserverSettings {
            our_email: committer.email.clone(),
            cache_dir: Some(settings.git.cache_dir.join("observed")),
            teams: settings.forge.offline.teams.clone(),
            guards: settings.guards.clone(),
            settle: opening.settle,
        };
        let mut observer =
            Observer::new(git.clone(), registry, Arc::clone(&forge), observer_settings);
        if let Some(progress) = opening.progress {
            observer = observer.with_progress(progress);
        }
        let applier = Applier {
            git: git.clone(),
            forge: Arc::clone(&forge),
            committer,
        };
        Ok(Self {
            git,
            forge,
            reconciler: Reconciler {
                observer: Arc::new(observer),
                applier,
            },
        })
    }
}

/// An error of an edge: try again later where that may help.
pub fn edge(error: &(dyn std::error::Error + 'static), transient: bool) -> CliError {
    CliError::from_error(
        if transient {
            Exit::TryAgain
        } else {
            Exit::Failed
        },
        error,
    )
}

/// The wall clock, read in one place.
pub fn now() -> Timestamp {
    Timestamp::now()
}
