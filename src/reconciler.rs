//! One pass: plan, observe what the plan asks for, plan again, apply. Lost races start over; the rest is the plan's word.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tracing::Instrument as _;

use crate::apply::{Applier, Receipt};
pub use crate::apply::{Done, Refusal};
use crate::model::{Delivery, Timestamp};
pub use crate::observe::ObserveError;
use crate::observe::Observer;
pub use crate::plan::Plan;
pub use crate::plan::checks::Check;
use crate::plan::checks::checks;
use crate::plan::due::{Lateness, lateness};
use crate::plan::question::MOST_ROUNDS;
use crate::plan::refusal::{Changes, changes_about};
pub use crate::plan::report::Subject;
use crate::plan::{Facts, Observation, Question, plan};
pub use crate::plan::{StageReport, State};

/// How often a lost race is answered by observing and planning again.
const MOST_TRIES: u32 = 10;

/// How often a pass may plan at all: rounds, and looks into Git objects between them.
const MOST_LOOKS: usize = 16;

/// Observes, plans and applies.
#[derive(Debug, Clone)]
pub struct Reconciler {
    /// Reads.
    pub observer: Arc<Observer>,
    /// Writes.
    pub applier: Applier,
}

/// What one pass came to.
#[derive(Debug, Clone, Serialize)]
pub struct Pass {
    /// What the plan was made from.
    #[serde(skip)]
    pub observation: Observation,
    /// The last plan made.
    pub plan: Plan,
    /// What became of it.
    pub receipt: Receipt,
    /// What it cost.
    #[serde(skip)]
    pub effort: Effort,
    /// How late the tags were that it asked for.
    pub lateness: Lateness,
}

/// What a pass cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Times that everything was observed: one more than races that were lost.
    pub tries: u32,
    /// Rounds in which somebody outside was asked.
    pub rounds: usize,
    /// Questions that somebody outside was asked.
    pub questions: usize,
}

impl Pass {
    /// Every tag that was checked once, and how asking went if it was in this pass.
    pub fn checks(&self) -> Vec<Check> {
        checks(&self.observation)
    }

    /// Registries that this pass went on without, and how many questions each has not answered.
    pub fn silent(&self) -> BTreeMap<String, usize> {
        let mut hosts = BTreeMap::new();
        let unanswered = self.observation.facts.unanswered.keys();
        for host in unanswered.filter_map(|question| Some(question.repository()?.registry())) {
            *hosts.entry(host.to_string()).or_insert(0) += 1;
        }
        hosts
    }
}

/// A span for one pass: whatever is logged within bears its id, eight hex digits.
pub fn span() -> tracing::Span {
    let id = format!("{:08x}", fastrand::u32(..));
    tracing::info_span!("pass", pass = id)
}

/// What became of a saved plan.
#[derive(Debug)]
pub enum Applied {
    /// It was carried out.
    Done(Box<Pass>),
    /// The world moved on: the plan made now does something else.
    Changed(Box<Plan>),
}

/// What a pass asked so far.
#[derive(Default)]
struct Asked {
    questions: BTreeSet<Question>,
    rounds: usize,
    looks: usize,
    /// How many questions somebody outside was asked: those under way since an earlier pass are not asked again.
    outside: usize,
}

impl Asked {
    /// What to ask next: everything that is allowed and new, as long as there are rounds left. Looking into Git objects
    /// costs nobody anything, so it is no round of its own and only bounded.
    fn next(&mut self, made: &Plan, allowed: impl Fn(&Question) -> bool) -> Vec<Question> {
        let fresh = made.questions.iter().filter(|question| allowed(question));
        let mut fresh: Vec<Question> = fresh
            .filter(|question| !self.questions.contains(question))
            .cloned()
            .collect();
        if self.rounds + 1 >= MOST_ROUNDS {
            fresh.retain(|question| !outside(question));
        }
        if self.looks >= MOST_LOOKS {
            fresh.clear();
        }
        self.looks += 1;
        self.rounds += usize::from(fresh.iter().any(outside));
        self.questions.extend(fresh.iter().cloned());
        fresh
    }
}

/// Whether somebody outside has to be asked.
const fn outside(question: &Question) -> bool {
    !matches!(question, Question::Blob(_))
}

/// Whether it is asked for a plan that is only read.
const fn in_looking(question: &Question) -> bool {
    !matches!(question, Question::Resolve(_) | Question::List(_))
}

impl Reconciler {
    /// Observes and plans, in rounds of questions.
    pub async fn plan(&self, now: Timestamp) -> Result<(Observation, Plan), ObserveError> {
        let (observation, made, _) = self.asking(now).await?;
        Ok((observation, made))
    }

