//! Signatures that were verified, by digest and key: one that is good stays good, so it is asked for once. What is not
//! signed is asked for again, because a signature may still come.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::error::aside;
use super::store;
use crate::model::{Digest, PinnedImage, VerifyingKey};
use crate::plan::facts::Signed;
use crate::registry::{Access, Client, RegistryError};

/// Version of the files.
const VERSION: u32 = 1;
/// A larger file is none of ours.
const MOST_BYTES: u64 = 4 << 10;
/// More pairs are not held in memory.
const MOST_PAIRS: usize = 10_000;

type Pair = (Digest, VerifyingKey);

/// What was verified.
#[derive(Debug, Clone, Default)]
pub(super) struct Verified {
    folder: Option<PathBuf>,
    recent: Arc<Mutex<BTreeSet<Pair>>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    v: u32,
    digest: Digest,
    key: VerifyingKey,
    found: usize,
}

impl Verified {
    /// What is kept below the folder of all that was observed, or only in memory.
    pub(super) fn new(folder: Option<&Path>) -> Self {
        Self {
            folder: folder.map(|folder| folder.join("signed")),
            recent: Arc::default(),
        }
    }

    /// Whether an image is signed by a key, from what is kept or by the registry.
    ///
    /// # Errors
    /// When the registry does not tell.
    pub(super) async fn ask(
        &self,
        client: &Client,
        image: &PinnedImage,
        key: &VerifyingKey,
        access: &Access,
    ) -> Result<Signed, RegistryError> {
        let pair = (image.digest.clone(), key.clone());
        let good = |found: usize| Signed {
            found,
            by_key: true,
        };
        let known = self.recent().contains(&pair);
        if known {
            return Ok(good(1));
        }
        let path = self.path(&pair);
        if let Some(path) = path.clone() {
            let wanted = pair.clone();
            let kept = aside(move || read(&path, &wanted)).await.ok().flatten();
            if let Some(found) = kept {
                self.remember(pair);
                return Ok(good(found));
            }
        }
        let seen = client.signatures(image, key, access).await?;
        if seen.by_key {
            self.remember(pair.clone());
            if let Some(path) = path {
                let (digest, key) = pair;
                let kept = Kept {
                    v: VERSION,
                    digest,
                    key,
                    found: seen.found,
                };
                if let Err(error) = aside(move || store::keep_json(&path, &kept)).await {
                    tracing::warn!(%error, "a signature that was verified is not kept");
                }
            }
        }
        Ok(Signed {
            found: seen.found,
            by_key: seen.by_key,
        })
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, BTreeSet<Pair>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, pair: Pair) {
        let mut recent = self.recent();
        if recent.len() < MOST_PAIRS {
            recent.insert(pair);
        }
    }

    /// `<folder>/sha256/ab/<hex>-<fingerprint>.json`. Neither holds anything that could leave the folder.
    fn path(&self, (digest, key): &Pair) -> Option<PathBuf> {
        let hex = digest.hex();
        let folder = self.folder.as_ref()?.join(digest.algorithm());
        let name = format!("{hex}-{}.json", key.fingerprint().short());
        Some(folder.join(hex.get(..2)?).join(name))
    }
}

fn read(path: &Path, (digest, key): &Pair) -> Option<usize> {
    let kept: Kept = store::read_json(path, MOST_BYTES, VERSION)?;
    (kept.digest == *digest && kept.key == *key).then_some(kept.found)
}
