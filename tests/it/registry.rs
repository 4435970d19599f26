//! The registry client against a real registry, the embedded one, and servers that misbehave.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Response;
use headwater::config::registry::RegistrySettings;
use headwater::demo::registry::{BuildSpec, EmbeddedRegistry};
use headwater::model::{Digest, ImageReference, PinnedImage};
use headwater::registry::{Access, Client, ImageMetadata, RegistryError, Resolved};

use crate::support::docker_registry::{DockerRegistry, INDEX, Identity, MANIFEST};
use crate::support::odd_registry::{OddRegistry, Seen};

fn client(settings: &str) -> Client {
    let mut settings: RegistrySettings = serde_yaml::from_str(settings).unwrap();
    if settings.docker_config.is_none() {
        settings.use_docker_config = false;
    }
    Client::new(&settings).unwrap()
}

fn plain(host: &str) -> Client {
    client(&format!(
        "registries: [{{host: '{host}', plainHttp: true}}]"
    ))
}

fn access() -> Access {
    Access {
        namespace: "myapp".parse().unwrap(),
        insecure: false,
    }
}

async fn resolve(client: &Client, reference: &str) -> Result<Resolved, RegistryError> {
    let reference: ImageReference = reference.parse().unwrap();
    client.resolve(&reference, &access()).await
}

async fn describe(client: &Client, image: &str) -> Result<ImageMetadata, RegistryError> {
    let image: PinnedImage = image.parse().unwrap();
    client.describe(&image, &access()).await
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

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

fn status(code: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response<Body> {
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
    assert_eq!(client.stats().total(), 3, "a 404 is not asked again");
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

async fn resolve_owned(client: Client, reference: String) -> Result<Resolved, RegistryError> {
    resolve(&client, &reference).await
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

#[tokio::test]
async fn a_digest_must_come_back_as_that_digest() {
    let odd = OddRegistry::start(|_| index()).await;
    let wanted = Digest::sha256(b"something else");
    let error = resolve(&plain(&odd.host()), &format!("{}/a/b@{wanted}", odd.host()))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "DigestMismatch");
}

#[tokio::test]
async fn without_a_usable_digest_header_the_content_is_hashed() {
    for announced in [None, Some("md5:abc"), Some("sha256:../../etc/passwd")] {
        let odd = OddRegistry::start(move |_| {
            let mut headers = vec![("content-type", INDEX)];
            headers.extend(announced.map(|digest| ("docker-content-digest", digest)));
            status(200, &headers, EMPTY_INDEX)
        })
        .await;
        let client = plain(&odd.host());
        let resolved = resolve(&client, &format!("{}/a/b:v1", odd.host()))
            .await
            .unwrap();
        assert_eq!(resolved.digest, Digest::sha256(EMPTY_INDEX.as_bytes()));
        assert_eq!(client.stats().total(), 2);
    }
}

#[tokio::test]
async fn a_body_without_end_or_measure_is_cut_off() {
    let endless = OddRegistry::start(|_| {
        let chunks =
            futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]));
        status(200, &[("content-type", INDEX)], Body::from_stream(chunks))
    })
    .await;
    let error = resolve(
        &plain(&endless.host()),
        &format!("{}/a/b:v1", endless.host()),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, RegistryError::TooLarge { .. }), "{error:?}");
    let coded = OddRegistry::start(|_| {
        status(
            200,
            &[("content-type", INDEX), ("content-encoding", "gzip")],
            EMPTY_INDEX,
        )
    })
    .await;
    let error = resolve(&plain(&coded.host()), &format!("{}/a/b:v1", coded.host()))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "Invalid");
}

