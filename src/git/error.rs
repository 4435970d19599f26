//! What can go wrong with a repository, sorted by whose fault it is; no message ever holds a secret.

use git2::{ErrorClass, ErrorCode};

use crate::model::{Fault, Faulty, Party};

/// Why Git did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// The server cannot be reached, is too slow, or fails (network, or the server's fault). May heal by itself.
    #[error("cannot reach `{location}`: {message}")]
    Network {
        /// Where, without secrets.
        location: String,
        /// What happened.
        message: String,
    },
    /// The server is not the one it should be, or says so badly (its owner's or the operator's to mend).
    #[error("cannot trust `{location}`: {message}")]
    Tls {
        /// Where, without secrets.
        location: String,
        /// What is wrong with its certificate, and what to do.
        message: String,
    },
    /// The server does not accept our credentials, or none were given (the operator's to mend).
    #[error("`{location}` refuses access: {message}")]
    Auth {
        /// Where, without secrets.
        location: String,
        /// What the server said.
        message: String,
    },
    /// A repository, branch or object that was named is not there (the caller's to mend).
    #[error("{0}")]
    NotFound(String),
    /// The branch that is the base is not there, though others are (the operator's or the owner's to mend).
    #[error("`{location}` has no branch `{branch}`")]
    NoBranch {
        /// Where, without secrets.
        location: String,
        /// The branch: `git.base`, or what HEAD names.
        branch: String,
    },
    /// The server answered with a refusal of the whole request (its rules; terminal).
    #[error("`{location}` refused: {message}")]
    Rejected {
        /// Where, without secrets.
        location: String,
        /// The server's words.
        message: String,
    },
    /// The local copy is damaged (a crash or the disk). A mirror is made anew by the next fetch.
    #[error("the repository at `{location}` is damaged: {message}")]
    Corrupt {
        /// The directory.
        location: String,
        /// What was found.
        message: String,
    },
    /// Another process holds a lock (wait), or left it behind (remove it).
    #[error("a lock is in the way: {0}")]
    Locked(String),
    /// Something this build does not do, such as SSH (the user's choice of location).
    #[error("{0}")]
    Unsupported(String),
    /// What was asked makes no sense (the caller's fault).
    #[error("{0}")]
    Invalid(String),
    /// The repository belongs to another user, and Git's configuration does not trust it (the operator's to mend).
    #[error("`{location}` belongs to another user")]
    Owner {
        /// The directory.
        location: String,
    },
    /// The local disk or its permissions stand in the way (environment).
    #[error("{message}")]
    Local {
        /// What happened.
        message: String,
        /// Whether it may heal by itself (a full disk).
        transient: bool,
    },
}

impl GitError {
    /// Whether trying again later, with nobody doing anything, may succeed.
    pub fn is_transient(&self) -> bool {
        self.fault().heals()
    }

    /// An error of the file system.
    pub(super) fn io(doing: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        let full = matches!(error.kind(), StorageFull | QuotaExceeded);
        let help = match full {
            true => "; free some space there, then it goes on by itself",
            false => "",
        };
        Self::Local {
            message: format!("cannot {doing}: {error}{help}"),
            transient: full,
        }
    }

    /// The same on the way from `location` into a copy on this disk: where space lacks, it lacks there.
    pub(super) fn fetching(location: &str, copy: &git2::Repository, error: &git2::Error) -> Self {
        let far = matches!(error.class(), ErrorClass::Net | ErrorClass::Http);
        match is_full(error) && !far {
            true => Self::full(
                &copy.path().display().to_string(),
                &clean(error.message(), 500),
            ),
            false => Self::libgit2(location, error),
        }
    }

    fn full(location: &str, message: &str) -> Self {
        Self::Local {
            message: format!(
                "the disk with `{location}` is full ({message}): free some space there, then it goes on by itself"
            ),
            transient: true,
        }
    }