    /// The same, with what was asked.
    async fn asking(&self, now: Timestamp) -> Result<(Observation, Plan, Asked), ObserveError> {
        let observation = self.observer.observe(now).await?;
        self.rounds(observation, |_| true).await
    }

    /// The same without asking any registry which digest a tag has now: where everything is, as far as it was last
    /// checked. Such a plan is for reading, not for carrying out.
    pub async fn look(&self, now: Timestamp) -> Result<(Observation, Plan), ObserveError> {
        let observation = self.observer.observe(now).await?;
        let (observation, made, _) = self.rounds(observation, in_looking).await?;
        Ok((observation, made))
    }

    /// Where everything was when the Git remote was last seen, by the mirror alone; `None` where it never was. Registries are
    /// asked as in [`Self::look`].
    pub async fn recall(
        &self,
        now: Timestamp,
    ) -> Result<Option<(Observation, Plan)>, ObserveError> {
        let Some(observation) = self.observer.recall(now).await? else {
            return Ok(None);
        };
        let (observation, made, _) = self.rounds(observation, in_looking).await?;
        Ok(Some((observation, made)))
    }

    /// Plans from recorded facts: nothing but Git objects is asked.
    pub async fn replay(&self, facts: Facts) -> Result<(Observation, Plan), ObserveError> {
        let mut observation = self.observer.replay(facts).await?;
        let mut asked = Asked::default();
        loop {
            let made = plan(&observation);
            let next = asked.next(&made, |question| !outside(question));
            if next.is_empty() {
                return Ok((observation, made));
            }
            self.observer
                .answer_from_objects(&mut observation, &next)
                .await?;
        }
    }

    async fn rounds(
        &self,
        mut observation: Observation,
        ask: impl Fn(&Question) -> bool,
    ) -> Result<(Observation, Plan, Asked), ObserveError> {
        let mut asked = Asked::default();
        loop {
            let made = plan(&observation);
            let next = asked.next(&made, &ask);
            if next.is_empty() {
                return Ok((observation, made, asked));
            }
            // There may be ten thousand questions in it, which are not needed twice while somebody thinks about them.
            drop(made);
            asked.outside += self.observer.answer(&mut observation, &next).await?;
            self.observer.read_ahead(&mut observation).await?;
        }
    }

    /// One pass. A lost race is observed and planned again at once, at most ten times, with jitter.
    pub async fn pass(&self, now: Timestamp) -> Result<Pass, ObserveError> {
        let mut effort = Effort::default();
        let mut done = Vec::new();
        let mut refused = Vec::new();
        let mut asked_for = Lateness::default();
        loop {
            let (observation, made, asked) = self.asking(now).await?;
            effort.rounds += asked.rounds;
            effort.questions += asked.outside;
            let mut receipt = self.apply(&made, now).await?;
            effort.tries += 1;
            let tries = effort.tries;
            let late = lateness(&observation);
            // Where a race was lost, the first try was the one that asked.
            if late.checked > 0 {
                asked_for = late;
            }
            let last = !receipt.again || tries >= MOST_TRIES;
            // What was done before a race was lost stays done, and what is remembered as refused is not tried again.
            done.append(&mut receipt.done);
            receipt.refused.retain(|r| last || !r.changes.is_empty());
            refused.append(&mut receipt.refused);
            if last {
                receipt.done = done;
                receipt.refused = refused;
                return Ok(Pass {
                    observation,
                    plan: made,
                    receipt,
                    effort,
                    lateness: asked_for,
                });
            }
            tracing::debug!(tries, "somebody else was faster; observing again");
            let most = 20_u64 << tries.min(6);
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..most))).await;
        }
    }

    /// Carries a plan out, and remembers what was refused for the next one.
    async fn apply(&self, plan: &Plan, now: Timestamp) -> Result<Receipt, ObserveError> {
        let receipt = self.applier.apply(plan).await;
        let changes = changes_about(plan);
        let refused: Vec<(Changes, &str)> = receipt
            .refused
            .iter()
            .filter(|r| !r.changes.is_empty())
            .map(|r| {
                let about = |id: &String| changes.iter().find(|(known, _)| known == id);
                let about = |id: &String| about(id).and_then(|(_, about)| about.clone());
                let known = r.changes.iter().map(|id| (id.clone(), about(id)));
                (known.collect(), r.why.as_str())
            })
            .collect();
        let taken = match receipt.again || receipt.refused.iter().any(|r| r.changes.is_empty()) {
            true => Vec::new(),
            false => {
                let refused = |id: &String| receipt.refused.iter().any(|r| r.changes.contains(id));
                let taken = changes.iter().filter(|(id, _)| !refused(id));
                taken.cloned().collect()
            }
        };
        self.observer
            .remember_refused(&refused, &taken, now)
            .await?;
        let recorded = receipt.done.iter().filter_map(|done| match done {
            Done::Deployed { deployment, state } => Some((deployment.clone(), *state)),
            _ => None,
        });
        self.observer
            .remember_deployments(recorded.collect(), now)
            .await?;
        let started = receipt.done.iter().filter_map(|done| match done {
            Done::Dispatched { dispatch, run } => Some((dispatch.key.clone(), *run)),
            _ => None,
        });
        self.observer
            .remember_started(started.collect(), now)
            .await?;
        Ok(receipt)
    }

    /// Passes at one instant until nothing is left to do: at most as many as its pipelines need, and two.
    pub async fn run(&self, now: Timestamp) -> Result<Vec<Pass>, ObserveError> {
        let mut passes: Vec<Pass> = Vec::new();
        loop {
            let pass = self.pass(now).instrument(span()).await?;
            let moved = !pass.receipt.done.is_empty();
            let most = needed(&pass.plan) + 2;
            passes.push(pass);
            if !moved || passes.len() >= most {
                return Ok(passes);
            }
        }
    }

    /// Carries out a saved plan. Where it may not hold any more it is made again, and goes on only if the outcome is
    /// the same to the byte; its stamps are kept.
    pub async fn apply_saved(&self, saved: &Plan, now: Timestamp) -> Result<Applied, ObserveError> {
        let mut observation = self.observer.observe(now).await?;
        observation.facts.stamp = Some(saved.stamp);
        let (observation, made, asked) = self.rounds(observation, |_| true).await?;
        if made.outcome() != saved.outcome() {
            return Ok(Applied::Changed(Box::new(made)));
        }
        let receipt = self.apply(saved, now).await?;
        Ok(Applied::Done(Box::new(Pass {
            lateness: lateness(&observation),
            observation,
            plan: made,
            receipt,
            effort: Effort {
                tries: 1,
                rounds: asked.rounds,
                questions: asked.outside,
            },
        })))
    }
}

