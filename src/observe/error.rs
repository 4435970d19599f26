//! What ends an observation: Git itself, and nothing else. A registry or forge that fails is a fact, not an error.

use super::trouble::reason;
use crate::git::GitError;
use crate::model::{Fault, Faulty, Party};

/// Why nothing could be observed.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The repository cannot be reached or read (it says itself whose fault that is).
    #[error(transparent)]
    Git(#[from] GitError),
    /// The repository has no commit yet (its owner's to mend).
    #[error("`{0}` is empty: it needs a first commit")]
    Empty(String),
    /// The commit that recorded facts were gathered for is nowhere to be found (whoever gives the facts).
    #[error("commit `{commit}` of the facts is not in `{repository}`")]
    CommitGone {
        /// The commit.
        commit: String,
        /// Where it was looked for.
        repository: String,
    },
    /// Work of ours stopped on the way (our fault, or the process ends).
    #[error("reading the repository stopped: {0}")]
    Stopped(String),
}

impl ObserveError {
    /// A stable word for it.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Git(error) => reason(error),
            Self::Empty(_) => "Empty",
            Self::CommitGone { .. } => "NotFound",
            Self::Stopped(_) => "Stopped",
        }
    }

    /// Whether trying again later, with nobody doing anything, may succeed.
    pub fn is_transient(&self) -> bool {
        self.fault().heals()
    }
}

impl Faulty for ObserveError {
    fn fault(&self) -> Fault {
        match self {
            Self::Git(error) => error.fault(),
            Self::Stopped(_) => Fault::of(Party::Us).later(None),
            Self::Empty(_) | Self::CommitGone { .. } => Fault::of(Party::User),
        }
    }
}

/// Runs work that takes the processor or the disk off the threads that wait for networks.
pub(super) async fn aside<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ObserveError> {
    tokio::task::spawn_blocking(job)
        .await
        .map_err(|error| ObserveError::Stopped(error.to_string()))
}
