//! The HTTP server of the daemon: health and status, read-only, on loopback unless the operator opens it.

use std::net::SocketAddr;
use std::sync::{Arc, RwLock};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::model::{Period, Timestamp};
use crate::plan::report::{HoldReport, StageReport};

/// What the server shows; filled by whoever runs the passes.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    /// When the last pass ended.
    pub last_pass: Option<Timestamp>,
    /// Why the last pass did not come to a plan.
    pub failure: Option<String>,
    /// Stages of the last plan.
    pub stages: Vec<StageReport>,
    /// What the last plan held back.
    pub holds: Vec<HoldReport>,
}

/// Everything a request needs.
#[derive(Clone)]
struct Shown {
    board: Arc<RwLock<Board>>,
    /// Without a pass for this long the loop has stalled.
    stalled_after: Period,
    clock: fn() -> Timestamp,
}

/// Serves until `stop` turns true.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve(
    address: SocketAddr,
    board: Arc<RwLock<Board>>,
    stalled_after: Period,
    clock: fn() -> Timestamp,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let routes = Router::new()
        .route("/healthz", get(health))
        .route("/status", get(status))
        .with_state(Shown {
            board,
            stalled_after,
            clock,
        });
    axum::serve(listener, routes)
        .with_graceful_shutdown(async move {
            let _ = stop.wait_for(|stop| *stop).await;
        })
        .await
}

/// 200 while passes end, 503 when none has for too long: a wedged loop must not look alive.
async fn health(State(shown): State<Shown>) -> impl IntoResponse {
    let last = shown.board.read().ok().and_then(|b| b.last_pass);
    match last {
        Some(at) if shown.stalled_after.after(at) >= (shown.clock)() => {
            (StatusCode::OK, format!("ok, last pass {at}\n"))
        }
        Some(at) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("stalled, last pass {at}\n"),
        ),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            "no pass has ended yet\n".to_owned(),
        ),
    }
}

async fn status(State(shown): State<Shown>) -> impl IntoResponse {
    let Ok(board) = shown.board.read() else {
        return (
            StatusCode::INTERNAL_SERVER_ERROR,
            Json(serde_json::json!({"error": "not readable"})),
        );
    };
    (StatusCode::OK, Json(serde_json::json!(*board)))
}
