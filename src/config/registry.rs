//! Operator settings for registries: who may be asked, how, with which credentials and within which bounds.
//! Plain data; hosts and addresses are checked as they are read ([`super::hosts`]).

use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::hosts;
use crate::model::{Namespace, Period};

/// Hosts that may be asked while the operator lists none (besides every host of `registries`).
pub const DEFAULT_ALLOWED: [&str; 4] = [
    "docker.io",
    "quay.io",
    "ghcr.io",
    "registry.access.redhat.com",
];

/// What the operator says about registries. The repository can never change any of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RegistrySettings {
    /// Hosts that streams may name: `quay.io`, `localhost:5000`, `*.example.com`, or `*`. Empty means
    /// [`DEFAULT_ALLOWED`] and every host of `registries`. An exact host here may also have a private address.
    #[serde(deserialize_with = "hosts::read_patterns")]
    pub allowed: Vec<String>,
    /// What is special about single hosts.
    #[serde(deserialize_with = "hosts::read_registries")]
    pub registries: Vec<RegistryEntry>,
    /// Credentials, each granted to a host, a part of its repositories and some namespaces.
    pub credentials: Vec<RegistryCredential>,
    /// A docker `config.json`, good for all namespaces; without it `$DOCKER_CONFIG/config.json`, then `~/.docker/config.json`.
    pub docker_config: Option<PathBuf>,
    /// Whether a docker `config.json` is read at all.
    pub use_docker_config: bool,
    /// The most bytes a manifest or an image configuration may have.
    pub max_manifest_bytes: usize,
    /// The most requests that may be under way to one host at a time: fewer while it is slow, fails or asks for patience.
    pub concurrency: usize,
    /// How long connecting may take.
    pub connect_timeout: Period,
    /// How long a registry may stay silent.
    pub read_timeout: Period,
    /// How long one request may take with all its redirects and tries; a single try gets half of it at most.
    pub total_timeout: Period,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self {
            allowed: Vec::new(),
            registries: Vec::new(),
            credentials: Vec::new(),
            docker_config: None,
            use_docker_config: true,
            max_manifest_bytes: 4 * 1024 * 1024,
            concurrency: 64,
            connect_timeout: Period::seconds(10),
            read_timeout: Period::seconds(15),
            total_timeout: Period::seconds(60),
        }
    }
}

impl RegistrySettings {
    /// Whether these are the same settings, passwords included.
    pub fn same(&self, other: &Self) -> bool {
        let shown = |settings: &Self| serde_json::to_value(settings).ok();
        let secrets = |settings: &Self| -> Vec<SecretString> {
            let each = settings.credentials.iter();
            each.map(|credential| credential.password.clone()).collect()
        };
        let (one, two) = (secrets(self), secrets(other));
        let mut pairs = one.iter().zip(&two);
        shown(self) == shown(other)
            && one.len() == two.len()
            && pairs.all(|(a, b)| a.expose_secret() == b.expose_secret())
    }
}

/// What is special about one registry host.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegistryEntry {
    /// The host as streams name it, with its port if it has one.
    #[serde(deserialize_with = "hosts::read_host")]
    pub host: String,
    /// Asked instead of the host (`http://127.0.0.1:5000/prefix`), while the original name is recorded.
    #[serde(default, deserialize_with = "hosts::read_mirror")]
    pub mirror: Option<String>,
    /// Speak HTTP without TLS to this host.
    #[serde(default)]
    pub plain_http: bool,
    /// Accept any certificate from this host.
    #[serde(default)]
    pub skip_verify: bool,
    /// A PEM bundle trusted for this host besides the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The most requests under way to this host at a time, instead of the general number.
    #[serde(default)]
    pub concurrency: Option<usize>,
    /// Hosts outside this registry's own site that may be handed its credentials as token servers.
    #[serde(default, deserialize_with = "hosts::read_hosts")]
    pub token_realms: Vec<String>,
}

/// A user name and password granted to (host, repository prefix, namespaces).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegistryCredential {
    /// The host that is asked; a mirror's own host, if one is set.
    #[serde(deserialize_with = "hosts::read_host")]
    pub host: String,
    /// Whole leading components of the repository (`acme` or `acme/app`); `None` grants the whole host.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Namespaces whose streams may use it; empty grants all.
    #[serde(default)]
    pub namespaces: Vec<Namespace>,
    /// The user name.
    pub username: String,
    /// The password.
    #[serde(with = "super::secret")]
    pub password: SecretString,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
allowed: [docker.io, '*.example.com']
registries:
  - {host: registry.example, mirror: 'http://127.0.0.1:5000', tokenRealms: [auth.example]}
credentials:
  - {host: ghcr.io, prefix: acme, namespaces: [myapp], username: robot, password: canary}
readTimeout: 5s
";

    #[test]
    fn settings_are_camel_case_with_defaults() {
        let settings: RegistrySettings = serde_yaml::from_str(TEXT).unwrap();
        assert_eq!(settings.read_timeout, Period::seconds(5));
        assert_eq!(settings.max_manifest_bytes, 4 * 1024 * 1024);
        assert_eq!(settings.credentials[0].password.expose_secret(), "canary");
        assert!(serde_yaml::from_str::<RegistrySettings>("insecure: true").is_err());
    }

    #[test]
    fn settings_that_differ_in_a_password_alone_are_not_the_same() {
        let settings: RegistrySettings = serde_yaml::from_str(TEXT).unwrap();
        let again: RegistrySettings = serde_yaml::from_str(TEXT).unwrap();
        assert!(settings.same(&again));
        for (old, new) in [("canary", "parrot"), ("acme", "acme2"), ("5s", "6s")] {
            let other = serde_yaml::from_str(&TEXT.replace(old, new)).unwrap();
            assert!(!settings.same(&other), "{new}");
        }
    }

    #[test]
    fn a_password_is_neither_printed_nor_written() {
        let settings: RegistrySettings = serde_yaml::from_str(TEXT).unwrap();
        assert!(!format!("{settings:?}").contains("canary"));
        let written = serde_yaml::to_string(&settings).unwrap();
        assert!(written.contains("password: (set)"), "{written}");
        assert!(!written.contains("canary"), "{written}");
    }

    #[test]
    fn an_entry_names_its_host_and_a_credential_its_user() {
        for text in [
            "registries: [{mirror: 'http://127.0.0.1:5000'}]",
            "credentials: [{host: ghcr.io, password: canary}]",
            "credentials: [{host: ghcr.io, username: robot}]",
            "credentials: [{username: robot, password: canary}]",
        ] {
            assert!(
                serde_yaml::from_str::<RegistrySettings>(text).is_err(),
                "{text}"
            );
        }
    }
}
