//! Whose name we give at a registry: what the operator granted, then what docker's `config.json` and its helpers know.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use moka::future::Cache;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::docker_config::{DockerConfig, Lookup};
use super::error::RegistryError;
use super::helper;
use crate::config::hosts::canonical_host;
use crate::config::known;
use crate::config::registry::{RegistryCredential, RegistrySettings};
use crate::model::Namespace;

/// How long a credential from a file or helper is believed.
const FRESH: Duration = Duration::from_secs(300);

/// A credential and where it comes from. Neither `Debug` nor errors show the secret.
#[derive(Debug, Clone)]
pub(super) struct Credential {
    /// Names its source, to tell tokens apart; no secret.
    pub(super) id: String,
    pub(super) kind: CredentialKind,
}

#[derive(Debug, Clone)]
pub(super) enum CredentialKind {
    /// User name and password.
    Password(String, SecretString),
    /// A refresh token, only for a token server.
    Identity(SecretString),
}

impl Credential {
    /// What was sent, for people: never the password.
    pub(super) fn shown(&self) -> String {
        match &self.kind {
            CredentialKind::Password(user, _) => {
                let printable = user.chars().filter(|c| !c.is_control());
                let user: String = printable.take(60).collect();
                format!("the credentials of user `{user}`")
            }
            CredentialKind::Identity(_) => "the identity token that is set".to_owned(),
        }
    }

