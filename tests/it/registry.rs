//! The registry client against a real registry, the embedded one, and servers that misbehave.

mod content;
mod embedded;
mod real;
mod tokens;

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Response;
use headwater::config::registry::RegistrySettings;
use headwater::model::{Digest, ImageReference, ImageRepository, PinnedImage};
use headwater::registry::{Access, Client, ImageMetadata, RegistryError, Resolved};

use crate::support::docker_registry::INDEX;

pub(crate) fn client(settings: &str) -> Client {
    let mut settings: RegistrySettings = serde_yaml::from_str(settings).unwrap();
    if settings.docker_config.is_none() {
        settings.use_docker_config = false;
    }
    Client::new(&settings)
}

pub(crate) fn plain(host: &str) -> Client {
    client(&format!(
        "registries: [{{host: '{host}', plainHttp: true}}]"
    ))
}

pub(crate) fn access() -> Access {
    Access {
        namespace: "myapp".parse().unwrap(),
        insecure: false,
    }
}

pub(crate) async fn resolve(client: &Client, reference: &str) -> Result<Resolved, RegistryError> {
    let reference: ImageReference = reference.parse().unwrap();
    client.resolve(&reference, &access()).await
}

pub(crate) async fn describe(client: &Client, image: &str) -> Result<ImageMetadata, RegistryError> {
    let image: PinnedImage = image.parse().unwrap();
    client.describe(&image, &access()).await
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

pub(crate) fn status(code: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::builder().status(code);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

const EMPTY_INDEX: &str = r#"{"schemaVersion":2,"manifests":[]}"#;

fn index() -> Response<Body> {
    let digest = Digest::sha256(EMPTY_INDEX.as_bytes()).to_string();
    status(
        200,
        &[("content-type", INDEX), ("docker-content-digest", &digest)],
        EMPTY_INDEX,
    )
}

pub(crate) async fn resolve_owned(
    client: Client,
    reference: String,
) -> Result<Resolved, RegistryError> {
    resolve(&client, &reference).await
}

pub(crate) async fn tags(client: Client, repository: String) -> Result<Vec<String>, RegistryError> {
    let repository = ImageRepository::try_from(repository).unwrap();
    let tags = client.tags(&repository, &access()).await?;
    Ok(tags.iter().map(ToString::to_string).collect())
}