#[tokio::test]
async fn ambiguous_manifests_are_no_images() {
    let digest = Digest::sha256(b"config");
    let both = format!(
        r#"{{"schemaVersion":2,"config":{{"digest":"{digest}"}},"layers":[],"manifests":[]}}"#
    );
    let nested = |depth: usize| {
        format!(
            r#"{{"schemaVersion":2,"manifests":[],"x":{}{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    for (body, content_type) in [
        (both, MANIFEST),
        (EMPTY_INDEX.to_owned(), MANIFEST),
        (nested(100_000), INDEX),
    ] {
        let pinned = Digest::sha256(body.as_bytes());
        let odd = OddRegistry::start(move |_| {
            status(200, &[("content-type", content_type)], body.clone())
        })
        .await;
        let error = describe(&plain(&odd.host()), &format!("{}/a/b@{pinned}", odd.host()))
            .await
            .unwrap_err();
        assert_eq!(error.reason(), "Invalid", "{error}");
    }
}

#[tokio::test]
async fn an_index_of_too_many_or_too_deep_children_is_refused() {
    let child = |digest: &Digest, media_type: &str| serde_json::json!({"mediaType": media_type, "digest": digest, "size": 1});
    let index_of = |children: Vec<serde_json::Value>| {
        serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children})
            .to_string()
    };
    let bottom = Digest::sha256(EMPTY_INDEX.as_bytes());
    let mut store = BTreeMap::from([(bottom.to_string(), EMPTY_INDEX.to_owned())]);
    let wide = index_of((0..65).map(|_| child(&bottom, INDEX)).collect());
    let mut deep = EMPTY_INDEX.to_owned();
    for _ in 0..6 {
        deep = index_of(vec![child(&Digest::sha256(deep.as_bytes()), INDEX)]);
        store.insert(Digest::sha256(deep.as_bytes()).to_string(), deep.clone());
    }
    store.insert(Digest::sha256(wide.as_bytes()).to_string(), wide.clone());
    let odd = OddRegistry::start(move |seen| {
        let digest = seen.path.rsplit('/').next().unwrap();
        store.get(digest).map_or_else(
            || status(404, &[], ""),
            |body| status(200, &[("content-type", INDEX)], body.clone()),
        )
    })
    .await;
    for (body, requests) in [(wide, 1), (deep, 3)] {
        let client = plain(&odd.host());
        let image = format!("{}/a/b@{}", odd.host(), Digest::sha256(body.as_bytes()));
        let error = describe(&client, &image).await.unwrap_err();
        assert_eq!(error.reason(), "Invalid", "{error}");
        assert!(client.stats().total() <= requests, "{:?}", client.stats());
    }
}

#[tokio::test]
async fn a_redirect_to_another_origin_goes_without_credentials() {
    let store = OddRegistry::start(|_| index()).await;
    let target = format!("http://{}/blob", store.host());
    let odd = OddRegistry::start(move |seen| match &seen.authorization {
        None => status(401, &[("www-authenticate", "Basic realm=x")], ""),
        Some(_) => status(307, &[("location", &target)], ""),
    })
    .await;
    let host = odd.host();
    let client = client(&format!(
        "registries: [{{host: '{host}', plainHttp: true}}]
credentials: [{{host: '{host}', username: u, password: canary}}]"
    ));
    assert!(resolve(&client, &format!("{host}/a/b:v1")).await.is_ok());
    assert_eq!(store.seen().len(), 1);
    assert!(
        store.seen().iter().all(|seen| seen.authorization.is_none()),
        "{:?}",
        store.seen()
    );
}

#[tokio::test]
async fn redirects_end() {
    let odd =
        OddRegistry::start(|seen| status(302, &[("location", &format!("{}x", seen.path))], ""))
            .await;
    let client = plain(&odd.host());
    let error = resolve(&client, &format!("{}/a/b:v1", odd.host()))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("redirects"), "{error}");
    assert_eq!(odd.seen().len(), 6);
}

