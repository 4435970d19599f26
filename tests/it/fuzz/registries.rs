//! Fuzz target: answers of registries, through the real client and a real connection. The first byte chooses what is
//! asked; parts between 0xff bytes are what is answered.
//!
//! Content names other content by `$1` to `$9`, which stands for the digest of that part, so that a fuzzer need not find
//! hashes. `$H` stands for the server's own address.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use headwater::config::registry::{RegistryEntry, RegistrySettings};
use headwater::model::{Digest, ImageReference, PinnedImage};
use headwater::registry::{Access, Client};
use tokio::runtime::Runtime;

/// Each input speaks to a host that the client has not met yet.
const HOSTS: usize = 200;
/// More requests than these for one question are a loop.
const MOST_REQUESTS: usize = 80;

/// One input.
pub(crate) fn run(data: &[u8]) {
    thread_local!(static RIG: RefCell<Option<Rig>> = const { RefCell::new(None) });
    let Some((what, answers)) = data.split_first() else {
        return;
    };
    RIG.with_borrow_mut(|rig| {
        if rig.as_ref().is_none_or(|rig| rig.next == HOSTS) {
            *rig = Some(Rig::start());
        }
        rig.as_mut().unwrap().ask(what % 4, answers);
    });
}

/// What the server answers next.
#[derive(Default)]
struct Script {
    what: u8,
    parts: Vec<Vec<u8>>,
    /// How many requests there were.
    seen: usize,
    /// How many pages of tags were given.
    page: usize,
}

struct Rig {
    runtime: Runtime,
    script: Arc<Mutex<Script>>,
    address: String,
    client: Client,
    next: usize,
}

impl Rig {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let script = Arc::<Mutex<Script>>::default();
        let shared = Arc::clone(&script);
        let address = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let router = Router::new().fallback(move |request: Request| {
                let shared = Arc::clone(&shared);
                async move { shared.lock().unwrap().answer(&request) }
            });
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
            address
        });
        let entry = |number: usize| RegistryEntry {
            host: format!("r{number}.example"),
            mirror: Some(format!("http://{address}")),
            plain_http: true,
            skip_verify: false,
            ca_file: None,
            concurrency: None,
            token_realms: Vec::new(),
        };
        let settings = RegistrySettings {
            registries: (0..HOSTS).map(entry).collect(),
            use_docker_config: false,
            ..RegistrySettings::default()
        };
        let client = Client::new(&settings);
        Self {
            runtime,
            script,
            address,
            client,
            next: 0,
        }
    }

    fn ask(&mut self, what: u8, answers: &[u8]) {
        let host = format!("r{}.example", self.next);
        self.next += 1;
        let parts = content(answers, &self.address);
        let first = Digest::sha256(parts.first().map_or(&[][..], Vec::as_slice));
        *self.script.lock().unwrap() = Script {
            what,
            parts,
            ..Script::default()
        };
        let access = Access {
            namespace: "default".parse().unwrap(),
            insecure: false,
        };
        let client = &self.client;
        self.runtime.block_on(async {
            let reference: ImageReference = format!("{host}/a/b:main").parse().unwrap();
            match what {
                0 => {
                    let image: PinnedImage = format!("{host}/a/b@{first}").parse().unwrap();
                    if let Ok(described) = client.describe(&image, &access).await {
                        assert_eq!(described.digest, first);
                        assert!(
                            described.labels.len() <= 2 * 256 && described.platforms.len() <= 64
                        );
                    }
                }
                1 => {
                    let tags = client.tags(&reference.repository, &access).await;
                    let tags = tags.unwrap_or_default();
                    assert!(
                        tags.windows(2).all(|two| two[0] < two[1]),
                        "sorted, each once"
                    );
                }
                _ => {
                    let _ = client.resolve(&reference, &access).await;
                }
            }
        });
        let seen = self.script.lock().unwrap().seen;
        assert!(seen <= MOST_REQUESTS, "{seen} requests");
    }
}

/// The parts with their marks filled in, the last one first, so that a part can name those behind it.
fn content(answers: &[u8], address: &str) -> Vec<Vec<u8>> {
    let mut parts: Vec<Vec<u8>> = answers
        .split(|b| *b == 0xff)
        .take(10)
        .map(<[u8]>::to_vec)
        .collect();
    for index in (0..parts.len()).rev() {
        let mut filled = Vec::new();
        let mut rest = parts[index].as_slice();
        while let Some(at) = rest.iter().position(|b| *b == b'$') {
            filled.extend_from_slice(&rest[..at]);
            let mark = rest.get(at + 1).copied();
            let other = mark
                .filter(u8::is_ascii_digit)
                .map(|d| usize::from(d - b'0'));
            match (
                mark,
                other.filter(|o| *o > index).and_then(|o| parts.get(o)),
            ) {
                (_, Some(part)) => {
                    filled.extend_from_slice(Digest::sha256(part).as_str().as_bytes())
                }
                (Some(b'H'), None) => filled.extend_from_slice(address.as_bytes()),
                _ => filled.extend_from_slice(&rest[at..(at + 2).min(rest.len())]),
            }
            rest = &rest[(at + 2).min(rest.len())..];
        }
        filled.extend_from_slice(rest);
        parts[index] = filled;
    }
    parts
}

impl Script {
    fn answer(&mut self, request: &Request) -> Response<Body> {
        self.seen += 1;
        let path = request.uri().path();
        let part = |index: usize| self.parts.get(index).cloned().unwrap_or_default();
        let mut response = Response::new(Body::empty());
        match self.what {
            0 => {
                let wanted = path.rsplit('/').next().unwrap_or_default();
                let found = self
                    .parts
                    .iter()
                    .find(|p| Digest::sha256(p).as_str() == wanted);
                match found {
                    Some(bytes) => *response.body_mut() = bytes.clone().into(),
                    None => *response.status_mut() = StatusCode::NOT_FOUND,
                }
            }
            1 => {
                set(&mut response, "link", &part(2 * self.page));
                *response.body_mut() = part(2 * self.page + 1).into();
                self.page += 1;
            }
            // A challenge, then the answer of a token server, then whatever.
            2 if !path.starts_with("/v2/") => *response.body_mut() = part(1).into(),
            2 if !request.headers().contains_key("authorization") => {
                *response.status_mut() = StatusCode::UNAUTHORIZED;
                set(&mut response, "www-authenticate", &part(0));
            }
            _ => {
                set(&mut response, "content-type", &part(0));
                set(&mut response, "docker-content-digest", &part(1));
                if request.method() == "GET" {
                    *response.body_mut() = part(2).into();
                }
            }
        }
        response
    }
}

/// A header, if these bytes can be one.
fn set(response: &mut Response<Body>, name: &'static str, value: &[u8]) {
    if let (Ok(value), false) = (HeaderValue::from_bytes(value), value.is_empty()) {
        let name = HeaderName::from_static(name);
        response.headers_mut().insert(name, value);
    }
}
