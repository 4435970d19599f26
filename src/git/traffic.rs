//! Counting transfers, so that their cost can be shown and tested.

use std::sync::atomic::{AtomicU64, Ordering};

/// What was exchanged with the base's server since the repository was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Fetches that succeeded.
    pub fetches: u64,
    /// Fetches that did not.
    pub failed_fetches: u64,
    /// Pushes that were answered, also with a refusal.
    pub pushes: u64,
    /// Pushes that were not.
    pub failed_pushes: u64,
    /// HTTP requests; 0 for a repository on this disk, as the bytes are.
    pub requests: u64,
    /// Bytes of answers.
    pub received_bytes: u64,
    /// Bytes of requests.
    pub sent_bytes: u64,
}

/// The counting itself.
#[derive(Debug, Default)]
pub(super) struct Tally {
    fetches: [AtomicU64; 2],
    pushes: [AtomicU64; 2],
    requests: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
}

impl Tally {
    /// A fetch has ended.
    pub(super) fn fetched(&self, well: bool) {
        self.fetches[usize::from(well)].fetch_add(1, Ordering::Relaxed);
    }

    /// A push has ended.
    pub(super) fn pushed(&self, well: bool) {
        self.pushes[usize::from(well)].fetch_add(1, Ordering::Relaxed);
    }

    /// A request of so many bytes goes out.
    pub(super) fn sent(&self, bytes: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// So many bytes of an answer came.
    pub(super) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The counts.
    pub(super) fn read(&self) -> Traffic {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Traffic {
            fetches: read(&self.fetches[1]),
            failed_fetches: read(&self.fetches[0]),
            pushes: read(&self.pushes[1]),
            failed_pushes: read(&self.pushes[0]),
            requests: read(&self.requests),
            received_bytes: read(&self.received),
            sent_bytes: read(&self.sent),
        }
    }
}
