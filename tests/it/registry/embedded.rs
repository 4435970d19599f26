//! Against the embedded registry: mirrors, pauses, cost.

use std::time::{Duration, Instant};

use headwater::demo::registry::{BuildSpec, EmbeddedRegistry};
use headwater::model::Digest;
use headwater::registry::{Access, RegistryError};

use super::{client, describe, labels, plain, resolve, resolve_owned};
use crate::support::docker_registry::INDEX;

fn spec(content: &str, platforms: &[&str]) -> BuildSpec {
    BuildSpec {
        labels: labels(&[("tests", "passed")]),
        content: content.to_owned(),
        platforms: platforms
            .iter()
            .map(|a| ("linux".to_owned(), (*a).to_owned()))
            .collect(),
    }
}

#[tokio::test]
async fn plain_http_is_spoken_only_where_the_operator_says_so() {
    let registry = EmbeddedRegistry::start().await.unwrap();
    registry.push("acme/app", "v1", spec("1", &[]));
    let place = format!("{}/acme/app:v1", registry.host());
    let listed = client(&format!("registries: [{{host: '{}'}}]", registry.host()));
    let wish = Access {
        namespace: "myapp".parse().unwrap(),
        insecure: true,
    };
    let error = listed
        .resolve(&place.parse().unwrap(), &wish)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, RegistryError::Tls { detail, .. } if detail.contains("plainHttp")),
        "{error:?}"
    );
    assert_eq!(registry.requests(), [], "nothing was asked without TLS");
}

#[tokio::test]
async fn hosts_and_addresses_that_nobody_listed_are_not_asked() {
    let registry = EmbeddedRegistry::start().await.unwrap();
    let port = registry.host().rsplit_once(':').unwrap().1.to_owned();
    let any = client("allowed: ['*']");
    for host in [
        format!("localhost:{port}"),
        format!("127.0.0.1:{port}"),
        "169.254.169.254".to_owned(),
    ] {
        for client in [&any, &client("{}")] {
            let error = resolve(client, &format!("{host}/acme/app:v1"))
                .await
                .unwrap_err();
            assert_eq!(error.reason(), "Forbidden", "{host}: {error}");
        }
    }
    assert_eq!(registry.requests(), []);
}

#[tokio::test]
async fn a_mirror_is_asked_under_the_name_of_the_original() {
    let registry = EmbeddedRegistry::start().await.unwrap();
    let digest = registry.push("proxy/acme/app", "v1", spec("1", &["amd64", "arm64"]));
    let client = client(&format!(
        "registries: [{{host: registry.example, mirror: '{}/proxy'}}]",
        registry.url()
    ));
    let resolved = resolve(&client, "registry.example/acme/app:v1")
        .await
        .unwrap();
    assert_eq!(
        (&resolved.digest, resolved.media_type.as_str()),
        (&digest, INDEX)
    );
    let described = describe(&client, &format!("registry.example/acme/app@{digest}"))
        .await
        .unwrap();
    assert_eq!(described.labels, labels(&[("tests", "passed")]));
    assert_eq!(described.platforms.len(), 2);
}

#[tokio::test]
async fn the_embedded_registry_builds_images_that_skopeo_accepts() {
    if !crate::support::docker_registry::have(&["skopeo"]) {
        return;
    }
    let registry = EmbeddedRegistry::start().await.unwrap();
    let digest = registry.push("acme/app", "v1", spec("1", &["amd64", "arm64"]));
    assert_eq!(
        registry.push("acme/app", "again", spec("1", &["amd64", "arm64"])),
        digest
    );
    assert_ne!(
        registry.push("acme/app", "v2", spec("2", &["amd64", "arm64"])),
        digest
    );
    assert!(registry.retag("acme/app", "v2", &digest));
    let folder = tempfile::TempDir::new().unwrap();
    let (source, target) = (
        format!("docker://{}/acme/app:v2", registry.host()),
        format!("dir:{}", folder.path().display()),
    );
    tokio::task::spawn_blocking(move || {
        let copy = [
            "--insecure-policy",
            "copy",
            "--all",
            "--src-tls-verify=false",
            &source,
            &target,
        ];
        crate::support::docker_registry::run("skopeo", &copy)
    })
    .await
    .unwrap();
    let manifest = std::fs::read(folder.path().join("manifest.json")).unwrap();
    assert_eq!(Digest::sha256(&manifest), digest);
}

