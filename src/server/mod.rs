//! The HTTP server of the daemon: liveness, readiness, status and metrics, read-only, on loopback unless the operator opens it.

mod board;
mod metrics;
mod pulse;
mod readings;

use std::sync::{Arc, RwLock};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use board::{Board, SettingsInUse};
pub use metrics::{Metrics, Outcome};
pub use pulse::Pulse;
pub use readings::Readings;

use crate::config::known::hide;

/// Everything a request needs.
#[derive(Clone)]
pub struct Shown {
    /// The status page; filled by whoever runs the passes.
    pub board: Arc<RwLock<Board>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Whether the loop comes round.
    pub pulse: Pulse,
    /// Turns true when the daemon is to stop.
    pub stop: watch::Receiver<bool>,
}

/// Serves until `stop` turns true.
///
/// # Errors
/// When connections cannot be accepted any more.
pub async fn serve(listener: TcpListener, shown: Shown) -> std::io::Result<()> {
    let mut stop = shown.stop.clone();
    let routes = routes(shown);
    axum::serve(listener, routes)
        .with_graceful_shutdown(async move {
            // A sender that is gone stops the server as well.
            let _ = stop.wait_for(|stop| *stop).await;
        })
        .await
}

fn routes(shown: Shown) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .route("/status", get(status))
        .route("/metrics", get(numbers))
        .with_state(shown)
}

/// Liveness: 200 while the loop comes round, 503 when a pass hangs for too long. A restart may mend that. That the
/// repository or a registry is away is no reason: a restart would not bring it back.
async fn health(State(shown): State<Shown>) -> Response {
    let read = shown.board.read();
    let Ok((last, since)) = read.map(|board| (board.last_pass, board.pass_since)) else {
        return fresh(StatusCode::INTERNAL_SERVER_ERROR, "a bug: not readable\n");
    };
    let last = match last {
        Some(at) => format!("last pass {at}"),
        None => "no pass has ended yet".to_owned(),
    };
    let last = match since {
        Some(since) => format!("{last}, one under way since {since}"),
        None => last,
    };
    match shown.pulse.overdue() {
        None => fresh(StatusCode::OK, format!("ok, {last}\n")),
        Some(overdue) => fresh(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("stalled, overdue for {} s, {last}\n", overdue.as_secs()),
        ),
    }
}

/// Readiness: 200 once the repository was read, until told to stop.
async fn ready(State(shown): State<Shown>) -> Response {
    let unavailable = |why: &str| fresh(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"));
    if *shown.stop.borrow() {
        return unavailable("stopping");
    }
    let Ok(board) = shown.board.read() else {
        return fresh(StatusCode::INTERNAL_SERVER_ERROR, "a bug: not readable\n");
    };
    match (&board.commit, &board.failure) {
        (Some(commit), _) => fresh(StatusCode::OK, format!("ready, at {commit}\n")),
        (None, Some(failure)) => unavailable(failure),
        (None, None) => unavailable("the first pass is under way"),
    }
}

async fn status(State(shown): State<Shown>) -> Response {
    match shown.board.read() {
        Ok(board) => {
            let text = serde_json::json!(*board).to_string();
            typed("application/json", hide(&text).into_owned())
        }
        Err(_) => fresh(
            StatusCode::INTERNAL_SERVER_ERROR,
            Json(serde_json::json!({"error": "not readable"})),
        ),
    }
}

async fn numbers(State(shown): State<Shown>) -> Response {
    match shown.metrics.text() {
        Ok(text) => typed(metrics::CONTENT_TYPE, hide(&text).into_owned()),
        Err(_) => fresh(StatusCode::INTERNAL_SERVER_ERROR, "a bug: not readable\n"),
    }
}

fn typed(media_type: &'static str, body: String) -> Response {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_TYPE, media_type),
    ];
    (headers, body).into_response()
}

fn fresh(code: StatusCode, body: impl IntoResponse) -> Response {
    (code, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{BlobId, Timestamp};

    fn metrics() -> Arc<Metrics> {
        let folder = tempfile::tempdir().unwrap();
        git2::Repository::init_bare(folder.path()).unwrap();
        let path = folder.path().to_str().unwrap();
        Arc::new(Metrics::new(Readings {
            registry: crate::registry::Client::new(&Default::default()),
            git: crate::git::Repository::open(path, &Default::default(), false).unwrap(),
            dropped_lines: || 0,
            panics: || 0,
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_pass_is_not_alive_and_an_unread_repository_not_ready() {
        let board = Arc::new(RwLock::new(Board::new(
            String::new(),
            Timestamp::UNIX_EPOCH,
        )));
        let pulse = Pulse::new(Duration::from_secs(600));
        let (stop, stopped) = watch::channel(false);
        let shown = Shown {
            board: Arc::clone(&board),
            metrics: metrics(),
            pulse: pulse.clone(),
            stop: stopped,
        };
        let codes = async || {
            let health = health(State(shown.clone())).await.status();
            (health, ready(State(shown.clone())).await.status())
        };
        let (yes, no) = (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(codes().await, (yes, no));

        board.write().unwrap().commit = BlobId::of(b"").as_str().parse().ok();
        assert_eq!(codes().await, (yes, yes));
        board.write().unwrap().failure = Some("away".to_owned());
        assert_eq!(codes().await, (yes, yes));
        tokio::time::advance(Duration::from_secs(601)).await;
        assert_eq!(codes().await, (no, yes));
        pulse.due_within(Duration::from_secs(600));
        stop.send_replace(true);
        assert_eq!(codes().await, (yes, no));
    }
}
