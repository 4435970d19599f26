//! Proving who we are: basic, and bearer tokens fetched by the registry's own challenge, shared and kept while they last.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;
use reqwest::header::HeaderValue;
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::address::Reach;
use super::challenge;
use super::credentials::{Credential, CredentialKind};
use super::error::RegistryError;
use super::hosts::Upstream;
use super::http::{Answer, Ask, Http};
use crate::config::known::meet_token;

/// The largest answer of a token server, in bytes.
const MAX_TOKEN: usize = 256 * 1024;
/// How long a token lasts whose server does not say (distribution's token specification).
const UNSAID: u64 = 60;
/// The longest a token is kept.
const LONGEST: u64 = 3600;

/// How a registry wants to be authenticated, as its last challenge said.
#[derive(Debug, Clone)]
pub(super) enum Scheme {
    /// With user name and password on every request.
    Basic,
    /// With a token from a server.
    Bearer(TokenServer),
}

/// Where tokens of a registry come from.
#[derive(Debug, Clone)]
pub(super) struct TokenServer {
    realm: Url,
    service: Option<String>,
    /// How far the registry may send us.
    reach: Reach,
    scope: ScopeRule,
}

/// What scope to ask for without having seen a challenge for the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ScopeRule {
    /// The usual `repository:<name>:pull`.
    PerRepository,
    /// The same for all repositories.
    Fixed(String),
    /// Only the challenge can tell.
    Unknown,
}

impl ScopeRule {
    fn learned(scope: &str, repository: &str) -> Self {
        if scope == pull_scope(repository) {
            Self::PerRepository
        } else if scope.contains(repository) {
            Self::Unknown
        } else {
            Self::Fixed(scope.to_owned())
        }
    }

    fn scope(&self, repository: &str) -> Option<String> {
        match self {
            Self::PerRepository => Some(pull_scope(repository)),
            Self::Fixed(scope) => Some(scope.clone()),
            Self::Unknown => None,
        }
    }
}

fn pull_scope(repository: &str) -> String {
    format!("repository:{repository}:pull")
}

/// What a token is good for and for whom; no secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TokenKey {
    authority: String,
    scope: String,
    credential: Option<String>,
}

#[derive(Clone)]
struct Token {
    value: HeaderValue,
    lifetime: Duration,
}

struct Lifetime;

impl Expiry<TokenKey, Token> for Lifetime {
    fn expire_after_create(&self, _: &TokenKey, token: &Token, _: Instant) -> Option<Duration> {
        Some(token.lifetime)
    }
}

/// For whom something is asked.
pub(super) struct Who<'a> {
    pub(super) upstream: &'a Upstream,
    /// The repository as the upstream knows it.
    pub(super) repository: &'a str,
    pub(super) credential: Option<Arc<Credential>>,
    /// What is asked for, in errors.
    pub(super) subject: &'a str,
}

impl Who<'_> {
    /// That access was refused.
    pub(super) fn refused(&self, detail: impl Into<String>) -> RegistryError {
        RegistryError::Unauthorized {
            subject: self.subject.to_owned(),
            detail: detail.into(),
        }
    }

    /// A 401 or 403 in words: whether credentials were sent decides who has to do what.
    pub(super) fn turned_away(&self, status: StatusCode) -> String {
        let (name, status) = (&self.upstream.name, status.as_u16());
        match self.credential.as_deref() {
            None => format!("`{name}` answers {status}, and {}", self.without()),
            Some(sent) if status == 403 => {
                format!("{} may not read it: `{name}` answers 403", sent.shown())
            }
            Some(sent) => format!("`{name}` does not accept {} ({status})", sent.shown()),
        }
    }

    /// That nothing was sent because nothing is there.
    fn without(&self) -> String {
        let host = self.upstream.credential_host();
        format!("no credentials for `{host}` are set")
    }
}

/// Keeps tokens.
pub(super) struct Tokens(Cache<TokenKey, Token>);

impl Tokens {
    /// None yet.
    pub(super) fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(20_000)
                .expire_after(Lifetime)
                .build(),
        )
    }

    /// What to send along before any challenge, by what this registry wanted last time.
    pub(super) async fn foresee(
        &self,
        http: &Http,
        who: &Who<'_>,
    ) -> Result<Option<HeaderValue>, RegistryError> {
        let scheme = who
            .upstream
            .scheme
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match scheme {
            None => Ok(None),
            Some(Scheme::Basic) => Ok(who.credential.as_ref().and_then(|c| c.basic())),
            Some(Scheme::Bearer(server)) => match server.scope.scope(who.repository) {
                Some(scope) => self.token(http, who, &server, scope).await.map(Some),
                None => Ok(None),
            },
        }
    }

    /// What to send after a 401; an error if nothing better than `sent` is to be had.
    pub(super) async fn answer(
        &self,
        http: &Http,
        who: &Who<'_>,
        refusal: &Answer,
        sent: Option<&HeaderValue>,
    ) -> Result<HeaderValue, RegistryError> {
        let Some((scheme, scope)) = read_challenge(who, refusal)? else {
            let basic = who.credential.as_ref().and_then(|c| c.basic());
            let basic = basic.ok_or_else(|| {
                let has = match &who.credential {
                    None => who.without(),
                    Some(_) => "what is set is a token for another server".to_owned(),
                };
                who.refused(format!(
                    "the registry wants a user name and password, and {has}"
                ))
            })?;
            if sent == Some(&basic) {
                return Err(who.refused(who.turned_away(StatusCode::UNAUTHORIZED)));
            }
            remember(who.upstream, Scheme::Basic);
            return Ok(basic);
        };
        let key = token_key(who, &scope);
        if sent.is_some() && self.0.get(&key).await.map(|t| t.value).as_ref() == sent {
            self.0.invalidate(&key).await;
        }
        let token = self.token(http, who, &scheme, scope).await?;
        remember(who.upstream, Scheme::Bearer(scheme));
        Ok(token)
    }

    async fn token(
        &self,
        http: &Http,
        who: &Who<'_>,
        server: &TokenServer,
        scope: String,
    ) -> Result<HeaderValue, RegistryError> {
        let key = token_key(who, &scope);
        let fetched = self
            .0
            .try_get_with(key, fetch(http, who, server, &scope))
            .await;
        fetched
            .map(|token| token.value)
            .map_err(|e| RegistryError::clone(&e))
    }
}

