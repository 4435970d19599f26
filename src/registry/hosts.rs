//! Which registries may be asked, and where and how each of them is really asked: allow-list, mirrors, TLS, tokens.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::{Method, Url};

use super::address::Reach;
use super::auth::Scheme;
use super::clock::Clock;
use super::error::RegistryError;
use super::gate::Gate;
use crate::config::hosts::{self, canonical_host};
use crate::config::registry::{DEFAULT_ALLOWED, RegistryEntry, RegistrySettings};
use crate::model::RegistryHost;

/// How a connection's identity is established.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Tls {
    /// Certificates known to the system.
    System,
    /// The system's and those of a PEM file.
    AndFile(PathBuf),
    /// Whatever certificate comes: the operator asked for it.
    Unverified,
}

/// A registry as it is asked.
#[derive(Debug)]
pub(super) struct Upstream {
    /// The host as streams name it.
    pub(super) name: String,
    /// Scheme, authority and path prefix that are asked, without a final slash.
    pub(super) base: Url,
    /// How far connections to it may reach.
    pub(super) reach: Reach,
    /// How its identity is established.
    pub(super) tls: Tls,
    /// Foreign hosts that may see its credentials.
    token_realms: Vec<String>,
    /// Its limits and its pauses.
    pub(super) gate: Arc<Gate>,
    /// How it wants to be authenticated, once it said so.
    pub(super) scheme: Mutex<Option<Scheme>>,
    introduction: tokio::sync::Mutex<()>,
    met: AtomicBool,
}

impl Upstream {
    /// Whoever asks first does so alone: it learns for all others how this registry wants to be asked. `None` once
    /// somebody has.
    pub(super) async fn introduce(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if self.met.load(Ordering::Acquire) {
            return None;
        }
        let alone = self.introduction.lock().await;
        (!self.met.load(Ordering::Acquire)).then_some(alone)
    }

    /// Somebody has asked and was answered.
    pub(super) fn met(&self) {
        self.met.store(true, Ordering::Release);
    }

    /// Whether a request counts towards this registry's quota. Docker Hub counts no HEAD (its documentation on pull
    /// usage), although it answers it with what is left.
    pub(super) fn counts(&self, method: &Method) -> bool {
        self.name != "docker.io" || method != Method::HEAD
    }

    /// Host and port that are asked: what credentials and tokens belong to.
    pub(super) fn authority(&self) -> String {
        authority(&self.base)
    }

    /// The host that credentials are looked up under; Docker Hub's is `docker.io` although another one is asked.
    pub(super) fn credential_host(&self) -> String {
        match self.authority().as_str() {
            "registry-1.docker.io" => "docker.io".to_owned(),
            authority => authority.to_owned(),
        }
    }

    /// The path of a repository as this upstream knows it.
    pub(super) fn repository(&self, path: &str) -> String {
        match self.base.path().trim_matches('/') {
            "" => path.to_owned(),
            prefix => format!("{prefix}/{path}"),
        }
    }

    /// The address of something in a repository of this upstream.
    pub(super) fn url(&self, path: &str, kind: &str, item: &str) -> Result<Url, RegistryError> {
        let text = format!(
            "{}://{}/v2/{}/{kind}/{item}",
            self.base.scheme(),
            self.authority(),
            self.repository(path)
        );
        Url::parse(&text).map_err(|_| RegistryError::Forbidden {
            host: self.name.clone(),
            detail: "it makes no address".to_owned(),
        })
    }

    /// Whether the token server at `realm` may be handed this registry's credentials: its own host, a host of the
    /// same registrable site, or one the operator named; never over a weaker scheme than the registry's, and in the clear only
    /// where the registry itself listens, for nothing proves who is behind another port.
    pub(super) fn trusts_realm(&self, realm: &Url) -> bool {
        let scheme_ok = realm.scheme() == "https" || realm.scheme() == self.base.scheme();
        let (Some(host), Some(own)) = (realm.host_str(), self.base.host_str()) else {
            return false;
        };
        let same_site = || match (psl::domain_str(host), psl::domain_str(own)) {
            (Some(a), Some(b)) => {
                a == b && realm.domain().is_some() && self.base.domain().is_some()
            }
            _ => false,
        };
        let plain_user = realm.username().is_empty() && realm.password().is_none();
        scheme_ok
            && plain_user
            && matches!(realm.scheme(), "http" | "https")
            && match realm.scheme() {
                "https" => host == own || same_site() || self.names_realm(realm),
                _ => authority(realm) == authority(&self.base) || self.names_realm(realm),
            }
    }

