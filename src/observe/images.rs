//! What images say about themselves, by digest. A digest's labels never change, so an answer is kept for good: one small
//! file each, named by the digest and checked against it, and the latest ones in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use moka::future::Cache;
use serde::{Deserialize, Serialize};

use super::error::aside;
use super::store;
use crate::model::Digest;
use crate::plan::facts::ImageFacts;

/// Version of the files.
const VERSION: u32 = 1;
/// A larger file is none of ours: at most 256 labels of 4 KiB are kept of an image.
const MOST_BYTES: u64 = 4 << 20;
/// Bytes of labels that are held in memory.
const MOST_MEMORY: u64 = 8 << 20;
/// More than these are not believed.
const MOST_LABELS: usize = 256;

/// Facts of images.
#[derive(Debug, Clone)]
pub(super) struct Images {
    folder: Option<PathBuf>,
    recent: Cache<Digest, Arc<ImageFacts>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    v: u32,
    digest: Digest,
    facts: ImageFacts,
}

impl Images {
    /// Facts kept in a folder, or only in memory.
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        let recent = Cache::builder()
            .max_capacity(MOST_MEMORY)
            .weigher(|_, facts: &Arc<ImageFacts>| weight(facts))
            .build();
        Self { folder, recent }
    }

    /// What is known of an image.
    pub(super) async fn get(&self, digest: &Digest) -> Option<Arc<ImageFacts>> {
        if let Some(facts) = self.recent.get(digest).await {
            return Some(facts);
        }
        let path = self.path(digest)?;
        let wanted = digest.clone();
        // A cache that cannot be read, for whatever reason, knows nothing.
        let read = aside(move || read(&path, &wanted)).await.ok().flatten();
        let facts = Arc::new(read?);
        self.recent.insert(digest.clone(), Arc::clone(&facts)).await;
        Some(facts)
    }

    /// Keeps what an image says, if it can be kept.
    pub(super) async fn put(&self, digest: &Digest, facts: ImageFacts) {
        let facts = Arc::new(facts);
        self.recent.insert(digest.clone(), Arc::clone(&facts)).await;
        let Some(path) = self.path(digest) else {
            return;
        };
        let kept = Kept {
            v: VERSION,
            digest: digest.clone(),
            facts: ImageFacts::clone(&facts),
        };
        if let Err(error) = aside(move || write(&path, &kept)).await {
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

fn read(path: &Path, digest: &Digest) -> Option<ImageFacts> {
    let kept: Kept = store::read_json(path, MOST_BYTES, VERSION)?;
    let fits = kept.digest == *digest
        && kept.facts.labels.len() <= MOST_LABELS
        && kept.facts.platforms.len() <= MOST_LABELS;
    fits.then_some(kept.facts)
}

fn write(path: &Path, kept: &Kept) {
    let written = store::replace(path, |to| {
        serde_json::to_writer(to, kept).map_err(std::io::Error::other)
    });
    if let Err(error) = written {
        store::not_kept(path, &error);
    }
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
        };
        at().put(&one, facts.clone()).await;
        assert_eq!(at().get(&one).await.as_deref(), Some(&facts));
        assert_eq!(at().get(&two).await, None);

        // A file put in the place of another one names the wrong digest.
        let (from, to) = (at().path(&one).unwrap(), at().path(&two).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&from, &to).unwrap();
        assert_eq!(at().get(&two).await, None);
        std::fs::write(&from, "{").unwrap();
        assert_eq!(at().get(&one).await, None);

        let memory = Images::new(None);
        memory.put(&one, facts.clone()).await;
        assert_eq!(memory.get(&one).await.as_deref(), Some(&facts));
    }
}
