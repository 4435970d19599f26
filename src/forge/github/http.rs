//! HTTP to one GitHub: requests go to the API's own server and nowhere else, and each answer is bounded in size and time and
//! told from the page of somebody who stands between.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, IF_NONE_MATCH, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::stopped::Stopped;

/// How long a call may take, with everything that it comes to.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(10);
/// Bytes of a page of a list: a hundred pull requests with the longest bodies are half of that.
const PAGE: usize = 16 << 20;
/// Bytes of any other answer.
const ONE: usize = 2 << 20;
/// Bytes of a refusal; the rest of it is not read.
const REFUSAL: usize = 64 << 10;
/// GitHub redirects once, for a repository that was renamed.
const MOST_REDIRECTS: usize = 5;

/// One GitHub's server.
#[derive(Debug)]
pub(super) struct Http {
    client: reqwest::Client,
    /// Scheme, host and path of the API, without a `/` at its end.
    base: String,
    origin: url::Origin,
}

/// A request as it can be made more than once.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Asked {
    /// Whether it may be made again, and be answered from what is kept.
    pub(super) fn reads(&self) -> bool {
        self.method == Method::GET
    }

    /// How many bytes its answer may have.
    fn room(&self) -> usize {
        let listed = self.url.query_pairs().any(|(name, _)| name == "per_page");
        if listed { PAGE } else { ONE }
    }
}

