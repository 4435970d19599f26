//! What became of a plan, as far as the next one has to know: caches, written when they change.

use super::Observer;
use super::error::{ObserveError, aside};
use crate::model::workflow_run::RunKey;
use crate::model::{Deployment, DeploymentState, Timestamp};
use crate::plan::refusal::Changes;

impl Observer {
    /// Remembers that the Git server refused changes by a rule of its own, and in what words, and forgets what it took.
    pub async fn remember_refused(
        &self,
        refused: &[(Changes, &str)],
        taken: &Changes,
        now: Timestamp,
    ) -> Result<(), ObserveError> {
        let mut state = self.state.lock().await;
        if refused.is_empty() && (taken.is_empty() || state.memory.refused().is_empty()) {
            return Ok(());
        }
        state.memory.take(taken);
        for (changes, why) in refused {
            state.memory.refuse(changes, why, now);
        }
        let mut memory = std::mem::take(&mut state.memory);
        state.memory = aside(move || {
            memory.save();
            memory
        })
        .await?;
        Ok(())
    }

    /// Remembers what the forge was told of deployments.
    pub async fn remember_deployments(
        &self,
        recorded: Vec<(Deployment, DeploymentState)>,
        now: Timestamp,
    ) -> Result<(), ObserveError> {
        self.state
            .lock()
            .await
            .deployed
            .recorded(recorded, now)
            .await
    }

    /// Remembers runs of workflows that were started.
    pub async fn remember_started(
        &self,
        started: Vec<(RunKey, Option<u64>)>,
        now: Timestamp,
    ) -> Result<(), ObserveError> {
        self.state.lock().await.started.remember(started, now).await
    }

    /// Lets refused changes be tried again at once: whoever asks has perhaps just mended what was in the way.
    pub async fn try_refused(&self) {
        self.state.lock().await.memory.try_refused();
    }

    /// Has everything that comes from registries asked for by the passes of this process, whether it is due or not.
    pub async fn refresh(&self) {
        self.state.lock().await.refresh = true;
    }
}
