//! The client: what digest a reference stands for now, and what an image says about itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::auth::{Tokens, Who};
use super::credentials::Credentials;
use super::error::RegistryError;
use super::hosts::{Hosts, SettingsError, Upstream};
use super::http::{Answer, Ask, Http};
use super::manifest::{self, Descriptor, ImageConfig, Kind, Manifest};
use super::metadata::ImageMetadata;
use super::pool::Pool;
use super::stats::{Counters, Stats};
use crate::config::registry::RegistrySettings;
use crate::model::{Digest, ImageReference, ImageRepository, Namespace, PinnedImage};

/// The most children of an index, nested ones included, that are looked at.
const MAX_CHILDREN: usize = 64;
/// How deep an index may hold indexes.
const MAX_NESTING: usize = 2;
/// Children of an index that are fetched at a time.
const CHILDREN_AT_ONCE: usize = 4;

/// On whose behalf an image is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The namespace of the stream: decides which credentials are granted.
    pub namespace: Namespace,
    /// The stream wishes an insecure connection. Only the operator's entry for the host grants one.
    pub insecure: bool,
}

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

/// A client for every registry the operator allows. Clones share connections, tokens, limits and counts.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: Http,
    tokens: Tokens,
    credentials: Credentials,
    limit: usize,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// One question, with everything that stays the same while it is answered.
struct Question<'a> {
    upstream: &'a Upstream,
    repository: &'a ImageRepository,
    access: &'a Access,
    subject: &'a str,
}

impl Question<'_> {
    fn invalid(&self, detail: impl Into<String>) -> RegistryError {
        RegistryError::Invalid {
            subject: self.subject.to_owned(),
            detail: detail.into(),
        }
    }
}

impl Client {
    /// A client by the operator's settings. Connects to nothing.
    pub fn new(settings: &RegistrySettings) -> Result<Self, SettingsError> {
        let pool = Pool::new(
            settings.connect_timeout.as_std(),
            settings.read_timeout.as_std(),
        );
        Ok(Self(Arc::new(Inner {
            http: Http {
                hosts: Hosts::new(settings)?,
                pool,
                counters: Counters::default(),
                total: settings.total_timeout.as_std(),
            },
            tokens: Tokens::new(),
            credentials: Credentials::new(settings),
            limit: settings.max_manifest_bytes,
        })))
    }

    /// The requests made so far by host, method and outcome.
    pub fn stats(&self) -> Stats {
        self.0.http.counters.read()
    }

    /// What `reference` stands for now: one HEAD, and a GET only where that does not tell the digest.
    /// A reference by digest comes back as that digest or not at all.
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

    /// What the image says about itself. Every byte is checked against the digest that named it.
    pub async fn describe(
        &self,
        image: &PinnedImage,
        access: &Access,
    ) -> Result<ImageMetadata, RegistryError> {
        let upstream = self.0.http.hosts.upstream(&image.repository.registry())?;
        let subject = image.to_string();
        let question = Question {
            upstream: &upstream,
            repository: &image.repository,
            access,
            subject: &subject,
        };
        let left = AtomicUsize::new(MAX_CHILDREN);
        self.describe_manifest(&question, image.digest.clone(), MAX_NESTING, &left)
            .await
    }

    /// The answer of a HEAD, if it says all there is to know.
    fn read_head(
        &self,
        question: &Question<'_>,
        head: &Answer,
    ) -> Result<Option<Resolved>, RegistryError> {
        if head.status == StatusCode::METHOD_NOT_ALLOWED {
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

    fn describe_manifest<'a>(
        &'a self,
        question: &'a Question<'_>,
        digest: Digest,
        nesting: usize,
        left: &'a AtomicUsize,
    ) -> BoxFuture<'a, Result<ImageMetadata, RegistryError>> {
        Box::pin(async move {
            let answer = self.content(question, "manifests", &digest).await?;
            let manifest = Manifest::parse(&answer.body, answer.header(CONTENT_TYPE.as_str()))
                .map_err(|why| question.invalid(why))?;
            match manifest.kind {
                Kind::Image(config) => {
                    let config = self
                        .config(question, &config, &manifest.annotations)
                        .await?;
                    Ok(ImageMetadata::of_image(digest, manifest.media_type, config))
                }
                Kind::Index(children) => {
                    let children = self.children(question, children, nesting, left).await?;
                    let Manifest {
                        media_type,
                        annotations,
                        ..
                    } = manifest;
                    Ok(ImageMetadata::of_index(
                        digest,
                        media_type,
                        annotations,
                        children,
                    ))
                }
            }
        })
    }

