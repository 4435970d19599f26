//! What can go wrong with a host that a gate asks, and whose fault it is.

use crate::model::{Fault, Faulty, Party};
use crate::registry::RegistryError;

/// Why a host gave no answer. No variant carries a secret or a body of the host's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The operator lists no such host.
    #[error(
        "`{host}` may not be asked: the operator's settings do not list it under `egress` ({{host: {host}}})"
    )]
    NotListed {
        /// The host that was to be asked.
        host: String,
    },
    /// The operator has no such credential for that host.
    #[error(
        "the operator's settings have no credential `{name}` for `{host}` (`egress[].credentials`)"
    )]
    NoCredential {
        /// The host that was to be asked.
        host: String,
        /// By which the gate names it.
        name: String,
    },
    /// The address is plain HTTP.
    #[error(
        "`{host}` is asked over https only; `plainHttp` under `egress` of the operator's settings allows http"
    )]
    Plain {
        /// The host that was to be asked.
        host: String,
    },
    /// Its address is one that may not be connected.
    #[error(
        "`{host}` may not be asked: it has only addresses that are private, local or reserved; `private: true` under `egress` of the operator's settings allows private and local ones"
    )]
    Blocked {
        /// The host that was to be asked.
        host: String,
    },
    /// The operator's credential cannot be sent.
    #[error("the credential for `{host}` holds what no header can")]
    Credential {
        /// The host that was to be asked.
        host: String,
    },
    /// The operator lists no such Argo CD server.
    #[error("the operator's settings list no Argo CD server `{server}` under `argocd`")]
    NoServer {
        /// By which name it is called.
        server: String,
    },
    /// A server's answer does not tell what was asked.
    #[error("`{server}` does not tell: {detail}")]
    Unclear {
        /// By which name it is called.
        server: String,
        /// Why not.
        detail: String,
    },
    /// The connection could not be made, or broke.
    #[error("{0}")]
    Connection(RegistryError),
    /// No whole answer came in time.
    #[error("`{host}` gave no whole answer within {seconds} s")]
    Slow {
        /// The host that was asked.
        host: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The host is in trouble, or wants to be asked later.
    #[error("`{host}` answers with status {status}")]
    Status {
        /// The host that was asked.
        host: String,
        /// The HTTP status.
        status: u16,
        /// After so many seconds it may be asked again, if it said so.
        pause: Option<u64>,
    },
    /// The answer is larger than what is read.
    #[error("`{host}` answers with more than {limit} bytes")]
    TooLarge {
        /// The host that was asked.
        host: String,
        /// The bound, in bytes.
        limit: usize,
    },
    /// The body comes in a coding that was not asked for.
    #[error("`{host}` answers in a content coding, although none was asked for")]
    Coding {
        /// The host that was asked.
        host: String,
    },
}

impl EgressError {
    /// Whether every other question to that host would fail for the same reason now.
    pub const fn is_of_host(&self) -> bool {
        matches!(
            self,
            Self::NotListed { .. } | Self::Blocked { .. } | Self::Connection(_) | Self::Slow { .. }
        )
    }

    /// Whether no request was made.
    pub const fn asked_nobody(&self) -> bool {
        matches!(
            self,
            Self::NotListed { .. }
                | Self::NoCredential { .. }
                | Self::Plain { .. }
                | Self::Blocked { .. }
                | Self::Credential { .. }
                | Self::NoServer { .. }
        )
    }

    /// A stable word for it.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotListed { .. }
            | Self::NoServer { .. }
            | Self::Plain { .. }
            | Self::Blocked { .. } => "Forbidden",
            Self::NoCredential { .. } | Self::Credential { .. } => "Unauthorized",
            Self::TooLarge { .. } | Self::Coding { .. } | Self::Unclear { .. } => "Invalid",
            Self::Connection(error) => error.reason(),
            Self::Slow { .. } | Self::Status { .. } => "InternalError",
        }
    }
}

impl Faulty for EgressError {
    fn fault(&self) -> Fault {
        match self {
            Self::NotListed { .. }
            | Self::NoCredential { .. }
            | Self::Plain { .. }
            | Self::Blocked { .. }
            | Self::Credential { .. }
            | Self::NoServer { .. } => Fault::of(Party::Operator),
            Self::Connection(error) => error.fault(),
            Self::Slow { .. }
            | Self::Status { .. }
            | Self::TooLarge { .. }
            | Self::Unclear { .. }
            | Self::Coding { .. } => Fault::of(Party::Remote).later(None),
        }
    }
}
