//! Whose fault a failure is, and whether trying again helps: the one notion that every error of an edge answers, and that
//! exit codes, status, logs and metrics read.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// Who has to do something about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// Whoever writes to the repository or typed the command.
    User,
    /// Whoever runs this program: settings, credentials, disks, rights.
    Operator,
    /// The other side: a registry, a Git server, a forge, the network between.
    Remote,
    /// This program has a bug.
    Us,
}

impl Party {
    /// The word for it in logs and status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::Remote => "remote",
            Self::Us => "us",
        }
    }
}

/// Whether trying again may succeed with nobody doing anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Retry {
    /// The world moved on: look again, and try at once.
    Now,
    /// It may heal: not before this instant, where one is known.
    Later(Option<Timestamp>),
    /// Not until somebody mends something.
    Never,
}

impl Retry {
    /// The word for it in logs and status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Later(_) => "later",
            Self::Never => "never",
        }
    }

    /// No sooner than this.
    pub const fn at(self) -> Option<Timestamp> {
        match self {
            Self::Later(at) => at,
            Self::Now | Self::Never => None,
        }
    }
}

/// Whose fault, and whether a retry helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// Who has to do something.
    pub party: Party,
    /// Whether trying again helps.
    pub retry: Retry,
}

impl Fault {
    /// Somebody's, for good.
    pub const fn of(party: Party) -> Self {
        Self {
            party,
            retry: Retry::Never,
        }
    }

    /// The same, but it may heal.
    #[must_use]
    pub const fn later(self, at: Option<Timestamp>) -> Self {
        Self {
            retry: Retry::Later(at),
            ..self
        }
    }

    /// The same, but only because somebody else was faster.
    #[must_use]
    pub const fn now(self) -> Self {
        Self {
            retry: Retry::Now,
            ..self
        }
    }

    /// Whether trying again later, with nobody doing anything, may succeed.
    pub const fn heals(self) -> bool {
        matches!(self.retry, Retry::Later(_))
    }
}

/// An error that knows whose fault it is.
pub trait Faulty: std::error::Error {
    /// Whose fault it is, and whether trying again helps.
    fn fault(&self) -> Fault;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_heal_heals() {
        let at: Timestamp = "2026-01-05T09:00:00Z".parse().unwrap();
        let remote = Fault::of(Party::Remote);
        assert!(!remote.heals() && !remote.now().heals());
        assert!(remote.later(None).heals());
        assert_eq!(remote.later(Some(at)).retry.at(), Some(at));
        assert_eq!(remote.now().retry.as_str(), "now");
        let json = serde_json::to_string(&remote.later(Some(at))).unwrap();
        assert_eq!(
            json,
            r#"{"party":"remote","retry":{"later":"2026-01-05T09:00:00Z"}}"#
        );
        assert_eq!(
            serde_json::from_str::<Fault>(&json).unwrap(),
            remote.later(Some(at))
        );
    }
}
