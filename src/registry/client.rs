//! The client: what digest a reference stands for now, asked with the right proof of who we are.

use std::collections::BTreeSet;
use std::sync::Arc;

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::auth::{Tokens, Who};
use super::credentials::Credentials;
use super::door::Door;
use super::error::RegistryError;
use super::hosts::{Hosts, Upstream};
use super::http::{Answer, Ask, Http};
use super::manifest::{self, Manifest};
use super::pool::Pool;
use super::refusals::Refusals;
use super::stats::{Counters, Stats};
use crate::config::registry::RegistrySettings;
use crate::model::{Digest, ImageReference, ImageRepository, Namespace, Timestamp};

/// On whose behalf an image is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The namespace of the stream: decides which credentials are granted.
    pub namespace: Namespace,
    /// The stream wishes an insecure connection. Only the operator's entry for the host grants one.
    pub insecure: bool,
}

/// As whom somebody asks a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Audience(Option<usize>);

/// What a reference stands for at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolved {
    /// The digest; of an index, the index's own.
    pub digest: Digest,
    /// The manifest's media type.
    pub media_type: String,
    /// The manifest's size in bytes, if the registry says it.
    pub size: Option<u64>,
}

impl Resolved {
    /// Whether it is an index (manifest list).
    pub fn is_index(&self) -> bool {
        manifest::is_index_type(&self.media_type)
    }
}

/// A client for every registry the operator allows. Clones share connections, tokens, limits and counts.
#[derive(Clone)]
pub struct Client(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) http: Http,
    tokens: Tokens,
    refusals: Refusals,
    credentials: Credentials,
    limit: usize,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// One question, with everything that stays the same while it is answered.
pub(super) struct Question<'a> {
    pub(super) upstream: &'a Upstream,
    pub(super) repository: &'a ImageRepository,
    pub(super) access: &'a Access,
    pub(super) subject: &'a str,
}

impl Question<'_> {
    /// An answer that is no usable image.
    pub(super) fn invalid(&self, detail: impl Into<String>) -> RegistryError {
        RegistryError::Invalid {
            subject: self.subject.to_owned(),
            detail: detail.into(),
        }
    }
}

impl Client {
    /// A client by the operator's settings. Connects to nothing.
    pub fn new(settings: &RegistrySettings) -> Self {
        let pool = Pool::new(
            settings.connect_timeout.as_std(),
            settings.read_timeout.as_std(),
        );
        Self(Arc::new(Inner {
            http: Http {
                hosts: Hosts::new(settings),
                pool,
                counters: Counters::default(),
                total: settings.total_timeout.as_std(),
            },
            tokens: Tokens::new(),
            refusals: Refusals::new(),
            credentials: Credentials::new(settings),
            limit: settings.max_manifest_bytes,
        }))
    }

    /// It is so late now: when a registry may be asked again is told in this time from now on.
    pub fn it_is(&self, now: Timestamp) {
        self.0.http.hosts.clock.set(now);
    }

    /// As whom a namespace asks for a repository. Where two namespaces are the same, so are their answers.
    pub fn audience(&self, repository: &ImageRepository, namespace: &Namespace) -> Audience {
        let upstream = self.0.http.hosts.upstream(&repository.registry());
        let grant = upstream.ok().and_then(|upstream| {
            let (host, path) = (upstream.credential_host(), repository.path());
            let credentials = &self.0.credentials;
            credentials.grant(&host, &upstream.repository(&path), namespace)
        });
        Audience(grant)
    }

    /// The requests made so far by host, method and outcome.
    pub fn stats(&self) -> Stats {
        self.0.http.counters.read()
    }

    /// The doors of all registries asked so far, by host.
    pub fn doors(&self) -> Vec<Door> {
        let known = self.0.http.hosts.known();
        let reading = |upstream: &Arc<Upstream>| upstream.gate.reading();
        known.iter().map(reading).collect()
    }

