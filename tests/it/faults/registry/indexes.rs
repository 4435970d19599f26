//! Indexes that are deep, wide, sparse or about themselves; lists of tags that do not end.

use std::collections::BTreeMap;

use super::*;

fn index_of(children: &[Digest]) -> String {
    let children: Vec<_> = children
        .iter()
        .map(|digest| json!({"mediaType": INDEX, "digest": digest, "size": 1}))
        .collect();
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}).to_string()
}

/// A registry of indexes, told apart by digest.
async fn registry_of(bodies: Vec<String>) -> OddRegistry {
    let known = |body: String| (Digest::sha256(body.as_bytes()).to_string(), body);
    let store: BTreeMap<String, String> = bodies.into_iter().map(known).collect();
    OddRegistry::start(move |seen| {
        let digest = seen.path.rsplit('/').next().unwrap();
        match store.get(digest) {
            Some(body) => {
                let headers = [("content-type", INDEX), ("docker-content-digest", digest)];
                status(200, &headers, body.clone())
            }
            None => status(404, &[], ""),
        }
    })
    .await
}

#[tokio::test]
async fn indexes_are_looked_into_only_so_far_and_can_be_imported_all_the_same() {
    let missing = Digest::sha256(b"missing");
    let mut nested = vec![index("bottom")];
    for _ in 0..50 {
        let inner = Digest::sha256(nested.last().unwrap().as_bytes());
        nested.push(index_of(&[inner]));
    }
    let wide: Vec<Digest> = (0..10_000_u32)
        .map(|n| Digest::sha256(&n.to_be_bytes()))
        .collect();
    for (bodies, requests, words) in [
        (
            vec![index_of(std::slice::from_ref(&missing))],
            2,
            missing.as_str(),
        ),
        (nested, 3, "nested too deeply"),
        (vec![index_of(&wide)], 1, "more than 64 children"),
    ] {
        let top = Digest::sha256(bodies.last().unwrap().as_bytes());
        let odd = registry_of(bodies).await;
        let client = plain(&odd.host());
        let image = format!("{}/acme/app@{top}", odd.host());
        let error = describe(&client, &image).await.unwrap_err();
        assert_eq!(
            (error.reason(), error.is_transient()),
            ("Invalid", false),
            "{error}"
        );
        assert!(error.to_string().contains(words), "{error}");
        assert!(odd.seen().len() <= requests, "{}", odd.seen().len());
        assert_eq!(resolve(&client, &image).await.unwrap().digest, top);
    }
}

#[tokio::test]
async fn an_index_that_claims_to_hold_itself_is_a_lie() {
    // Nothing can hold its own digest: whoever answers so answers with other bytes than were asked for.
    let claimed = Digest::sha256(b"itself");
    let body = index_of(std::slice::from_ref(&claimed));
    let top = Digest::sha256(body.as_bytes());
    let odd = OddRegistry::start(move |_| status(200, &[("content-type", INDEX)], body.clone()));
    let odd = odd.await;
    let image = format!("{}/acme/app@{top}", odd.host());
    let error = describe(&plain(&odd.host()), &image).await.unwrap_err();
    assert_eq!(error.reason(), "DigestMismatch");
    assert_eq!(odd.seen().len(), 2);
}

#[tokio::test]
async fn lists_of_tags_end_by_pages_and_by_number_and_stay_at_home() {
    let odd = OddRegistry::start(|seen| {
        let (path, query) = seen.path.split_once('?').unwrap();
        let page: usize = query
            .split("last=")
            .nth(1)
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        let tags: Vec<String> = match path {
            "/v2/endless/tags/list" => vec![format!("v{page}")],
            "/v2/million/tags/list" => (0..2000).map(|n| format!("v{page}-{n}")).collect(),
            _ => (0..1_000_000).map(|n| format!("v{n}")).collect(),
        };
        let link = format!("<{path}?last={}>; rel=\"next\"", page + 1);
        status(200, &[("link", &link)], json!({"tags": tags}).to_string())
    })
    .await;
    for (name, reason, requests) in [
        ("endless", "more than 1000 pages", 1000),
        ("million", "more than 100000 tags", 51),
        ("atonce", "more than 4194304 bytes", 1),
    ] {
        let client = plain(&odd.host());
        let repository = format!("{}/{name}", odd.host());
        let error = crate::registry::tags(client.clone(), repository)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(client.stats().total(), requests, "{name}");
    }
}
