//! What can go wrong with a registry, and whose fault it is.

use crate::model::time::stamp;
use crate::model::{Fault, Faulty, ImageReference, Party, Timestamp};

/// Why a registry did not give what it was asked for. No variant carries a secret or a body of the registry's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The registry does not know the image (or hides it).
    #[error("`{subject}` is not in the registry")]
    NotFound {
        /// What was asked for.
        subject: String,
    },
    /// The registry refuses us: no credentials, wrong ones, or ones without the right to pull.
    #[error("no access to `{subject}`: {detail}")]
    Unauthorized {
        /// What was asked for.
        subject: String,
        /// Who refused what.
        detail: String,
    },
    /// The operator's credential store cannot be read: the operator's to mend.
    #[error("the credentials for `{host}` cannot be read: {detail}")]
    Credentials {
        /// The registry they are for.
        host: String,
        /// What is wrong with file or helper.
        detail: String,
    },
    /// The operator does not allow this host or this address.
    #[error("`{host}` may not be asked: {detail}")]
    Forbidden {
        /// The host that was to be asked.
        host: String,
        /// Which rule forbids it.
        detail: String,
    },
    /// The registry's answer is no image we accept: the registry's or the publisher's fault.
    #[error("`{subject}` is not a usable image: {detail}")]
    Invalid {
        /// What was asked for.
        subject: String,
        /// What is wrong with the answer.
        detail: String,
    },
    /// The registry asked us to stay away for a while.
    #[error("`{host}` asks for no more requests before {}", stamp(*retry_at))]
    RateLimited {
        /// The registry.
        host: String,
        /// When it may be asked again.
        retry_at: Timestamp,
    },
    /// The registry failed so often in a row that it is left alone for a while.
    #[error(
        "`{host}` failed repeatedly and is left alone until {}; the last time: {cause}", stamp(*retry_at)
    )]
    Unavailable {
        /// The registry.
        host: String,
        /// When it is asked again.
        retry_at: Timestamp,
        /// How it failed the last time.
        cause: String,
    },
    /// The bytes are not those that the digest names.
    #[error("`{subject}` does not match its digest: expected `{expected}`, got `{got}`")]
    DigestMismatch {
        /// What was asked for.
        subject: String,
        /// The digest asked for or announced.
        expected: String,
        /// The digest of what came.
        got: String,
    },
    /// An answer is larger than the operator's bound.
    #[error("`{subject}` answers with more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        subject: String,
        /// The bound, in bytes.
        limit: usize,
    },
    /// The host could not be reached, or the connection broke or stalled.
    #[error("`{host}` cannot be reached: {detail}")]
    Network {
        /// The host that was contacted.
        host: String,
        /// What happened.
        detail: String,
    },
    /// The registry is in trouble itself.
    #[error("`{host}` answers with status {status}")]
    Server {
        /// The host that was contacted.
        host: String,
        /// The HTTP status.
        status: u16,
        /// When it may be asked again, if it said so.
        retry_at: Option<Timestamp>,
    },
    /// The host sends whoever asks from one address to the next: its own to mend, and no fault of the image.
    #[error(
        "`{host}` redirects more than {most} times, in the end to `{last}`: whoever runs it has to mend that"
    )]
    Redirects {
        /// The host that was asked.
        host: String,
        /// How many redirects are followed.
        most: usize,
        /// The host that the last one led to.
        last: String,
    },
    /// The host sends whoever asks to another one, which does not give it: no word about the image, nor about our credentials,
    /// which stay with the first.
    #[error("`{host}` redirects to `{there}`, which answers with status {status}")]
    Redirected {
        /// The host that was asked.
        host: String,
        /// The host that it redirects to.
        there: String,
        /// The HTTP status.
        status: u16,
    },
    /// The registry says by HEAD what it does not know by GET: its own to mend.
    #[error(
        "`{host}` contradicts itself: by HEAD `{subject}` is `{digest}`, and by GET it has neither"
    )]
    Contradiction {
        /// The registry.
        host: String,
        /// What was asked for.
        subject: String,
        /// The digest that HEAD told.
        digest: String,
    },
    /// The host's identity cannot be trusted.
    #[error("no trusted connection to `{host}`: {detail}")]
    Tls {
        /// The host that was contacted.
        host: String,
        /// What is wrong, and what the operator can do.
        detail: String,
    },
}

