//! A server that answers whatever a test wants and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use tokio::task::JoinHandle;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    /// Read up to 64 KiB.
    pub(crate) body: String,
    /// The server's own host and port.
    pub(crate) host: String,
}

/// The running server; it stops when it is dropped.
pub(crate) struct OddRegistry {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    server: JoinHandle<()>,
}

impl OddRegistry {
    /// Starts on 127.0.0.1.
    pub(crate) async fn start(
        answer: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        Self::start_at("127.0.0.1", answer).await
    }

    /// Starts on another loopback address.
    pub(crate) async fn start_at(
        ip: &str,
        answer: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        let router = Router::new().fallback(move |request: Request| {
            let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
            async move {
                let (head, body) = request.into_parts();
                let body = axum::body::to_bytes(body, 64 * 1024).await.unwrap();
                let authorization = head.headers.get("authorization");
                let seen = Seen {
                    method: head.method.to_string(),
                    path: head.uri.to_string(),
                    authorization: authorization.map(|v| v.to_str().unwrap().to_owned()),
                    body: String::from_utf8_lossy(&body).into_owned(),
                    host: address.to_string(),
                };
                log.lock().unwrap().push(seen.clone());
                answer(&seen)
            }
        });
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            seen,
            server,
        }
    }

    /// Host and port.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for OddRegistry {
    fn drop(&mut self) {
        self.server.abort();
    }
}
