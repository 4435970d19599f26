//! What the operator says while the daemon runs: stop, stop at once, read the settings anew.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::cli::CliError;
use crate::daemon::Waker;

/// The signals that are obeyed.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Takes them over, before anything else starts.
    pub(super) fn new() -> Result<Self, CliError> {
        let take = |kind| {
            signal(kind).map_err(|error| {
                CliError::failed("cannot listen for signals").because(error.to_string())
            })
        };
        Ok(Self {
            terminate: take(SignalKind::terminate())?,
            interrupt: take(SignalKind::interrupt())?,
            hang_up: take(SignalKind::hangup())?,
        })
    }

    /// Passes them on; returns when told to stop for the second time.
    pub(super) async fn obey(mut self, stop: &watch::Sender<bool>, waker: &Waker) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
                _ = self.hang_up.recv() => {
                    tracing::info!("the settings are read anew before the next pass");
                    waker.renew();
                    continue;
                }
            }
            if stop.send_replace(true) {
                return;
            }
            tracing::info!("stopping when the pass under way has ended");
        }
    }
}
