//! Git's smart HTTP protocol on our own HTTP client, handed to libgit2 as a transport: one TLS stack, one set of
//! time limits, credentials that stay with their origin. The only file with `unsafe`.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use base64::Engine as _;
use bytes::{Buf as _, Bytes};
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, PRAGMA,
};
use reqwest::{Client, Response, StatusCode};
use secrecy::ExposeSecret;
use tokio::runtime::Handle;
use url::Url;

use super::error::{GitError, clean};
use super::location::HttpUrl;
use crate::config::git::{GitCredential, GitSettings};

const SCHEME: &str = "headwater-http";
const MAX_REDIRECTS: usize = 5;
/// 500,000 refs or so; a larger list is an attack or a mistake.
const MAX_ADVERTISEMENT: usize = 64 << 20;
const MAX_ANSWER: u64 = 8 << 30;
const MAX_REQUEST: usize = 2 << 30;

/// A server with the means to speak to it. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Server {
    url: Url,
    client: Client,
    authorization: Option<HeaderValue>,
}

impl Server {
    pub(super) fn new(location: &HttpUrl, settings: &GitSettings) -> Result<Self, GitError> {
        let mut builder = Client::builder()
            .user_agent(concat!(
                "git/2.0 (headwater ",
                env!("CARGO_PKG_VERSION"),
                ")"
            ))
            .connect_timeout(settings.timeouts.connect.as_std())
            .read_timeout(settings.timeouts.read.as_std())
            .timeout(settings.timeouts.total.as_std())
            .redirect(reqwest::redirect::Policy::none())
            .referer(false);
        if let Some(file) = &settings.ca_file {
            let pem = std::fs::read(file)
                .map_err(|error| GitError::io(&format!("read `{}`", file.display()), &error))?;
            let bundle = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| {
                GitError::Invalid(format!(
                    "`{}` is not a bundle of certificates: {error}",
                    file.display()
                ))
            })?;
            builder = builder.tls_certs_merge(bundle);
        }
        let client = builder.build().map_err(|error| {
            GitError::Invalid(format!(
                "the HTTP client cannot be set up: {}",
                causes(&error)
            ))
        })?;
        Ok(Self {
            url: location.url.clone(),
            client,
            authorization: authorization(location, &settings.credentials)?,
        })
    }

    /// The address, without secrets.
    pub(super) fn shown(&self) -> &str {
        self.url.as_str()
    }
}