    /// What `reference` stands for now, checked: no digest comes back that no manifest was hashed to. Without anything in
    /// `known`, digests of this repository that were checked before, the manifest itself is asked for; with it one HEAD is
    /// enough, unless that tells a new digest, whose manifest is fetched and hashed first.
    pub async fn verified(
        &self,
        reference: &ImageReference,
        access: &Access,
        known: &BTreeSet<Digest>,
    ) -> Result<Resolved, RegistryError> {
        let registry = reference.repository.registry();
        let upstream = self.0.http.hosts.upstream(&registry)?;
        let subject = reference.to_string();
        let question = Question {
            upstream: &upstream,
            repository: &reference.repository,
            access,
            subject: &subject,
        };
        let wanted = reference.digest.as_ref();
        if known.is_empty() {
            let item = wanted.map_or_else(|| reference.tag_or_latest(), Digest::as_str);
            return self.resolve_by_content(&question, item, wanted).await;
        }
        let told = self.resolve(reference, access).await?;
        if known.contains(&told.digest) {
            return Ok(told);
        }
        let digest = Some(&told.digest);
        let first = self.resolve_by_content(&question, told.digest.as_str(), digest);
        match first.await {
            // What HEAD told may be gone already, or a lie: what the tag gives counts.
            Err(RegistryError::NotFound { .. }) if wanted.is_none() => {
                let tag = reference.tag_or_latest();
                let second = self.resolve_by_content(&question, tag, None).await;
                second.map_err(|error| match error {
                    RegistryError::NotFound { subject } => RegistryError::Contradiction {
                        host: upstream.name.clone(),
                        subject,
                        digest: told.digest.to_string(),
                    },
                    other => other,
                })
            }
            outcome => outcome,
        }
    }

    /// What the registry says that `reference` stands for: one HEAD, and a GET only where that does not tell the digest.
    /// A reference by digest comes back as that digest or not at all. What a HEAD says is nobody's proof ([`Self::verified`]).
    pub async fn resolve(
        &self,
        reference: &ImageReference,
        access: &Access,
    ) -> Result<Resolved, RegistryError> {
        let upstream = self
            .0
            .http
            .hosts
            .upstream(&reference.repository.registry())?;
        let subject = reference.to_string();
        let question = Question {
            upstream: &upstream,
            repository: &reference.repository,
            access,
            subject: &subject,
        };
        let item = match &reference.digest {
            Some(digest) => digest.as_str(),
            None => reference.tag_or_latest(),
        };
        let head = self.ask(&question, Method::HEAD, "manifests", item).await?;
        let resolved = match self.read_head(&question, &head)? {
            Some(resolved) => resolved,
            None => {
                self.resolve_by_content(&question, item, reference.digest.as_ref())
                    .await?
            }
        };
        match &reference.digest {
            Some(wanted) if *wanted != resolved.digest => Err(RegistryError::DigestMismatch {
                expected: wanted.to_string(),
                got: resolved.digest.to_string(),
                subject,
            }),
            _ => Ok(resolved),
        }
    }

    /// The answer of a HEAD, if it says all there is to know.
    fn read_head(
        &self,
        question: &Question<'_>,
        head: &Answer,
    ) -> Result<Option<Resolved>, RegistryError> {
        // Some registries answer HEAD with 404 or 405 for what GET gives: only GET says that it is not there.
        if matches!(
            head.status,
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND
        ) {
            return Ok(None);
        }
        check_status(question, head)?;
        let digest = head
            .header("docker-content-digest")
            .and_then(|text| text.parse().ok());
        let media_type = head.header(CONTENT_TYPE.as_str()).map(manifest::bare_type);
        let (Some(digest), Some(media_type)) = (digest, media_type) else {
            return Ok(None);
        };
        if !manifest::is_manifest_type(media_type) {
            return Err(
                question.invalid("the registry has it only in a format that is no image of today")
            );
        }
        Ok(Some(Resolved {
            digest,
            media_type: media_type.to_owned(),
            size: head
                .header(CONTENT_LENGTH.as_str())
                .and_then(|text| text.parse().ok()),
        }))
    }

    /// The digest computed from the manifest itself.
    async fn resolve_by_content(
        &self,
        question: &Question<'_>,
        item: &str,
        wanted: Option<&Digest>,
    ) -> Result<Resolved, RegistryError> {
        let answer = self.ask(question, Method::GET, "manifests", item).await?;
        check_status(question, &answer)?;
        let announced = answer
            .header("docker-content-digest")
            .and_then(|text| text.parse().ok());
        let digest = match wanted.cloned().or(announced) {
            Some(digest) => {
                manifest::verify(question.subject, &answer.body, &digest)?;
                digest
            }
            None => Digest::sha256(&answer.body),
        };
        let parsed = Manifest::parse(&answer.body, answer.header(CONTENT_TYPE.as_str()));
        Ok(Resolved {
            digest,
            media_type: parsed.map_err(|why| question.invalid(why))?.media_type,
            size: Some(answer.body.len() as u64),
        })
    }