    /// An error of libgit2 about the repository at `location` (already without secrets).
    pub(super) fn libgit2(location: &str, error: &git2::Error) -> Self {
        let message = clean(error.message(), 500);
        match (error.class(), error.code()) {
            _ if is_full(error) => Self::full(location, &message),
            (_, ErrorCode::Locked) => Self::Locked(message),
            // On its way through a fetch libgit2 loses the code of this one.
            _ if message.starts_with("failed to lock file") => Self::Locked(message),
            (_, ErrorCode::Owner) => Self::Owner {
                location: location.to_owned(),
            },
            (_, ErrorCode::Auth) => Self::Auth {
                location: location.to_owned(),
                message,
            },
            (ErrorClass::Net | ErrorClass::Http | ErrorClass::Ssl, _) => Self::Network {
                location: location.to_owned(),
                message,
            },
            (ErrorClass::Os, _) => Self::Local {
                message: format!("`{location}`: {message}"),
                transient: false,
            },
            (_, ErrorCode::NotFound) => Self::NotFound(format!("`{location}`: {message}")),
            (
                ErrorClass::Odb
                | ErrorClass::Zlib
                | ErrorClass::Object
                | ErrorClass::Tree
                | ErrorClass::Indexer
                | ErrorClass::Config
                | ErrorClass::Repository,
                _,
            ) => Self::Corrupt {
                location: location.to_owned(),
                message,
            },
            (ErrorClass::Reference, _) if message.contains("corrupted") => Self::Corrupt {
                location: location.to_owned(),
                message,
            },
            _ => Self::Invalid(format!("`{location}`: {message}")),
        }
    }
}

impl Faulty for GitError {
    fn fault(&self) -> Fault {
        let (user, operator) = (Fault::of(Party::User), Fault::of(Party::Operator));
        match self {
            Self::Network { .. } => Fault::of(Party::Remote).later(None),
            Self::Locked(_) | Self::Corrupt { .. } => operator.later(None),
            Self::Local { transient, .. } if *transient => operator.later(None),
            Self::Owner { .. }
            | Self::Local { .. }
            | Self::Tls { .. }
            | Self::Auth { .. }
            | Self::Rejected { .. } => operator,
            Self::NotFound(_) | Self::NoBranch { .. } | Self::Unsupported(_) | Self::Invalid(_) => {
                user
            }
        }
    }
}

fn is_full(error: &git2::Error) -> bool {
    let message = error.message().to_ascii_lowercase();
    let words = ["no space left", "quota exceeded"];
    words.iter().any(|words| message.contains(words))
}

/// Text from outside on one line: control characters become spaces, runs of spaces one, at most `limit` characters.
pub(super) fn clean(text: &str, limit: usize) -> String {
    let spaced: String = text
        .chars()
        .take(limit * 4)
        .map(|c| if is_unprintable(c) { ' ' } else { c })
        .collect();
    let joined = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.chars().take(limit).collect()
}

/// Control characters, and those that turn the direction of text around or hide in it.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_server_becomes_one_clean_line() {
        assert_eq!(clean("a\u{1b}[31m b\r\n\n c\u{202e}d", 100), "a [31m b c d");
        assert_eq!(clean(&"x".repeat(1000), 10), "xxxxxxxxxx");
    }

    #[test]
    fn what_may_heal_is_told_from_what_will_not() {
        let full = git2::Error::new(
            ErrorCode::GenericError,
            ErrorClass::Os,
            "failed to write: No space left on device",
        );
        let error = GitError::libgit2("/r", &full);
        assert!(error.is_transient());
        for words in ["`/r` is full", "No space left on device", "free some space"] {
            assert!(error.to_string().contains(words), "{error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let copy = git2::Repository::init_bare(folder.path()).unwrap();
        let error = GitError::fetching("https://git.example/r", &copy, &full).to_string();
        let path = copy.path().display().to_string();
        assert!(error.contains(&path), "{error}");
        assert!(!error.contains("git.example"), "{error}");
        let odb = git2::Error::new(ErrorCode::GenericError, ErrorClass::Odb, "bad header");
        assert!(matches!(
            GitError::libgit2("/r", &odb),
            GitError::Corrupt { .. }
        ));
        let owner = git2::Error::new(ErrorCode::Owner, ErrorClass::Config, "dubious");
        let owner = GitError::libgit2("/r", &owner);
        assert!(matches!(&owner, GitError::Owner { .. }), "{owner:?}");
        assert!(!owner.is_transient());
        assert!(!GitError::Invalid("x".to_owned()).is_transient());
    }
}
