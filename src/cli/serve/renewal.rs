//! Settings read anew while the daemon runs: all of them or none. What cannot be used leaves the old ones in place and
//! is shown until it is mended.

use std::cell::RefCell;
use std::sync::{Arc, RwLock};

use crate::cli::engine::{self, Engine};
use crate::cli::{self, CliError, Context};
use crate::config::{RegistrySettings, Settings};
use crate::daemon::Work;
use crate::server::{Board, SettingsInUse};
use crate::telemetry::redact;

/// Reads the settings of a daemon anew.
pub(super) struct Renewing<'a> {
    context: &'a Context,
    board: Arc<RwLock<Board>>,
    /// The settings of registries in use.
    registries: RefCell<RegistrySettings>,
}

impl<'a> Renewing<'a> {
    pub(super) fn new(context: &'a Context, board: Arc<RwLock<Board>>) -> Self {
        let registries = RefCell::new(context.settings().registry.clone());
        Self {
            context,
            board,
            registries,
        }
    }

    /// What passes are made with from now on; `None` where the settings of before stay.
    pub(super) fn read(&self, before: &Work) -> Option<Work> {
        let read = self.renewed(before);
        let Ok(mut board) = self.board.write() else {
            return None;
        };
        match read {
            Ok((work, needs_restart)) => {
                tracing::info!("the settings were read anew and are in use");
                if !needs_restart.is_empty() {
                    let names = needs_restart.join(", ");
                    tracing::warn!(settings = names, "changed, but in use only after a restart");
                }
                board.settings = SettingsInUse {
                    read: engine::now(),
                    failure: None,
                    needs_restart,
                };
                Some(work)
            }
            Err(error) => {
                let why = match &error.help {
                    Some(help) => format!("{error} ({help})"),
                    None => error.to_string(),
                };
                let why = redact(&why).into_owned();
                tracing::error!(
                    error = why,
                    "the settings cannot be used; those of before stay"
                );
                board.settings.failure = Some(why);
                None
            }
        }
    }

    fn renewed(&self, before: &Work) -> Result<(Work, Vec<&'static str>), CliError> {
        let loaded = cli::load(&self.context.inputs)?;
        let settings = &loaded.settings;
        // What registries were asked and have not answered yet stays asked, unless it may be asked otherwise now.
        let same = self.registries.borrow().same(&settings.registry);
        let before = same.then_some(&*before.reconciler.observer);
        let engine = Engine::open_after(self.context, settings, before)?;
        self.registries.replace(settings.registry.clone());
        let work = Work {
            reconciler: engine.reconciler,
            settings: settings.daemon.clone(),
        };
        Ok((work, fixed(self.context.settings(), settings)))
    }
}

/// Settings that the process began with and keeps.
fn fixed(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let changed = [
        ("daemon.listen", old.daemon.listen != new.daemon.listen),
        ("log", old.log != new.log),
    ];
    let changed = changed.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_running_process_cannot_change_asks_for_a_restart() {
        let old = Settings::default();
        let mut new = old.clone();
        new.daemon.tick = crate::model::Period::seconds(7);
        new.git.base = Some("trunk".to_owned());
        assert!(fixed(&old, &new).is_empty());
        new.daemon.listen = None;
        new.log.level = "debug".to_owned();
        assert_eq!(fixed(&old, &new), ["daemon.listen", "log"]);
    }
}
