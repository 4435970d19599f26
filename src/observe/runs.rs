//! Runs of workflows at the forge, and which ones were started lately: a file that may be deleted.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};

use super::error::{ObserveError, aside};
use super::store;
use super::untold::untold;
use crate::forge::Forge;
use crate::model::workflow_run::{RunKey, WorkflowRun};
use crate::model::{Party, Timestamp};
use crate::plan::facts::{Dispatched, Failure, Outcome};
use crate::plan::question::RunsAsk;

/// Version of the file.
const VERSION: u32 = 1;
/// A larger file is none of ours.
const MOST_BYTES: u64 = 4 << 20;
/// More are not remembered; the oldest are forgotten.
const MOST: usize = 5_000;
/// So many workflows are asked about at a time.
const AT_ONCE: usize = 4;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    v: u32,
    started: BTreeMap<RunKey, Dispatched>,
}

/// Runs that were started, with their file.
#[derive(Debug, Default)]
pub(super) struct Started {
    path: Option<PathBuf>,
    known: BTreeMap<RunKey, Dispatched>,
}

impl Started {
    /// What an earlier process left in a file.
    pub(super) fn open(path: Option<PathBuf>) -> Self {
        let read = path
            .as_ref()
            .and_then(|path| store::read_json::<Kept>(path, MOST_BYTES, VERSION));
        let known = read.unwrap_or_default().started;
        Self { path, known }
    }

    /// All of them.
    pub(super) fn all(&self) -> BTreeMap<RunKey, Dispatched> {
        self.known.clone()
    }

    /// Takes in what was started.
    pub(super) async fn remember(
        &mut self,
        started: Vec<(RunKey, Option<u64>)>,
        now: Timestamp,
    ) -> Result<(), ObserveError> {
        if started.is_empty() {
            return Ok(());
        }
        let started = started.into_iter();
        self.known
            .extend(started.map(|(key, run)| (key, Dispatched { at: now, run })));
        while self.known.len() > MOST {
            let oldest = self.known.iter().min_by_key(|(_, started)| started.at);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            self.known.remove(&oldest);
        }
        let Some(path) = self.path.clone() else {
            return Ok(());
        };
        let kept = Kept {
            v: VERSION,
            started: self.known.clone(),
        };
        aside(move || store::keep_json(&path, &kept)).await
    }
}

/// Runs by question. That they cannot be told is an answer, too.
pub(super) async fn runs(
    forge: &dyn Forge,
    questions: &[RunsAsk],
) -> BTreeMap<RunsAsk, Outcome<Vec<WorkflowRun>>> {
    let asked = futures_util::stream::iter(questions.iter().cloned());
    let answered = asked.map(async |question| {
        let outcome = match forge.runs(&question.workflow, question.since).await {
            Ok(Some(runs)) => Outcome::Ok(runs),
            Ok(None) => Outcome::Failed(none_run(forge.name())),
            Err(error) => Outcome::Failed(untold(&error)),
        };
        (question, outcome)
    });
    answered.buffer_unordered(AT_ONCE).collect().await
}

fn none_run(forge: &str) -> Failure {
    let message = format!("the {forge} forge runs no workflows");
    Failure {
        reason: "NoWorkflows".to_owned(),
        canonical: message.clone(),
        message,
        transient: false,
        party: Some(Party::User),
        retry_at: None,
    }
}
