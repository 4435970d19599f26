//! A door that the program's requests go through, which counts them and kills the program at a chosen one: before the
//! other side hears of it, or after it was carried out and before the answer is back. Nothing in the program helps.
//!
//! ```text
//! let steps = Steps::default();
//! let git = Door::to(&git.origin(), &steps).await;        // any number of doors share one count
//! let whole = steps.run(command(), None);                 // whole.trace: every step by name
//! let cut = steps.run(command(), Some(Cut { step: 3, when: When::After }));
//! ```

use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::Response;

/// When the program is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// The step is asked for, and nobody hears it.
    Before,
    /// The step is done, and nobody is told.
    After,
    /// The step is done, the answer is on its way, and so long after that.
    Later(Duration),
}

/// A point at which the program is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Which step, from nought.
    pub(crate) step: usize,
    /// Around it.
    pub(crate) when: When,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Of the process.
    pub(crate) status: ExitStatus,
    /// What it asked for, in order: `GET registry path`, `push ref`.
    pub(crate) trace: Vec<String>,
}

/// Counts what goes through its doors on behalf of one program at a time.
#[derive(Clone, Default)]
pub(crate) struct Steps(Arc<Mutex<Running>>);

#[derive(Default)]
struct Running {
    /// Which run this is: a late kill must not hit the next one.
    number: usize,
    child: Option<Child>,
    cut: Option<Cut>,
    trace: Vec<String>,
}

impl Steps {
    /// Runs a program to its end, or to the cut.
    pub(crate) fn run(&self, mut command: Command, cut: Option<Cut>) -> Ended {
        {
            let mut state = self.0.lock().unwrap();
            state.number += 1;
            state.cut = cut;
            state.trace.clear();
            state.child = Some(command.spawn().unwrap());
        }
        loop {
            let mut state = self.0.lock().unwrap();
            if let Some(status) = state.child.as_mut().unwrap().try_wait().unwrap() {
                state.child = None;
                state.cut = None;
                return Ended {
                    status,
                    trace: std::mem::take(&mut state.trace),
                };
            }
            drop(state);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Notes a step; the run it belongs to, and whether and when the program dies of it.
    fn arrives(&self, name: String) -> (usize, Option<When>) {
        let mut state = self.0.lock().unwrap();
        let step = state.trace.len();
        state.trace.push(name);
        let cut = state.cut.filter(|cut| cut.step == step);
        (state.number, cut.map(|cut| cut.when))
    }

    /// It is dead when this returns, so that nothing it would still have done comes after.
    fn kill(&self, number: usize) {
        let mut state = self.0.lock().unwrap();
        if state.number != number {
            return;
        }
        if let Some(child) = &mut state.child {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

/// A way to one server.
pub(crate) struct Door {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Way {
    steps: Steps,
    origin: String,
    client: reqwest::Client,
}

impl Door {
    /// A door in front of `origin` (`http://host:port`).
    pub(crate) async fn to(origin: &str, steps: &Steps) -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        let way = Way {
            steps: steps.clone(),
            origin: origin.to_owned(),
            client,
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(pass).with_state(way);
        let task = tokio::spawn(async move {
            axum::serve(listener, app).await.unwrap();
        });
        Self { address, task }
    }

    /// What to call the server by.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(State(way): State<Way>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let name = name(&parts.method, &parts.uri, &body);
    let (run, when) = way.steps.arrives(name);
    if when == Some(When::Before) {
        way.kill(run).await;
        return nobody();
    }
    let url = format!("{}{}", way.origin, parts.uri);
    let asked = way.client.request(parts.method, url);
    let asked = asked.headers(end_to_end(&parts.headers)).body(body);
    let Ok(answer) = asked.send().await else {
        return nobody();
    };
    let (status, headers) = (answer.status(), end_to_end(answer.headers()));
    let body = answer.bytes().await.unwrap_or_default();
    match when {
        Some(When::After) => way.kill(run).await,
        Some(When::Later(delay)) => {
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                way.kill(run).await;
            });
        }
        _ => {}
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

impl Way {
    async fn kill(&self, run: usize) {
        let steps = self.steps.clone();
        tokio::task::spawn_blocking(move || steps.kill(run))
            .await
            .unwrap();
    }
}

fn nobody() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

/// Headers that are about the message and not about one connection.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let of_connection = |name: &HeaderName| {
        [
            header::HOST,
            header::CONNECTION,
            header::TRANSFER_ENCODING,
            header::EXPECT,
        ]
        .contains(name)
    };
    let kept = headers.iter().filter(|(name, _)| !of_connection(name));
    kept.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// What a step is called: a push by the refs it moves.
fn name(method: &axum::http::Method, uri: &axum::http::Uri, body: &Bytes) -> String {
    if uri.path().ends_with("/git-receive-pack") && method == "POST" {
        return format!("push {}", refs_of(body).join(" "));
    }
    format!("{method} {uri}")
}

/// The refs that a push is about: `<length><old> <new> <ref>`, up to a flush.
fn refs_of(body: &[u8]) -> Vec<String> {
    let mut refs = Vec::new();
    let mut rest = body;
    while let Some(length) = rest.get(..4) {
        let length = std::str::from_utf8(length).unwrap_or_default();
        let length = usize::from_str_radix(length, 16).unwrap_or(0);
        let Some(line) = rest.get(4..length) else {
            break;
        };
        let line = String::from_utf8_lossy(line);
        let line = line.split('\0').next().unwrap_or_default();
        refs.extend(line.split_whitespace().nth(2).map(str::to_owned));
        rest = &rest[length..];
    }
    refs
}
