//! Why an answer of GitHub's was not taken: what the way there allows no answer to do, in plain words with what to look at.

use http::HeaderMap;

use crate::model::{Fault, Party, Timestamp};

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
    /// The token ended while something was to be changed, of which nothing was done.
    #[error(
        "the token that we had ended just now; nothing was changed, and another one is asked for"
    )]
    Expired,
    /// GitHub refused to give a token, in the words and headers of any refusal.
    #[error("{message} ({status})")]
    Refused {
        /// Its status.
        status: u16,
        /// Its headers, which tell of limits.
        headers: Box<HeaderMap>,
        /// Its words.
        message: String,
    },
    /// It said to come back later, and later it is not yet.
    #[error("its limit is used up until {0}")]
    Limited(Timestamp),
    /// We are no App there.
    #[error(transparent)]
    App(AppTrouble),
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
            Self::Limited(_) => "TooManyRequests",
            Self::Expired => "TokenExpired",
            Self::Refused { .. } => "Forbidden",
            Self::App(trouble) => trouble.reason(),
            Self::Token => "Unauthorized",
        }
    }

    /// Whose fault it is. A proxy may let us through another time.
    pub(super) const fn fault(&self) -> Fault {
        let operator = Fault::of(Party::Operator);
        match self {
            Self::Elsewhere(_) | Self::Page(_) | Self::NoData => operator.later(None),
            Self::Moved | Self::Token | Self::Refused { .. } => operator,
            Self::Limited(until) => Fault::of(Party::Remote).later(Some(*until)),
            Self::App(AppTrouble::NotTaken) => Fault::of(Party::Remote).later(None),
            Self::App(_) => operator,
            Self::Circles
            | Self::TooLong(_)
            | Self::Unasked
            | Self::Slow
            | Self::Expired
            | Self::Unreachable(_) => Fault::of(Party::Remote).later(None),
        }
    }
}

/// Why an App is given no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AppTrouble {
    /// GitHub does not accept what the App signed; in its words.
    #[error(
        "GitHub does not accept what the App signs ({0}): is `forge.github.app.privateKey` a key of this App that was not deleted, and does this machine's clock go right?"
    )]
    Signature(String),
    /// The key cannot sign; in the library's words.
    #[error("`forge.github.app.privateKey` cannot sign: {0}")]
    Key(String),
    /// There is no such App.
    #[error(
        "GitHub knows no App `{0}`: write the App ID (or the client ID) of the App's page into `forge.github.app.id`"
    )]
    Unknown(String),
    /// It is not installed in the repository.
    #[error(
        "the App is not installed in `{0}`: an owner installs it (the App's page > Install App), or gives this repository to its installation; or `forge.github.repository` is wrong"
    )]
    NotInstalled(String),
    /// Its installation is gone.
    #[error("the App's installation in `{0}` was removed: an owner installs it again")]
    Gone(String),
    /// It is installed with another number than the operator names.
    #[error(
        "`forge.github.app.installation: {named}` is not the installation of this repository, which is {found}: leave the setting out"
    )]
    Another {
        /// What the operator names.
        named: u64,
        /// What GitHub says.
        found: u64,
    },
    /// Somebody suspended it.
    #[error(
        "the App's installation is suspended: an owner lifts that in the settings of the organization (GitHub Apps > Configure)"
    )]
    Suspended,
    /// It may not do what we need; in GitHub's words.
    #[error(
        "the App's installation does not grant what is needed ({0}): contents, pull requests and commit statuses to write; members to read, for teams"
    )]
    NotGranted(String),
    /// GitHub gave a token and does not take it.
    #[error("GitHub gave a token and does not accept it yet")]
    NotTaken,
}

impl AppTrouble {
    const fn reason(&self) -> &'static str {
        match self {
            Self::Signature(_) | Self::Key(_) => "AppKey",
            Self::Unknown(_) => "AppUnknown",
            Self::NotInstalled(_) | Self::Gone(_) | Self::Another { .. } => "AppNotInstalled",
            Self::Suspended => "AppSuspended",
            Self::NotGranted(_) => "AppPermissions",
            Self::NotTaken => "Unavailable",
        }
    }
}
