//! Why a forge did not do what was asked, sorted by whose fault it is.

use std::path::PathBuf;

use crate::git::GitError;
use crate::model::{CommitId, Fault, Faulty, Party, Retry};

use super::types::PullState;

/// Why a forge did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// Git did not (network, disk, rights: it says so itself).
    #[error(transparent)]
    Git(#[from] GitError),
    /// There is no such pull request (the caller's to mend).
    #[error("there is no pull request `{0}`")]
    NotFound(String),
    /// The branch is not in the repository (the caller's to mend).
    #[error("there is no branch `{0}`")]
    NoBranch(String),
    /// What is stored about a pull request makes no sense (whoever wrote it).
    #[error("pull request `{id}` cannot be read: {problem}")]
    Malformed {
        /// The pull request.
        id: String,
        /// What is wrong.
        problem: String,
    },
    /// The pull request is merged or closed, or not (somebody was faster: observe again).
    #[error("pull request `{id}` is {}", state_name(*.state))]
    State {
        /// The pull request.
        id: String,
        /// Its state.
        state: PullState,
    },
    /// The branch is at another commit than was approved or checked (somebody pushed: observe again).
    #[error("the head of pull request `{id}` is `{found}`, not `{expected}`")]
    HeadMoved {
        /// The pull request.
        id: String,
        /// What the caller expected.
        expected: CommitId,
        /// Where it is.
        found: CommitId,
    },
    /// The base is at another commit (somebody pushed: observe and plan again).
    #[error("the base moved away from `{expected}` meanwhile")]
    BaseMoved {
        /// What the caller expected.
        expected: CommitId,
        /// Where it is, as far as is known.
        found: Option<CommitId>,
    },
    /// Base and branch do not merge (somebody has to look, or it is rebuilt).
    #[error("pull request `{id}` conflicts with the base in {}", shown(.paths))]
    Conflict {
        /// The pull request.
        id: String,
        /// Where.
        paths: Vec<String>,
    },
    /// The server does not allow it (its rules or our rights: the operator's to mend).
    #[error("the server refused `{name}`: {message}")]
    Refused {
        /// The ref.
        name: String,
        /// The server's words.
        message: String,
    },
    /// Others were faster ten times in a row.
    #[error("pull request `{0}` is changed by others all the time")]
    Contended(String),
    /// A signing key cannot be used (the user's to mend).
    #[error("cannot sign with `{}`: {problem}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// The forge's API did not do it (whose fault it is, it says itself).
    #[error("cannot {what} on {forge}: {message}")]
    Api {
        /// The forge.
        forge: &'static str,
        /// What was asked of it.
        what: String,
        /// Why not.
        message: String,
        /// A stable word for it.
        reason: &'static str,
        /// Whose fault it is.
        fault: Fault,
    },
    /// What was asked makes no sense (the caller's fault).
    #[error("{0}")]
    Invalid(String),
}

impl ForgeError {
    /// Whether trying again later, with nobody doing anything, may succeed.
    pub fn is_transient(&self) -> bool {
        self.fault().heals()
    }

    /// Whether the world changed since it was observed: observe and plan again at once.
    pub fn is_race(&self) -> bool {
        self.fault().retry == Retry::Now || matches!(self, Self::Contended(_))
    }
}

impl Faulty for ForgeError {
    fn fault(&self) -> Fault {
        let user = Fault::of(Party::User);
        match self {
            Self::Git(error) => error.fault(),
            Self::State { .. } | Self::HeadMoved { .. } | Self::BaseMoved { .. } => user.now(),
            Self::Contended(_) => user.later(None),
            Self::Api { fault, .. } => *fault,
            Self::Refused { .. } => Fault::of(Party::Operator),
            Self::NotFound(_)
            | Self::NoBranch(_)
            | Self::Malformed { .. }
            | Self::Conflict { .. }
            | Self::Key { .. }
            | Self::Invalid(_) => user,
        }
    }
}

const fn state_name(state: PullState) -> &'static str {
    match state {
        PullState::Open => "open",
        PullState::Merged => "merged",
        PullState::Closed => "closed",
    }
}

fn shown(paths: &[String]) -> String {
    let mut text = paths
        .iter()
        .take(5)
        .map(|path| format!("`{path}`"))
        .collect::<Vec<_>>()
        .join(", ");
    if paths.len() > 5 {
        text.push_str(&format!(" and {} more files", paths.len() - 5));
    }
    text
}
