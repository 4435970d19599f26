//! A proxy on loopback that breaks things on purpose, in front of anything that speaks HTTP/1.1 (a registry, Git's
//! `http-backend`, a forge) or plain TCP. Whoever is tested talks to the proxy; the proxy talks to the real thing.
//!
//! ```text
//! let proxy = FaultProxy::before(registry.host()).await;            // seeded: the same faults in every run
//! proxy.rule(Rule::on("HEAD", "/manifests/").ratio(0.1), Fault::status(503));
//! proxy.rule(Rule::on("GET", "/blobs/").nth(2..=2), Fault::CutBody(100));
//! client_of(proxy.host()).work().await;
//! assert_eq!(proxy.requests("HEAD", "/manifests/", 503), 20);
//! ```
//!
//! A **rule** chooses requests: by method (`*` is any), by a regular expression on path and query, by a header that they
//! are `lacking`, and of those the `nth` (from 1), `every` so many, or a `ratio` drawn from the seed. The first rule that fits decides, in the order in
//! which they were added; what no rule wants passes untouched, streaming both ways. `late` lets it wait first.
//!
//! | what shall happen | fault |
//! | --- | --- |
//! | an answer without asking anybody | [`Fault::status`], [`Fault::reply`], [`Fault::Answer`] (made from the request) |
//! | a redirect; `{host}` and `{path}` are filled in, so it may lead back here for ever | [`Fault::redirect`] |
//! | headers put, changed or taken away | [`Fault::header`], [`Fault::without`] |
//! | the answer changed in any other way; a bit of its body turned over | [`Fault::Change`], [`Fault::corrupt`] |
//! | the first answer to the same request again, whatever is true by now | [`Fault::Replay`] |
//! | the connection cut within the answer's head or body (a `Content-Length` larger than what comes, chunks without end) | [`Fault::CutHead`], [`Fault::CutBody`] |
//! | the connection cut within the request's body | [`Fault::CutRequest`] |
//! | the request carried out, the answer lost | [`Fault::LoseAnswer`] |
//! | a reset, at once | [`Fault::Reset`] |
//! | accepted and never answered | [`Fault::Silence`] |
//! | not answered until the test says so | [`Fault::Until`] |
//! | so many bytes at a time | [`Fault::Drip`] |
//! | a small body that unpacks to a large one; a body without end | [`Fault::gzip_bomb`], [`Fault::Endless`] |
//! | bytes that are no HTTP at all | [`Fault::Raw`] |
//! | nobody listens | [`FaultProxy::close`] |
//!
//! **Counters**: [`FaultProxy::connections`], [`FaultProxy::bytes`] in both directions, and [`FaultProxy::seen`], one entry per
//! request with its head and what was answered. `FaultProxy::tcp` forwards bytes blindly (TLS, `git://`): there a rule's
//! method is `TCP`, its path empty, one "request" is one connection, and the faults are those that need no HTTP.

mod fault;
mod record;
mod relay;
mod rule;
mod wire;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) use fault::{Fault, Reply};
pub(crate) use record::Seen;
pub(crate) use rule::Rule;

use record::Record;
use rule::Rules;

/// The running proxy; it stops, with all its connections, when it is dropped.
pub(crate) struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What all connections share.
struct Shared {
    upstream: String,
    host: String,
    http: bool,
    rules: Mutex<Rules>,
    record: Record,
}

impl FaultProxy {
    /// In front of an HTTP/1.1 server at this host and port.
    pub(crate) async fn before(upstream: &str) -> Self {
        Self::start(upstream, true).await
    }

    /// In front of anything that speaks TCP.
    pub(crate) async fn tcp(upstream: &str) -> Self {
        Self::start(upstream, false).await
    }

    async fn start(upstream: &str, http: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            host: address.to_string(),
            http,
            rules: Mutex::new(Rules::seeded(1)),
            record: Record::default(),
        });
        let task = tokio::spawn(relay::listen(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            task,
        }
    }

    /// Draws ratios from another seed than 1.
    pub(crate) fn seed(&self, seed: u64) {
        self.shared.rules.lock().unwrap().seed(seed);
    }

    /// From now on requests that fit the rule meet the fault.
    pub(crate) fn rule(&self, rule: Rule, fault: Fault) {
        self.shared.rules.lock().unwrap().add(rule, fault);
    }

    /// From now on everything passes.
    pub(crate) fn heal(&self) {
        self.shared.rules.lock().unwrap().clear();
    }

    /// Nobody listens any more: connecting is refused.
    pub(crate) async fn close(&mut self) {
        self.task.abort();
        // The listener is gone only when its task is.
        let _ = (&mut self.task).await;
    }

    /// Host and port.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// An address of the upstream's as it is through the proxy.
    pub(crate) fn through(&self, url: &str) -> String {
        url.replace(&self.shared.upstream, &self.host())
    }

    /// Connections that were accepted.
    pub(crate) fn connections(&self) -> usize {
        self.shared.record.connections()
    }

    /// Bytes that went to the upstream, and bytes that went to clients.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        self.shared.record.bytes()
    }

    /// All requests so far, in the order in which they came.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.record.seen()
    }

    /// How many requests of a method (`*` is any) to a path (a regular expression) were answered with a status
    /// (0 is any, none included).
    pub(crate) fn requests(&self, method: &str, path: &str, status: u16) -> usize {
        let path = regex::Regex::new(path).unwrap();
        let fits = |seen: &&Seen| {
            (method == "*" || seen.method == method)
                && path.is_match(&seen.target)
                && (status == 0 || seen.status == Some(status))
        };
        self.seen().iter().filter(fits).count()
    }

    /// Forgets what was counted.
    pub(crate) fn forget(&self) {
        self.shared.record.forget();
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}
