//! One pass: plan, observe what the plan asks for, plan again, apply. Lost races start over; the rest is the plan's word.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::apply::{Applier, Receipt};
use crate::model::Timestamp;
pub use crate::observe::ObserveError;
use crate::observe::Observer;
pub use crate::plan::Plan;
use crate::plan::question::MOST_ROUNDS;
use crate::plan::{Facts, Observation, Question, plan};

/// How often a lost race is answered by observing and planning again.
const MOST_TRIES: u32 = 10;

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
}

/// What became of a saved plan.
#[derive(Debug)]
pub enum Applied {
    /// It was carried out.
    Done(Box<Pass>),
    /// The world moved on: the plan made now does something else.
    Changed(Box<Plan>),
}

impl Reconciler {
    /// Observes and plans, in rounds of questions.
    pub async fn plan(&self, now: Timestamp) -> Result<(Observation, Plan), ObserveError> {
        let observation = self.observer.observe(now).await?;
        self.rounds(observation, |_| true).await
    }

    /// The same without asking any registry which digest a tag has now: where everything is, as far as it was last
    /// checked. Such a plan is for reading, not for carrying out.
    pub async fn look(&self, now: Timestamp) -> Result<(Observation, Plan), ObserveError> {
        let observation = self.observer.observe(now).await?;
        let known = |question: &Question| !matches!(question, Question::Resolve(_));
        self.rounds(observation, known).await
    }

    /// Plans from recorded facts: nothing but Git objects is asked.
    pub async fn replay(&self, facts: Facts) -> Result<(Observation, Plan), ObserveError> {
        let mut observation = self.observer.replay(facts).await?;
        let mut made = plan(&observation);
        for _ in 1..MOST_ROUNDS {
            let asked = made.questions.clone();
            if asked.is_empty() {
                break;
            }
            self.observer
                .answer_from_objects(&mut observation, &asked)
                .await?;
            made = plan(&observation);
        }
        Ok((observation, made))
    }

    async fn rounds(
        &self,
        mut observation: Observation,
        ask: impl Fn(&Question) -> bool,
    ) -> Result<(Observation, Plan), ObserveError> {
        let mut made = plan(&observation);
        for _ in 1..MOST_ROUNDS {
            let asked: Vec<Question> = made.questions.iter().filter(|q| ask(q)).cloned().collect();
            if asked.is_empty() {
                break;
            }
            self.observer.answer(&mut observation, &asked).await?;
            made = plan(&observation);
        }
        Ok((observation, made))
    }

    /// One pass. A lost race is observed and planned again at once, at most ten times, with jitter.
    pub async fn pass(&self, now: Timestamp) -> Result<Pass, ObserveError> {
        let mut tries = 0;
        loop {
            let (observation, made) = self.plan(now).await?;
            let receipt = self.applier.apply(&made).await;
            tries += 1;
            if !receipt.again || tries >= MOST_TRIES {
                return Ok(Pass {
                    observation,
                    plan: made,
                    receipt,
                });
            }
            tracing::debug!(tries, "somebody else was faster; observing again");
            let most = 20_u64 << tries.min(6);
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..most))).await;
        }
    }

    /// Passes at one instant until nothing is left to do: at most as many as the longest pipeline has stages, and two.
    pub async fn run(&self, now: Timestamp) -> Result<Vec<Pass>, ObserveError> {
        let mut passes: Vec<Pass> = Vec::new();
        loop {
            let pass = self.pass(now).await?;
            let moved = !pass.receipt.done.is_empty();
            let most = longest(&pass.plan) + 2;
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
        let (observation, made) = self.rounds(observation, |_| true).await?;
        if made.outcome() != saved.outcome() {
            return Ok(Applied::Changed(Box::new(made)));
        }
        let receipt = self.applier.apply(saved).await;
        Ok(Applied::Done(Box::new(Pass {
            observation,
            plan: made,
            receipt,
        })))
    }
}

fn longest(plan: &Plan) -> usize {
    let mut lengths = std::collections::BTreeMap::new();
    for stage in &plan.stages {
        *lengths.entry(&stage.key.pipeline).or_insert(0_usize) += 1;
    }
    lengths.into_values().max().unwrap_or(1)
}
