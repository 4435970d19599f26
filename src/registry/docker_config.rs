//! Docker's `config.json`: which credential or helper it names for a repository.

use std::collections::HashMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Deserialize;
use tokio::io::AsyncReadExt;

use super::credentials::{CredentialKind, is_below};
use crate::config::hosts::canonical_host;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// The parts of the file that say something about credentials.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DockerConfig {
    auths: HashMap<String, Auth>,
    cred_helpers: HashMap<String, String>,
    creds_store: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    #[serde(deserialize_with = "secret")]
    auth: Option<SecretString>,
    username: Option<String>,
    #[serde(deserialize_with = "secret")]
    password: Option<SecretString>,
    #[serde(deserialize_with = "secret", rename = "identitytoken")]
    identity_token: Option<SecretString>,
}

fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.filter(|t| !t.is_empty()).map(SecretString::from))
}

/// What the file knows about a repository.
#[derive(Debug)]
pub(super) enum Lookup {
    /// Nothing.
    None,
    /// The credential itself.
    Stored(CredentialKind),
    /// The helper to ask, without its `docker-credential-`.
    Helper(String),
}

impl DockerConfig {
    /// Reads the file; a missing one is an error only if the operator named it.
    pub(super) async fn read(path: &Path, required: bool) -> Result<Option<Self>, String> {
        let bad = |why: &str| format!("`{}` {why}", path.display());
        let file = match tokio::fs::File::open(path).await {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && !required => return Ok(None),
            Err(e) => return Err(bad(&format!("cannot be opened: {e}"))),
        };
        let mut bytes = Vec::new();
        let read = file.take(MAX_FILE + 1).read_to_end(&mut bytes).await;
        let bytes = SecretSlice::from(bytes);
        read.map_err(|e| bad(&format!("cannot be read: {e}")))?;
        if bytes.expose_secret().len() as u64 > MAX_FILE {
            return Err(bad("is too large for a docker configuration"));
        }
        // The parser's own words may quote the file, and the file holds secrets.
        serde_json::from_slice(bytes.expose_secret())
            .map(Some)
            .map_err(|e| {
                bad(&format!(
                    "is not a docker configuration (line {})",
                    e.line()
                ))
            })
    }

    /// A helper for the host first, then the stored credential with the longest matching path, then the general store.
    pub(super) fn lookup(&self, host: &str, repository: &str) -> Result<Lookup, String> {
        let named = self
            .cred_helpers
            .iter()
            .find(|(key, _)| place(key) == (host.to_owned(), String::new()));
        if let Some((_, helper)) = named {
            return Ok(Lookup::Helper(helper.clone()));
        }
        let fits = |key: &str| {
            let (place_host, path) = place(key);
            (place_host == host && is_below(repository, &path)).then_some(path.len())
        };
        let best = self
            .auths
            .iter()
            .filter(|(_, auth)| !auth.is_empty())
            .filter_map(|(key, auth)| Some((fits(key)?, key, auth)))
            .max_by(|(a, ka, _), (b, kb, _)| a.cmp(b).then(kb.cmp(ka)));
        match best {
            Some((_, key, auth)) => auth.credential().map(Lookup::Stored).ok_or_else(|| {
                format!("the entry `{key}` of the docker configuration cannot be decoded")
            }),
            None if !self.creds_store.is_empty() => Ok(Lookup::Helper(self.creds_store.clone())),
            None => Ok(Lookup::None),
        }
    }
}

impl Auth {
    fn is_empty(&self) -> bool {
        self.auth.is_none() && self.username.is_none() && self.identity_token.is_none()
    }

