//! Which secret goes with which address: the address's own user, the operator's credential for exactly this origin, or one
//! that is asked for whenever it is needed, because it changes.

use std::sync::Arc;

use base64::Engine as _;
use futures_util::future::BoxFuture;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::error::GitError;
use super::location::HttpUrl;
use crate::config::git::GitCredential;

/// Who has logins for Git that end after a while, such as tokens that live for an hour.
pub trait Lender: std::fmt::Debug + Send + Sync {
    /// Scheme, host and port that its logins are for.
    fn origin(&self) -> &str;

    /// The login that is good now: user and password.
    ///
    /// # Errors
    /// Why there is none.
    fn login(&self) -> BoxFuture<'_, Result<(String, SecretString), GitError>>;

    /// Takes in that the server did not accept the login given last.
    fn refused(&self) -> BoxFuture<'_, ()>;
}

/// What is sent with every request to a repository.
#[derive(Debug, Clone)]
pub(super) enum Login {
    /// Nothing.
    None,
    /// Always the same.
    Fixed(HeaderValue),
    /// Whatever is good at the moment.
    Lent(Arc<dyn Lender>),
}

impl Login {
    /// For a repository: the address's own user, else the operator's credential, else what is lent for its origin.
    pub(super) fn of(
        location: &HttpUrl,
        credentials: &[GitCredential],
        lender: Option<Arc<dyn Lender>>,
    ) -> Result<Self, GitError> {
        if let Some(fixed) = authorization(location, credentials)? {
            return Ok(Self::Fixed(fixed));
        }
        let here = location.url.origin();
        let lender = lender.filter(|lender| {
            Url::parse(lender.origin()).is_ok_and(|theirs| theirs.origin() == here)
        });
        Ok(lender.map_or(Self::None, Self::Lent))
    }

    /// Whether there is any.
    pub(super) const fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// The header for a request that is made now.
    pub(super) async fn header(&self) -> Result<Option<HeaderValue>, GitError> {
        match self {
            Self::None => Ok(None),
            Self::Fixed(header) => Ok(Some(header.clone())),
            Self::Lent(lender) => {
                let (user, password) = lender.login().await?;
                sensitive(&basic(&user, password.expose_secret())).map(Some)
            }
        }
    }

    /// Whether another login may be had in the place of one that was refused.
    pub(super) async fn renew(&self) -> bool {
        match self {
            Self::None | Self::Fixed(_) => false,
            Self::Lent(lender) => {
                lender.refused().await;
                true
            }
        }
    }
}

/// What to send with every request to this repository: the address's own user, else the credential with the
/// longest path whose origin is exactly this one.
fn authorization(
    location: &HttpUrl,
    credentials: &[GitCredential],
) -> Result<Option<HeaderValue>, GitError> {
    let text = match &location.userinfo {
        Some((user, password)) => Some(basic(user.expose_secret(), password.expose_secret())),
        None => credential_for(&location.url, credentials)?.map(|found| match &found.username {
            Some(user) => basic(user, found.password.expose_secret()),
            None => format!("Bearer {}", found.password.expose_secret()),
        }),
    };
    text.map(|text| sensitive(&text)).transpose()
}

fn sensitive(text: &str) -> Result<HeaderValue, GitError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        GitError::Invalid("a Git credential holds characters that HTTP cannot carry".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn basic(user: &str, password: &str) -> String {
    let joined = format!("{user}:{password}");
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(joined)
    )
}

fn credential_for<'a>(
    url: &Url,
    credentials: &'a [GitCredential],
) -> Result<Option<&'a GitCredential>, GitError> {
    let mut best: Option<(usize, &GitCredential)> = None;
    for credential in credentials {
        let bound = Url::parse(&credential.origin).map_err(|_| {
            GitError::Invalid(
                "an `origin` of `git.credentials` is not an address: write https://host".to_owned(),
            )
        })?;
        let prefix = bound.path().trim_end_matches('/');
        let below = url
            .path()
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let fits = bound.origin() == url.origin() && below;
        if fits && best.is_none_or(|(length, _)| prefix.len() > length) {
            best = Some((prefix.len(), credential));
        }
    }
    Ok(best.map(|(_, credential)| credential))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(origin: &str) -> GitCredential {
        GitCredential {
            origin: origin.to_owned(),
            username: None,
            password: origin.to_owned().into(),
        }
    }

    #[test]
    fn a_credential_goes_to_its_own_origin_only() {
        let all = [
            credential("https://git.example"),
            credential("https://git.example/acme"),
        ];
        let chosen = |url: &str| {
            credential_for(&Url::parse(url).unwrap(), &all)
                .unwrap()
                .map(|c| c.origin.clone())
        };
        assert_eq!(
            chosen("https://git.example/x").as_deref(),
            Some("https://git.example")
        );
        assert_eq!(
            chosen("https://git.example:443/acme/x").as_deref(),
            Some("https://git.example/acme")
        );
        assert_eq!(
            chosen("https://git.example/acmee").as_deref(),
            Some("https://git.example")
        );
        for other in [
            "http://git.example/x",
            "https://git.example:8443/x",
            "https://git.example.evil/x",
        ] {
            assert_eq!(chosen(other), None, "{other}");
        }
    }
}
