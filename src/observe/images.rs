//! What images say about themselves, by digest. A digest's labels never change, so an answer is kept for good: one small
//! file each, named by the digest and checked against it, and the latest ones in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use moka::future::Cache;
use serde::{Deserialize, Serialize};

use super::error::aside;
use super::store;
use crate::model::{Digest, PinnedImage};
use crate::plan::facts::ImageFacts;
use crate::registry::{Access, Client, ImageDetails, ImageMetadata, Platform, RegistryError};

/// Version of the files.
const VERSION: u32 = 2;
/// A larger file is none of ours: at most 256 labels of 4 KiB are kept of an image.
const MOST_BYTES: u64 = 4 << 20;
/// Bytes of labels that are held in memory.
const MOST_MEMORY: u64 = 8 << 20;
/// More than these are not believed.
const MOST_LABELS: usize = 256;

/// What is known of images.
#[derive(Debug, Clone)]
pub struct Images {
    folder: Option<PathBuf>,
    recent: Cache<Digest, Arc<ImageFacts>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    v: u32,
    digest: Digest,
    facts: ImageFacts,
    /// For people only; not known of images that an earlier version asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    details: Option<Box<ImageDetails>>,
}

/// All that is known of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What plans ask of it.
    pub facts: ImageFacts,
    /// What people want to see of it, if that was asked for.
    pub details: Option<Box<ImageDetails>>,
}

impl From<ImageMetadata> for Seen {
    fn from(metadata: ImageMetadata) -> Self {
        let mut images: Vec<Digest> = Vec::new();
        // An image alone is listed as its own only platform.
        let listed = metadata.platforms.iter().map(|platform| &platform.digest);
        images.extend(listed.filter(|digest| **digest != metadata.digest).cloned());
        Self {
            facts: ImageFacts {
                labels: metadata.labels,
                platforms: metadata.platforms.iter().map(platform).collect(),
                images,
            },
            details: Some(Box::new(metadata.details)),
        }
    }
}

fn platform(platform: &Platform) -> String {
    let Platform {
        os, architecture, ..
    } = platform;
    match &platform.variant {
        Some(variant) => format!("{os}/{architecture}/{variant}"),
        None => format!("{os}/{architecture}"),
    }
}

impl Images {
    /// What is kept below the folder of all that was observed.
    pub fn kept_in(observed: &Path) -> Self {
        Self::new(Some(observed.join("images")))
    }

    /// Facts kept in a folder, or only in memory.
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        let recent = Cache::builder()
            .max_capacity(MOST_MEMORY)
            .weigher(|_, facts: &Arc<ImageFacts>| weight(facts))
            .build();
        Self { folder, recent }
    }

    /// What plans ask of an image, if it is known.
    pub(super) async fn get(&self, digest: &Digest) -> Option<Arc<ImageFacts>> {
        if let Some(facts) = self.recent.get(digest).await {
            return Some(facts);
        }
        let facts = Arc::new(self.seen(digest).await?.facts);
        self.recent.insert(digest.clone(), Arc::clone(&facts)).await;
        Some(facts)
    }

    /// All that is kept of an image.
    pub async fn seen(&self, digest: &Digest) -> Option<Seen> {
        let path = self.path(digest)?;
        let wanted = digest.clone();
        // A cache that cannot be read, for whatever reason, knows nothing.
        aside(move || read(&path, &wanted)).await.ok().flatten()
    }

    /// Asks the registry about an image, and keeps what it says.
    ///
    /// # Errors
    /// When the registry does not tell.
    pub async fn ask(
        &self,
        client: &Client,
        image: &PinnedImage,
        access: &Access,
    ) -> Result<Seen, RegistryError> {
        let seen = Seen::from(client.describe(image, access).await?);
        self.put(&image.digest, seen.clone()).await;
        Ok(seen)
    }

    /// Keeps what an image says, if it can be kept.
    async fn put(&self, digest: &Digest, seen: Seen) {
        let facts = Arc::new(seen.facts.clone());
        self.recent.insert(digest.clone(), facts).await;
        let Some(path) = self.path(digest) else {
            return;
        };
        let kept = Kept {
            v: VERSION,
            digest: digest.clone(),
            facts: seen.facts,
            details: seen.details,
        };
        if let Err(error) = aside(move || store::keep_json(&path, &kept)).await {
            tracing::warn!(%error, "what an image says is not kept");
        }
    }

    /// `<folder>/sha256/ab/<hex>.json`. A digest holds nothing that could leave the folder.
    fn path(&self, digest: &Digest) -> Option<PathBuf> {
        let (algorithm, hex) = digest.as_str().split_once(':')?;
        let folder = self.folder.as_ref()?.join(algorithm).join(hex.get(..2)?);
        Some(folder.join(format!("{hex}.json")))
    }
}

fn read(path: &Path, digest: &Digest) -> Option<Seen> {
    let kept: Kept = store::read_json(path, MOST_BYTES, VERSION)?;
    let fits = kept.digest == *digest
        && kept.facts.labels.len() <= MOST_LABELS
        && kept.facts.platforms.len() <= MOST_LABELS
        && kept.facts.images.len() <= MOST_LABELS;
    fits.then_some(Seen {
        facts: kept.facts,
        details: kept.details,
    })
}

fn weight(facts: &ImageFacts) -> u32 {
    let labels: usize = facts
        .labels
        .iter()
        .map(|(k, v)| k.len() + v.len() + 64)
        .sum();
    u32::try_from(labels + 32 * facts.platforms.len() + 200).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn facts_outlive_the_process_and_a_wrong_file_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let at = || Images::new(Some(folder.path().join("images")));
        let (one, two) = (Digest::sha256(b"1"), Digest::sha256(b"2"));
        let facts = ImageFacts {
            labels: [("version".to_owned(), "1.2.3".to_owned())].into(),
            platforms: vec!["linux/amd64".to_owned()],
            images: Vec::new(),
        };
        let seen = Seen {
            facts: facts.clone(),
            details: Some(Box::new(ImageDetails {
                author: "me".to_owned(),
                ..ImageDetails::default()
            })),
        };
        at().put(&one, seen.clone()).await;
        assert_eq!(at().get(&one).await.as_deref(), Some(&facts));
        assert_eq!(at().seen(&one).await, Some(seen.clone()));
        assert_eq!(at().get(&two).await, None);

        // A file put in the place of another one names the wrong digest.
        let (from, to) = (at().path(&one).unwrap(), at().path(&two).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&from, &to).unwrap();
        assert_eq!(at().get(&two).await, None);
        std::fs::write(&from, "{").unwrap();
        assert_eq!(at().get(&one).await, None);

        // An earlier version did not keep which image is for which platform: it is asked for anew.
        let old = format!(
            r#"{{"v": 1, "digest": "{one}", "facts": {{"labels": {{}}, "platforms": []}}}}"#
        );
        std::fs::write(&from, old).unwrap();
        assert_eq!(at().seen(&one).await, None);

        let memory = Images::new(None);
        memory.put(&one, seen).await;
        assert_eq!(memory.get(&one).await.as_deref(), Some(&facts));
    }
}