impl Http {
    /// To the API at `base`.
    pub(super) fn new(base: &str) -> Result<Self, String> {
        let url = Url::parse(base).map_err(|error| error.to_string())?;
        let client = reqwest::Client::builder()
            .user_agent(concat!("headwater/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .read_timeout(PATIENCE)
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .build()
            .map_err(|error| innermost(&error))?;
        Ok(Self {
            client,
            base: base.trim_end_matches('/').to_owned(),
            origin: url.origin(),
        })
    }

    /// Where GraphQL is: beside the REST API, and on an Enterprise server beside its version (`/api/graphql`).
    pub(super) fn graphql(&self) -> String {
        let base = self.base.strip_suffix("/v3").unwrap_or(&self.base);
        format!("{base}/graphql")
    }

    /// The address of a route, or the whole address that an answer named. No other server is ever asked.
    pub(super) fn resolve(&self, uri: &Uri) -> Result<Url, Stopped> {
        let text = match uri.authority() {
            Some(_) => uri.to_string(),
            None => format!("{}{uri}", self.base),
        };
        let url = Url::parse(&text).map_err(|_| Stopped::Elsewhere("no address".to_owned()))?;
        self.at_home(url)
    }

    fn at_home(&self, url: Url) -> Result<Url, Stopped> {
        let bare = url.username().is_empty() && url.password().is_none();
        match bare && url.origin() == self.origin {
            true => Ok(url),
            false => Err(Stopped::Elsewhere(url.origin().ascii_serialization())),
        }
    }

    /// Asks, and follows redirects where it only reads. With `tag` the answer may be that nothing changed (304).
    pub(super) async fn ask(
        &self,
        asked: &Asked,
        token: &SecretString,
        tag: Option<&HeaderValue>,
    ) -> Result<Answered, Stopped> {
        let mut url = asked.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.send(asked, url.clone(), token, tag).await?;
            match response.status() {
                StatusCode::NOT_MODIFIED if tag.is_none() => return Err(Stopped::Unasked),
                StatusCode::NOT_MODIFIED => return read(asked, response).await,
                status if status.is_redirection() => url = self.target(asked, &url, &response)?,
                _ => return read(asked, response).await,
            }
        }
        Err(Stopped::Circles)
    }

    async fn send(
        &self,
        asked: &Asked,
        url: Url,
        token: &SecretString,
        tag: Option<&HeaderValue>,
    ) -> Result<reqwest::Response, Stopped> {
        let token = format!("Bearer {}", token.expose_secret());
        let mut token = HeaderValue::from_str(&token).map_err(|_| Stopped::Token)?;
        token.set_sensitive(true);
        let mut headers = asked.headers.clone();
        headers.insert(AUTHORIZATION, token);
        let ours = HeaderValue::from_static("application/vnd.github+json");
        headers.entry(ACCEPT).or_insert(ours);
        if let Some(tag) = tag {
            headers.insert(IF_NONE_MATCH, tag.clone());
        }
        let request = self.client.request(asked.method.clone(), url);
        let request = request.headers(headers).body(asked.body.clone());
        request.send().await.map_err(|error| unreachable(&error))
    }

    /// Where a redirect leads. Only reading follows it: what was to be changed may be something else there.
    fn target(
        &self,
        asked: &Asked,
        from: &Url,
        response: &reqwest::Response,
    ) -> Result<Url, Stopped> {
        let named = response.headers().get(LOCATION);
        let target = named.and_then(|value| from.join(value.to_str().ok()?).ok());
        let target = self.at_home(target.ok_or(Stopped::Circles)?)?;
        match asked.reads() {
            true => Ok(target),
            false => Err(Stopped::Moved),
        }
    }
}

/// Reads an answer, if it is one of an API.
async fn read(asked: &Asked, response: reqwest::Response) -> Result<Answered, Stopped> {
    let status = response.status();
    let headers = response.headers().clone();
    let kind = headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (is_page, is_data) = (kind.contains("html"), kind.contains("json"));
    let body = match status {
        status if status.is_server_error() && !is_data => Bytes::new(),
        _ if is_page => return Err(Stopped::Page(status.as_u16())),
        status if status.is_success() => whole(response, asked.room()).await?,
        _ => beginning(response).await,
    };
    if status.is_success() && !is_data && !body.is_empty() {
        return Err(Stopped::NoData);
    }
    Ok(Answered {
        status,
        headers,
        body,
    })
}

/// A whole answer, or that it is too long.
async fn whole(mut response: reqwest::Response, room: usize) -> Result<Bytes, Stopped> {
    let said = response.headers().get(CONTENT_LENGTH);
    let said = said.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if said.is_some_and(|length| length > room) {
        return Err(Stopped::TooLong(room));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| unreachable(&e))? {
        if body.len() + chunk.len() > room {
            return Err(Stopped::TooLong(room));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// As much of a refusal as is told; that it was cut off changes nothing.
async fn beginning(mut response: reqwest::Response) -> Bytes {
    let mut body = BytesMut::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk[..chunk.len().min(REFUSAL - body.len())]);
        if body.len() == REFUSAL {
            break;
        }
    }
    body.freeze()
}

fn unreachable(error: &reqwest::Error) -> Stopped {
    match error.is_timeout() {
        true => Stopped::Slow,
        false => Stopped::Unreachable(innermost(error)),
    }
}

/// The innermost cause; the outer ones only repeat the address.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_lie_below_the_api_and_whole_addresses_stay_on_its_server() {
        let enterprise = Http::new("https://ghe.example/api/v3/").unwrap();
        let resolve = |uri: &str| enterprise.resolve(&uri.parse().unwrap());
        assert_eq!(
            resolve("/repos/a/b?x=1").unwrap().as_str(),
            "https://ghe.example/api/v3/repos/a/b?x=1"
        );
        let beside = "https://ghe.example/api/graphql";
        assert_eq!(enterprise.graphql(), beside);
        let public = Http::new("https://api.github.com").unwrap();
        assert_eq!(public.graphql(), "https://api.github.com/graphql");
        assert_eq!(resolve(beside).unwrap().as_str(), beside);
        for elsewhere in [
            "https://evil.example/repos/a/b?page=2",
            "http://ghe.example/api/v3/repos/a/b",
            "https://ghe.example:8443/api/v3/repos/a/b",
            "https://ghe.example.evil.example/api/v3/x",
        ] {
            let refused = resolve(elsewhere);
            assert!(matches!(refused, Err(Stopped::Elsewhere(_))), "{elsewhere}");
        }
    }
}