    /// An image's configuration; an artifact without one speaks through its annotations.
    async fn config(
        &self,
        question: &Question<'_>,
        config: &Descriptor,
        annotations: &BTreeMap<String, String>,
    ) -> Result<ImageConfig, RegistryError> {
        if !manifest::is_image_config(&config.media_type) {
            return Ok(ImageConfig {
                labels: annotations.clone(),
                ..ImageConfig::default()
            });
        }
        let answer = self.content(question, "blobs", &config.digest).await?;
        ImageConfig::parse(&answer.body).map_err(|why| question.invalid(why))
    }

    async fn children(
        &self,
        question: &Question<'_>,
        children: Vec<Descriptor>,
        nesting: usize,
        left: &AtomicUsize,
    ) -> Result<Vec<(Option<manifest::RawPlatform>, ImageMetadata)>, RegistryError> {
        let children: Vec<_> = children
            .into_iter()
            .filter(|c| !c.is_attestation())
            .collect();
        let Some(nesting) = nesting.checked_sub(1) else {
            return Err(question.invalid("its indexes are nested too deeply"));
        };
        let take = |n: usize| n.checked_sub(children.len());
        if left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_err()
        {
            return Err(
                question.invalid(format!("its index has more than {MAX_CHILDREN} children"))
            );
        }
        let fetches = children.into_iter().map(|child| async move {
            let metadata = self
                .describe_manifest(question, child.digest, nesting, left)
                .await?;
            Ok((child.platform, metadata))
        });
        futures_util::stream::iter(fetches)
            .buffered(CHILDREN_AT_ONCE)
            .try_collect()
            .await
    }

    /// Content by its digest, checked.
    async fn content(
        &self,
        question: &Question<'_>,
        kind: &str,
        digest: &Digest,
    ) -> Result<Answer, RegistryError> {
        let answer = self
            .ask(question, Method::GET, kind, digest.as_str())
            .await?;
        check_status(question, &answer)?;
        let announced = answer.header("docker-content-digest");
        if kind == "manifests" && announced.is_some_and(|text| text != digest.as_str()) {
            return Err(RegistryError::DigestMismatch {
                subject: question.subject.to_owned(),
                expected: digest.to_string(),
                got: announced.unwrap_or_default().chars().take(140).collect(),
            });
        }
        manifest::verify(question.subject, &answer.body, digest)?;
        Ok(answer)
    }

    /// Asks, and says in a failure of trust what the stream's wish for insecurity lacks.
    async fn ask(
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
        let outcome = inner.prove(&who, &mut ask).await;
        let refused = match &outcome {
            Ok(answer) => answer.status == StatusCode::UNAUTHORIZED,
            Err(error) => matches!(error, RegistryError::Unauthorized { .. }),
        };
        if refused {
            inner.credentials.forget(&host, &repository).await;
        }
        outcome
    }
}

impl Inner {
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

fn check_status(question: &Question<'_>, answer: &Answer) -> Result<(), RegistryError> {
    let subject = question.subject.to_owned();
    match answer.status {
        StatusCode::OK => Ok(()),
        StatusCode::NOT_FOUND => Err(RegistryError::NotFound { subject }),
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            Err(RegistryError::Unauthorized {
                subject,
                detail: format!("`{}` answers {}", question.upstream.name, status.as_u16()),
            })
        }
        status => Err(question.invalid(format!("the registry answers {}", status.as_u16()))),
    }
}
