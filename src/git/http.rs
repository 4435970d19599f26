//! The requests of Git's smart HTTP protocol: redirects, statuses, content types, time and size limits.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use git2::transport::Service;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, PRAGMA,
};
use reqwest::{Client, Response, StatusCode};
use tokio::runtime::Handle;
use url::Url;

use super::credentials::{Lender, Login};
use super::error::{GitError, clean};
use super::location::HttpUrl;
use super::tls::{causes, client, words};
use super::traffic::Tally;
use crate::config::git::GitSettings;

const MAX_REDIRECTS: usize = 5;
/// 500,000 refs or so; a larger list is an attack or a mistake.
const MAX_ADVERTISEMENT: usize = 64 << 20;

/// A server with the means to speak to it. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Server {
    url: Url,
    client: Client,
    login: Login,
    /// What was exchanged with it.
    pub(super) tally: Arc<Tally>,
}

impl Server {
    pub(super) fn new(
        location: &HttpUrl,
        settings: &GitSettings,
        lender: Option<Arc<dyn Lender>>,
    ) -> Result<Self, GitError> {
        Ok(Self {
            url: location.url.clone(),
            client: client(settings)?,
            login: Login::of(location, &settings.credentials, lender)?,
            tally: Arc::default(),
        })
    }

    /// The address, without secrets.
    pub(super) fn shown(&self) -> &str {
        self.url.as_str()
    }
}

/// One conversation: what libgit2 asks for, and what it cannot be told.
pub(super) struct Session {
    pub(super) server: Server,
    pub(super) runtime: Handle,
    pub(super) state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    /// Where the repository really is, after redirects of the first request.
    pub(super) base: Option<Url>,
    /// The first failure, typed; libgit2 would keep only its text.
    pub(super) failure: Option<GitError>,
    /// Commits at which the server's own history is cut.
    pub(super) shallow: Vec<git2::Oid>,
}

/// An answer, whole or still coming.
pub(super) struct Answer {
    /// `None` once everything is in `ready`.
    pub(super) response: Option<Response>,
    pub(super) ready: Bytes,
    pub(super) received: u64,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    /// Remembers the first failure and gives libgit2 a text to stop with.
    pub(super) fn fail(&self, error: GitError) -> io::Error {
        let text = error.to_string();
        lock(&self.state).failure.get_or_insert(error);
        io::Error::other(text)
    }

    pub(super) fn network(&self, error: &reqwest::Error) -> GitError {
        let location = self.server.shown().to_owned();
        let cause = causes(error);
        if let Some(message) = words(&cause) {
            return GitError::Tls { location, message };
        }
        let message = if error.is_timeout() {
            "no answer in time".to_owned()
        } else {
            cause
        };
        GitError::Network { location, message }
    }

    /// The server does not behave as one; another time it may (a proxy's error page).
    pub(super) fn broken(&self, message: &str) -> GitError {
        GitError::Network {
            location: self.server.shown().to_owned(),
            message: message.to_owned(),
        }
    }

    pub(super) async fn exchange(
        &self,
        service: Service,
        request: Vec<u8>,
    ) -> Result<Answer, GitError> {
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
        let (shallow, rest) = take_shallow_lines(&body);
        lock(&self.state).shallow = shallow;
        Ok(Answer {
            response: None,
            ready: rest.into(),
            received: 0,
        })
    }

    /// Follows redirects: within the origin always, to another one only without credentials and never from https to http.
    async fn follow(&self, mut url: Url) -> Result<Response, GitError> {
        let mut renewed = false;
        for _ in 0..=MAX_REDIRECTS {
            let request = self
                .server
                .client
                .get(url.clone())
                .headers(self.headers("*/*").await?)
                .header(PRAGMA, "no-cache");
            let response = request.send().await.map_err(|error| self.network(&error))?;
            if response.status() == StatusCode::UNAUTHORIZED
                && !std::mem::replace(&mut renewed, true)
                && self.server.login.renew().await
            {
                continue;
            }
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
        } else if self.server.login.is_some() {
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
            .headers(self.headers(&result_type).await?)
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

    async fn headers(&self, accept: &str) -> Result<HeaderMap, GitError> {
        let mut headers = HeaderMap::new();
        if let Ok(accept) = HeaderValue::from_str(accept) {
            headers.insert(ACCEPT, accept);
        }
        if let Some(authorization) = self.server.login.header().await? {
            headers.insert(AUTHORIZATION, authorization);
        }
        Ok(headers)
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
            401 if !self.server.login.is_some() => GitError::Auth {
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

/// The ids of an advertisement's `shallow <id>` lines, and the advertisement without these lines, at which libgit2 stops.
fn take_shallow_lines(body: &[u8]) -> (Vec<git2::Oid>, Vec<u8>) {
    let mut found = Vec::new();
    let mut kept = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((packet, after)) = next_packet(rest) {
        match packet
            .get(4..)
            .and_then(|line| line.strip_prefix(b"shallow "))
        {
            Some(id) => found.extend(
                id.get(..40)
                    .and_then(|id| std::str::from_utf8(id).ok())
                    .and_then(|id| git2::Oid::from_str(id).ok()),
            ),
            None => kept.extend_from_slice(packet),
        }
        rest = after;
    }
    kept.extend_from_slice(rest);
    (found, kept)
}

/// One packet with its length in front, and what follows it.
fn next_packet(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = std::str::from_utf8(bytes.get(..4)?).ok()?;
    let length = usize::from_str_radix(digits, 16).ok()?.max(4);
    bytes.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shallow_marks_are_read_from_an_advertisement() {
        let id = "ce013625030ba8dba906f756967f9e9ca394464a";
        let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
        let (first, last) = (line("# service=x\n"), line("b refs/heads/main\n"));
        let body = format!("{first}0000{}{last}0000", line(&format!("shallow {id}\n")));
        let (found, kept) = take_shallow_lines(body.as_bytes());
        assert_eq!(found, [git2::Oid::from_str(id).unwrap()]);
        assert_eq!(kept, format!("{first}0000{last}0000").as_bytes());
        assert_eq!(take_shallow_lines(b"ffff").1, b"ffff");
    }
}
