//! Operator settings for what gates may ask beside registries and the forge: hosts, what is special about each, and
//! credentials that go to that host alone.

use std::path::PathBuf;

use http::HeaderName;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::hosts;
use crate::model::Name;

/// A host that gates may ask.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EgressHost {
    /// The host as addresses name it, with its port if it has one.
    #[serde(deserialize_with = "hosts::read_host")]
    pub host: String,
    /// Whether it may have an address of a private network or of this machine. Link-local addresses are never asked.
    #[serde(default)]
    pub private: bool,
    /// Whether it is asked over HTTP without TLS, where an address says so.
    #[serde(default)]
    pub plain_http: bool,
    /// A PEM bundle trusted for this host besides the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Credentials that gates may name.
    #[serde(default, deserialize_with = "credentials")]
    pub credentials: Vec<EgressCredential>,
}

/// A credential for one host: a token, or a user name and a password.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EgressCredential {
    /// By which gates name it.
    pub name: Name,
    /// Sent as `Authorization: Bearer TOKEN`, or as it is in another header.
    #[serde(
        default = "nothing",
        with = "super::secret",
        skip_serializing_if = "is_nothing"
    )]
    pub token: SecretString,
    /// The header for the token, where it is not `Authorization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The user name, with a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password.
    #[serde(
        default = "nothing",
        with = "super::secret",
        skip_serializing_if = "is_nothing"
    )]
    pub password: SecretString,
}

fn nothing() -> SecretString {
    SecretString::from(String::new())
}

fn is_nothing(secret: &SecretString) -> bool {
    secret.expose_secret().is_empty()
}

impl EgressCredential {
    fn check(&self) -> Result<(), &'static str> {
        let some = |secret: &SecretString| !is_nothing(secret);
        match (some(&self.token), &self.username, some(&self.password)) {
            (true, None, false) | (false, Some(_), true) => {}
            _ => return Err("a credential is a `token`, or a `username` with its `password`"),
        }
        let Some(header) = &self.header else {
            return Ok(());
        };
        if !some(&self.token) {
            return Err("`header` is for a `token`");
        }
        match header.parse::<HeaderName>() {
            Ok(name) if !OURS.contains(&name.as_str()) => Ok(()),
            Ok(_) => Err("that header is not for credentials"),
            Err(_) => Err("this is no name of a header"),
        }
    }
}

/// Headers that mean something to the connection itself.
const OURS: [&str; 7] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "accept-encoding",
    "upgrade",
    "te",
];

fn credentials<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<EgressCredential>, D::Error> {
    let all = Vec::<EgressCredential>::deserialize(from)?;
    for (at, credential) in all.iter().enumerate() {
        credential.check().map_err(de::Error::custom)?;
        if all[..at].iter().any(|other| other.name == credential.name) {
            let twice = format!("`{}` is listed twice", credential.name);
            return Err(de::Error::custom(twice));
        }
    }
    Ok(all)
}

/// For the list of hosts: each once.
pub(super) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<EgressHost>, D::Error> {
    let all = Vec::<EgressHost>::deserialize(from)?;
    for (at, entry) in all.iter().enumerate() {
        let same = |other: &EgressHost| other.host.eq_ignore_ascii_case(&entry.host);
        if all[..at].iter().any(same) {
            let twice = format!(
                "`{}` is listed twice: say all of it in one entry",
                entry.host
            );
            return Err(de::Error::custom(twice));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_whole_and_never_printed() {
        let read = |text: &str| serde_yaml::from_str::<EgressHost>(text);
        let host = |credential: &str| format!("{{host: h.example, credentials: [{credential}]}}");
        for good in [
            "{name: a, token: canary}",
            "{name: a, token: canary, header: Private-Token}",
            "{name: a, username: u, password: canary}",
        ] {
            let read = read(&host(good)).unwrap();
            assert!(!format!("{read:?}").contains("canary"));
            let written = serde_yaml::to_string(&read).unwrap();
            assert!(!written.contains("canary"), "{written}");
        }
        for (bad, words) in [
            ("{name: a}", "with its `password`"),
            ("{name: a, username: u}", "with its `password`"),
            ("{name: a, token: t, password: p}", "with its `password`"),
            ("{name: a, token: t, header: Host}", "not for credentials"),
            ("{name: a, token: t, header: 'a b'}", "no name of a header"),
            (
                "{name: a, username: u, password: p, header: X-A}",
                "for a `token`",
            ),
            ("{name: a, token: t}, {name: a, token: t}", "listed twice"),
        ] {
            let error = read(&host(bad)).unwrap_err().to_string();
            assert!(error.contains(words), "{bad}: {error}");
        }
        assert!(read("{host: 'https://h.example'}").is_err());
    }
}
