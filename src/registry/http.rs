//! One HTTP exchange with a registry: guarded connections, redirects, bounds, pauses and tries.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    HeaderMap, HeaderValue, LOCATION,
};
use reqwest::{Method, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::address::{AddressClass, Reach};
use super::error::RegistryError;
use super::gate::Pass;
use super::hosts::{Hosts, Tls, Upstream, authority};
use super::pause::{Quota, retry_after};
use super::pool::{Pool, connection_error};
use super::stats::Counters;
use crate::config::clock;

/// Redirects that are followed.
const MAX_REDIRECTS: usize = 5;
/// Times a request is made before giving up, and those of a registry that answers others meanwhile.
const TRIES: (usize, usize) = (3, 6);
/// Bodies of refusals up to this size are read away, so that the connection can be used again.
const DRAIN: u64 = 16 * 1024;

/// A request, ready but for its connection.
pub(super) struct Ask<'a> {
    /// GET, HEAD or POST.
    pub(super) method: Method,
    /// Where to.
    pub(super) url: Url,
    /// The media types wanted.
    pub(super) accept: Option<&'static str>,
    /// Sent to the origin of `url` only.
    pub(super) authorization: Option<HeaderValue>,
    /// The body of a POST.
    pub(super) form: Option<SecretString>,
    /// The most bytes of the answer's body.
    pub(super) limit: usize,
    /// What is asked for, in errors.
    pub(super) subject: &'a str,
    /// How far the request may reach if its host is not the registry's own.
    pub(super) reach: Reach,
}

/// What came back, complete.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Only that of a 200.
    pub(super) body: Bytes,
    /// How far this registry may send us on, judged by where it is itself.
    pub(super) onwards: Reach,
}

impl Answer {
    /// A header's text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Makes exchanges.
pub(super) struct Http {
    pub(super) hosts: Hosts,
    pub(super) pool: Pool,
    pub(super) counters: Counters,
    /// How long an exchange may take with all its redirects and tries.
    pub(super) total: Duration,
}

impl Http {
    /// Makes the exchange: waits at the registry's door, tries again what may mend itself, and takes the registry's
    /// word for pauses. Statuses other than 429, 408 and 5xx are the caller's to judge.
    pub(super) async fn exchange(
        &self,
        upstream: &Upstream,
        ask: &Ask<'_>,
    ) -> Result<Answer, RegistryError> {
        let mut waits = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(2))
            .with_max_times(TRIES.1 - 1)
            .with_jitter()
            .build();
        let mut left = self.total;
        let before = upstream.gate.answers();
        let mut tries = 0;
        loop {
            tries += 1;
            let costs = upstream.counts(&ask.method);
            let pass = upstream.gate.enter(costs).await?;
            let start = Instant::now();
            let outcome = self.timed(upstream, ask, left, &pass).await;
            let error = match outcome {
                Ok(answer) => {
                    pass.answered();
                    return Ok(answer);
                }
                Err(error) if may_mend_now(&error) => error,
                Err(error) => return Err(error),
            };
            left = left.saturating_sub(start.elapsed());
            let worth_it = tries < TRIES.0 || upstream.gate.answers() > before;
            let wait = waits.next().filter(|wait| worth_it && *wait < left);
            let left_alone = pass.failed(wait.is_none(), &error);
            drop(pass);
            let Some(wait) = wait.filter(|_| !left_alone) else {
                return Err(error);
            };
            tracing::debug!(host = upstream.name, %error, "trying again");
            upstream.gate.tally.retried();
            tokio::time::sleep(wait).await;
            left = left.saturating_sub(wait);
        }
    }

    async fn timed(
        &self,
        upstream: &Upstream,
        ask: &Ask<'_>,
        left: Duration,
        pass: &Pass,
    ) -> Result<Answer, RegistryError> {
        // Half the time, so that an answer that trickles leaves some for a second try and its place for others.
        let patience = left.min(self.total / 2);
        match tokio::time::timeout(patience, self.follow(upstream, ask, pass)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(RegistryError::Network {
                host: authority(&ask.url),
                detail: format!("no complete answer within {} s", patience.as_secs()),
            }),
        }
    }

