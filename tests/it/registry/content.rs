//! Against servers that answer nonsense, too much, or nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use headwater::model::Digest;
use headwater::registry::RegistryError;

use super::{EMPTY_INDEX, client, describe, index, plain, resolve, status, tags};
use crate::support::docker_registry::{INDEX, MANIFEST};
use crate::support::odd_registry::OddRegistry;

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
async fn redirects_end() {
    let odd =
        OddRegistry::start(|seen| status(302, &[("location", &format!("{}x", seen.path))], ""))
            .await;
    let client = plain(&odd.host());
    let error = resolve(&client, &format!("{}/a/b:v1", odd.host()))
        .await
        .unwrap_err();
    let words = format!(
        "`{0}` redirects more than 5 times, in the end to `{0}`",
        odd.host()
    );
    assert!(error.to_string().contains(&words), "{error}");
    assert_eq!(error.reason(), "InternalError", "no word about the image");
    assert_eq!(odd.seen().len(), 6);
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
async fn a_list_of_tags_ends_and_stays_at_home() {
    let odd = OddRegistry::start(|seen| {
        let page = |tags: &str, link: &str| status(200, &[("link", link)], tags.to_owned());
        let (repository, query) = seen
            .path
            .trim_start_matches("/v2/")
            .split_once('?')
            .unwrap();
        match (repository, query) {
            ("paged/tags/list", "n=1000") => page(
                r#"{"tags":["b","-bad-"]}"#,
                "</v2/paged/tags/list?last=b>; rel=\"next\"",
            ),
            ("paged/tags/list", "last=b") => page(r#"{"tags":["a"]}"#, ""),
            ("stuck/tags/list", _) => page(
                r#"{"tags":["a"]}"#,
                "</v2/stuck/tags/list?n=1>; rel=\"next\"",
            ),
            _ => page(
                r#"{"tags":["a"]}"#,
                "<http://127.0.0.2:1/v2/x>; rel=\"next\"",
            ),
        }
    })
    .await;
    let client = plain(&odd.host());
    let tags = |repository: &str| tags(client.clone(), format!("{}/{repository}", odd.host()));
    assert_eq!(tags("paged").await.unwrap(), ["a", "b"]);
    assert_eq!(tags("stuck").await.unwrap(), ["a"]);
    assert_eq!(tags("elsewhere").await.unwrap_err().reason(), "Invalid");
    assert_eq!(odd.seen().len(), 5);
}
