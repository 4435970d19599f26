//! What the proxy saw: connections, requests and bytes.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::fault::Reply;

/// One request and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// The request's headers, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Which of the proxy's connections it came on, from 1.
    pub(crate) connection: usize,
    /// The proxy's own host and port.
    pub(crate) proxy: String,
    /// The status that went to the client; `None` if none did.
    pub(crate) status: Option<u16>,
    /// Bytes of the answer's body that went to the client.
    pub(crate) body: u64,
}

impl Seen {
    /// A header of the request.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The counters.
#[derive(Default)]
pub(super) struct Record {
    connections: AtomicUsize,
    up: AtomicU64,
    down: AtomicU64,
    seen: Mutex<Vec<Seen>>,
    first: Mutex<HashMap<(String, String), Reply>>,
}

impl Record {
    /// A connection was accepted; its number.
    pub(super) fn connected(&self) -> usize {
        self.connections.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Bytes went to the upstream.
    pub(super) fn sent_up(&self, bytes: usize) {
        self.up.fetch_add(bytes as u64, Ordering::SeqCst);
    }

    /// Bytes went to a client.
    pub(super) fn sent_down(&self, bytes: usize) {
        self.down.fetch_add(bytes as u64, Ordering::SeqCst);
    }

    /// A request came; its place in the list.
    pub(super) fn came(&self, seen: Seen) -> usize {
        let mut all = self.seen.lock().unwrap();
        all.push(seen);
        all.len() - 1
    }

    /// A status goes to the client.
    pub(super) fn answering(&self, at: usize, status: u16) {
        if let Some(seen) = self.seen.lock().unwrap().get_mut(at) {
            seen.status = Some(status);
        }
    }

    /// Bytes of a body went to the client.
    pub(super) fn body(&self, at: usize, bytes: usize) {
        if let Some(seen) = self.seen.lock().unwrap().get_mut(at) {
            seen.body += bytes as u64;
        }
    }

    /// The first answer to a request: the one kept, or this one from now on.
    pub(super) fn first(&self, method: &str, target: &str, reply: Reply) -> Reply {
        let key = (method.to_owned(), target.to_owned());
        self.first
            .lock()
            .unwrap()
            .entry(key)
            .or_insert(reply)
            .clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn bytes(&self) -> (u64, u64) {
        (
            self.up.load(Ordering::SeqCst),
            self.down.load(Ordering::SeqCst),
        )
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Everything at nought; answers kept for replay stay.
    pub(super) fn forget(&self) {
        self.seen.lock().unwrap().clear();
        self.connections.store(0, Ordering::SeqCst);
        self.up.store(0, Ordering::SeqCst);
        self.down.store(0, Ordering::SeqCst);
    }
}
