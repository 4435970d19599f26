//! `serve`: the daemon with its health and status page, until a signal ends it.

mod notes;
mod renewal;
mod signals;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::args::ServeArgs;
use super::engine::{self, Engine};
use super::{CliError, Context, Exit};
use crate::daemon::{Daemon, Turn, Work};
use crate::server::{self, Board, Metrics, Pulse, Readings};
use crate::telemetry;
use notes::Notes;
use renewal::Renewing;
use signals::Signals;

/// How long open connections may hold up the end.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Runs until SIGTERM or SIGINT; a second one ends it at once. SIGHUP has the settings read anew, and wakes it.
///
/// # Errors
/// When there is no repository, or the address cannot be listened on.
pub async fn run(context: &Context, _args: &ServeArgs) -> Result<Exit, CliError> {
    let settings = &context.settings().daemon;
    let engine = Engine::open(context, true)?;
    let signals = Signals::new()?;
    let board = Arc::new(RwLock::new(Board::new(
        engine.git.describe(),
        engine::now(),
    )));
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
    let pulse = Pulse::new(settings.stalled_after.as_std());
    let (stop, stopped) = watch::channel(false);
    let server = match settings.listen {
        Some(address) => {
            let listener = listen(context, address).await?;
            let shown = server::Shown {
                board: Arc::clone(&board),
                metrics: Arc::clone(&notes.metrics),
                pulse: pulse.clone(),
                stop: stopped.clone(),
            };
            Some(tokio::spawn(server::serve(listener, shown)))
        }
        None => None,
    };
    tracing::info!(
        repository = engine.git.describe(),
        tick = %settings.tick,
        "serving"
    );
    let work = Work {
        reconciler: engine.reconciler,
        settings: settings.clone(),
    };
    let renewing = Renewing::new(context, board);
    let listener = move |turn: Turn<'_>| match turn {
        Turn::Within(patience) => pulse.due_within(patience),
        Turn::Began(at) => notes.began(at),
        Turn::Ended(at, took, ended) => notes.ended(at, took, ended),
    };
    let daemon = Daemon::new(
        work,
        Box::new(move |before| renewing.read(before)),
        Box::new(listener),
    );
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
    // Nothing but the farewell is left to do: waiting holds up nobody.
    telemetry::catch_up();
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
