//! One question over HTTP: a GET of a listed host, with the credential that is bound to it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue,
    SET_COOKIE,
};
use reqwest::{Response, StatusCode, Url};
use secrecy::ExposeSecret as _;

use super::error::EgressError;
use crate::config::EgressHost;
use crate::config::clock;
use crate::config::egress::EgressCredential;
use crate::config::known;
use crate::registry::{
    Pool, Reach, RegistryError, Tls, check_literal, connection_error, retry_after,
};

/// The largest body that is read, in bytes. No content coding is asked for, so nothing swells.
const MOST_BYTES: usize = 1 << 20;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the whole answer may take.
const TOTAL: Duration = Duration::from_secs(10);
/// How long that of a host may take which did not answer when it was last asked.
const HURRIED: Duration = Duration::from_secs(2);
/// More headers are not handed on.
const MOST_HEADERS: usize = 100;

/// What a host answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status, which is no 5xx and no 429.
    pub status: u16,
    /// Headers by name in lower case, those of one name joined by `, `; cookies are left out.
    pub headers: BTreeMap<String, String>,
    /// The body as text; what is no UTF-8 in it is replaced.
    pub body: String,
}

/// Asks hosts that the operator listed.
#[derive(Clone)]
pub struct Egress {
    inner: Arc<Inner>,
    total: Duration,
}

struct Inner {
    hosts: HashMap<String, EgressHost>,
    pool: Pool,
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Egress(..)")
    }
}

impl Egress {
    /// For the hosts of the settings.
    pub fn new(hosts: &[EgressHost]) -> Self {
        Self::within(hosts, TOTAL)
    }

    /// The same with another bound of the time that an answer may take.
    pub fn within(hosts: &[EgressHost], total: Duration) -> Self {
        for credential in hosts.iter().flat_map(|host| &host.credentials) {
            match &credential.username {
                Some(user) => known::register_login(user, &credential.password),
                None => known::register(&credential.token),
            }
        }
        let listed = hosts.iter().cloned();
        let inner = Inner {
            hosts: listed
                .map(|host| (host.host.to_ascii_lowercase(), host))
                .collect(),
            pool: Pool::new(CONNECT.min(total), total),
        };
        Self {
            inner: Arc::new(inner),
            total,
        }
    }

    /// The same for a host that did not answer when it was last asked: it is waited for only a short while.
    #[must_use]
    pub fn hurried(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            total: self.total.min(HURRIED),
        }
    }

    /// What an address answers to a GET. Redirects are answers like others; they are not followed.
    ///
    /// # Errors
    /// When the host may not be asked, or gives no whole answer.
    pub async fn get(&self, url: &Url, credential: Option<&str>) -> Result<Answer, EgressError> {
        self.get_within(url, credential, MOST_BYTES).await
    }

    /// The same with another bound of the body, in bytes.
    ///
    /// # Errors
    /// When the host may not be asked, or gives no whole answer.
    pub async fn get_within(
        &self,
        url: &Url,
        credential: Option<&str>,
        most: usize,
    ) -> Result<Answer, EgressError> {
        let host = authority(url);
        let entry = self.inner.hosts.get(&host);
        let entry = entry.ok_or_else(|| EgressError::NotListed { host: host.clone() })?;
        if url.scheme() != "https" && !entry.plain_http {
            return Err(EgressError::Plain { host });
        }
        let login = match credential {
            None => None,
            Some(name) => Some(login(entry, name)?),
        };
        match tokio::time::timeout(self.total, self.ask(url, entry, login, most)).await {
            Ok(answer) => answer,
            Err(_) => Err(EgressError::Slow {
                host,
                seconds: self.total.as_secs(),
            }),
        }
    }

    async fn ask(
        &self,
        url: &Url,
        entry: &EgressHost,
        login: Option<(HeaderName, HeaderValue)>,
        most: usize,
    ) -> Result<Answer, EgressError> {
        let reach = match entry.private {
            true => Reach::Local,
            false => Reach::Public,
        };
        let tls = match &entry.ca_file {
            Some(file) => Tls::AndFile(file.clone()),
            None => Tls::System,
        };
        let failed = |error: RegistryError| match error {
            RegistryError::Forbidden { host, .. } => EgressError::Blocked { host },
            other => EgressError::Connection(other),
        };
        check_literal(url, reach).map_err(failed)?;
        let client = self.inner.pool.client(url, &tls, reach).map_err(failed)?;
        let mut request = client
            .get(url.clone())
            .header(ACCEPT_ENCODING, "identity")
            .header(ACCEPT, "application/json, text/plain;q=0.9, */*;q=0.8");
        if let Some((name, value)) = login {
            request = request.header(name, value);
        }
        let broken = |error| failed(connection_error(url, error));
        let mut response = request.send().await.map_err(broken)?;
        judged(url, &response, most)?;
        let status = response.status().as_u16();
        let headers = headers(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > most {
                return Err(too_large(url, most));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}

/// Refuses what is no answer to the question, before its body is read.
fn judged(url: &Url, response: &Response, most: usize) -> Result<(), EgressError> {
    let host = authority(url);
    let status = response.status();
    if status.is_server_error()
        || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status)
    {
        let pause = retry_after(response.headers(), clock::now());
        return Err(EgressError::Status {
            host,
            status: status.as_u16(),
            pause: pause.map(|pause| pause.as_secs()),
        });
    }
    let coding = response.headers().get(CONTENT_ENCODING);
    if coding.is_some_and(|coding| coding != "identity") {
        return Err(EgressError::Coding { host });
    }
    let announced = response.content_length();
    match announced.is_some_and(|length| length > most as u64) {
        true => Err(too_large(url, most)),
        false => Ok(()),
    }
}

fn too_large(url: &Url, limit: usize) -> EgressError {
    EgressError::TooLarge {
        host: authority(url),
        limit,
    }
}

fn headers(all: &HeaderMap) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    let shown = all.iter().filter(|(name, _)| *name != SET_COOKIE);
    for (name, value) in shown.take(MOST_HEADERS) {
        let Ok(value) = value.to_str() else { continue };
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|before| {
                before.push_str(", ");
                before.push_str(value);
            })
            .or_insert_with(|| value.to_owned());
    }
    headers
}

fn login(entry: &EgressHost, name: &str) -> Result<(HeaderName, HeaderValue), EgressError> {
    let mut all = entry.credentials.iter();
    let credential = all.find(|credential| credential.name.as_str() == name);
    let credential = credential.ok_or_else(|| EgressError::NoCredential {
        host: entry.host.clone(),
        name: name.to_owned(),
    })?;
    sent(credential).ok_or_else(|| EgressError::Credential {
        host: entry.host.clone(),
    })
}

fn sent(credential: &EgressCredential) -> Option<(HeaderName, HeaderValue)> {
    let token = credential.token.expose_secret();
    let (name, text) = match (&credential.username, &credential.header) {
        (Some(user), _) => {
            let pair = format!("{user}:{}", credential.password.expose_secret());
            (AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair)))
        }
        (None, Some(header)) => (header.parse().ok()?, token.to_owned()),
        (None, None) => (AUTHORIZATION, format!("Bearer {token}")),
    };
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

/// Host and, where it is not the scheme's own, port of an address.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
