//! Gates: each kind is one file that says Open, Waiting or Refused of a set in a stage, and why.

mod age;
mod approvals;
mod approved_by;
mod argocd;
pub mod cel;
mod checks;
mod deployed;
mod expression;
mod freeze;
mod http;
mod said;
mod signature;
mod soak;
mod typed;
mod window;
mod workflow;

pub use approvals::{Barred, approvals, barred, may_approve};
pub use approved_by::{Vouched, approved, merged, reviewed, vouched};
pub use deployed::deployed;
pub use freeze::{freeze, lift};

use super::desk::Desk;
use super::report::Condition;
use super::road::timeline::Timeline;
use crate::model::{Gate, Set, SetId, StageKey, Timestamp, Verdict};

/// What a gate is asked about.
pub struct Asked<'a> {
    /// The stage that it enters, or that verifies it.
    pub stage: &'a StageKey,
    /// The set.
    pub set: &'a Set,
    /// Its identity.
    pub id: &'a SetId,
    /// The stage whose stay `soak` reads and `age: {since: entered}` counts from: for `enter` the source, for `verify`
    /// the stage itself.
    pub stays: &'a Timeline,
    /// The pipeline's first stage, from which `age` counts.
    pub first: &'a Timeline,
    /// Whether the environments of the stage tell that a set runs, and since when it does.
    pub runs: Runs,
}

/// What environments tell of a set, beside that the stage has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Runs {
    /// Nobody tells: what Git has is all that is known.
    #[default]
    NobodyTells,
    /// They would tell, and do not say so yet.
    NotYet,
    /// Since then.
    Since(Timestamp),
}

/// Asks one gate. A verdict depends on the observation alone.
pub fn evaluate(gate: &Gate, asked: &Asked<'_>, desk: &mut Desk<'_>) -> Verdict {
    match gate {
        Gate::Age(age) => age::verdict(age, asked, desk),
        Gate::Soak(period) => soak::verdict(*period, asked, desk),
        Gate::Expression(source) => expression::verdict(source, asked, desk),
        Gate::Checks(names) => checks::verdict(names, asked, desk),
        Gate::Window(window) => window::verdict(window, desk),
        Gate::Signature(signature) => signature::verdict(signature, asked, desk),
        Gate::Http(http) => http::verdict(http, asked, desk),
        Gate::Workflow(workflow) => workflow::verdict(workflow, asked, desk),
    }
}

/// Whether a gate says anything about a set: an expression that cannot be read refuses every one, which is no word on any.
pub fn is_sound(gate: &Gate) -> bool {
    match gate {
        Gate::Expression(source) => cel::check(source).is_ok(),
        Gate::Http(http) => cel::answer::check(&http.expect).is_ok(),
        _ => true,
    }
}

/// A gate's name for people: `soak 30m`, `age 2h`, `expression`.
pub fn name(gate: &Gate) -> String {
    match gate {
        Gate::Age(age) => format!("age {}", age.min),
        Gate::Soak(period) => format!("soak {period}"),
        Gate::Workflow(workflow) => format!("workflow {}", workflow.file),
        Gate::Http(http) => format!("http {}", http.url.host()),
        other => other.kind().to_owned(),
    }
}

/// Asks one gate and names it.
pub fn condition(gate: &Gate, set_by: &str, asked: &Asked<'_>, desk: &mut Desk<'_>) -> Condition {
    Condition {
        name: name(gate),
        kind: gate.kind().to_owned(),
        verdict: evaluate(gate, asked, desk),
        set_by: Some(set_by.to_owned()),
    }
}
