//! The daemon: ticks and wakes coalesced into passes, until it is told to stop.

mod tell;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::sync::{Notify, watch};
use tracing::Instrument as _;

use crate::config::DaemonSettings;
use crate::model::Timestamp;
use crate::reconciler::{self, ObserveError, Pass, Plan, Reconciler};
use tell::Teller;

/// How long a stop waits for the pass under way.
pub const STOP_WITHIN: Duration = Duration::from_secs(7);

/// So many passes may follow each other at once while each does something; then the next one waits for its time.
const MOST_AT_ONCE: usize = 20;

/// Is told of every pass when it has ended: when, how long it took, and what it came to.
pub type Listener = Box<dyn Fn(Timestamp, Duration, &Result<Pass, ObserveError>) + Send + Sync>;

/// A daemon: make one, hand out wakers, run it.
pub struct Daemon {
    reconciler: Reconciler,
    settings: DaemonSettings,
    wake: Arc<Notify>,
    listener: Listener,
}

impl Daemon {
    /// A daemon that has not started yet.
    pub fn new(reconciler: Reconciler, settings: DaemonSettings, listener: Listener) -> Self {
        Self {
            reconciler,
            settings,
            wake: Arc::new(Notify::new()),
            listener,
        }
    }

    /// Wakes it. Any number of wakes during a pass cause one more pass.
    pub fn waker(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Passes until `stop` turns true. A pass under way is given a few seconds to end; what it leaves half done, the
    /// next start finds and finishes.
    pub async fn run(self, clock: impl Fn() -> Timestamp, mut stop: watch::Receiver<bool>) {
        let mut at_once = 0;
        let mut teller = Teller::default();
        while !*stop.borrow() {
            let now = clock();
            let (begin, span) = (Instant::now(), reconciler::span());
            let pass = shielded(&self.reconciler, now).instrument(span.clone());
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
            (self.listener)(clock(), took, &ended);
            let moved = ended.as_ref().is_ok_and(|p| !p.receipt.done.is_empty());
            at_once = if moved { at_once + 1 } else { 0 };
            if moved && at_once < MOST_AT_ONCE {
                continue;
            }
            let tick = self.settings.tick.as_std();
            let due = ended.ok().and_then(|p| next_due(&p.plan, now));
            tokio::select! {
                () = tokio::time::sleep(due.map_or(tick, |due| due.min(tick))) => {}
                () = self.wake.notified() => {}
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

/// How long until the earliest instant at which a stage or a tag may go on by itself.
fn next_due(plan: &Plan, now: Timestamp) -> Option<Duration> {
    let instants = plan
        .stages
        .iter()
        .filter_map(|s| s.until)
        .chain(plan.holds.iter().filter_map(|h| h.until))
        .chain(plan.valid_until);
    let soonest = instants.filter(|at| *at > now).min()?;
    // Up to the whole second behind it: woken earlier, the pass would find nothing.
    u64::try_from(soonest.as_second() - now.as_second() + 1)
        .ok()
        .map(Duration::from_secs)
}