    /// Whether the operator named this token server.
    pub(super) fn names_realm(&self, realm: &Url) -> bool {
        let authority = authority(realm);
        self.token_realms
            .iter()
            .any(|r| *r == authority || Some(r.as_str()) == realm.host_str())
    }
}

/// Host and, where it is not the scheme's own, port of an address.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The operator's rules about hosts, with the state of every registry asked so far.
#[derive(Debug)]
pub(super) struct Hosts {
    allowed: Vec<String>,
    entries: HashMap<String, RegistryEntry>,
    concurrency: usize,
    /// By which pauses are told.
    pub(super) clock: Arc<Clock>,
    known: Mutex<HashMap<String, Arc<Upstream>>>,
}

impl Hosts {
    /// The rules of settings, which were checked when they were read.
    pub(super) fn new(settings: &RegistrySettings) -> Self {
        let mut entries = HashMap::new();
        for entry in &settings.registries {
            let host = canonical_host(&entry.host);
            entries.insert(host, entry.clone());
        }
        let allowed = settings.allowed.iter().map(|a| canonical_host(a)).collect();
        Self {
            allowed,
            entries,
            concurrency: settings.concurrency,
            clock: Arc::default(),
            known: Mutex::default(),
        }
    }

    /// Where and how `host` is asked, or that it may not be.
    pub(super) fn upstream(&self, host: &RegistryHost) -> Result<Arc<Upstream>, RegistryError> {
        let name = canonical_host(host.as_str());
        if !self.allows(&name) {
            return Err(RegistryError::Forbidden {
                host: name,
                detail: "it is not among the allowed registries".to_owned(),
            });
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(upstream) = known.get(&name) {
            return Ok(Arc::clone(upstream));
        }
        let upstream = Arc::new(self.build(&name)?);
        known.insert(name, Arc::clone(&upstream));
        Ok(upstream)
    }

    /// Every registry asked so far, by name.
    pub(super) fn known(&self) -> Vec<Arc<Upstream>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known: Vec<Arc<Upstream>> = known.values().cloned().collect();
        known.sort_by(|a, b| a.name.cmp(&b.name));
        known
    }

    /// Reach and identity for an address that is not a registry's own, which an `upstream` sent us to.
    pub(super) fn foreign(&self, upstream: &Upstream, url: &Url, from: Reach) -> (Reach, Tls) {
        let authority = authority(url);
        if authority == upstream.authority() && url.scheme() == upstream.base.scheme() {
            return (upstream.reach, upstream.tls.clone());
        }
        if let Some(entry) = self.entries.get(&authority) {
            // The operator trusts that host, but not whoever sends us there.
            return (from, tls_of(entry));
        }
        let tls = match &upstream.tls {
            Tls::AndFile(file) => Tls::AndFile(file.clone()),
            Tls::System | Tls::Unverified => Tls::System,
        };
        if upstream.names_realm(url) {
            return (Reach::Local, tls);
        }
        (from, tls)
    }

    fn allows(&self, name: &str) -> bool {
        if self.allowed.is_empty() {
            return DEFAULT_ALLOWED.contains(&name) || self.entries.contains_key(name);
        }
        self.allowed
            .iter()
            .any(|pattern| matches_host(pattern, name))
    }

    fn build(&self, name: &str) -> Result<Upstream, RegistryError> {
        let entry = self.entries.get(name);
        let base = match entry.and_then(|e| e.mirror.as_deref()) {
            Some(mirror) => hosts::mirror(mirror).ok(),
            None => {
                let plain = entry.is_some_and(|e| e.plain_http);
                let asked = if name == "docker.io" {
                    "registry-1.docker.io"
                } else {
                    name
                };
                Url::parse(&format!(
                    "{}://{asked}/",
                    if plain { "http" } else { "https" }
                ))
                .ok()
            }
        };
        let base = base.ok_or_else(|| RegistryError::Forbidden {
            host: name.to_owned(),
            detail: "it makes no address".to_owned(),
        })?;
        let listed = entry.is_some() || self.allowed.iter().any(|pattern| pattern == name);
        let concurrency = entry
            .and_then(|e| e.concurrency)
            .unwrap_or(self.concurrency);
        Ok(Upstream {
            name: name.to_owned(),
            base,
            reach: if listed { Reach::Local } else { Reach::Public },
            tls: entry.map_or(Tls::System, tls_of),
            token_realms: entry.map(|e| e.token_realms.clone()).unwrap_or_default(),
            gate: Gate::new(name, concurrency, &self.clock),
            scheme: Mutex::default(),
            introduction: tokio::sync::Mutex::default(),
            met: AtomicBool::new(false),
        })
    }
}

