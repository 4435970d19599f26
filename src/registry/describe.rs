//! What an image says about itself: its manifest, its children and their configurations, every byte checked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use super::client::{Access, Client, Question, check_status};
use super::details::ImageDetails;
use super::error::RegistryError;
use super::http::Answer;
use super::manifest::{self, Descriptor, ImageConfig, Kind, Manifest, RawPlatform};
use super::metadata::ImageMetadata;
use crate::model::{Digest, PinnedImage};

/// The most children of an index, nested ones included, that are looked at.
const MAX_CHILDREN: usize = 64;
/// How deep an index may hold indexes.
const MAX_NESTING: usize = 2;
/// Children of an index that are fetched at a time.
const CHILDREN_AT_ONCE: usize = 4;

impl Client {
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
                    let (config, bytes) = self
                        .config(question, &config, &manifest.annotations)
                        .await?;
                    let media_type = manifest.media_type;
                    let details = ImageDetails::of_image(media_type.clone(), &answer.body, &bytes);
                    Ok(ImageMetadata::of_image(digest, media_type, config, details))
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

    /// An image's configuration and its bytes; an artifact without one speaks through its annotations.
    async fn config(
        &self,
        question: &Question<'_>,
        config: &Descriptor,
        annotations: &BTreeMap<String, String>,
    ) -> Result<(ImageConfig, Bytes), RegistryError> {
        if !manifest::is_image_config(&config.media_type) {
            let config = ImageConfig {
                labels: annotations.clone(),
                ..ImageConfig::default()
            };
            return Ok((config, Bytes::new()));
        }
        let answer = self.content(question, "blobs", &config.digest).await?;
        let config = ImageConfig::parse(&answer.body).map_err(|why| question.invalid(why))?;
        Ok((config, answer.body))
    }

    async fn children(
        &self,
        question: &Question<'_>,
        children: Vec<Descriptor>,
        nesting: usize,
        left: &AtomicUsize,
    ) -> Result<Vec<(Option<RawPlatform>, ImageMetadata)>, RegistryError> {
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
            let digest = child.digest.clone();
            let described = self.describe_manifest(question, child.digest, nesting, left);
            let metadata = described.await.map_err(|error| match error {
                RegistryError::NotFound { .. } => question.invalid(format!(
                    "its index lists `{digest}`, which is not in the registry"
                )),
                other => other,
            })?;
            Ok((child.platform, metadata))
        });
        futures_util::stream::iter(fetches)
            .buffered(CHILDREN_AT_ONCE)
            .try_collect()
            .await
    }

    /// Content by its digest, checked.
    pub(super) async fn content(
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
}
