//! Why an answer of GitHub's was not taken: what the way there allows no answer to do, in plain words with what to look at.

use crate::model::{Fault, Party};

/// Why an answer was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stopped {
    /// It names a server that is not the API's; the token stays here.
    #[error(
        "it sends us to `{0}`, which is not the server of its API: nobody is asked there, and the token stays here; look at `forge.github.api` and at proxies on the way"
    )]
    Elsewhere(String),
    /// What was to be changed is somewhere else now.
    #[error(
        "the repository has moved, or was renamed: set `forge.github.repository` (and the address of `--repo`) to what it is called now"
    )]
    Moved,
    /// Redirects without an end, or without a place.
    #[error("it redirects in circles, or without saying where")]
    Circles,
    /// More than an answer may have, in bytes.
    #[error("its answer is longer than {} MiB, which no answer of GitHub's is; it was not read", .0 >> 20)]
    TooLong(usize),
    /// A page for people, with this status.
    #[error(
        "it answers with a web page ({0}) and not with data: is `forge.github.api` the address of the API (`https://HOST/api/v3` on an Enterprise server), or does a proxy want somebody to log in?"
    )]
    Page(u16),
    /// Neither data nor a page.
    #[error(
        "it answers with something that is no JSON: is `forge.github.api` the address of the API?"
    )]
    NoData,
    /// It says that something did not change which we do not know.
    #[error("it says that its answer has not changed, though nobody asked that")]
    Unasked,
    /// Nothing came in time.
    #[error("it did not answer in time")]
    Slow,
    /// The network, with its words.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// The token cannot be sent at all.
    #[error("the token holds characters that no token has: look at `forge.github.token`")]
    Token,
}

impl Stopped {
    /// A stable word for it.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Elsewhere(_) => "Redirected",
            Self::Moved => "Moved",
            Self::TooLong(_) => "TooLarge",
            Self::Page(_) | Self::NoData => "NotTheApi",
            Self::Circles | Self::Unasked => "Malformed",
            Self::Slow | Self::Unreachable(_) => "Unavailable",
            Self::Token => "Unauthorized",
        }
    }

    /// Whose fault it is. A proxy may let us through another time.
    pub(super) const fn fault(&self) -> Fault {
        let operator = Fault::of(Party::Operator);
        match self {
            Self::Elsewhere(_) | Self::Page(_) | Self::NoData => operator.later(None),
            Self::Moved | Self::Token => operator,
            Self::Circles
            | Self::TooLong(_)
            | Self::Unasked
            | Self::Slow
            | Self::Unreachable(_) => Fault::of(Party::Remote).later(None),
        }
    }
}
