//! The way from the client that knows GitHub's routes to its server: what did not change is answered from what is kept.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::header::{ETAG, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use octocrab::OctoBody;
use serde::de::IgnoredAny;
use tower_service::Service;

use super::cache::Answers;
use super::http::{Answered, Asked, Http};
use super::login::Login;
use super::shut::Shut;
use super::stopped::Stopped;

/// Carries requests to one GitHub. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Transport(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: Arc<Http>,
    login: Arc<Login>,
    answers: Answers,
    shut: Shut,
}

impl Transport {
    /// To a server, as somebody.
    pub(super) fn new(http: Arc<Http>, login: Arc<Login>) -> Self {
        Self(Arc::new(Inner {
            http,
            login,
            answers: Answers::default(),
            shut: Shut::default(),
        }))
    }
}

impl Service<Request<OctoBody>> for Transport {
    type Response = Response<Full<Bytes>>;
    type Error = Stopped;
    type Future = BoxFuture<'static, Result<Self::Response, Stopped>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Stopped>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<OctoBody>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        async move { inner.carry(request).await }.boxed()
    }
}

impl Inner {
    async fn carry(&self, request: Request<OctoBody>) -> Result<Response<Full<Bytes>>, Stopped> {
        self.shut.check()?;
        let (parts, body) = request.into_parts();
        let body = body.collect().await;
        let body = body.map_err(|error| Stopped::Unreachable(error.to_string()))?;
        let asked = Asked {
            url: self.http.resolve(&parts.uri)?,
            method: parts.method,
            headers: parts.headers,
            body: body.to_bytes(),
        };
        let known = self.answers.get(&asked.url).filter(|_| asked.reads());
        let tag = known.as_ref().and_then(|known| known.headers.get(ETAG));
        let answered = self.ask(&asked, tag).await?;
        self.shut.learn(&answered);
        Ok(response(match (answered.status, known) {
            (StatusCode::NOT_MODIFIED, Some(known)) => known,
            _ => {
                self.keep(&asked, &answered);
                answered
            }
        }))
    }

    /// Asks with a token that is good. One that is not any more, an hour old or taken back, is replaced once, and what only
    /// reads is asked again; whether to change something again is decided by whoever looks first.
    async fn ask(&self, asked: &Asked, tag: Option<&HeaderValue>) -> Result<Answered, Stopped> {
        let token = self.login.token(&self.http).await?;
        let answered = self.http.ask(asked, &token, tag).await?;
        if answered.status != StatusCode::UNAUTHORIZED || !self.login.refused(&token).await {
            return Ok(answered);
        }
        match asked.reads() {
            true => {
                let token = self.login.token(&self.http).await?;
                self.http.ask(asked, &token, tag).await
            }
            false => Err(Stopped::Expired),
        }
    }

    /// Keeps an answer of which GitHub will say whether it changed.
    fn keep(&self, asked: &Asked, answered: &Answered) {
        let tagged = answered.headers.contains_key(ETAG);
        let fits = asked.reads() && tagged && answered.status == StatusCode::OK;
        // What cannot be read would never be read again: GitHub would go on saying that it has not changed.
        if fits && serde_json::from_slice::<IgnoredAny>(&answered.body).is_ok() {
            self.answers.put(asked.url.clone(), answered.clone());
        }
    }
}

fn response(answered: Answered) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answered.body));
    *response.status_mut() = answered.status;
    *response.headers_mut() = answered.headers;
    response
}