    /// One try, along its redirects. Whoever changes the origin loses the authorization for good.
    async fn follow(
        &self,
        upstream: &Upstream,
        ask: &Ask<'_>,
        pass: &Pass,
    ) -> Result<Answer, RegistryError> {
        let mut url = ask.url.clone();
        let mut authorization = ask.authorization.as_ref();
        let mut trust = self.hosts.foreign(upstream, &url, ask.reach);
        let mut onwards = None;
        for _ in 0..=MAX_REDIRECTS {
            let sent = self.send(ask, &url, authorization, &trust).await;
            let response = sent.map_err(|error| sent_there(&ask.url, &url, error))?;
            let here = Reach::onwards(response.remote_addr());
            let onwards = *onwards.get_or_insert(here);
            let redirects = ask.method != Method::POST && response.status().is_redirection();
            let location = response.headers().get(LOCATION).filter(|_| redirects);
            let Some(location) = location else {
                let own = url.origin() == upstream.base.origin();
                let quota = Quota::read(response.headers(), clock::now());
                if let Some(quota) = quota.filter(|_| own) {
                    upstream.gate.quota(quota);
                }
                if !own && url.origin() != ask.url.origin() {
                    refused_there(&ask.url, &url, response.status())?;
                }
                return self.read(ask, &url, response, onwards, pass).await;
            };
            let next = next_hop(&url, location).map_err(|why| RegistryError::Forbidden {
                host: authority(&url),
                detail: why.to_owned(),
            })?;
            if next.origin() != url.origin() {
                authorization = None;
                trust = self.hosts.foreign(upstream, &next, here);
            }
            url = next;
        }
        Err(RegistryError::Redirects {
            host: authority(&ask.url),
            most: MAX_REDIRECTS,
            last: authority(&url),
        })
    }

    async fn send(
        &self,
        ask: &Ask<'_>,
        url: &Url,
        authorization: Option<&HeaderValue>,
        (reach, tls): &(Reach, Tls),
    ) -> Result<Response, RegistryError> {
        check_literal(url, *reach)?;
        let client = self.pool.client(url, tls, *reach)?;
        let mut request = client
            .request(ask.method.clone(), url.clone())
            // No content coding: what was hashed is what is sent, and nothing can swell on arrival.
            .header(ACCEPT_ENCODING, "identity");
        if let Some(accept) = ask.accept {
            request = request.header(ACCEPT, accept);
        }
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        if let Some(form) = &ask.form {
            request = request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.expose_secret().to_owned());
        }
        let outcome = request.send().await;
        let status = outcome.as_ref().ok().map(Response::status);
        self.counters.count(&authority(url), &ask.method, status);
        outcome.map_err(|error| connection_error(url, error))
    }

    /// Judges the status and reads the body within its bound.
    async fn read(
        &self,
        ask: &Ask<'_>,
        url: &Url,
        mut response: Response,
        onwards: Reach,
        pass: &Pass,
    ) -> Result<Answer, RegistryError> {
        let status = response.status();
        let host = authority(url);
        let pause = retry_after(response.headers(), clock::now());
        if status == StatusCode::TOO_MANY_REQUESTS {
            let retry_at = pass.refused(pause);
            let host = pass.host().to_owned();
            return Err(RegistryError::RateLimited { host, retry_at });
        }
        if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
            let retry_at = pause.map(|pause| pass.refused(Some(pause)));
            let status = status.as_u16();
            return Err(RegistryError::Server {
                host,
                status,
                retry_at,
            });
        }
        let mut body = Vec::new();
        if status == StatusCode::OK && ask.method != Method::HEAD {
            refuse_coding(ask, &response)?;
            let read = read_bounded(ask, url, &mut response, &mut body).await;
            pass.received(body.len());
            read?;
        } else if response
            .content_length()
            .is_some_and(|length| length <= DRAIN)
        {
            while matches!(response.chunk().await, Ok(Some(_))) {}
        }
        Ok(Answer {
            status,
            headers: std::mem::take(response.headers_mut()),
            body: body.into(),
            onwards,
        })
    }
}

