//! The clock that timers of a simulated day go by. It stands still while anything is done, and hurries when the program
//! only waits: a pause of seconds costs milliseconds, and a busy machine makes nobody late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How often it is looked whether the program only waits.
const TICK: Duration = Duration::from_millis(1);
/// How far the clock goes on at each such look.
const STEP: Duration = Duration::from_millis(50);

/// The running clock; it stops when it is dropped.
pub(super) struct Clock {
    stopped: Arc<AtomicBool>,
    driver: JoinHandle<()>,
}

impl Clock {
    /// Takes over the clock of this runtime, which has one thread and began with its clock paused.
    pub(super) fn begin() -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let ticks = Arc::new(Notify::new());
        let (stop, tick) = (Arc::clone(&stopped), Arc::clone(&ticks));
        // As long as this runs, the runtime does not move the clock by itself: it would take answers on their way for
        // idleness and jump to the next time-out.
        tokio::task::spawn_blocking(move || {
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                tick.notify_one();
            }
        });
        Self {
            stopped,
            driver: tokio::spawn(drive(ticks)),
        }
    }
}

/// Goes on at every tick between which nothing but the tick itself woke the thread.
async fn drive(ticks: Arc<Notify>) {
    let metrics = Handle::current().metrics();
    let mut before = 0;
    loop {
        ticks.notified().await;
        if metrics.worker_park_count(0) <= before + 1 {
            tokio::time::advance(STEP).await;
        }
        before = metrics.worker_park_count(0);
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.driver.abort();
    }
}