    /// The value of a basic `Authorization`; `None` for an identity token.
    pub(super) fn basic(&self) -> Option<HeaderValue> {
        let CredentialKind::Password(user, password) = &self.kind else {
            return None;
        };
        let pair = SecretString::from(format!("{user}:{}", password.expose_secret()));
        let text = SecretString::from(format!("Basic {}", STANDARD.encode(pair.expose_secret())));
        let mut value = HeaderValue::from_str(text.expose_secret()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Finds credentials.
pub(super) struct Credentials {
    granted: Vec<RegistryCredential>,
    docker_config: Option<(PathBuf, bool)>,
    stored: Cache<(String, String), Option<Arc<Credential>>>,
}

impl Credentials {
    /// From the operator's settings.
    pub(super) fn new(settings: &RegistrySettings) -> Self {
        let docker_config = match &settings.docker_config {
            _ if !settings.use_docker_config => None,
            Some(path) => Some((path.clone(), true)),
            None => default_docker_config().map(|path| (path, false)),
        };
        let mut granted = settings.credentials.clone();
        for grant in &mut granted {
            grant.host = canonical_host(&grant.host);
        }
        Self {
            granted,
            docker_config,
            stored: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(FRESH)
                .build(),
        }
    }

    /// The one credential for a repository: the operator's grant with the longest prefix, else docker's.
    pub(super) async fn find(
        &self,
        host: &str,
        repository: &str,
        namespace: &Namespace,
    ) -> Result<Option<Arc<Credential>>, RegistryError> {
        if let Some(credential) = self.granted(host, repository, namespace) {
            return Ok(Some(Arc::new(credential)));
        }
        let Some((path, required)) = self.docker_config.clone() else {
            return Ok(None);
        };
        let key = (host.to_owned(), repository.to_owned());
        let load = from_docker(path, required, host.to_owned(), repository.to_owned());
        let found = self.stored.try_get_with(key, load).await;
        found.map_err(|error| RegistryError::clone(&error))
    }

    /// Forgets what file or helper said, because the registry did not accept it.
    pub(super) async fn forget(&self, host: &str, repository: &str) {
        self.stored
            .invalidate(&(host.to_owned(), repository.to_owned()))
            .await;
    }

    fn granted(&self, host: &str, repository: &str, namespace: &Namespace) -> Option<Credential> {
        let at = self.grant(host, repository, namespace)?;
        let grant = self.granted.get(at)?;
        Some(Credential {
            id: format!("granted {at}"),
            kind: CredentialKind::Password(grant.username.clone(), grant.password.clone()),
        })
    }

    /// Which of the operator's grants counts for a namespace: those with equal ones are one and the same to the registry.
    pub(super) fn grant(
        &self,
        host: &str,
        repository: &str,
        namespace: &Namespace,
    ) -> Option<usize> {
        let fits = |grant: &RegistryCredential| {
            grant.host == host
                && (grant.namespaces.is_empty() || grant.namespaces.contains(namespace))
                && grant
                    .prefix
                    .as_deref()
                    .is_none_or(|prefix| is_below(repository, prefix))
        };
        let best = self
            .granted
            .iter()
            .enumerate()
            .filter(|(_, grant)| fits(grant))
            .max_by_key(|(at, grant)| {
                (
                    grant.prefix.as_ref().map_or(0, String::len),
                    std::cmp::Reverse(*at),
                )
            });
        best.map(|(at, _)| at)
    }
}

/// Whether `prefix` is made of whole leading components of `repository`.
pub(super) fn is_below(repository: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_matches('/');
    match repository.strip_prefix(prefix) {
        Some(rest) => prefix.is_empty() || rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

fn default_docker_config() -> Option<PathBuf> {
    let folder = match std::env::var_os("DOCKER_CONFIG") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => PathBuf::from(std::env::var_os("HOME")?).join(".docker"),
    };
    Some(folder.join("config.json"))
}

async fn from_docker(
    path: PathBuf,
    required: bool,
    host: String,
    repository: String,
) -> Result<Option<Arc<Credential>>, RegistryError> {
    let bad = |detail: String| RegistryError::Credentials {
        host: host.clone(),
        detail,
    };
    let Some(config) = DockerConfig::read(&path, required).await.map_err(bad)? else {
        return Ok(None);
    };
    let found = match config.lookup(&host, &repository).map_err(bad)? {
        Lookup::None => None,
        Lookup::Stored(kind) => Some(kind),
        Lookup::Helper(name) => {
            let server = match host.as_str() {
                "docker.io" => "https://index.docker.io/v1/",
                other => other,
            };
            helper::ask(&name, server).await.map_err(bad)?
        }
    };
    match &found {
        Some(CredentialKind::Password(user, password)) => known::meet_login(user, password),
        Some(CredentialKind::Identity(token)) => known::meet_login("", token),
        None => {}
    }
    Ok(found.map(|kind| {
        let id = format!("docker {host}/{repository}");
        Arc::new(Credential { id, kind })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(found: Option<Arc<Credential>>) -> Option<String> {
        found.map(|c| match &c.kind {
            CredentialKind::Password(user, _) => user.clone(),
            CredentialKind::Identity(_) => "identity".to_owned(),
        })
    }

    #[tokio::test]
    async fn a_grant_holds_for_its_host_prefix_and_namespaces_only() {
        let settings: RegistrySettings = serde_yaml::from_str(
            "useDockerConfig: false
credentials:
  - {host: quay.io, username: everybody, password: a}
  - {host: quay.io, prefix: acme, namespaces: [myapp], username: acme, password: b}
  - {host: quay.io, prefix: acme/app, namespaces: [myapp], username: app, password: c}
  - {host: index.docker.io, username: hub, password: d}",
        )
        .unwrap();
        let credentials = Credentials::new(&settings);
        for (host, repository, namespace, expected) in [
            ("quay.io", "acme/app", "myapp", Some("app")),
            ("quay.io", "acme/application", "myapp", Some("acme")),
            ("quay.io", "acme-evil/x", "myapp", Some("everybody")),
            ("quay.io", "acme/app", "other", Some("everybody")),
            ("quay.io:444", "acme/app", "myapp", None),
            ("docker.io", "library/nginx", "myapp", Some("hub")),
        ] {
            let found = credentials
                .find(host, repository, &namespace.parse().unwrap())
                .await;
            assert_eq!(
                user(found.unwrap()).as_deref(),
                expected,
                "{host}/{repository}"
            );
        }
    }

    #[test]
    fn a_credential_does_not_show_its_secret() {
        let kind = CredentialKind::Password("u".to_owned(), SecretString::from("canary"));
        let credential = Credential {
            id: "x".to_owned(),
            kind,
        };
        assert!(!format!("{credential:?}").contains("canary"));
        let header = credential.basic().unwrap();
        assert_eq!(header.as_bytes(), b"Basic dTpjYW5hcnk=");
        assert!(!format!("{header:?}").contains("dTpj"));
    }
}
