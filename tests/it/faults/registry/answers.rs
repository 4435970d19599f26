//! Answers whose digest is wrong, missing, odd, or of another moment.

use headwater::model::{Faulty as _, Party};
use sha2::{Digest as _, Sha512};

use super::*;

#[tokio::test]
async fn bytes_that_are_not_what_their_digest_says_are_never_taken() {
    let Some(real) = Real::start().await else {
        return;
    };
    real.proxy.rule(Rule::on("GET", ""), Fault::corrupt(25));
    real.proxy.rule(
        Rule::on("HEAD", ""),
        Fault::without("docker-content-digest"),
    );
    let client = real.client();
    for outcome in [
        real.resolve(&client).await.map(drop),
        describe(&client, &real.place(&format!("@{}", real.digest)))
            .await
            .map(drop),
    ] {
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.reason(), error.is_transient()),
            ("DigestMismatch", false),
            "{error}"
        );
    }
    assert_eq!(
        real.proxy.requests("GET", "", 200),
        2,
        "a lie is not asked for again"
    );
}

#[tokio::test]
async fn a_digest_asked_for_comes_back_as_itself_or_not_at_all() {
    let Some(real) = Real::start().await else {
        return;
    };
    let other = real
        .registry
        .put("acme/app", "v2", INDEX, index("v2"))
        .await;
    let pinned = real.place(&format!("@{}", real.digest));
    real.proxy.rule(
        Rule::any(),
        Fault::header("docker-content-digest", other.as_str()),
    );
    for outcome in [
        resolve(&real.client(), &pinned).await.map(drop),
        describe(&real.client(), &pinned).await.map(drop),
    ] {
        assert_eq!(outcome.unwrap_err().reason(), "DigestMismatch");
    }
    real.proxy.heal();
    real.proxy
        .rule(Rule::any(), Fault::without("docker-content-digest"));
    let resolved = resolve(&real.client(), &pinned).await.unwrap();
    assert_eq!(resolved.digest, real.digest, "computed from the body");
}

#[tokio::test]
async fn digests_of_other_forms_reach_no_path_and_no_address() {
    let body = index("v1");
    let sha512 = format!("sha512:{}", hex::encode(Sha512::digest(body.as_bytes())));
    let upstream =
        OddRegistry::start(move |_| status(200, &[("content-type", INDEX)], body.clone())).await;
    let client = plain(&upstream.host());
    let image = |digest: &str| format!("{}/acme/app@{digest}", upstream.host());
    let described = describe(&client, &image(&sha512)).await.unwrap();
    assert_eq!(described.digest.as_str(), sha512);
    let wrong = sha512.replace(&sha512[100..], &"0".repeat(sha512.len() - 100));
    let error = describe(&client, &image(&wrong)).await.unwrap_err();
    assert_eq!(error.reason(), "DigestMismatch");

    let asked = upstream.seen().len();
    let hex = "a".repeat(64);
    for bad in [
        format!("md5:{}", "a".repeat(32)),
        format!("sha256:{}", "A".repeat(64)),
        format!("sha256:{}", &hex[1..]),
        "sha256:../../etc/passwd".to_owned(),
        format!("sha256:{hex}/../x"),
    ] {
        let reference = image(&bad).parse::<headwater::model::ImageReference>();
        assert!(reference.is_err(), "{bad}");
        let children = json!([{"mediaType": MANIFEST, "digest": bad, "size": 1}]);
        let parent = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children});
        let parent = parent.to_string();
        let digest = Digest::sha256(parent.as_bytes());
        let odd =
            OddRegistry::start(move |_| status(200, &[("content-type", INDEX)], parent.clone()))
                .await;
        let image = format!("{}/acme/app@{digest}", odd.host());
        let error = describe(&plain(&odd.host()), &image).await.unwrap_err();
        assert_eq!(error.reason(), "Invalid", "{bad}");
        assert_eq!(odd.seen().len(), 1);
    }
    assert_eq!(upstream.seen().len(), asked);
}

#[tokio::test]
async fn whatever_moves_meanwhile_digest_and_labels_belong_together() {
    let Some(real) = Real::start().await else {
        return;
    };
    let client = real.client();
    real.proxy
        .rule(Rule::on("HEAD", "/manifests/v1"), Fault::Replay);
    assert_eq!(real.resolve(&client).await.unwrap().digest, real.digest);
    let moved = real
        .registry
        .put("acme/app", "v1", INDEX, index("v2"))
        .await;
    // The HEAD still sees the old one.
    let first = real.resolve(&client).await.unwrap();
    assert_eq!(first.digest, real.digest);
    let described = describe(&client, &real.place(&format!("@{}", first.digest))).await;
    assert_eq!(described.unwrap().labels["name"], "v1");

    // A HEAD of the old one that does not say its digest, and a GET of the new one.
    real.proxy.heal();
    let size = index("v1").len().to_string();
    let headers = [("content-type", INDEX), ("content-length", size.as_str())];
    real.proxy
        .rule(Rule::on("HEAD", ""), Fault::reply(200, &headers, ""));
    let second = real.resolve(&client).await.unwrap();
    assert_eq!(second.digest, moved);
    let described = describe(&client, &real.place(&format!("@{}", second.digest))).await;
    assert_eq!(described.unwrap().labels["name"], "v2");
}