fn token_key(who: &Who<'_>, scope: &str) -> TokenKey {
    TokenKey {
        authority: who.upstream.authority(),
        scope: scope.to_owned(),
        credential: who.credential.as_ref().map(|c| c.id.clone()),
    }
}

fn remember(upstream: &Upstream, scheme: Scheme) {
    *upstream
        .scheme
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = Some(scheme);
}

/// The token server and scope of a bearer challenge, `None` for a basic one.
fn read_challenge(
    who: &Who<'_>,
    refusal: &Answer,
) -> Result<Option<(TokenServer, String)>, RegistryError> {
    let challenge = challenge::choose(&refusal.headers).ok_or_else(|| {
        who.refused("the registry answers 401 without saying which credentials it wants")
    })?;
    if challenge.scheme == "basic" {
        return Ok(None);
    }
    let realm = challenge
        .param("realm")
        .and_then(|realm| Url::parse(realm).ok());
    let realm = realm.ok_or_else(|| who.refused("its token server has no usable address"))?;
    if !who.upstream.trusts_realm(&realm) {
        return Err(who.refused(
            "its token server is neither of the registry's own site nor listed in `tokenRealms`",
        ));
    }
    let scope = challenge.param("scope").unwrap_or_default().to_owned();
    let server = TokenServer {
        realm,
        service: challenge.param("service").map(str::to_owned),
        reach: refusal.onwards,
        scope: ScopeRule::learned(&scope, who.repository),
    };
    Ok(Some((server, scope)))
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<i64>,
}

async fn fetch(
    http: &Http,
    who: &Who<'_>,
    server: &TokenServer,
    scope: &str,
) -> Result<Token, RegistryError> {
    let answer = http
        .exchange(who.upstream, &token_request(who, server, scope))
        .await?;
    match answer.status {
        StatusCode::OK => read_token(who, &answer.body),
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            let status = status.as_u16();
            Err(who.refused(match who.credential.as_deref() {
                Some(sent) => {
                    format!(
                        "the token server does not accept {} ({status})",
                        sent.shown()
                    )
                }
                None => format!("the token server answers {status}, and {}", who.without()),
            }))
        }
        status => Err(who.refused(format!("the token server answers {}", status.as_u16()))),
    }
}

fn token_request<'a>(who: &Who<'a>, server: &TokenServer, scope: &str) -> Ask<'a> {
    let mut ask = Ask {
        method: Method::GET,
        url: server.realm.clone(),
        accept: None,
        authorization: None,
        form: None,
        limit: MAX_TOKEN,
        subject: who.subject,
        reach: server.reach,
    };
    let service = server.service.as_deref().map(|s| ("service", s));
    if let Some(CredentialKind::Identity(refresh)) = who.credential.as_ref().map(|c| &c.kind) {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token")
            .append_pair("client_id", "headwater")
            .append_pair("scope", scope)
            .extend_pairs(service)
            .append_pair("refresh_token", refresh.expose_secret());
        ask.method = Method::POST;
        ask.form = Some(SecretString::from(form.finish()));
        return ask;
    }
    let scopes = scope.split_whitespace().map(|s| ("scope", s));
    ask.url
        .query_pairs_mut()
        .extend_pairs(service.into_iter().chain(scopes));
    ask.authorization = who.credential.as_ref().and_then(|c| c.basic());
    ask
}

fn read_token(who: &Who<'_>, body: &[u8]) -> Result<Token, RegistryError> {
    let unusable = || who.refused("the token server's answer holds no usable token");
    let answer: TokenAnswer = serde_json::from_slice(body).map_err(|_| unusable())?;
    let text = answer
        .token
        .filter(|t| !t.is_empty())
        .or(answer.access_token)
        .unwrap_or_default();
    let text = SecretString::from(text);
    let visible = |b: u8| b.is_ascii_graphic();
    if text.expose_secret().is_empty() || !text.expose_secret().bytes().all(visible) {
        return Err(unusable());
    }
    meet_token(&text);
    let bearer = SecretString::from(format!("Bearer {}", text.expose_secret()));
    let mut value = HeaderValue::from_str(bearer.expose_secret()).map_err(|_| unusable())?;
    value.set_sensitive(true);
    let said = answer
        .expires_in
        .map_or(UNSAID, |s| u64::try_from(s).unwrap_or(0));
    // A tenth less than promised, so that a token does not run out on its way.
    let lifetime = Duration::from_secs((said.min(LONGEST) * 9 / 10).max(1));
    Ok(Token { value, lifetime })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_of_other_repositories_is_foreseen_only_where_it_can_be() {
        let learned = |scope: &str| ScopeRule::learned(scope, "acme/app");
        let foreseen = |scope: &str| learned(scope).scope("acme/other");
        assert_eq!(
            foreseen("repository:acme/app:pull").as_deref(),
            Some("repository:acme/other:pull")
        );
        assert_eq!(foreseen("aws").as_deref(), Some("aws"));
        assert_eq!(foreseen("").as_deref(), Some(""));
        assert_eq!(foreseen("repository:acme/app:pull,push"), None);
    }
}
