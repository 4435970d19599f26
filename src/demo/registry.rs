//! A small registry in memory, on this machine only: real manifests with repeatable bytes, for the demo and for tests.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, Response, StatusCode, header};
use bytes::Bytes;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::model::Digest;

/// Requests that are remembered one by one.
const MAX_SEEN: usize = 20_000;
/// When every image claims to have been built, so that equal builds have equal bytes.
const BUILT: &str = "2024-01-01T00:00:00Z";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// What an image is made of. Equal specs make equal digests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildSpec {
    /// Labels in the image's configuration.
    pub labels: BTreeMap<String, String>,
    /// The content of the only file in the image, `/content`.
    pub content: String,
    /// Operating systems and architectures; none means linux/amd64, several make an index.
    pub platforms: Vec<(String, String)>,
}

/// A request that the registry answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRequest {
    /// The HTTP method.
    pub method: String,
    /// The path asked for.
    pub path: String,
    /// The status answered.
    pub status: u16,
}

#[derive(Default)]
struct Store {
    /// Manifests and blobs by (repository, digest), with their media types.
    content: BTreeMap<(String, String), (&'static str, Bytes)>,
    tags: BTreeMap<(String, String), Digest>,
    seen: VecDeque<SeenRequest>,
    failures: VecDeque<(StatusCode, Option<u64>)>,
    lies: bool,
    hides_lists: bool,
}

type Shared = Arc<Mutex<Store>>;

/// The running registry. It stops when it is dropped.
pub struct EmbeddedRegistry {
    address: SocketAddr,
    store: Shared,
    server: JoinHandle<()>,
}

impl EmbeddedRegistry {
    /// Starts an empty registry on a free port of 127.0.0.1.
    pub async fn start() -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let store = Shared::default();
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&store));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the embedded registry stopped");
            }
        });
        Ok(Self {
            address,
            store,
            server,
        })
    }

    /// Host and port, as they stand in a reference.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The address to name as a mirror.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Builds an image and lets `tag` point to it; returns the digest of its manifest, or of its index.
    pub fn push(&self, repository: &str, tag: &str, spec: BuildSpec) -> Digest {
        let mut store = lock(&self.store);
        let digest = match spec.platforms.as_slice() {
            [] => store.put_image(repository, &spec, "linux", "amd64"),
            [(os, architecture)] => store.put_image(repository, &spec, os, architecture),
            several => store.put_index(repository, &spec, several),
        };
        let place = (repository.to_owned(), tag.to_owned());
        store.tags.insert(place, digest.clone());
        digest
    }

    /// Lets `tag` point to an image that is there already; `false` if it is not.
    pub fn retag(&self, repository: &str, tag: &str, digest: &Digest) -> bool {
        let mut store = lock(&self.store);
        let known = store
            .content
            .contains_key(&(repository.to_owned(), digest.to_string()));
        if known {
            let place = (repository.to_owned(), tag.to_owned());
            store.tags.insert(place, digest.clone());
        }
        known
    }

    /// The digest that a tag points to.
    pub fn digest(&self, repository: &str, tag: &str) -> Option<Digest> {
        let place = (repository.to_owned(), tag.to_owned());
        lock(&self.store).tags.get(&place).cloned()
    }

    /// Takes a tag away.
    pub fn untag(&self, repository: &str, tag: &str) {
        lock(&self.store)
            .tags
            .remove(&(repository.to_owned(), tag.to_owned()));
    }

    /// The requests answered so far, the last 20,000 at most.
    pub fn requests(&self) -> Vec<SeenRequest> {
        lock(&self.store).seen.iter().cloned().collect()
    }

    /// Answers the next `times` requests with `status`, and `Retry-After` if given in seconds.
    pub fn fail_next(&self, status: u16, times: usize, retry_after: Option<u64>) {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        lock(&self.store)
            .failures
            .extend(std::iter::repeat_n((status, retry_after), times));
    }

    /// Nothing fails any more.
    pub fn heal(&self) {
        lock(&self.store).failures.clear();
    }

    /// From now on nobody is told which tags there are.
    pub fn hide_lists(&self, hidden: bool) {
        lock(&self.store).hides_lists = hidden;
    }

    /// From now on every manifest is answered with one byte changed, under its true digest.
    pub fn lie(&self, lies: bool) {
        lock(&self.store).lies = lies;
    }
}

impl Drop for EmbeddedRegistry {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(store: &Shared) -> MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    fn put(
        &mut self,
        repository: &str,
        media_type: &'static str,
        bytes: Vec<u8>,
    ) -> (Digest, usize) {
        let digest = Digest::sha256(&bytes);
        let size = bytes.len();
        let place = (repository.to_owned(), digest.to_string());
        self.content.insert(place, (media_type, bytes.into()));
        (digest, size)
    }