/// What to send with every request to this repository: the address's own user, else the credential with the
/// longest path whose origin is exactly this one.
fn authorization(
    location: &HttpUrl,
    credentials: &[GitCredential],
) -> Result<Option<HeaderValue>, GitError> {
    let text = match &location.userinfo {
        Some((user, password)) => Some(basic(user, password.expose_secret())),
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

/// One conversation with a server, known to libgit2 by a number, so that no address and no secret ever enters it.
pub(super) struct Channel {
    id: u64,
    session: Arc<Session>,
}

struct Session {
    server: Server,
    runtime: Handle,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Where the repository really is, after redirects of the first request.
    base: Option<Url>,
    /// The first failure, typed; libgit2 would keep only its text.
    failure: Option<GitError>,
    /// Commits at which the server's own history is cut.
    shallow: Vec<git2::Oid>,
}

static SESSIONS: LazyLock<Mutex<HashMap<u64, Arc<Session>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Channel {
    /// Opens a conversation. `runtime` does the network work while libgit2 blocks its own thread.
    pub(super) fn open(server: &Server, runtime: Handle) -> Self {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let session = Arc::new(Session {
            server: server.clone(),
            runtime,
            state: Mutex::default(),
        });
        lock(&SESSIONS).insert(id, Arc::clone(&session));
        Self { id, session }
    }

    /// The address to give to libgit2.
    pub(super) fn url(&self) -> String {
        format!("{SCHEME}://{}/", self.id)
    }

    /// Why the conversation failed, if it was ours to notice.
    pub(super) fn failure(&self) -> Option<GitError> {
        lock(&self.session.state).failure.take()
    }

    /// Commits at which the server says its history is cut.
    pub(super) fn shallow(&self) -> Vec<git2::Oid> {
        lock(&self.session.state).shallow.clone()
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        lock(&SESSIONS).remove(&self.id);
    }
}

/// Makes libgit2 know this transport. Everything here that uses a remote of whatever kind calls this first.
#[allow(unsafe_code)]
pub(super) fn register() -> Result<(), GitError> {
    static REGISTERED: OnceLock<Result<(), String>> = OnceLock::new();
    REGISTERED
        .get_or_init(|| {
            // SAFETY: libgit2 asks that its list of transports does not change while another thread reads it. This
            // runs once in the process, and no thread here reaches the use of a remote before it has run.
            unsafe { git2::transport::register(SCHEME, connect) }
                .map_err(|error| error.message().to_owned())
        })
        .clone()
        .map_err(GitError::Unsupported)
}

fn connect(remote: &git2::Remote<'_>) -> Result<Transport, git2::Error> {
    let id = remote
        .url()
        .ok()
        .and_then(|url| url.strip_prefix(SCHEME)?.strip_prefix("://"))
        .and_then(|rest| rest.trim_end_matches('/').parse().ok())
        .unwrap_or(0);
    let session = lock(&SESSIONS)
        .get(&id)
        .cloned()
        .ok_or_else(|| git2::Error::from_str("the conversation is over"))?;
    Transport::smart(remote, true, Requests(session))
}

struct Requests(Arc<Session>);

impl SmartSubtransport for Requests {
    fn action(
        &self,
        _url: &str,
        service: Service,
    ) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        Ok(Box::new(Exchange {
            session: Arc::clone(&self.0),
            service,
            request: Vec::new(),
            answer: None,
        }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// One request and its answer: written whole, sent at the first read.
struct Exchange {
    session: Arc<Session>,
    service: Service,
    request: Vec<u8>,
    answer: Option<Answer>,
}

struct Answer {
    /// `None` once everything is in `ready`.
    response: Option<Response>,
    ready: Bytes,
    received: u64,
}

impl Write for Exchange {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.request.len() + data.len() > MAX_REQUEST {
            return Err(self.session.fail(GitError::Invalid(
                "the push is larger than 2 GiB".to_owned(),
            )));
        }
        self.request.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let session = Arc::clone(&self.session);
        if self.answer.is_none() {
            let request = std::mem::take(&mut self.request);
            let sent = session
                .runtime
                .block_on(session.exchange(self.service, request));
            self.answer = Some(sent.map_err(|error| session.fail(error))?);
        }
        let Some(answer) = self.answer.as_mut() else {
            return Ok(0);
        };
        while answer.ready.is_empty() {
            let Some(response) = answer.response.as_mut() else {
                return Ok(0);
            };
            let next = session.runtime.block_on(response.chunk());
            match next.map_err(|error| session.fail(session.network(&error)))? {
                Some(chunk) => answer.ready = chunk,
                None => return Ok(0),
            }
            answer.received += answer.ready.len() as u64;
            if answer.received > MAX_ANSWER {
                return Err(session.fail(session.broken("the answer is larger than 8 GiB")));
            }
        }
        let count = answer.ready.len().min(buffer.len());
        answer.ready.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

impl Session {
    /// Remembers the first failure and gives libgit2 a text to stop with.
    fn fail(&self, error: GitError) -> io::Error {
        let text = error.to_string();
        lock(&self.state).failure.get_or_insert(error);
        io::Error::other(text)
    }

    fn network(&self, error: &reqwest::Error) -> GitError {
        let message = if error.is_timeout() {
            "no answer in time".to_owned()
        } else {
            causes(error)
        };
        GitError::Network {
            location: self.server.shown().to_owned(),
            message,
        }
    }

    /// The server does not behave as one; another time it may (a proxy's error page).
    fn broken(&self, message: &str) -> GitError {
        GitError::Network {
            location: self.server.shown().to_owned(),
            message: message.to_owned(),
        }
    }

    async fn exchange(&self, service: Service, request: Vec<u8>) -> Result<Answer, GitError> {
        match service {
            Service::UploadPackLs => self.advertisement("git-upload-pack").await,
            Service::ReceivePackLs => self.advertisement("git-receive-pack").await,
            Service::UploadPack => self.call("git-upload-pack", request).await,
            Service::ReceivePack => self.call("git-receive-pack", request).await,
        }
    }

    async fn advertisement(&self, service: &str) -> Result<Answer, GitError> {
        let mut url = self.server.url.clone();
        url.set_path(&format!("{}/info/refs", url.path().trim_end_matches('/')));
        url.set_query(Some(&format!("service={service}")));
        let mut response = self.follow(url).await?;
        self.remember_base(response.url(), service)?;
        self.check_type(&response, &format!("application/x-{service}-advertisement"))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.network(&e))? {
            if body.len() + chunk.len() > MAX_ADVERTISEMENT {
                return Err(self.broken("the list of refs is larger than 64 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        lock(&self.state).shallow = shallow_lines(&body);
        Ok(Answer {
            response: None,
            ready: body.into(),
            received: 0,
        })
    }

    /// Follows redirects: within the origin always, to another one only without credentials and never from https to http.
    async fn follow(&self, mut url: Url) -> Result<Response, GitError> {
        for _ in 0..=MAX_REDIRECTS {
            let request = self
                .server
                .client
                .get(url.clone())
                .headers(self.headers("*/*"))
                .header(PRAGMA, "no-cache");
            let response = request.send().await.map_err(|error| self.network(&error))?;
            if !response.status().is_redirection() {
                return self.check_status(response).await;
            }
            let target = response
                .headers()
                .get(LOCATION)
                .and_then(|value| value.to_str().ok())
                .and_then(|text| url.join(text).ok())
                .ok_or_else(|| self.broken("it redirects without saying where"))?;
            self.check_redirect(&url, &target)?;
            url = target;
        }
        Err(self.broken("it redirects in circles"))
    }

    fn check_redirect(&self, from: &Url, to: &Url) -> Result<(), GitError> {
        let refused = |why: &str| GitError::Rejected {
            location: self.server.shown().to_owned(),
            message: format!(
                "it redirects to `{}`, {why}; give that address itself if it is right",
                clean(&to.origin().ascii_serialization(), 200)
            ),
        };
        if from.origin() == to.origin() {
            Ok(())
        } else if !matches!(to.scheme(), "http" | "https") {
            Err(refused("which is no Git server"))
        } else if self.server.authorization.is_some() {
            Err(refused("where our credentials are not sent"))
        } else if from.scheme() == "https" && to.scheme() == "http" {
            Err(refused("which is not encrypted"))
        } else {
            Ok(())
        }
    }

    fn remember_base(&self, reached: &Url, service: &str) -> Result<(), GitError> {
        let mut base = reached.clone();
        let expected = format!("service={service}");
        let path = base.path().strip_suffix("/info/refs").map(str::to_owned);
        let (Some(path), true) = (path, base.query() == Some(&expected)) else {
            return Err(self.broken("it redirects to something that is no repository"));
        };
        base.set_path(&path);
        base.set_query(None);
        lock(&self.state).base = Some(base);
        Ok(())
    }

    async fn call(&self, service: &str, request: Vec<u8>) -> Result<Answer, GitError> {
        let mut url = lock(&self.state)
            .base
            .clone()
            .unwrap_or_else(|| self.server.url.clone());
        url.set_path(&format!("{}/{service}", url.path().trim_end_matches('/')));
        let result_type = format!("application/x-{service}-result");
        let response = self
            .server
            .client
            .post(url)
            .headers(self.headers(&result_type))
            .header(CONTENT_TYPE, format!("application/x-{service}-request"))
            .body(request)
            .send()
            .await
            .map_err(|error| self.network(&error))?;
        let response = self.check_status(response).await?;
        self.check_type(&response, &result_type)?;
        Ok(Answer {
            response: Some(response),
            ready: Bytes::new(),
            received: 0,
        })
    }

    fn headers(&self, accept: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Ok(accept) = HeaderValue::from_str(accept) {
            headers.insert(ACCEPT, accept);
        }
        if let Some(authorization) = &self.server.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        headers
    }

    async fn check_status(&self, mut response: Response) -> Result<Response, GitError> {
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(response);
        }
        let location = self.server.shown().to_owned();
        let plain = media_type(&response) == "text/plain";
        let said = match response.chunk().await {
            Ok(Some(chunk)) if plain => format!(
                " ({})",
                clean(
                    &String::from_utf8_lossy(&chunk[..chunk.len().min(2000)]),
                    300
                )
            ),
            _ => String::new(),
        };
        Err(match status.as_u16() {
            401 if self.server.authorization.is_none() => GitError::Auth {
                location,
                message: "it asks for a login and `git.credentials` has none for this address"
                    .to_owned(),
            },
            401 => GitError::Auth {
                location,
                message: format!("it does not accept the credentials for this address{said}"),
            },
            403 => GitError::Auth {
                location,
                message: format!("the credentials do not allow this{said}"),
            },
            404 | 410 => GitError::NotFound(format!(
                "there is no repository at `{location}`, or it is not visible with these credentials"
            )),
            408 | 425 | 429 | 500.. => GitError::Network {
                location,
                message: format!("it answers {status}{said}"),
            },
            _ => GitError::Rejected {
                location,
                message: format!("it answers {status}{said}"),
            },
        })
    }

    fn check_type(&self, response: &Response, expected: &str) -> Result<(), GitError> {
        let found = media_type(response);
        if found == expected {
            return Ok(());
        }
        Err(GitError::Rejected {
            location: self.server.shown().to_owned(),
            message: format!(
                "it does not speak Git's smart HTTP protocol (it answers with `{}`)",
                clean(&found, 80)
            ),
        })
    }
}

fn media_type(response: &Response) -> String {
    response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|text| text.split(';').next().unwrap_or(text).trim().to_owned())
        .unwrap_or_default()
}

/// The innermost cause of a network error; the outer ones only repeat the address.
fn causes(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    clean(&innermost.to_string(), 300)
}

/// The `shallow <id>` lines of an advertisement.
fn shallow_lines(body: &[u8]) -> Vec<git2::Oid> {
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(length) = rest
        .get(..4)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| usize::from_str_radix(digits, 16).ok())
    {
        let length = length.max(4);
        let Some(line) = rest.get(4..length) else {
            break;
        };
        let id = line
            .strip_prefix(b"shallow ")
            .and_then(|id| id.get(..40))
            .and_then(|id| std::str::from_utf8(id).ok())
            .and_then(|id| git2::Oid::from_str(id).ok());
        found.extend(id);
        rest = &rest[length..];
    }
    found
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

    #[test]
    fn shallow_marks_are_read_from_an_advertisement() {
        let id = "ce013625030ba8dba906f756967f9e9ca394464a";
        let body = format!("0010# service=x\n0000003dshallow {id}\n0000");
        let body = body.replace("003d", &format!("{:04x}", 4 + 8 + 40 + 1));
        let body = body.replace("0010#", &format!("{:04x}#", 4 + "# service=x\n".len()));
        assert_eq!(
            shallow_lines(body.as_bytes()),
            [git2::Oid::from_str(id).unwrap()]
        );
        assert!(shallow_lines(b"ffff").is_empty());
    }
}