/// A registry behind tokens: `valid` is the only one it accepts.
async fn token_registry(valid: Arc<Mutex<String>>, issued: Arc<AtomicUsize>) -> OddRegistry {
    OddRegistry::start(move |seen: &Seen| {
        let valid = valid.lock().unwrap().clone();
        if seen.path.starts_with("/token") {
            issued.fetch_add(1, Ordering::Relaxed);
            return status(
                200,
                &[],
                format!(r#"{{"access_token": "{valid}", "expires_in": 300}}"#),
            );
        }
        if seen.authorization == Some(format!("Bearer {valid}")) {
            return index();
        }
        let repository = seen
            .path
            .trim_start_matches("/v2/")
            .split("/manifests/")
            .next()
            .unwrap();
        let challenge = format!(
            r#"Bearer realm="http://{}/token",service="odd",scope="repository:{repository}:pull""#,
            seen.host
        );
        status(401, &[("www-authenticate", &challenge)], "")
    })
    .await
}

#[tokio::test]
async fn a_token_is_fetched_once_per_repository_and_again_when_it_is_revoked() {
    let (valid, issued) = (
        Arc::new(Mutex::new("one".to_owned())),
        Arc::new(AtomicUsize::new(0)),
    );
    let odd = token_registry(Arc::clone(&valid), Arc::clone(&issued)).await;
    let client = plain(&odd.host());
    let place =
        |repository: usize, tag: usize| format!("{}/acme/app{repository}:v{tag}", odd.host());
    resolve(&client, &place(0, 0)).await.unwrap();
    let rest = (0..10).flat_map(|r| (1..5).map(move |t| (r, t)));
    let asked = rest.map(|(r, t)| resolve_owned(client.clone(), place(r, t)));
    assert!(
        futures_util::future::join_all(asked)
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!(
        issued.load(Ordering::Relaxed),
        10,
        "one token per repository, however many ask at once"
    );
    assert_eq!(
        client.stats().count("HEAD", "4xx"),
        1,
        "the first challenge teaches for the whole host"
    );
    assert_eq!(client.stats().count("HEAD", "2xx"), 41);

    *valid.lock().unwrap() = "two".to_owned();
    resolve(&client, &place(0, 0)).await.unwrap();
    assert_eq!(issued.load(Ordering::Relaxed), 11);
    assert_eq!(client.stats().count("HEAD", "4xx"), 2);
    let query = odd
        .seen()
        .iter()
        .find(|s| s.path.starts_with("/token"))
        .unwrap()
        .path
        .clone();
    assert_eq!(
        query,
        "/token?service=odd&scope=repository%3Aacme%2Fapp0%3Apull"
    );
}

#[tokio::test]
async fn a_registry_that_never_accepts_its_own_tokens_is_not_asked_in_a_loop() {
    let odd = OddRegistry::start(|seen| {
        if seen.path.starts_with("/token") {
            return status(200, &[], r#"{"token": "t", "expires_in": -1}"#);
        }
        let challenge = format!(r#"Bearer realm="http://{}/token",scope="s""#, seen.host);
        status(401, &[("www-authenticate", &challenge)], "")
    })
    .await;
    let client = plain(&odd.host());
    let error = resolve(&client, &format!("{}/a/b:v1", odd.host()))
        .await
        .unwrap_err();
    assert_eq!(
        (error.reason(), error.is_transient()),
        ("Unauthorized", false)
    );
    assert_eq!(odd.seen().len(), 3);
}

#[tokio::test]
async fn a_token_server_elsewhere_gets_nothing_unless_the_operator_names_it() {
    let elsewhere =
        OddRegistry::start_at("127.0.0.2", |_| status(200, &[], r#"{"token": "t"}"#)).await;
    let realm = format!("http://{}/token", elsewhere.host());
    let odd = OddRegistry::start(move |seen| match seen.authorization.as_deref() {
        Some("Bearer t") => index(),
        _ => status(
            401,
            &[("www-authenticate", &format!("Bearer realm=\"{realm}\""))],
            "",
        ),
    })
    .await;
    let host = odd.host();
    let settings = |realms: &str| {
        format!(
            "registries: [{{host: '{host}', plainHttp: true, tokenRealms: [{realms}]}}]
credentials: [{{host: '{host}', username: u, password: canary}}]"
        )
    };
    let error = resolve(&client(&settings("")), &format!("{host}/a/b:v1"))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "Unauthorized");
    assert!(error.to_string().contains("tokenRealms"), "{error}");
    assert!(elsewhere.seen().is_empty());
    assert!(
        resolve(&client(&settings("127.0.0.2")), &format!("{host}/a/b:v1"))
            .await
            .is_ok()
    );
    assert!(
        elsewhere.seen()[0]
            .authorization
            .as_deref()
            .unwrap()
            .starts_with("Basic ")
    );
}

#[tokio::test]
async fn token_servers_that_misbehave_are_refusals_and_not_loops() {
    for (code, body) in [
        (200, "{}"),
        (200, "no json"),
        (200, r#"{"token": "a\nb"}"#),
        (403, ""),
        (404, ""),
    ] {
        let odd = OddRegistry::start(move |seen| {
            if seen.path.starts_with("/token") {
                return status(code, &[], body);
            }
            let challenge = format!(r#"Bearer realm="http://{}/token""#, seen.host);
            status(401, &[("www-authenticate", &challenge)], "")
        })
        .await;
        let error = resolve(&plain(&odd.host()), &format!("{}/a/b:v1", odd.host()))
            .await
            .unwrap_err();
        assert_eq!(error.reason(), "Unauthorized", "{code} {body}: {error}");
        assert_eq!(odd.seen().len(), 2);
    }
}

#[tokio::test]
async fn an_answer_cut_short_is_asked_for_again_and_never_read() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counter.fetch_add(1, Ordering::Relaxed);
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: {INDEX}\r\ncontent-length: 500\r\n\r\n");
            let _ = stream
                .write_all(format!("{head}{EMPTY_INDEX}").as_bytes())
                .await;
        }
    });
    let digest = Digest::sha256(EMPTY_INDEX.as_bytes());
    let error = describe(&plain(&host), &format!("{host}/a/b@{digest}"))
        .await
        .unwrap_err();
    server.abort();
    assert!(matches!(error, RegistryError::Network { .. }), "{error:?}");
    assert_eq!(connections.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_silent_registry_costs_no_more_than_its_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap();
    let client = client(&format!(
        "{{registries: [{{host: '{host}', plainHttp: true}}], readTimeout: 1s, totalTimeout: 2s}}"
    ));
    let start = Instant::now();
    let error = resolve(&client, &format!("{host}/a/b:v1"))
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Network { .. }), "{error:?}");
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_credential_helper_is_asked_for_its_host() {
    const CHILD: &str = "HEADWATER_TEST_HELPER_CONFIG";
    let Some(config) = std::env::var_os(CHILD) else {
        return run_with_helper(CHILD).await;
    };
    let odd = OddRegistry::start(|seen| match seen.authorization.as_deref() {
        Some("Basic aGVscGVkOmNhbmFyeQ==") => index(),
        _ => status(401, &[("www-authenticate", "Basic realm=x")], ""),
    })
    .await;
    let host = odd.host();
    let config = std::path::PathBuf::from(config);
    std::fs::write(
        &config,
        format!(r#"{{"credHelpers": {{"{host}": "test"}}}}"#),
    )
    .unwrap();
    let client = client(&format!(
        "{{registries: [{{host: '{host}', plainHttp: true}}], dockerConfig: {}}}",
        config.display()
    ));
    resolve(&client, &format!("{host}/a/b:v1")).await.unwrap();
}

/// Runs the test above again in a process whose `PATH` holds a helper, because a process's own must not change.
async fn run_with_helper(variable: &str) {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::TempDir::new().unwrap();
    let helper = folder.path().join("docker-credential-test");
    let script = "#!/bin/sh\nread -r server\n[ \"$1\" = get ] && [ -n \"$server\" ] && echo '{\"Username\": \"helped\", \"Secret\": \"canary\"}'\n";
    std::fs::write(&helper, script).unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "registry::a_credential_helper_is_asked_for_its_host",
        ])
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .env(variable, folder.path().join("config.json"))
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}
