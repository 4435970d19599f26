//! What a pass leaves behind for whoever looks: on the board, and in the metrics.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::apply::Done;
use crate::model::{Fault, Faulty as _, Party, Period, Retry, Timestamp};
use crate::plan::edges::{self, EdgeKind};
use crate::plan::facts::{Failure, Trouble};
use crate::reconciler::{ObserveError, Pass};
use crate::server::{Board, Metrics, Outcome};
use crate::telemetry::{self, redact};

/// Notes passes down.
pub(super) struct Notes {
    /// What the status page shows.
    pub(super) board: Arc<RwLock<Board>>,
    /// What is counted.
    pub(super) metrics: Arc<Metrics>,
    /// The repository, without a login.
    pub(super) repository: String,
    /// The longest time to the next pass.
    pub(super) tick: Period,
}

impl Notes {
    /// Notes a pass that begins: it may wait for a while.
    pub(super) fn began(&self, at: Timestamp) {
        let mut board = self.board.write().unwrap_or_else(PoisonError::into_inner);
        board.pass_since = Some(at);
    }

    /// Notes a pass that ended. What a failed one does not know stays as it was.
    pub(super) fn ended(&self, at: Timestamp, took: Duration, ended: &Result<Pass, ObserveError>) {
        let outcome = outcome(ended);
        self.metrics.passed(outcome, took, at);
        let mut board = self.board.write().unwrap_or_else(PoisonError::into_inner);
        board.last_pass = Some(at);
        board.pass_since = None;
        board.passes += 1;
        board.bugs = telemetry::bugs();
        board.dropped_log_lines = telemetry::dropped_lines();
        match ended {
            Ok(pass) => {
                self.count(pass);
                self.show(&mut board, pass);
            }
            Err(error) => self.fail(&mut board, at, error),
        }
        self.metrics.edges(&board.edges);
    }

    fn show(&self, board: &mut Board, pass: &Pass) {
        board.failure = None;
        board.failing_since = None;
        board.failures = 0;
        if pass.lateness.checked > 0 {
            board.lateness = pass.lateness;
        }
        board.branch.clone_from(&pass.plan.branch);
        board.commit = Some(pass.plan.base.clone());
        board.stages.clone_from(&pass.plan.stages);
        board.holds.clone_from(&pass.plan.holds);
        let refused = pass.receipt.refused.iter();
        board.refused = refused.map(|r| format!("{}: {}", r.what, r.why)).collect();
        board.edges = edges::edges(&pass.observation, &pass.plan);
        self.metrics.shows(&pass.plan);
    }

    fn fail(&self, board: &mut Board, at: Timestamp, error: &ObserveError) {
        let fault = error.fault();
        self.metrics.failed(EdgeKind::Git, fault);
        let since = *board.failing_since.get_or_insert(at);
        board.failures += 1;
        let message = redact(&error.to_string()).into_owned();
        board.failure = Some(message.clone());
        board.edges.retain(|edge| edge.kind != EdgeKind::Git);
        // A bug of ours is no edge that does not answer.
        if fault.party == Party::Us {
            return;
        }
        let trouble = Trouble {
            since: Some(since),
            tries: board.failures,
            reason: error.reason().to_owned(),
            message,
            party: Some(fault.party),
            next_try: fault.retry.at().or_else(|| Some(self.tick.after(at))),
        };
        let pipelines = board.stages.iter();
        let pipelines = pipelines.map(|stage| stage.key.pipeline.clone()).collect();
        let edge = edges::git(self.repository.clone(), &trouble, pipelines);
        board.edges.insert(0, edge);
    }

    /// What adds up.
    fn count(&self, pass: &Pass) {
        let metrics = &self.metrics;
        let effort = pass.effort;
        metrics.asked(
            effort.rounds as u64,
            effort.questions as u64,
            u64::from(effort.tries.saturating_sub(1)),
        );
        for asked in pass.checks().into_iter().filter_map(|check| check.asked) {
            asked.late.into_iter().for_each(|by| metrics.late(by));
            if let Some(failure) = asked.failure {
                metrics.failed(EdgeKind::Registry, fault(&failure));
            }
        }
        if let Some(failure) = &pass.observation.facts.forge_failure {
            metrics.failed(EdgeKind::Forge, fault(failure));
        }
        for (edge, failure) in edges::failures(&pass.observation.facts) {
            metrics.failed(edge, fault(failure));
        }
        for done in &pass.receipt.done {
            match done {
                Done::Pushed { .. } => metrics.committed(),
                Done::Opened { .. } => metrics.pulled("opened"),
                Done::Updated { .. } => metrics.pulled("updated"),
                Done::Marked { .. } => metrics.pulled("marked"),
                Done::Tended { .. } => metrics.pulled("tended"),
                Done::Merged { .. } => metrics.pulled("merged"),
                Done::Deployed { .. } | Done::Queued { .. } | Done::Dispatched { .. } => {}
                Done::Closed { .. } => metrics.pulled("closed"),
                Done::Cleared { .. } => {}
            }
        }
        for refusal in &pass.receipt.refused {
            metrics.refused(refusal.fault);
        }
    }
}

/// How a pass ended, in a word.
fn outcome(ended: &Result<Pass, ObserveError>) -> Outcome {
    match ended {
        Err(_) => Outcome::Failed,
        Ok(pass) if pass.receipt.again => Outcome::Raced,
        Ok(pass) if !pass.receipt.refused.is_empty() => Outcome::Refused,
        Ok(pass) if !pass.receipt.done.is_empty() => Outcome::Moved,
        Ok(_) => Outcome::Quiet,
    }
}

/// The fault of a failure that was recorded as a fact.
fn fault(failure: &Failure) -> Fault {
    let party = failure.party.unwrap_or(Party::Remote);
    let retry = if failure.transient {
        Retry::Later(failure.retry_at)
    } else {
        Retry::Never
    };
    Fault { party, retry }
}