    /// Asks, and says in a failure of trust what the stream's wish for insecurity lacks.
    pub(super) async fn ask(
        &self,
        question: &Question<'_>,
        method: Method,
        kind: &str,
        item: &str,
    ) -> Result<Answer, RegistryError> {
        let outcome = self.ask_authorized(question, method, kind, item).await;
        outcome.map_err(|error| match error {
            RegistryError::Tls { host, detail } if question.access.insecure => RegistryError::Tls {
                host,
                detail: format!(
                    "{detail}; the stream asks for `insecure`, which only the operator's entry for this host grants"
                ),
            },
            other => other,
        })
    }

    /// Asks with what is known about authentication, and exactly once more after a 401.
    async fn ask_authorized(
        &self,
        question: &Question<'_>,
        method: Method,
        kind: &str,
        item: &str,
    ) -> Result<Answer, RegistryError> {
        let inner = &self.0;
        let upstream = question.upstream;
        let path = question.repository.path();
        let repository = upstream.repository(&path);
        let host = upstream.credential_host();
        let namespace = &question.access.namespace;
        let who = Who {
            credential: inner
                .credentials
                .find(&host, &repository, namespace)
                .await?,
            repository: &repository,
            subject: question.subject,
            upstream,
        };
        let mut ask = Ask {
            url: upstream.url(&path, kind, item)?,
            accept: (kind == "manifests").then_some(manifest::ACCEPT),
            authorization: None,
            form: None,
            limit: inner.limit,
            subject: question.subject,
            reach: upstream.reach,
            method,
        };
        let outcome = inner.ask_known(&who, &mut ask).await;
        let refused = match &outcome {
            Ok(answer) => answer.status == StatusCode::UNAUTHORIZED,
            Err(error) => matches!(error, RegistryError::Unauthorized { .. }),
        };
        if refused {
            inner.credentials.forget(&host, &repository).await;
        }
        match outcome {
            Ok(answer)
                if matches!(
                    answer.status,
                    StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
                ) =>
            {
                Err(who.refused(who.turned_away(answer.status)))
            }
            outcome => outcome,
        }
    }
}

impl Inner {
    /// Asks unless the credential was refused a moment ago; a registry that nobody met yet is asked by one at a time.
    async fn ask_known(&self, who: &Who<'_>, ask: &mut Ask<'_>) -> Result<Answer, RegistryError> {
        let introduction = who.upstream.introduce().await;
        self.refusals.check(who).await?;
        let outcome = self.prove(who, ask).await;
        match &outcome {
            Ok(answer) if answer.status == StatusCode::UNAUTHORIZED => {
                let detail = who.turned_away(answer.status);
                self.refusals.refused(who, detail).await;
            }
            Ok(_) if ask.authorization.is_some() => self.refusals.accepted(who).await,
            Err(RegistryError::Unauthorized { detail, .. }) => {
                self.refusals.refused(who, detail.clone()).await;
            }
            _ => {}
        }
        if outcome.is_ok() || matches!(outcome, Err(RegistryError::Unauthorized { .. })) {
            who.upstream.met();
        }
        drop(introduction);
        outcome
    }

    async fn prove(&self, who: &Who<'_>, ask: &mut Ask<'_>) -> Result<Answer, RegistryError> {
        ask.authorization = self.tokens.foresee(&self.http, who).await?;
        let answer = self.http.exchange(who.upstream, ask).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let sent = ask.authorization.take();
        let proof = self
            .tokens
            .answer(&self.http, who, &answer, sent.as_ref())
            .await?;
        ask.authorization = Some(proof);
        self.http.exchange(who.upstream, ask).await
    }
}

/// Any other status than 200 as the error it means.
pub(super) fn check_status(question: &Question<'_>, answer: &Answer) -> Result<(), RegistryError> {
    let subject = question.subject.to_owned();
    match answer.status {
        StatusCode::OK => Ok(()),
        StatusCode::NOT_FOUND => Err(RegistryError::NotFound { subject }),
        status => Err(question.invalid(format!("the registry answers {}", status.as_u16()))),
    }
}