    fn credential(&self) -> Option<CredentialKind> {
        if let Some(token) = &self.identity_token {
            return Some(CredentialKind::Identity(token.clone()));
        }
        let Some(auth) = &self.auth else {
            let password = self.password.clone().unwrap_or_default();
            return Some(CredentialKind::Password(self.username.clone()?, password));
        };
        let text = auth.expose_secret().trim();
        let bytes = STANDARD
            .decode(text)
            .or_else(|_| STANDARD_NO_PAD.decode(text))
            .ok()?;
        let pair = SecretString::from(String::from_utf8(bytes).ok()?);
        let (user, password) = pair.expose_secret().split_once(':')?;
        let password = SecretString::from(password.trim_end_matches('\0'));
        Some(CredentialKind::Password(user.to_owned(), password))
    }
}

/// Host and path of a key: `https://index.docker.io/v1/`, `quay.io` and `quay.io/acme` are all written.
fn place(key: &str) -> (String, String) {
    let bare = key.split_once("://").map_or(key, |(_, rest)| rest);
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    let path = path.trim_matches('/');
    let path = if matches!(path, "v1" | "v2") {
        ""
    } else {
        path
    };
    (canonical_host(host), path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(json: &str, host: &str, repository: &str) -> String {
        let config: DockerConfig = serde_json::from_str(json).unwrap();
        match config.lookup(host, repository) {
            Ok(Lookup::None) => "none".to_owned(),
            Ok(Lookup::Helper(name)) => format!("helper {name}"),
            Ok(Lookup::Stored(CredentialKind::Password(user, password))) => {
                format!("{user}:{}", password.expose_secret())
            }
            Ok(Lookup::Stored(CredentialKind::Identity(_))) => "identity".to_owned(),
            Err(error) => error,
        }
    }

    #[test]
    fn the_longest_path_wins_and_docker_hub_has_many_names() {
        // base64 of u:hub, u:quay, u:acme
        let json = r#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "dTpodWI="},
            "quay.io": {"auth": "dTpxdWF5"},
            "quay.io/acme": {"auth": "dTphY21l"},
            "ghcr.io": {"username": "x", "password": "y"},
            "old.example": {"identitytoken": "t"},
            "empty.example": {}
        }}"#;
        for (host, repository, expected) in [
            ("docker.io", "library/nginx", "u:hub"),
            ("quay.io", "acme/app", "u:acme"),
            ("quay.io", "acmeish/app", "u:quay"),
            ("ghcr.io", "a/b", "x:y"),
            ("old.example", "a", "identity"),
            ("empty.example", "a", "none"),
            ("evil-quay.io", "acme/app", "none"),
            ("quay.io:444", "acme/app", "none"),
        ] {
            assert_eq!(
                found(json, host, repository),
                expected,
                "{host}/{repository}"
            );
        }
    }

    #[test]
    fn helpers_stand_before_and_the_store_behind_what_is_written() {
        let json = r#"{"auths": {"quay.io": {"auth": "dTpxdWF5"}, "gcr.io": {"auth": "dTpxdWF5"}},
            "credHelpers": {"gcr.io": "gcloud"}, "credsStore": "pass"}"#;
        assert_eq!(found(json, "gcr.io", "a"), "helper gcloud");
        assert_eq!(found(json, "quay.io", "a"), "u:quay");
        assert_eq!(found(json, "other.example", "a"), "helper pass");
    }

    #[tokio::test]
    async fn a_broken_file_is_reported_without_its_text() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"{"auths": {"quay.io": {"auth": "canary"#).unwrap();
        let error = DockerConfig::read(file.path(), false).await.err().unwrap();
        assert!(
            error.contains("is not a docker configuration") && !error.contains("canary"),
            "{error}"
        );
        let gone = Path::new("/nonexistent/config.json");
        assert!(DockerConfig::read(gone, false).await.unwrap().is_none());
        assert!(DockerConfig::read(gone, true).await.is_err());
        let bad = found(
            r#"{"auths": {"quay.io": {"auth": "!canary!"}}}"#,
            "quay.io",
            "a",
        );
        assert!(
            bad.contains("cannot be decoded") && !bad.contains("canary"),
            "{bad}"
        );
    }
}