/// Passes that a plan may need to be carried out to its end: one for each stage of the longest pipeline, and three for each
/// stage that goes by pull request: to open it, to make it anew on a base that moved, and to merge it, since no pass merges
/// more than one.
fn needed(plan: &Plan) -> usize {
    let mut lengths = std::collections::BTreeMap::new();
    for stage in &plan.stages {
        *lengths.entry(&stage.key.pipeline).or_insert(0_usize) += 1;
    }
    let by_pull = |stage: &&StageReport| stage.delivery == Delivery::PullRequest;
    let pulls = plan.stages.iter().filter(by_pull).count();
    lengths.into_values().max().unwrap_or(1) + 3 * pulls
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BlobId;
    use crate::plan::question::Describe;

    fn asking(questions: Vec<Question>) -> Plan {
        let at: Timestamp = "2026-01-05T09:00:00Z".parse().unwrap();
        Plan {
            v: crate::plan::PLAN_VERSION,
            base: "1".repeat(40).parse().unwrap(),
            branch: "main".to_owned(),
            now: at,
            stamp: at,
            valid_until: None,
            changes: Vec::new(),
            effects: Vec::new(),
            holds: Vec::new(),
            stages: Vec::new(),
            questions,
        }
    }

    fn labels(number: usize) -> Question {
        let digest = crate::model::Digest::sha256(number.to_string().as_bytes());
        Question::Describe(Describe {
            image: format!("registry.example/acme/myapp@{digest}")
                .parse()
                .unwrap(),
            namespace: "default".parse().unwrap(),
        })
    }

    #[test]
    fn looks_into_git_objects_use_up_no_round_and_all_is_bounded() {
        let mut asked = Asked::default();
        let mut outside_rounds = 0;
        let mut looks = 0;
        for number in 0..100 {
            let blob = Question::Blob(BlobId::of(number.to_string().as_bytes()));
            let question = if number % 2 == 0 {
                labels(number)
            } else {
                blob
            };
            let next = asked.next(&asking(vec![question]), |_| true);
            looks += next.len();
            outside_rounds += next.iter().filter(|q| outside(q)).count();
        }
        assert_eq!(outside_rounds, MOST_ROUNDS - 1);
        assert!(looks > MOST_ROUNDS && looks <= MOST_LOOKS, "{looks}");
    }

    #[test]
    fn no_question_is_asked_twice() {
        let mut asked = Asked::default();
        let plan = asking(vec![labels(1), labels(2)]);
        assert_eq!(asked.next(&plan, |_| true).len(), 2);
        assert!(asked.next(&plan, |_| true).is_empty());
    }
}