async fn read_bounded(
    ask: &Ask<'_>,
    url: &Url,
    response: &mut Response,
    body: &mut Vec<u8>,
) -> Result<(), RegistryError> {
    let too_large = || RegistryError::TooLarge {
        subject: ask.subject.to_owned(),
        limit: ask.limit,
    };
    let announced = response.headers().get(CONTENT_LENGTH);
    let announced = announced.and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > ask.limit as u64) {
        return Err(too_large());
    }
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|e| connection_error(url, e))?
    {
        if body.len() + chunk.len() > ask.limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(())
}

fn refuse_coding(ask: &Ask<'_>, response: &Response) -> Result<(), RegistryError> {
    match response.headers().get(CONTENT_ENCODING) {
        Some(coding) if coding != "identity" => Err(RegistryError::Invalid {
            subject: ask.subject.to_owned(),
            detail: "it comes in a content coding that was not asked for".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// What the host of a redirect refuses says nothing of the image, and nothing of credentials, which never went there.
fn refused_there(asked: &Url, there: &Url, status: StatusCode) -> Result<(), RegistryError> {
    if !status.is_client_error() && !status.is_server_error() {
        return Ok(());
    }
    Err(RegistryError::Redirected {
        host: authority(asked),
        there: authority(there),
        status: status.as_u16(),
    })
}

/// Names the host that was asked where another one, to which it redirects, does not answer.
fn sent_there(asked: &Url, there: &Url, error: RegistryError) -> RegistryError {
    match error {
        RegistryError::Network { host, detail } if asked.origin() != there.origin() => {
            let detail = format!("{detail} (`{}` redirects there)", authority(asked));
            RegistryError::Network { host, detail }
        }
        other => other,
    }
}

/// What a moment's patience may mend: a broken connection, or a server error without a word on when to return.
fn may_mend_now(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::Network { .. }
            | RegistryError::Server { retry_at: None, .. }
            | RegistryError::Redirected { status: 500.., .. }
    )
}

/// An address written as a number is not resolved, so it is checked here.
///
/// # Errors
/// When it is out of reach.
pub(crate) fn check_literal(url: &Url, reach: Reach) -> Result<(), RegistryError> {
    let address = match url.host() {
        Some(url::Host::Ipv4(v4)) => v4.into(),
        Some(url::Host::Ipv6(v6)) => v6.into(),
        _ => return Ok(()),
    };
    if reach.permits(AddressClass::of(address)) {
        return Ok(());
    }
    Err(RegistryError::Forbidden {
        host: authority(url),
        detail: super::address::BlockedAddress.to_string(),
    })
}

/// Where a redirect leads, or why it is not followed.
fn next_hop(from: &Url, location: &HeaderValue) -> Result<Url, &'static str> {
    let text = location
        .to_str()
        .map_err(|_| "it redirects to something that is no address")?;
    let next = from
        .join(text)
        .map_err(|_| "it redirects to something that is no address")?;
    match (from.scheme(), next.scheme()) {
        ("https", "https") | ("http", "http" | "https") => {}
        ("https", "http") => return Err("it redirects from https to http"),
        _ => return Err("it redirects to another kind of address"),
    }
    if !next.username().is_empty() || next.password().is_some() {
        return Err("it redirects to an address with credentials in it");
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_may_not_weaken_the_connection() {
        let next = |from: &str, to: &str| {
            next_hop(
                &Url::parse(from).unwrap(),
                &HeaderValue::from_str(to).unwrap(),
            )
            .map(String::from)
        };
        assert_eq!(
            next("https://a/v2/x", "/y?z"),
            Ok("https://a/y?z".to_owned())
        );
        assert_eq!(next("http://a/", "https://b/"), Ok("https://b/".to_owned()));
        for bad in [
            "http://a/",
            "file:///etc/passwd",
            "ftp://b/",
            "https://u:p@b/",
            "https://",
        ] {
            assert!(next("https://a/", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_are_addresses_however_they_are_written() {
        for bad in [
            "http://169.254.169.254/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
        ] {
            assert!(
                check_literal(&Url::parse(bad).unwrap(), Reach::Public).is_err(),
                "{bad}"
            );
        }
        assert!(check_literal(&Url::parse("http://127.0.0.1:1/").unwrap(), Reach::Local).is_ok());
    }
}