fn tls_of(entry: &RegistryEntry) -> Tls {
    match &entry.ca_file {
        _ if entry.skip_verify => Tls::Unverified,
        Some(file) => Tls::AndFile(file.clone()),
        None => Tls::System,
    }
}

fn matches_host(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(suffix) => name.len() > suffix.len() && name.ends_with(suffix),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(yaml: &str) -> Hosts {
        Hosts::new(&serde_yaml::from_str(yaml).unwrap())
    }

    fn upstream(hosts: &Hosts, name: &str) -> Result<Arc<Upstream>, RegistryError> {
        hosts.upstream(&name.parse().unwrap())
    }

    #[test]
    fn without_a_list_the_well_known_and_the_described_are_allowed() {
        let hosts = hosts("registries: [{host: 'localhost:5000', plainHttp: true}]");
        let hub = upstream(&hosts, "docker.io").unwrap();
        assert_eq!(hub.base.as_str(), "https://registry-1.docker.io/");
        assert_eq!(
            (hub.reach, hub.credential_host().as_str()),
            (Reach::Public, "docker.io")
        );
        let local = upstream(&hosts, "localhost:5000").unwrap();
        assert_eq!(local.base.as_str(), "http://localhost:5000/");
        assert_eq!(local.reach, Reach::Local);
        for other in [
            "evil.example",
            "localhost",
            "localhost:5001",
            "169.254.169.254",
        ] {
            let error = upstream(&hosts, other).unwrap_err();
            assert_eq!(error.reason(), "Forbidden", "{other}");
        }
    }

    #[test]
    fn a_list_is_the_whole_truth() {
        let hosts = hosts("allowed: ['*.example.com', 'quay.io']");
        assert!(upstream(&hosts, "a.b.example.com").is_ok());
        assert_eq!(
            upstream(&hosts, "r.example.com").unwrap().reach,
            Reach::Public
        );
        assert_eq!(upstream(&hosts, "quay.io").unwrap().reach, Reach::Local);
        for other in ["docker.io", "example.com", "notexample.com", "quay.io:444"] {
            assert!(upstream(&hosts, other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_mirror_is_asked_under_its_prefix() {
        let hosts =
            hosts("registries: [{host: registry.example, mirror: 'http://127.0.0.1:5000/proxy'}]");
        let mirror = upstream(&hosts, "registry.example").unwrap();
        assert_eq!(
            mirror.url("acme/app", "manifests", "v1").unwrap().as_str(),
            "http://127.0.0.1:5000/v2/proxy/acme/app/manifests/v1"
        );
        assert_eq!(mirror.credential_host(), "127.0.0.1:5000");
    }

    #[test]
    fn credentials_go_only_to_token_servers_of_the_same_site() {
        let hosts = hosts(
            "registries:
  - {host: registry.acme.co.uk, tokenRealms: [login.partner.example]}
  - {host: '10.0.0.5:5000'}
  - {host: '10.0.0.6:5000', plainHttp: true}
  - {host: a.azurecr.io}",
        );
        let acme = upstream(&hosts, "registry.acme.co.uk").unwrap();
        let trusts = |u: &Upstream, realm: &str| u.trusts_realm(&Url::parse(realm).unwrap());
        assert!(trusts(&acme, "https://auth.acme.co.uk/token"));
        assert!(trusts(&acme, "https://registry.acme.co.uk:5001/token"));
        assert!(trusts(&acme, "https://login.partner.example/token"));
        for bad in [
            "http://auth.acme.co.uk/token",
            "https://evil.co.uk/token",
            "https://u:p@auth.acme.co.uk/token",
            "https://169.254.169.254/",
            "file:///etc/passwd",
        ] {
            assert!(!trusts(&acme, bad), "{bad}");
        }
        let numeric = upstream(&hosts, "10.0.0.5:5000").unwrap();
        assert!(trusts(&numeric, "https://10.0.0.5/token"));
        assert!(!trusts(&numeric, "https://1.0.0.5/token"));
        let plain = upstream(&hosts, "10.0.0.6:5000").unwrap();
        assert!(trusts(&plain, "http://10.0.0.6:5000/token"));
        assert!(trusts(&plain, "https://10.0.0.6:5001/token"));
        assert!(
            !trusts(&plain, "http://10.0.0.6:5001/token"),
            "in the clear"
        );
        let shared = upstream(&hosts, "a.azurecr.io").unwrap();
        assert!(!trusts(&shared, "https://evil.azurewebsites.net/token"));
        let hub = upstream(&Hosts::new(&RegistrySettings::default()), "docker.io").unwrap();
        assert!(trusts(&hub, "https://auth.docker.io/token"));
    }
}
