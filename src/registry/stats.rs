//! Counting requests, so that cost can be shown and tested.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use reqwest::{Method, StatusCode};

/// Hosts counted by name; redirects could otherwise make us remember any number of them.
const MAX_KINDS: usize = 1024;

/// A kind of request that is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestKind {
    /// Host and port that were contacted.
    pub host: String,
    /// The HTTP method.
    pub method: String,
    /// `2xx`, `3xx`, `4xx`, `5xx`, or `none` if no answer came.
    pub outcome: &'static str,
}

/// How many requests of each kind were made since the client was built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats(pub BTreeMap<RequestKind, u64>);

impl Stats {
    /// All requests.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Requests with this method and outcome, to any host.
    pub fn count(&self, method: &str, outcome: &str) -> u64 {
        let wanted = |kind: &RequestKind| kind.method == method && kind.outcome == outcome;
        self.0
            .iter()
            .filter(|(k, _)| wanted(k))
            .map(|(_, n)| n)
            .sum()
    }
}

/// The counting itself.
#[derive(Debug, Default)]
pub(super) struct Counters(Mutex<BTreeMap<RequestKind, u64>>);

impl Counters {
    /// One more request; `None` if no answer came.
    pub(super) fn count(&self, host: &str, method: &Method, status: Option<StatusCode>) {
        let outcome = match status.map(|s| s.as_u16() / 100) {
            Some(2) => "2xx",
            Some(3) => "3xx",
            Some(4) => "4xx",
            Some(5) => "5xx",
            _ => "none",
        };
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = kinds.len() >= MAX_KINDS;
        let mut kind = RequestKind {
            host: host.to_owned(),
            method: method.to_string(),
            outcome,
        };
        if full && !kinds.contains_key(&kind) {
            kind.host = "others".to_owned();
        }
        *kinds.entry(kind).or_default() += 1;
    }

    /// A copy of the counts.
    pub(super) fn read(&self) -> Stats {
        Stats(
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        )
    }
}
