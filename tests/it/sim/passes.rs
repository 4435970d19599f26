//! Passes as they go when nothing is safe: cut off half-way, overtaken, twice at once, unanswered.

use headwater::reconciler::{ObserveError, Pass};

use super::day::Day;
use super::remote::Death;

impl Day {
    /// One pass, in one of many ways.
    pub(super) async fn one_pass(&mut self) {
        self.passes += 1;
        match self.chance.u32(0..100) {
            0..70 => self.plain().await,
            70..78 => self.dies_between_effects().await,
            78..86 => self.is_overtaken().await,
            86..92 => self.meets_its_twin().await,
            _ if self.remote.is_served() && self.remote.is_fine() => self.dies_anywhere().await,
            _ => self.plain().await,
        }
    }

    async fn plain(&mut self) {
        let now = self.world.now();
        let outcome = self.world.engine.reconciler.pass(now).await;
        self.judge("pass", outcome);
    }

    /// Failures are only what the Git server's mood explains, and then a retry may help.
    fn judge(&mut self, how: &str, outcome: Result<Pass, ObserveError>) {
        match outcome {
            Ok(pass) => {
                for done in &pass.receipt.done {
                    self.tell(format!("{how}: {done:?}"));
                }
                for refused in &pass.receipt.refused {
                    self.tell(format!("{how}: {refused:?}"));
                    assert!(!self.remote.is_fine(), "{refused:?}");
                }
            }
            Err(error) => {
                self.tell(format!("{how}: {error}"));
                assert!(!self.remote.is_fine() && error.is_transient(), "{error:?}");
            }
        }
    }

    async fn dies_between_effects(&mut self) {
        let now = self.world.now();
        let reconciler = &self.world.engine.reconciler;
        match reconciler.plan(now).await {
            Ok((_, mut plan)) => {
                let all = plan.effects.len();
                plan.effects.truncate(self.chance.usize(0..=all));
                let kept = plan.effects.len();
                let receipt = reconciler.applier.apply(&plan).await;
                self.tell(format!("dies after {kept} of {all}: {:?}", receipt.done));
            }
            Err(error) => assert!(!self.remote.is_fine(), "{error:?}"),
        }
        self.starts_again();
    }

    fn starts_again(&mut self) {
        if self.chance.u32(0..4) == 0 {
            self.tell("starts again without caches");
            self.world.forget();
        } else {
            self.world.restart();
        }
    }

    /// A person pushes between plan and apply.
    async fn is_overtaken(&mut self) {
        let now = self.world.now();
        let reconciler = self.world.engine.reconciler.clone();
        match reconciler.plan(now).await {
            Ok((_, plan)) => {
                let note = format!("notes of {now}\n");
                self.world
                    .person_commits(&[("notes.md", &note)], "Take notes");
                let receipt = reconciler.applier.apply(&plan).await;
                if !plan.effects.is_empty() {
                    self.tell(format!("overtaken: {receipt:?}"));
                }
                let pushed = receipt
                    .done
                    .iter()
                    .any(|d| matches!(d, headwater::apply::Done::Pushed { .. }));
                assert!(!pushed, "{receipt:?}: the base had moved");
            }
            Err(error) => assert!(!self.remote.is_fine(), "{error:?}"),
        }
        self.plain().await;
    }

    /// Another process plans and applies between our plan and our apply.
    async fn meets_its_twin(&mut self) {
        let now = self.world.now();
        let reconciler = self.world.engine.reconciler.clone();
        let planned = reconciler.plan(now).await;
        let outcome = self.twin.reconciler.pass(now).await;
        self.judge("twin", outcome);
        match planned {
            Ok((_, plan)) => {
                let receipt = reconciler.applier.apply(&plan).await;
                if !plan.effects.is_empty() {
                    self.tell(format!("beside the twin: {receipt:?}"));
                }
            }
            Err(error) => assert!(!self.remote.is_fine(), "{error:?}"),
        }
        self.plain().await;
    }

    /// The process is killed at some request to the Git server.
    async fn dies_anywhere(&mut self) {
        let (at, after) = (self.chance.usize(1..9), self.chance.bool());
        let death = Death::at(&self.world, at, after);
        let now = self.world.now();
        let outcome = tokio::select! {
            biased;
            () = death.comes() => None,
            outcome = self.world.engine.reconciler.pass(now) => Some(outcome),
        };
        self.remote.apply(&self.world);
        match outcome {
            Some(outcome) if !death.has_come() => self.judge("not killed", outcome),
            _ => {
                self.tell(format!("killed at request {at}, after: {after}"));
                self.starts_again();
            }
        }
    }
}