impl RegistryError {
    /// Upstream's reason word for the condition of a failed import (imagestreams 2.6), plus `DigestMismatch`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "NotFound",
            Self::Unauthorized { .. } | Self::Credentials { .. } => "Unauthorized",
            Self::Forbidden { .. } => "Forbidden",
            Self::Invalid { .. } | Self::TooLarge { .. } | Self::Contradiction { .. } => "Invalid",
            Self::DigestMismatch { .. } => "DigestMismatch",
            Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::Network { .. }
            | Self::Server { .. }
            | Self::Redirects { .. }
            | Self::Redirected { .. }
            | Self::Tls { .. } => "InternalError",
        }
    }

    /// Whether asking again later may help without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        self.fault().heals()
    }

    /// When the host may be asked again, if it or our own restraint names an instant.
    pub fn retry_at(&self) -> Option<Timestamp> {
        self.fault().retry.at()
    }

    /// The message to write into Git: equal for equal causes, without times, addresses or the registry's words.
    pub fn canonical(&self, reference: &ImageReference) -> String {
        let host = reference.repository.registry();
        match self {
            Self::NotFound { .. } => format!("dockerimage \"{reference}\" not found"),
            Self::Unauthorized { .. } => format!(
                "you may not have access to the container image \"{reference}\"; check the credentials for `{host}`"
            ),
            Self::Credentials { .. } => {
                format!("the operator's credentials for `{host}` cannot be read")
            }
            Self::Forbidden { .. } => {
                format!("the operator does not allow importing \"{reference}\" from `{host}`")
            }
            Self::Invalid { .. } => {
                format!(
                    "`{host}` answers with something that is no usable image for \"{reference}\""
                )
            }
            Self::Contradiction { .. } => {
                format!("`{host}` tells of \"{reference}\" by HEAD what it does not have")
            }
            Self::TooLarge { .. } => {
                format!("the manifest or configuration of \"{reference}\" is too large")
            }
            Self::DigestMismatch { .. } => format!(
                "`{host}` answers with bytes for \"{reference}\" that do not match their digest"
            ),
            Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::Network { .. }
            | Self::Redirects { .. }
            | Self::Redirected { .. }
            | Self::Server { .. } => {
                format!(
                    "Internal error occurred: {reference}: `{host}` cannot be asked at the moment"
                )
            }
            Self::Tls { .. } => format!(
                "Internal error occurred: {reference}: the certificate of `{host}` is not trusted"
            ),
        }
    }
}

impl Faulty for RegistryError {
    fn fault(&self) -> Fault {
        let remote = Fault::of(Party::Remote);
        match self {
            Self::NotFound { .. } => Fault::of(Party::User),
            Self::Unauthorized { .. }
            | Self::Credentials { .. }
            | Self::Forbidden { .. }
            | Self::Tls { .. } => Fault::of(Party::Operator),
            Self::Invalid { .. }
            | Self::Contradiction { .. }
            | Self::Redirects { .. }
            | Self::DigestMismatch { .. }
            | Self::TooLarge { .. } => remote,
            Self::RateLimited { retry_at, .. } | Self::Unavailable { retry_at, .. } => {
                remote.later(Some(*retry_at))
            }
            Self::Server { retry_at, .. } => remote.later(*retry_at),
            Self::Network { .. } | Self::Redirected { .. } => remote.later(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canonical_message_does_not_depend_on_the_circumstances() {
        let reference: ImageReference = "quay.io/acme/app:v1".parse().unwrap();
        let failed = |status, host: &str| RegistryError::Server {
            host: host.to_owned(),
            status,
            retry_at: None,
        };
        assert_eq!(
            failed(500, "quay.io").canonical(&reference),
            failed(503, "cdn.quay.io").canonical(&reference)
        );
        assert!(failed(500, "quay.io").is_transient());
        assert_eq!(failed(500, "quay.io").reason(), "InternalError");
    }
}
