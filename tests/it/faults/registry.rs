//! Registries that fail, lie, delay or attack: the client in front of a real one, with the fault proxy between.

mod answers;
mod bodies;
mod cost;
mod indexes;
mod network;
mod pauses;
mod redirects;
mod secrets;
mod tokens;
mod trouble;

use futures_util::future::join_all;
use headwater::model::Digest;
use headwater::registry::{Client, RegistryError, Resolved};
use serde_json::json;

use crate::registry::{access, client, describe, plain, resolve, resolve_owned, status};
use crate::support::docker_registry::{DockerRegistry, INDEX, MANIFEST};
use crate::support::fault_proxy::{Fault, FaultProxy, Reply, Rule};
use crate::support::odd_registry::OddRegistry;

/// An index without children that is like no other of another name.
fn index(name: &str) -> String {
    let annotations = json!({"name": name});
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": annotations})
        .to_string()
}

/// A real registry behind the proxy, with `acme/app:v1` in it.
struct Real {
    registry: DockerRegistry,
    proxy: FaultProxy,
    /// What `acme/app:v1` is.
    digest: Digest,
}

impl Real {
    /// `None`, said aloud, where the programs for it are missing.
    async fn start() -> Option<Self> {
        let registry = DockerRegistry::start()?;
        let proxy = FaultProxy::before(registry.host()).await;
        let digest = registry.put("acme/app", "v1", INDEX, index("v1")).await;
        Some(Self {
            registry,
            proxy,
            digest,
        })
    }

    /// `tag` is a tag or `@` with a digest.
    fn place(&self, tag: &str) -> String {
        place(&self.proxy, tag)
    }

    fn client(&self) -> Client {
        plain(&self.proxy.host())
    }

    async fn resolve(&self, client: &Client) -> Result<Resolved, RegistryError> {
        resolve(client, &self.place("v1")).await
    }

    /// So many tags in ten repositories: their places and what they are.
    async fn tags(&self, n: usize) -> Vec<(String, Digest)> {
        let put = (0..n).map(|tag| async move {
            let (repository, tag) = (format!("many/r{}", tag % 10), format!("v{tag}"));
            let digest = self.registry.put(&repository, &tag, INDEX, index(&tag));
            let place = format!("{}/{repository}:{tag}", self.proxy.host());
            (place, digest.await)
        });
        join_all(put).await
    }
}

fn place(proxy: &FaultProxy, tag: &str) -> String {
    let separator = if tag.starts_with('@') { "" } else { ":" };
    format!("{}/acme/app{separator}{tag}", proxy.host())
}

/// Asks for all of them at once; how many came as they should.
async fn right(client: &Client, tags: &[(String, Digest)]) -> usize {
    let asked = tags
        .iter()
        .map(|(place, _)| resolve_owned(client.clone(), place.clone()));
    let answers = join_all(asked).await;
    let expected = tags.iter().map(|(_, digest)| digest);
    let pairs = answers.iter().zip(expected);
    for (answer, digest) in pairs.clone() {
        if let Ok(resolved) = answer {
            assert_eq!(
                resolved.digest, *digest,
                "a wrong digest is worse than none"
            );
        }
    }
    pairs.filter(|(answer, _)| answer.is_ok()).count()
}

/// A client for several plain registries.
fn plain_all(hosts: &[&FaultProxy]) -> Client {
    let entry = |proxy: &&FaultProxy| json!({"host": proxy.host(), "plainHttp": true});
    let entries: Vec<_> = hosts.iter().map(entry).collect();
    client(&json!({"registries": entries}).to_string())
}

fn seconds_from_now(error: &RegistryError) -> i64 {
    let at = error.retry_at().expect("it says when");
    at.as_second() - headwater::model::Timestamp::now().as_second()
}
