//! Who was refused lately, so that a wrong password is tried once in a while and not once per tag: that locks accounts.

use std::time::Duration;

use moka::future::Cache;

use super::auth::Who;
use super::error::RegistryError;

/// How long a refusal is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Registry and credential, and the repository where only that refuses.
type Key = (String, String, Option<String>);

/// Refusals of credentials. Those without any cost nobody an account and are not kept.
pub(super) struct Refusals {
    kept: Cache<Key, String>,
    /// Credentials that a registry accepted for something: their refusals are about single repositories.
    accepted: Cache<Key, ()>,
}

impl Refusals {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            kept: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(REMEMBERED)
                .build(),
            accepted: Cache::builder().max_capacity(10_000).build(),
        }
    }

    /// An error if this credential was refused a moment ago.
    pub(super) async fn check(&self, who: &Who<'_>) -> Result<(), RegistryError> {
        let Some(host) = key(who) else {
            return Ok(());
        };
        let repository = (
            host.0.clone(),
            host.1.clone(),
            Some(who.repository.to_owned()),
        );
        for key in [host, repository] {
            if let Some(detail) = self.kept.get(&key).await {
                return Err(who.refused(detail));
            }
        }
        Ok(())
    }

    /// The credential was refused.
    pub(super) async fn refused(&self, who: &Who<'_>, detail: String) {
        let Some(mut key) = key(who) else {
            return;
        };
        if self.accepted.get(&key).await.is_some() {
            key.2 = Some(who.repository.to_owned());
        }
        self.kept.insert(key, detail).await;
    }

    /// The credential was accepted.
    pub(super) async fn accepted(&self, who: &Who<'_>) {
        let Some(key) = key(who) else {
            return;
        };
        if !self.accepted.contains_key(&key) {
            self.accepted.insert(key, ()).await;
        }
    }
}

fn key(who: &Who<'_>) -> Option<Key> {
    let credential = who.credential.as_ref()?;
    Some((who.upstream.authority(), credential.id.clone(), None))
}
