//! Metrics at `/metrics`, in Prometheus' text format: what passes add up to, and readings of the edges at the moment of the
//! scrape. The README has the table of names, and a test holds it against a scrape. No label holds a digest, an address or
//! anything a repository can make up without end: hosts are bounded, all other values are from closed lists.

use std::time::Duration;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::readings::Readings;
use crate::model::{Fault, Party, Period, Timestamp};
use crate::plan::edges::{EdgeKind, EdgeReport};
use crate::plan::{Plan, State};

/// Media type of the answer.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Seconds that a pass may take: from a quiet one to one that waits for a slow registry.
const PASS_SECONDS: [f64; 10] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0];
/// Seconds that a check may be late.
const LATE_SECONDS: [f64; 9] = [1.0, 5.0, 15.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 14_400.0];

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to do.
    Quiet,
    /// It changed something.
    Moved,
    /// Something was refused.
    Refused,
    /// Others were faster each time.
    Raced,
    /// It came to no plan.
    Failed,
}

impl Outcome {
    const ALL: [Self; 5] = [
        Self::Quiet,
        Self::Moved,
        Self::Refused,
        Self::Raced,
        Self::Failed,
    ];

    /// The word for it, in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Moved => "moved",
            Self::Refused => "refused",
            Self::Raced => "raced",
            Self::Failed => "failed",
        }
    }
}

