//! What the door of a host looks like from outside: how many may pass, who waits, until when it is shut. For metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::Timestamp;

/// The door of one registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// The host as streams name it.
    pub host: String,
    /// Requests that may be under way at a time: more while the host answers promptly, fewer while it is overtaxed.
    pub permits: u64,
    /// Those of them that nobody uses.
    pub free: u64,
    /// Requests that wait for one.
    pub waiting: u64,
    /// No request goes there before this instant.
    pub shut_until: Option<Timestamp>,
    /// It is shut because the host failed too often, not because it asked for a pause.
    pub failing: bool,
    /// Requests made again at once.
    pub retries: u64,
    /// Answers that sent us away for a while.
    pub refusals: u64,
    /// Bytes of bodies that were read.
    pub received_bytes: u64,
}

/// Counts of one door.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) waiting: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) refusals: AtomicU64,
    pub(super) received: AtomicU64,
}

impl Tally {
    /// A request waits until this is dropped.
    pub(super) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    /// A request is made again.
    pub(super) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// The host sent us away.
    pub(super) fn refused(&self) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }

    /// So much of a body was read.
    pub(super) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// A request that waits.
pub(super) struct Waiting<'a>(&'a Tally);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
