//! The clock that timers of a simulated day go by. It stands still while anything is done, and hurries when the program
//! only waits: a pause of seconds costs milliseconds, and a busy machine makes nobody late.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How often it is looked whether the program only waits.
const TICK: Duration = Duration::from_millis(1);
/// How far the clock goes on at each such look while everybody sleeps.
const STEP: Duration = Duration::from_millis(50);
/// After so many looks in a row that found nothing done.
const IDLE: u32 = 3;

/// The running clock; it stops when it is dropped.
pub(super) struct Clock {
    stopped: Arc<AtomicBool>,
    driver: JoinHandle<()>,
}

/// What wakes the driver.
#[derive(Default)]
struct Ticks {
    tick: Notify,
    /// Its thread, as a folder below `/proc`.
    thread: OnceLock<PathBuf>,
}

impl Clock {
    /// Takes over the clock of this runtime, which has one thread and began with its clock paused.
    pub(super) fn begin() -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let ticks = Arc::new(Ticks::default());
        let (stop, ticking) = (Arc::clone(&stopped), Arc::clone(&ticks));
        // As long as this runs, the runtime does not move the clock by itself: it would take answers on their way for
        // idleness and jump to the next time-out.
        tokio::task::spawn_blocking(move || {
            let _ = ticking.thread.set(this_thread());
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                ticking.tick.notify_one();
            }
        });
        Self {
            stopped,
            driver: tokio::spawn(drive(ticks)),
        }
    }
}

/// Goes on where nothing but ticks woke the thread for a while, and all other threads sleep.
async fn drive(ticks: Arc<Ticks>) {
    let metrics = Handle::current().metrics();
    let (mut before, mut idle) = (0, 0);
    loop {
        ticks.tick.notified().await;
        let woken = metrics.worker_park_count(0);
        idle = if woken <= before + 1 { idle + 1 } else { 0 };
        before = woken;
        if idle >= IDLE {
            // Where other tests are busy in this process nobody can tell what is waited for: then it keeps time.
            let asleep = others_sleep(ticks.thread.get());
            tokio::time::advance(if asleep { STEP } else { TICK }).await;
            before = metrics.worker_park_count(0);
        }
    }
}

fn this_thread() -> PathBuf {
    let link = std::fs::read_link("/proc/thread-self").unwrap_or_default();
    Path::new("/proc").join(link)
}

/// Whether every thread but this and the ticking one sleeps and no child runs, as far as the system says.
fn others_sleep(ticking: Option<&PathBuf>) -> bool {
    let here = this_thread();
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let pid = std::process::id().to_string();
    threads.flatten().all(|thread| {
        let thread = Path::new("/proc")
            .join(&pid)
            .join("task")
            .join(thread.file_name());
        let children = std::fs::read_to_string(thread.join("children")).unwrap_or_default();
        let stat = std::fs::read_to_string(thread.join("stat")).unwrap_or_default();
        let state = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next());
        let excused = thread == here || Some(&thread) == ticking;
        children.trim().is_empty() && (excused || state.is_none_or(|state| state == 'S'))
    })
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.driver.abort();
    }
}