/// What is counted, and the registry that it is written from.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    passes: Family<Labels<1>, Counter>,
    duration: Histogram,
    last_success: Gauge,
    races: Counter,
    rounds: Counter,
    questions: Counter,
    lateness: Histogram,
    failures: Family<Labels<3>, Counter>,
    broken: Family<Labels<1>, Gauge>,
    holds: Family<[(&'static str, String); 1], Gauge>,
    stages: Family<Labels<1>, Gauge>,
    commits: Counter,
    pulls: Family<Labels<1>, Counter>,
    refusals: Family<Labels<1>, Counter>,
}

/// What may be done to a pull request.
const DID: [&str; 4] = ["opened", "updated", "merged", "closed"];
const PARTIES: [Party; 4] = [Party::User, Party::Operator, Party::Remote, Party::Us];

impl Metrics {
    /// Nothing counted yet. Values of closed lists begin with 0, so that a rate is right from the first event on.
    pub fn new(readings: Readings) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("headwater"),
            passes: Family::default(),
            duration: Histogram::new(PASS_SECONDS),
            last_success: Gauge::default(),
            races: Counter::default(),
            rounds: Counter::default(),
            questions: Counter::default(),
            lateness: Histogram::new(LATE_SECONDS),
            failures: Family::default(),
            broken: Family::default(),
            holds: Family::default(),
            stages: Family::default(),
            commits: Counter::default(),
            pulls: Family::default(),
            refusals: Family::default(),
        };
        metrics.begin_with_zero();
        metrics.register_passes();
        metrics.register_world();
        metrics.registry.register_collector(Box::new(readings));
        metrics
    }

    fn begin_with_zero(&self) {
        for outcome in Outcome::ALL {
            self.passes
                .get_or_create(&[("outcome", outcome.as_str())])
                .inc_by(0);
        }
        for state in State::ALL {
            self.stages
                .get_or_create(&[("state", state.as_str())])
                .set(0);
        }
        for did in DID {
            self.pulls.get_or_create(&[("did", did)]).inc_by(0);
        }
        for edge in EdgeKind::ALL {
            self.broken.get_or_create(&[("edge", edge.as_str())]).set(0);
            for party in PARTIES {
                for retry in ["later", "never"] {
                    self.failures
                        .get_or_create(&failure(edge, party, retry))
                        .inc_by(0);
                }
            }
        }
        for party in PARTIES {
            self.refusals
                .get_or_create(&[("fault", party.as_str())])
                .inc_by(0);
        }
    }

    fn register_passes(&mut self) {
        let registry = &mut self.registry;
        registry.register("passes", "Passes by outcome", self.passes.clone());
        registry.register_with_unit(
            "pass_duration",
            "How long passes took",
            Unit::Seconds,
            self.duration.clone(),
        );
        registry.register_with_unit(
            "last_successful_pass_timestamp",
            "When the last pass ended that came to a plan; 0 before the first",
            Unit::Seconds,
            self.last_success.clone(),
        );
        registry.register(
            "races_lost",
            "Times that somebody else pushed first and all was looked at again",
            self.races.clone(),
        );
        registry.register(
            "question_rounds",
            "Rounds of questions that plans asked the world outside",
            self.rounds.clone(),
        );
        registry.register(
            "questions",
            "Questions that plans asked the world outside",
            self.questions.clone(),
        );
        registry.register_with_unit(
            "check_lateness",
            "How long after their time due tags were asked for",
            Unit::Seconds,
            self.lateness.clone(),
        );
    }

    fn register_world(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "edge_failures",
            "Questions to an edge that failed, by whose fault it was and whether a retry helps",
            self.failures.clone(),
        );
        registry.register(
            "edges_broken",
            "Edges that do not answer",
            self.broken.clone(),
        );
        registry.register("holds", "What stands still, by reason", self.holds.clone());
        registry.register("stages", "Stages by state", self.stages.clone());
        registry.register(
            "commits",
            "Commits pushed to the base",
            self.commits.clone(),
        );
        registry.register(
            "pull_requests",
            "What was done to pull requests",
            self.pulls.clone(),
        );
        registry.register(
            "refusals",
            "Changes that Git or the forge refused, by whose fault it was",
            self.refusals.clone(),
        );
    }

    /// A pass has ended.
    pub fn passed(&self, outcome: Outcome, took: Duration, at: Timestamp) {
        self.passes
            .get_or_create(&[("outcome", outcome.as_str())])
            .inc();
        self.duration.observe(took.as_secs_f64());
        if outcome != Outcome::Failed {
            self.last_success.set(at.as_second());
        }
    }

    /// What a pass asked, and how often it began anew.
    pub fn asked(&self, rounds: u64, questions: u64, races: u64) {
        self.rounds.inc_by(rounds);
        self.questions.inc_by(questions);
        self.races.inc_by(races);
    }

    /// A due tag was asked for this long after its time.
    pub fn late(&self, by: Period) {
        self.lateness.observe(by.as_std().as_secs_f64());
    }

    /// An edge failed.
    pub fn failed(&self, edge: EdgeKind, fault: Fault) {
        let labels = failure(edge, fault.party, fault.retry.as_str());
        self.failures.get_or_create(&labels).inc();
    }

    /// Git or the forge refused a change.
    pub fn refused(&self, fault: Fault) {
        self.refusals
            .get_or_create(&[("fault", fault.party.as_str())])
            .inc();
    }

    /// The base moved.
    pub fn committed(&self) {
        self.commits.inc();
    }

    /// Something was done to a pull request: `opened`, `updated`, `merged`, `closed`.
    pub fn pulled(&self, did: &str) {
        if let Some(did) = DID.into_iter().find(|known| *known == did) {
            self.pulls.get_or_create(&[("did", did)]).inc();
        }
    }

    /// Where everything is.
    pub fn shows(&self, plan: &Plan) {
        for state in State::ALL {
            let count = plan.stages.iter().filter(|s| s.state == state).count();
            self.stages
                .get_or_create(&[("state", state.as_str())])
                .set(number(count));
        }
        self.holds.clear();
        for hold in &plan.holds {
            self.holds
                .get_or_create(&[("reason", hold.reason.clone())])
                .inc();
        }
    }

    /// Which edges do not answer.
    pub fn edges(&self, broken: &[EdgeReport]) {
        for kind in EdgeKind::ALL {
            let count = broken.iter().filter(|edge| edge.kind == kind).count();
            self.broken
                .get_or_create(&[("edge", kind.as_str())])
                .set(number(count));
        }
    }

    /// All of it, as Prometheus reads it.
    ///
    /// # Errors
    /// When a reading cannot be written down, which is our fault.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn failure(edge: EdgeKind, party: Party, retry: &'static str) -> Labels<3> {
    [
        ("edge", edge.as_str()),
        ("fault", party.as_str()),
        ("retry", retry),
    ]
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
