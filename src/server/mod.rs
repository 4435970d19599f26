//! The HTTP server of the daemon: health, status and metrics, read-only, on loopback unless the operator opens it.

mod metrics;
mod readings;

use std::sync::{Arc, RwLock};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use metrics::{Metrics, Outcome};
pub use readings::Readings;

use crate::config::known::hide;
use crate::model::{CommitId, Period, Timestamp};
use crate::plan::edges::EdgeReport;
use crate::plan::report::{HoldReport, StageReport};

/// What the server shows; filled by whoever runs the passes.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    /// Version of this structure.
    pub v: u32,
    /// When the daemon started.
    pub started: Timestamp,
    /// When the last pass ended.
    pub last_pass: Option<Timestamp>,
    /// Passes since the start.
    pub passes: u64,
    /// Why the last pass did not come to a plan, and since when none did.
    pub failure: Option<String>,
    /// When the row of failures began.
    pub failing_since: Option<Timestamp>,
    /// Failed passes in a row.
    pub failures: u32,
    /// Edges that do not answer.
    pub edges: Vec<EdgeReport>,
    /// The base branch of the last plan.
    pub branch: String,
    /// The base commit of the last plan.
    pub commit: Option<CommitId>,
    /// Stages of the last plan.
    pub stages: Vec<StageReport>,
    /// What the last plan held back.
    pub holds: Vec<HoldReport>,
    /// What Git or the forge refused in the last pass.
    pub refused: Vec<String>,
}

impl Board {
    /// The board before the first pass.
    pub const fn new(started: Timestamp) -> Self {
        Self {
            v: 1,
            started,
            last_pass: None,
            passes: 0,
            failure: None,
            failing_since: None,
            failures: 0,
            edges: Vec::new(),
            branch: String::new(),
            commit: None,
            stages: Vec::new(),
            holds: Vec::new(),
            refused: Vec::new(),
        }
    }
}

/// Everything a request needs.
#[derive(Clone)]
struct Shown {
    board: Arc<RwLock<Board>>,
    metrics: Arc<Metrics>,
    /// Without a pass for this long the loop has stalled.
    stalled_after: Period,
    clock: fn() -> Timestamp,
}

/// Serves until `stop` turns true.
///
/// # Errors
/// When connections cannot be accepted any more.
pub async fn serve(
    listener: TcpListener,
    board: Arc<RwLock<Board>>,
    metrics: Arc<Metrics>,
    stalled_after: Period,
    clock: fn() -> Timestamp,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let routes = routes(Shown {
        board,
        metrics,
        stalled_after,
        clock,
    });
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
        .route("/status", get(status))
        .route("/metrics", get(numbers))
        .with_state(shown)
}

/// 200 while passes end, 503 when none has for too long: a wedged loop must not look alive. Before the first pass has
/// ended it is measured from the start.
async fn health(State(shown): State<Shown>) -> Response {
    let Ok((started, last)) = shown.board.read().map(|b| (b.started, b.last_pass)) else {
        return fresh(StatusCode::INTERNAL_SERVER_ERROR, "a bug: not readable\n");
    };
    let alive = shown.stalled_after.after(last.unwrap_or(started)) >= (shown.clock)();
    match (alive, last) {
        (true, Some(at)) => fresh(StatusCode::OK, format!("ok, last pass {at}\n")),
        (true, None) => fresh(StatusCode::OK, format!("ok, first pass since {started}\n")),
        (false, Some(at)) => fresh(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("stalled, last pass {at}\n"),
        ),
        (false, None) => fresh(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("stalled, no pass has ended since {started}\n"),
        ),
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
    use super::*;

    fn noon() -> Timestamp {
        Timestamp::from_second(1_767_614_400).unwrap_or_default()
    }

    fn metrics() -> Arc<Metrics> {
        let folder = tempfile::tempdir().unwrap();
        git2::Repository::init_bare(folder.path()).unwrap();
        let path = folder.path().to_str().unwrap();
        Arc::new(Metrics::new(Readings {
            registry: crate::registry::Client::new(&Default::default()).unwrap(),
            git: crate::git::Repository::open(path, &Default::default(), false).unwrap(),
            dropped_lines: || 0,
            panics: || 0,
        }))
    }

    async fn code(last: Option<i64>, started: i64) -> StatusCode {
        let ago = |seconds: i64| Timestamp::from_second(noon().as_second() - seconds).unwrap();
        let board = Board {
            last_pass: last.map(ago),
            ..Board::new(ago(started))
        };
        let shown = Shown {
            board: Arc::new(RwLock::new(board)),
            metrics: metrics(),
            stalled_after: Period::seconds(600),
            clock: noon,
        };
        health(State(shown)).await.status()
    }

    #[tokio::test]
    async fn a_loop_that_ends_no_pass_is_not_healthy() {
        assert_eq!(code(Some(10), 5000).await, StatusCode::OK);
        assert_eq!(code(Some(700), 5000).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(code(None, 10).await, StatusCode::OK);
        assert_eq!(code(None, 700).await, StatusCode::SERVICE_UNAVAILABLE);
    }
}
