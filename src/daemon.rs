//! The daemon: ticks and wakes coalesced into passes, until it is told to stop.

mod tell;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::sync::{Notify, watch};
use tracing::Instrument as _;

use crate::allocator::give_back;
use crate::config::DaemonSettings;
use crate::model::Timestamp;
use crate::reconciler::{self, ObserveError, Pass, Plan, Reconciler};
use tell::Teller;

/// How long a stop waits for the pass under way.
pub const STOP_WITHIN: Duration = Duration::from_secs(7);

/// How long a pass waits for a registry that says nothing before it goes on without it. A sound registry answers all that is
/// due in less; of a tick's usual minute, which one bad host may cost the others at most, it leaves nearly all.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// So many passes may follow each other at once while each does something; then the next one waits for its time.
const MOST_AT_ONCE: usize = 20;

/// What passes are made with. Settings read anew make another one.
#[derive(Debug, Clone)]
pub struct Work {
    /// Makes passes.
    pub reconciler: Reconciler,
    /// How often, and how long one may take.
    pub settings: DaemonSettings,
}

/// What happens in the loop.
#[derive(Debug)]
pub enum Turn<'a> {
    /// The loop came round; it has stalled if it does not again within this time.
    Within(Duration),
    /// A pass begins at this instant.
    Began(Timestamp),
    /// A pass ended at this instant, after so long.
    Ended(Timestamp, Duration, &'a Result<Pass, ObserveError>),
}

/// Is told of every turn.
pub type Listener<'a> = Box<dyn Fn(Turn<'_>) + Send + Sync + 'a>;

/// Reads the settings anew, between two passes, given what they were made with so far; `None` where they cannot be used, or change nothing.
pub type Renewal<'a> = Box<dyn Fn(&Work) -> Option<Work> + 'a>;

/// Moves a daemon from outside.
#[derive(Debug, Clone, Default)]
pub struct Waker {
    wake: Arc<Notify>,
    renew: Arc<AtomicBool>,
}

impl Waker {
    /// Wakes it. Any number of wakes during a pass cause one more pass.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Has the settings read anew before the next pass, which begins at once. A pass under way ends with the old ones.
    pub fn renew(&self) {
        self.renew.store(true, Ordering::Release);
        self.wake();
    }
}

/// A daemon: make one, hand out wakers, run it.
pub struct Daemon<'a> {
    work: Work,
    waker: Waker,
    renewal: Renewal<'a>,
    listener: Listener<'a>,
}

impl<'a> Daemon<'a> {
    /// A daemon that has not started yet.
    pub fn new(work: Work, renewal: Renewal<'a>, listener: Listener<'a>) -> Self {
        Self {
            work,
            waker: Waker::default(),
            renewal,
            listener,
        }
    }

    /// What wakes it.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Passes until `stop` turns true. A pass under way is given a few seconds to end; what it leaves half done, the
    /// next start finds and finishes.
    pub async fn run(mut self, clock: impl Fn() -> Timestamp, mut stop: watch::Receiver<bool>) {
        let mut at_once = 0;
        let mut teller = Teller::default();
        while !*stop.borrow() {
            if self.waker.renew.swap(false, Ordering::AcqRel)
                && let Some(work) = (self.renewal)(&self.work)
            {
                self.work = work;
            }
            let patience = self.work.settings.stalled_after.as_std();
            (self.listener)(Turn::Within(patience));
            let now = clock();
            (self.listener)(Turn::Began(now));
            let (begin, span) = (Instant::now(), reconciler::span());
            let pass = shielded(&self.work.reconciler, now).instrument(span.clone());
            tokio::pin!(pass);
            let ended = tokio::select! {
                ended = &mut pass => Some(ended),
                () = stopped(&mut stop) => tokio::time::timeout(STOP_WITHIN, &mut pass).await.ok(),
            };
            let Some(ended) = ended else {
                tracing::warn!("stopped before the pass under way ended");
                return;
            };
            let took = begin.elapsed();
            span.in_scope(|| teller.tell(&ended, took));
            (self.listener)(Turn::Ended(clock(), took, &ended));
            let moved = ended.as_ref().is_ok_and(|p| !p.receipt.done.is_empty());
            at_once = if moved { at_once + 1 } else { 0 };
            if moved && at_once < MOST_AT_ONCE {
                continue;
            }
            let tick = self.work.settings.tick.as_std();
            let rest = ended.map_or(tick, |pass| rest(tick, next_instant(&pass.plan, now), now));
            (self.listener)(Turn::Within(rest + patience));
            give_back();
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = self.waker.wake.notified() => {}
                () = self.work.reconciler.observer.late() => {}
                () = stopped(&mut stop) => {}
            }
        }
    }
}

/// One pass; a bug in it ends the pass and not the daemon. What it leaves behind are caches.
async fn shielded(reconciler: &Reconciler, now: Timestamp) -> Result<Pass, ObserveError> {
    let pass = AssertUnwindSafe(reconciler.pass(now)).catch_unwind();
    pass.await
        .unwrap_or_else(|_| Err(ObserveError::Stopped("a bug ended the pass".to_owned())))
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone will never say stop: then only the end of the process does.
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The earliest instant after `now` at which a stage or a tag may go on by itself.
fn next_instant(plan: &Plan, now: Timestamp) -> Option<Timestamp> {
    let instants = plan
        .stages
        .iter()
        .filter_map(|s| s.until)
        .chain(plan.holds.iter().filter_map(|h| h.until))
        .chain(plan.valid_until);
    instants.filter(|at| *at > now).min()
}

/// How long to rest: until that instant, but no longer than a tick, whatever clocks say.
fn rest(tick: Duration, next: Option<Timestamp>, now: Timestamp) -> Duration {
    // Up to the whole second behind it: woken earlier, the pass would find nothing.
    let until = next.map(|at| at.as_second() - now.as_second() + 1);
    match until.map(u64::try_from) {
        Some(Ok(seconds)) => Duration::from_secs(seconds).min(tick),
        Some(Err(_)) | None => tick,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_is_never_negative_and_never_longer_than_a_tick() {
        let tick = Duration::from_secs(60);
        let at = |second| Timestamp::from_second(second).unwrap();
        let now = at(1_767_603_600);
        for (next, wanted) in [
            (None, 60),
            (Some(at(1_767_603_605)), 6),
            (Some(at(1_767_690_000)), 60),
            (Some(Timestamp::MAX), 60),
            // The clock was put ahead since the plan was made, by an hour and by all there is.
            (Some(at(1_767_600_000)), 60),
            (Some(Timestamp::MIN), 60),
        ] {
            assert_eq!(
                rest(tick, next, now),
                Duration::from_secs(wanted),
                "{next:?}"
            );
        }
        assert_eq!(rest(tick, Some(Timestamp::MIN), Timestamp::MAX), tick);
        assert_eq!(rest(tick, Some(Timestamp::MAX), Timestamp::MIN), tick);
    }
}