#[tokio::test]
async fn many_tags_cost_one_request_each() {
    let registry = EmbeddedRegistry::start().await.unwrap();
    let client = plain(&registry.host());
    let tags: Vec<String> = (0..200).map(|n| format!("v{n}")).collect();
    for tag in &tags {
        registry.push("acme/app", tag, spec(tag, &[]));
    }
    let host = registry.host();
    let asked = tags
        .iter()
        .map(|tag| resolve_owned(client.clone(), format!("{host}/acme/app:{tag}")));
    let answers = futures_util::future::join_all(asked).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(registry.requests().len(), 200);
    assert_eq!(client.stats().total(), 200);
}

#[tokio::test]
async fn a_registry_that_asks_for_a_pause_gets_it() {
    let registry = EmbeddedRegistry::start().await.unwrap();
    let digest = registry.push("acme/app", "v1", spec("1", &[]));
    let client = plain(&registry.host());
    let place = format!("{}/acme/app:v1", registry.host());
    registry.fail_next(429, 1, Some(2));
    let start = Instant::now();
    let error = resolve(&client, &place).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::RateLimited { .. }) && error.is_transient(),
        "{error:?}"
    );
    assert!(error.retry_at().is_some());
    for _ in 0..5 {
        let error = resolve(&client, &place).await.unwrap_err();
        assert!(
            matches!(error, RegistryError::RateLimited { .. }),
            "{error:?}"
        );
    }
    assert_eq!(
        registry.requests().len(),
        1,
        "nobody knocks during the pause"
    );
    let other = EmbeddedRegistry::start().await.unwrap();
    other.push("acme/app", "v1", spec("1", &[]));
    assert!(
        resolve(
            &plain(&other.host()),
            &format!("{}/acme/app:v1", other.host())
        )
        .await
        .is_ok()
    );
    tokio::time::sleep(Duration::from_millis(2_100).saturating_sub(start.elapsed())).await;
    assert_eq!(resolve(&client, &place).await.unwrap().digest, digest);
}

#[tokio::test]
async fn a_stumbling_registry_is_asked_again_and_a_fallen_one_is_not_asked_for_ever() {
    let registry = EmbeddedRegistry::start().await.unwrap();
    let digest = registry.push("acme/app", "v1", spec("1", &[]));
    let client = plain(&registry.host());
    let place = format!("{}/acme/app:v1", registry.host());
    registry.fail_next(503, 2, None);
    assert_eq!(resolve(&client, &place).await.unwrap().digest, digest);
    assert_eq!(client.stats().count("HEAD", "5xx"), 2);
    registry.fail_next(500, 3, None);
    let error = resolve(&client, &place).await.unwrap_err();
    assert_eq!(
        (error.reason(), error.is_transient()),
        ("InternalError", true)
    );
    assert_eq!(registry.requests().len(), 6);
}

#[tokio::test]
async fn bytes_that_do_not_match_their_digest_are_refused() {
    let registry = EmbeddedRegistry::start().await.unwrap();
    let digest = registry.push("acme/app", "v1", spec("1", &[]));
    registry.lie(true);
    let client = plain(&registry.host());
    let error = describe(&client, &format!("{}/acme/app@{digest}", registry.host()))
        .await
        .unwrap_err();
    assert_eq!(
        (error.reason(), error.is_transient()),
        ("DigestMismatch", false)
    );
    assert_eq!(registry.requests().len(), 1);
}
