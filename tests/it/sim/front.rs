//! What stands before the registry: it passes questions on, or has a mood, and notes every digest that it gave out for a
//! tag.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use headwater::model::Digest;
use tokio::task::JoinHandle;

/// How the registry is today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// It answers.
    Fine,
    /// It fails: 503.
    Down,
    /// It breaks connections off in the middle of an answer.
    Broken,
    /// It wants proof of who we are, and does not say how.
    Strict,
    /// It has had enough of us: 429, for a minute.
    Busy,
    /// It takes its time.
    Slow,
    /// It has no such image, it says.
    Forgetful,
    /// Its bytes are not those of the digest.
    Lying,
    /// Its digests are none.
    Garbled,
}

impl Mood {
    /// All but the good one.
    pub(super) const BAD: [Self; 8] = [
        Self::Down,
        Self::Broken,
        Self::Strict,
        Self::Busy,
        Self::Slow,
        Self::Forgetful,
        Self::Lying,
        Self::Garbled,
    ];
}

struct Shared {
    behind: String,
    client: reqwest::Client,
    mood: Mutex<Mood>,
    /// By repository.
    given: Mutex<BTreeMap<String, BTreeSet<Digest>>>,
    bodies: Mutex<usize>,
}

/// The running front; it stops when it is dropped.
pub(super) struct Front {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Front {
    /// Before the registry at this address.
    pub(super) async fn before(behind: &str) -> Self {
        let shared = Arc::new(Shared {
            behind: behind.to_owned(),
            client: reqwest::Client::new(),
            mood: Mutex::new(Mood::Fine),
            given: Mutex::default(),
            bodies: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::clone(&shared);
        let router = Router::new().fallback(move |request: Request| {
            let state = Arc::clone(&state);
            async move { state.answer(request).await }
        });
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            shared,
            server,
        }
    }

    /// The address to name as a mirror.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it is like this.
    pub(super) fn is_now(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    /// How it is.
    pub(super) fn mood(&self) -> Mood {
        *self.shared.mood.lock().unwrap()
    }

    /// Every digest that a tag of a repository was ever said to have.
    pub(super) fn given(&self, repository: &str) -> BTreeSet<Digest> {
        let given = self.shared.given.lock().unwrap();
        given.get(repository).cloned().unwrap_or_default()
    }

    /// How many bodies were asked for.
    pub(super) fn bodies(&self) -> usize {
        *self.shared.bodies.lock().unwrap()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    /// Answers, and counts what has a body; what is not there has none worth the name.
    async fn answer(&self, request: Request) -> Response<Body> {
        let whole = request.method() != "HEAD";
        let response = self.respond(request).await;
        if whole && response.status() != StatusCode::NOT_FOUND {
            *self.bodies.lock().unwrap() += 1;
        }
        response
    }

    async fn respond(&self, request: Request) -> Response<Body> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Down => refusal(StatusCode::SERVICE_UNAVAILABLE),
            Mood::Strict => refusal(StatusCode::UNAUTHORIZED),
            Mood::Forgetful => refusal(StatusCode::NOT_FOUND),
            Mood::Busy => {
                let mut response = refusal(StatusCode::TOO_MANY_REQUESTS);
                let headers = response.headers_mut();
                headers.insert("retry-after", HeaderValue::from_static("60"));
                response
            }
            Mood::Broken => {
                let mut response =
                    Response::new(Body::from_stream(futures_util::stream::once(async {
                        Err::<bytes::Bytes, _>(std::io::Error::other("cut"))
                    })));
                let headers = response.headers_mut();
                headers.insert("content-length", HeaderValue::from_static("999"));
                response
            }
            Mood::Slow => {
                tokio::time::sleep(Duration::from_millis(30)).await;
                self.pass_on(request, mood).await
            }
            Mood::Fine | Mood::Lying | Mood::Garbled => self.pass_on(request, mood).await,
        }
    }

    async fn pass_on(&self, request: Request, mood: Mood) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let url = format!("{}{}", self.behind, request.uri());
        let asked = self.client.request(request.method().clone(), url);
        let asked = asked.headers(accept(request.headers()));
        let answer = asked.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut bytes = answer.bytes().await.unwrap().to_vec();
        if mood == Mood::Lying {
            bytes.push(b' ');
        }
        let is_head = request.method() == "HEAD";
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = status;
        for name in ["content-type", "docker-content-digest"] {
            let value = headers.get(name).cloned();
            let value = value.map(|value| match (name, mood) {
                ("docker-content-digest", Mood::Garbled) => HeaderValue::from_static("sha256:x"),
                _ => value,
            });
            if let Some(value) = value {
                response.headers_mut().insert(name, value);
            }
        }
        if let (true, Some(length)) = (is_head, headers.get("content-length")) {
            response
                .headers_mut()
                .insert("content-length", length.clone());
        }
        self.note(&path, &headers);
        response
    }

    /// Notes what a tag was said to have.
    fn note(&self, path: &str, headers: &HeaderMap) {
        let place = path
            .strip_prefix("/v2/")
            .and_then(|p| p.split_once("/manifests/"));
        let digest = headers.get("docker-content-digest");
        let digest = digest.and_then(|d| d.to_str().ok()?.parse().ok());
        if let (Some((repository, item)), Some(digest)) = (place, digest)
            && !item.contains(':')
        {
            let mut given = self.given.lock().unwrap();
            given
                .entry(repository.to_owned())
                .or_default()
                .insert(digest);
        }
    }
}

fn accept(headers: &HeaderMap) -> HeaderMap {
    let wanted = headers.iter().filter(|(name, _)| *name == "accept");
    wanted.map(|(n, v)| (n.clone(), v.clone())).collect()
}

fn refusal(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::from("{\"errors\":[]}"));
    *response.status_mut() = status;
    response
}