    fn put_image(
        &mut self,
        repository: &str,
        spec: &BuildSpec,
        os: &str,
        architecture: &str,
    ) -> Digest {
        let (layer, layer_size) = self.put(repository, LAYER, tar("content", &spec.content));
        let config = json!({
            "architecture": architecture, "os": os, "created": BUILT,
            "config": {"Labels": spec.labels},
            "rootfs": {"type": "layers", "diff_ids": [layer]},
            "history": [{"created": BUILT, "created_by": "headwater demo"}],
        });
        let (config, config_size) = self.put(repository, CONFIG, config.to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": config, "size": config_size},
            "layers": [{"mediaType": LAYER, "digest": layer, "size": layer_size}],
        });
        self.put(repository, MANIFEST, manifest.to_string().into_bytes())
            .0
    }

    fn put_index(
        &mut self,
        repository: &str,
        spec: &BuildSpec,
        platforms: &[(String, String)],
    ) -> Digest {
        let mut children = Vec::new();
        for (os, architecture) in platforms {
            let digest = self.put_image(repository, spec, os, architecture);
            let size = self
                .content
                .get(&(repository.to_owned(), digest.to_string()))
                .map_or(0, |(_, b)| b.len());
            children.push(json!({
                "mediaType": MANIFEST, "digest": digest, "size": size,
                "platform": {"os": os, "architecture": architecture},
            }));
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children});
        self.put(repository, INDEX, index.to_string().into_bytes())
            .0
    }

    fn answer(&mut self, method: &Method, path: &str) -> Response<Body> {
        if let Some((status, retry_after)) = self.failures.pop_front() {
            let mut response = refuse(status, "UNAVAILABLE");
            if let Some(seconds) = retry_after {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, seconds.into());
            }
            return response;
        }
        if method != Method::GET && method != Method::HEAD {
            return refuse(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED");
        }
        let rest = match path.strip_prefix("/v2/") {
            Some("") => return found("application/json", None, Bytes::from_static(b"{}")),
            Some(rest) => rest,
            None => return refuse(StatusCode::NOT_FOUND, "UNSUPPORTED"),
        };
        if let Some(repository) = rest.strip_suffix("/tags/list") {
            return self.tag_list(repository);
        }
        if let Some((repository, item)) = rest.split_once("/manifests/") {
            return self.manifest(repository, item);
        }
        match rest.split_once("/blobs/") {
            Some((repository, digest)) => self.blob(repository, digest),
            None => refuse(StatusCode::NOT_FOUND, "UNSUPPORTED"),
        }
    }

    fn tag_list(&self, repository: &str) -> Response<Body> {
        let all = self.tags.keys().filter(|(r, _)| r == repository);
        let tags: Vec<&str> = all.map(|(_, tag)| tag.as_str()).collect();
        if tags.is_empty() || self.hides_lists {
            return refuse(StatusCode::NOT_FOUND, "NAME_UNKNOWN");
        }
        let body = json!({"name": repository, "tags": tags}).to_string();
        found("application/json", None, body.into())
    }

    fn manifest(&self, repository: &str, item: &str) -> Response<Body> {
        let tagged = self.tags.get(&(repository.to_owned(), item.to_owned()));
        let digest = tagged.map_or_else(|| item.to_owned(), Digest::to_string);
        match self.content.get(&(repository.to_owned(), digest.clone())) {
            Some((media_type, bytes)) if [MANIFEST, INDEX].contains(media_type) => {
                let mut bytes = bytes.clone();
                if self.lies {
                    bytes = [&bytes[..], b" "].concat().into();
                }
                found(media_type, Some(&digest), bytes)
            }
            _ => refuse(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
        }
    }

    fn blob(&self, repository: &str, digest: &str) -> Response<Body> {
        match self
            .content
            .get(&(repository.to_owned(), digest.to_owned()))
        {
            Some((_, bytes)) => found("application/octet-stream", Some(digest), bytes.clone()),
            None => refuse(StatusCode::NOT_FOUND, "BLOB_UNKNOWN"),
        }
    }
}

/// The server drops the body of an answer to HEAD and keeps its length.
async fn answer(State(store): State<Shared>, request: Request) -> Response<Body> {
    let mut store = lock(&store);
    let (method, path) = (request.method(), request.uri().path());
    let response = store.answer(method, path);
    if store.seen.len() == MAX_SEEN {
        store.seen.pop_front();
    }
    store.seen.push_back(SeenRequest {
        method: method.to_string(),
        path: path.to_owned(),
        status: response.status().as_u16(),
    });
    response
}

fn found(media_type: &'static str, digest: Option<&str>, bytes: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(media_type),
    );
    headers.insert(
        "docker-distribution-api-version",
        header::HeaderValue::from_static("registry/2.0"),
    );
    if let Some(digest) = digest.and_then(|d| header::HeaderValue::from_str(d).ok()) {
        headers.insert("docker-content-digest", digest);
    }
    response
}

fn refuse(status: StatusCode, code: &str) -> Response<Body> {
    let body = json!({"errors": [{"code": code, "message": code.to_lowercase()}]}).to_string();
    let mut response = found("application/json", None, body.into());
    *response.status_mut() = status;
    response
}

/// A tar archive (ustar) of one file.
fn tar(name: &str, content: &str) -> Vec<u8> {
    let mut head = [0u8; 512];
    let mut write =
        |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
    write(0, name);
    write(100, "0000644\0");
    write(108, "0000000\0");
    write(116, "0000000\0");
    write(124, &format!("{:011o}\0", content.len()));
    write(136, "00000000000\0");
    write(148, "        ");
    write(156, "0");
    write(257, "ustar\x0000");
    let sum: u32 = head.iter().map(|b| u32::from(*b)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = head.to_vec();
    bytes.extend_from_slice(content.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(512) + 1024, 0);
    bytes
}
