//! `serve`: the daemon with its health and status page, until a signal ends it.

mod notes;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::args::ServeArgs;
use super::engine::{self, Engine};
use super::{CliError, Context, Exit};
use crate::daemon::Daemon;
use crate::model::Period;
use crate::reconciler::{ObserveError, Pass};
use crate::server::{self, Board, Metrics, Readings};
use crate::telemetry;
use notes::Notes;

/// The loop has stalled if no pass ended for this long, or for three ticks where those are longer.
const STALLED_AFTER: u64 = 1200;
/// How long open connections may hold up the end.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Runs until SIGTERM or SIGINT; a second one ends it at once. SIGHUP wakes it.
///
/// # Errors
/// When there is no repository, or the address cannot be listened on.
pub async fn run(context: &Context, _args: &ServeArgs) -> Result<Exit, CliError> {
    let settings = &context.settings().daemon;
    let engine = Engine::open(context, true)?;
    let signals = Signals::new()?;
    let board = Arc::new(RwLock::new(Board::new(engine::now())));
    let readings = Readings {
        registry: engine.registry.clone(),
        git: engine.git.clone(),
        dropped_lines: telemetry::dropped_lines,
        panics: telemetry::bugs,
    };
    let notes = Notes {
        board: Arc::clone(&board),
        metrics: Arc::new(Metrics::new(readings)),
        repository: engine.git.describe(),
        tick: settings.tick,
    };
    let (stop, stopped) = watch::channel(false);
    let server = match settings.listen {
        Some(address) => {
            let listener = listen(context, address).await?;
            let stalled = settings.tick.as_seconds().saturating_mul(3);
            let stalled = Period::seconds(stalled.max(STALLED_AFTER));
            let shown = Arc::clone(&board);
            let metrics = Arc::clone(&notes.metrics);
            let stopped = stopped.clone();
            Some(tokio::spawn(server::serve(
                listener,
                shown,
                metrics,
                stalled,
                engine::now,
                stopped,
            )))
        }
        None => None,
    };
    tracing::info!(
        repository = engine.git.describe(),
        tick = %settings.tick,
        "serving"
    );
    let listener = Box::new(move |at, took, ended: &Result<Pass, ObserveError>| {
        notes.ended(at, took, ended);
    });
    let daemon = Daemon::new(engine.reconciler, settings.clone(), listener);
    let waker = daemon.waker();
    let passes = daemon.run(engine::now, stopped);
    let ended = tokio::select! {
        () = passes => true,
        () = signals.obey(&stop, &waker) => false,
    };
    if !ended {
        tracing::warn!("told to stop twice; stopping at once");
        return Ok(Exit::Failed);
    }
    end(server).await;
    tracing::info!("stopped");
    Ok(Exit::Settled)
}

async fn listen(context: &Context, address: SocketAddr) -> Result<TcpListener, CliError> {
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let help = match error.kind() {
            ErrorKind::AddrInUse => "something else listens there: choose another with `--listen`",
            ErrorKind::PermissionDenied => "ports below 1024 need rights: choose a higher one",
            _ => "`--listen ADDRESS` chooses another address, `--listen off` none",
        };
        CliError::failed(format!("cannot listen on `{address}`"))
            .because(error.to_string())
            .help(help)
    })?;
    let address = listener.local_addr().unwrap_or(address);
    let out = &context.out;
    if !address.ip().is_loopback() {
        out.warning(&format!(
            "everybody who reaches {address} can read the status; nothing there asks who they are"
        ));
    }
    out.note(format!("health and status on http://{address}/status"));
    Ok(listener)
}

/// Gives open connections a moment, no more.
async fn end(server: Option<JoinHandle<std::io::Result<()>>>) {
    let Some(mut server) = server else {
        return;
    };
    match tokio::time::timeout(LAST_ANSWERS, &mut server).await {
        Ok(Ok(Err(error))) => tracing::warn!(%error, "the status page failed"),
        Ok(Err(error)) => tracing::warn!(%error, "the status page failed"),
        Ok(Ok(Ok(()))) => {}
        Err(_) => server.abort(),
    }
}

/// What the operator says while it runs.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Takes them over, before anything else starts.
    fn new() -> Result<Self, CliError> {
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
    async fn obey(mut self, stop: &watch::Sender<bool>, waker: &Notify) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
                _ = self.hang_up.recv() => {
                    waker.notify_one();
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
