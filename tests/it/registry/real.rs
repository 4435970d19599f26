//! Against Debian's registry, with skopeo as the second opinion.

use headwater::model::Digest;
use headwater::registry::{Access, RegistryError};

use super::{client, describe, labels, plain, resolve, tags};
use crate::support::docker_registry::{DockerRegistry, INDEX, Identity, MANIFEST};

#[tokio::test]
async fn a_head_tells_the_digest_that_skopeo_computes() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let host = registry.host();
    registry.push_image("acme/app:v1", &[("a", "1")], "amd64");
    registry
        .push_index("acme/multi", "v1", &[("amd64", &[]), ("arm64", &[])])
        .await;
    let client = plain(host);
    for (place, media_type) in [("acme/app:v1", MANIFEST), ("acme/multi:v1", INDEX)] {
        let raw = registry.raw(place);
        let resolved = resolve(&client, &format!("{host}/{place}")).await.unwrap();
        assert_eq!(resolved.digest, Digest::sha256(&raw));
        assert_eq!(resolved.media_type, media_type);
        assert_eq!(resolved.size, Some(raw.len() as u64));
        let (repository, _) = place.split_once(':').unwrap();
        let pinned = format!("{host}/{repository}@{}", resolved.digest);
        assert_eq!(
            resolve(&client, &pinned).await.unwrap().digest,
            resolved.digest
        );
    }
    assert_eq!(client.stats().count("HEAD", "2xx"), 4);
    assert_eq!(
        client.stats().total(),
        4,
        "one request per tag and nothing else"
    );
}

#[tokio::test]
async fn an_image_tells_its_labels_and_platforms() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let host = registry.host();
    let one = registry.push_image("acme/app:v1", &[("tests", "passed")], "arm64");
    let described = describe(&plain(host), &format!("{host}/acme/app@{one}"))
        .await
        .unwrap();
    assert_eq!(described.labels, labels(&[("tests", "passed")]));
    assert_eq!(described.platforms.len(), 1);
    assert_eq!(
        (
            described.platforms[0].architecture.as_str(),
            &described.platforms[0].digest
        ),
        ("arm64", &one)
    );
    assert!(described.created.is_some());

    let amd: &[_] = &[("tests", "passed"), ("arch", "amd")];
    let arm: &[_] = &[("tests", "passed"), ("arch", "arm")];
    let (index, children) = registry
        .push_index("acme/multi", "v1", &[("amd64", amd), ("arm64", arm)])
        .await;
    let described = describe(&plain(host), &format!("{host}/acme/multi@{index}"))
        .await
        .unwrap();
    assert_eq!(described.digest, index, "an index stays an index");
    assert_eq!(described.media_type, INDEX);
    let expected = [
        ("org.opencontainers.image.version", "1.2.3"),
        ("tests", "passed"),
    ];
    assert_eq!(described.labels, labels(&expected));
    let digests: Vec<_> = described.platforms.into_iter().map(|p| p.digest).collect();
    assert_eq!(digests, children);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let host = registry.host();
    registry.push_image("acme/app:v1", &[], "amd64");
    let client = plain(host);
    let unknown = Digest::sha256(b"unknown");
    for place in [
        "acme/app:gone".to_owned(),
        "acme/none:v1".to_owned(),
        format!("acme/app@{unknown}"),
    ] {
        let error = resolve(&client, &format!("{host}/{place}"))
            .await
            .unwrap_err();
        assert_eq!(
            (error.reason(), error.is_transient()),
            ("NotFound", false),
            "{place}"
        );
    }
    let total = client.stats().total();
    assert_eq!(
        total, 6,
        "by HEAD, made sure of by GET, and not asked again"
    );
    let listed = tags(client, format!("{host}/acme/app")).await;
    assert_eq!(listed.unwrap(), ["v1"]);
}

#[tokio::test]
async fn a_registry_with_tls_and_passwords_opens_to_the_right_ones_only() {
    let Some(registry) = DockerRegistry::start_as(Identity::Issued, Some(("robot", "canary-pw")))
    else {
        return;
    };
    assert!(registry.has_tls());
    let host = registry.host();
    let digest = registry.push_image("acme/app:v1", &[("a", "1")], "amd64");
    let settings = |password: &str, ca: bool| {
        let ca = if ca {
            format!(", caFile: {}", registry.ca_file().display())
        } else {
            String::new()
        };
        format!(
            "registries: [{{host: '{host}'{ca}}}]
credentials: [{{host: '{host}', prefix: acme, namespaces: [myapp], username: robot, password: {password}}}]"
        )
    };
    let place = format!("{host}/acme/app:v1");

    let good = client(&settings("canary-pw", true));
    assert_eq!(resolve(&good, &place).await.unwrap().digest, digest);
    assert_eq!(resolve(&good, &place).await.unwrap().digest, digest);
    assert_eq!(
        good.stats().total(),
        3,
        "one 401 teaches the client for good"
    );
    let described = describe(&good, &format!("{host}/acme/app@{digest}"))
        .await
        .unwrap();
    assert_eq!(described.labels, labels(&[("a", "1")]));
    let elsewhere = Access {
        namespace: "other".parse().unwrap(),
        insecure: false,
    };
    let error = good
        .resolve(&place.parse().unwrap(), &elsewhere)
        .await
        .unwrap_err();
    assert_eq!(
        error.reason(),
        "Unauthorized",
        "the credential is granted to `myapp` only"
    );

    let bad = client(&settings("canary-wrong", true));
    let error = resolve(&bad, &place).await.unwrap_err();
    assert_eq!(
        (error.reason(), error.is_transient()),
        ("Unauthorized", false)
    );
    assert!(bad.stats().total() <= 2, "{:?}", bad.stats());
    assert!(!format!("{error} {error:?} {bad:?}").contains("canary"));

    let unknown = client(&settings("canary-pw", false));
    let error = resolve(&unknown, &place).await.unwrap_err();
    assert!(
        matches!(&error, RegistryError::Tls { detail, .. } if detail.contains("unknown authority")),
        "{error}"
    );
    assert!(!error.is_transient());
    assert_eq!(
        unknown.stats().total(),
        1,
        "a certificate does not get better by asking again"
    );

    let wish = Access {
        namespace: "myapp".parse().unwrap(),
        insecure: true,
    };
    let error = unknown
        .resolve(&place.parse().unwrap(), &wish)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("only the operator's entry"),
        "{error}"
    );
}

#[tokio::test]
async fn a_house_authority_used_as_a_server_certificate_is_explained() {
    let Some(registry) = DockerRegistry::start_as(Identity::Authority, None) else {
        return;
    };
    let host = registry.host();
    let ca = registry.ca_file();
    let strict = client(&format!(
        "registries: [{{host: '{host}', caFile: {}}}]",
        ca.display()
    ));
    let error = resolve(&strict, &format!("{host}/acme/app:v1"))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("certificate authority's own"),
        "{error}"
    );
    let lax = client(&format!(
        "registries: [{{host: '{host}', skipVerify: true}}]"
    ));
    let error = resolve(&lax, &format!("{host}/acme/app:v1"))
        .await
        .unwrap_err();
    assert_eq!(
        error.reason(),
        "NotFound",
        "the operator may waive verification for one host"
    );
}
