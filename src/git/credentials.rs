//! Which secret goes with which address: the address's own user, or the operator's credential for exactly this origin.

use base64::Engine as _;
use reqwest::header::HeaderValue;
use secrecy::ExposeSecret;
use url::Url;

use super::error::GitError;
use super::location::HttpUrl;
use crate::config::git::GitCredential;

/// What to send with every request to this repository: the address's own user, else the credential with the
/// longest path whose origin is exactly this one.
pub(super) fn authorization(
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
    text.map(|text| {
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            GitError::Invalid("a Git credential holds characters that HTTP cannot carry".to_owned())
        })?;
        value.set_sensitive(true);
        Ok(value)
    })
    .transpose()
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