#[tokio::test]
async fn times_of_creation_that_cannot_be_are_none() {
    for (said, known) in [
        ("0001-01-01T00:00:00Z", false),
        ("9999-12-31T23:59:59Z", false),
        ("2024-05-01T10:00:00Z", true),
    ] {
        let config = json!({"created": said, "os": "linux", "architecture": "amd64"}).to_string();
        let digest = Digest::sha256(config.as_bytes());
        let descriptor = json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": config.len()});
        let manifest =
            json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor, "layers": []})
                .to_string();
        let pinned = Digest::sha256(manifest.as_bytes());
        let odd = OddRegistry::start(move |seen| {
            if seen.path.contains("/blobs/") {
                return status(200, &[], config.clone());
            }
            // The registry's own clock is a year off; nobody minds.
            let headers = [
                ("content-type", MANIFEST),
                ("date", "Wed, 21 Oct 2015 07:28:00 GMT"),
            ];
            status(200, &headers, manifest.clone())
        })
        .await;
        let image = format!("{}/acme/app@{pinned}", odd.host());
        let described = describe(&plain(&odd.host()), &image).await.unwrap();
        assert_eq!(described.created.is_some(), known, "{said}");
    }
}

/// What `v1` is, for somebody who knows another digest and so asks by HEAD first.
async fn by_head(real: &Real) -> Result<Resolved, RegistryError> {
    let reference = real.place("v1").parse().unwrap();
    let known = [Digest::sha256(b"older")].into();
    let access = access();
    real.client().verified(&reference, &access, &known).await
}

#[tokio::test]
async fn a_head_that_lies_neither_hides_an_image_nor_blames_whoever_asks() {
    let Some(real) = Real::start().await else {
        return;
    };
    // It says that what is there is not.
    real.proxy
        .rule(Rule::on("HEAD", ""), Fault::reply(404, &[], ""));
    assert_eq!(by_head(&real).await.unwrap().digest, real.digest);
    let resolved = real.resolve(&real.client()).await.unwrap();
    assert_eq!(resolved.digest, real.digest);

    // It tells the digest of something else.
    let none = Digest::sha256(b"none").to_string();
    real.proxy.heal();
    real.proxy.rule(
        Rule::on("HEAD", ""),
        Fault::header("docker-content-digest", &none),
    );
    assert_eq!(by_head(&real).await.unwrap().digest, real.digest);

    // It tells one, and there is nothing behind it.
    real.proxy
        .rule(Rule::on("GET", ""), Fault::reply(404, &[], ""));
    let error = by_head(&real).await.unwrap_err();
    let text = error.to_string();
    for words in [&real.proxy.host(), "contradicts itself", &none] {
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(error.fault().party, Party::Remote);

    // And what is not there by either is not there.
    real.proxy.heal();
    real.proxy.rule(Rule::any(), Fault::reply(404, &[], ""));
    assert_eq!(by_head(&real).await.unwrap_err().reason(), "NotFound");
}

#[tokio::test]
async fn whoever_is_turned_away_reads_whether_credentials_were_sent() {
    let challenge = [("www-authenticate", "Basic realm=\"x\"")];
    for (code, bare, sent) in [
        (
            401,
            "answers 401",
            "does not accept the credentials of user `robot` (401)",
        ),
        (
            403,
            "answers 403",
            "the credentials of user `robot` may not read it",
        ),
    ] {
        let odd = OddRegistry::start(move |seen| match (code, &seen.authorization) {
            (403, None) if seen.path.contains("acme") => status(401, &challenge, ""),
            _ => status(code, &challenge, ""),
        })
        .await;
        let host = odd.host();
        let image = format!("{host}/acme/app:v1");
        let with = json!({
            "registries": [{"host": host, "plainHttp": true}],
            "credentials": [{"host": host, "username": "robot", "password": "canary-canary"}],
        });
        let error = resolve(&client(&with.to_string()), &image)
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains(sent), "{text}");
        assert!(!text.contains("canary"), "{text}");
        let odd = OddRegistry::start(move |_| status(code, &[], "")).await;
        let image = format!("{}/acme/app:v1", odd.host());
        let text = resolve(&plain(&odd.host()), &image)
            .await
            .unwrap_err()
            .to_string();
        let none = format!("no credentials for `{}` are set", odd.host());
        let expected = match code {
            403 => vec![bare, none.as_str()],
            _ => vec!["401"],
        };
        for words in expected {
            assert!(text.contains(words), "{text}");
        }
    }
}
