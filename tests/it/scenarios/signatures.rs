//! Images that must be signed, on Debian's registry: the signature lies beside the image as cosign keeps it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use headwater::model::Digest;
use headwater::plan::State;
use serde_json::{Value, json};

use crate::support::docker_registry::{DockerRegistry, MANIFEST};
use crate::support::world::{World, small};

const PLACE: &str = "acme/app";
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// Somebody who signs.
struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    /// The public key as a file.
    fn pem(&self) -> String {
        let mut der = STANDARD
            .decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE")
            .unwrap();
        der.extend_from_slice(&self.0.public_key().as_ref()[1..]);
        let body = STANDARD.encode(der);
        let (first, second) = body.split_at(64);
        format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n")
    }

    /// A layer of a list of signatures, and the payload that it names.
    fn sign(&self, digest: &Digest) -> (Value, String) {
        let payload = json!({
            "critical": {
                "identity": {"docker-reference": "registry.example/acme/app"},
                "image": {"docker-manifest-digest": digest},
                "type": "cosign container image signature",
            },
            "optional": null,
        });
        let payload = payload.to_string();
        let signature = self
            .0
            .sign(&SystemRandom::new(), payload.as_bytes())
            .unwrap();
        let layer = json!({
            "mediaType": PAYLOAD,
            "digest": Digest::sha256(payload.as_bytes()),
            "size": payload.len(),
            "annotations": {"dev.cosignproject.cosign/signature": STANDARD.encode(signature)},
        });
        (layer, payload)
    }
}

async fn put_blob(registry: &DockerRegistry, content: &str) -> Digest {
    let digest = Digest::sha256(content.as_bytes());
    let host = registry.host();
    let client = reqwest::Client::new();
    let begin = client.post(format!("http://{host}/v2/{PLACE}/blobs/uploads/"));
    let begun = begin.send().await.unwrap();
    let location = begun.headers()["location"].to_str().unwrap().to_owned();
    let upload = client.put(format!("{location}&digest={digest}"));
    let done = upload.body(content.to_owned()).send().await.unwrap();
    assert_eq!(done.status(), 201);
    digest
}

/// Puts signatures beside an image, in place of those that were there.
async fn put(registry: &DockerRegistry, image: &Digest, signatures: Vec<(Value, String)>) {
    let config = put_blob(registry, "{}").await;
    let mut layers = Vec::new();
    for (layer, payload) in signatures {
        put_blob(registry, &payload).await;
        layers.push(layer);
    }
    let list = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2},
        "layers": layers,
    });
    let tag = format!("{}.sig", image.to_string().replace(':', "-"));
    registry.put(PLACE, &tag, MANIFEST, list.to_string()).await;
}

/// Both qa and prod want signatures, by commit.
async fn begin(registry: &DockerRegistry, signer: &Signer) -> World {
    let gate = "enter: [{signature: {key: keys/release.pub}}]";
    let pipeline = format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {{name: app}}\nspec:\n  stages:\n    - name: dev\n    - name: qa\n      {gate}\n      verify: [{{soak: 30m}}]\n    - name: prod\n      from: [qa]\n      {gate}\n"
    );
    let pem = signer.pem();
    let prod = small::by_commit("prod");
    let files = [
        (small::PIPELINE_PATH, pipeline.as_str()),
        ("environments/prod.yaml", prod.as_str()),
        ("keys/release.pub", pem.as_str()),
    ];
    let mut world = World::with(&files).await;
    let mirror = format!("http://{}", registry.host());
    world.operator(|settings| {
        let registries = settings.registry.registries.iter_mut();
        for entry in registries {
            entry.mirror = Some(mirror.clone());
        }
    });
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_key_signed_for_this_very_digest_goes_on_and_is_asked_about_once() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let (ours, theirs) = (Signer::new(), Signer::new());
    let mut world = begin(&registry, &ours).await;
    let other = registry.push_image("acme/app:other", &[("n", "0")], "amd64");
    let image = registry.push_image("acme/app:main", &[("n", "1")], "amd64");
    world.advance("2m");
    world.settle().await;
    assert_eq!(world.head("app", "dev").as_ref(), Some(&image));
    let words = "app and keys/release.pub: it is not signed";
    world.assert_stage("app/qa", State::Waiting, words).await;

    put(&registry, &image, vec![theirs.sign(&image)]).await;
    let words = "its only signature is not by that key for this digest";
    world.assert_stage("app/qa", State::Waiting, words).await;
    // The right key, for another image.
    put(
        &registry,
        &image,
        vec![theirs.sign(&image), ours.sign(&other)],
    )
    .await;
    let words = "none of its 2 signatures is by that key for this digest";
    world.assert_stage("app/qa", State::Waiting, words).await;
    let (layer, payload) = ours.sign(&image);
    let (changed, _) = ours.sign(&other);
    let mut changed = changed;
    changed["annotations"] = layer["annotations"].clone();
    put(&registry, &image, vec![(changed, ours.sign(&other).1)]).await;
    let words = "its only signature is not by that key for this digest";
    world.assert_stage("app/qa", State::Waiting, words).await;

    put(
        &registry,
        &image,
        vec![theirs.sign(&image), (layer, payload)],
    )
    .await;
    world.settle().await;
    assert_eq!(world.head("app", "qa").as_ref(), Some(&image));
    // What was verified once needs no registry, nor this process.
    put(&registry, &image, Vec::new()).await;
    world.restart();
    world.advance("30m");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(image));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_proves_nothing_that_was_proven_before_and_none_lets_nothing_in() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let (ours, theirs) = (Signer::new(), Signer::new());
    let mut world = begin(&registry, &ours).await;
    let image = registry.push_image("acme/app:main", &[("n", "1")], "amd64");
    put(&registry, &image, vec![ours.sign(&image)]).await;
    world.advance("2m");
    world.settle().await;
    assert_eq!(world.head("app", "qa").as_ref(), Some(&image));
    let pem = theirs.pem();
    world.person_commits(&[("keys/release.pub", &pem)], "Another key");
    world.advance("30m");
    world.settle().await;
    let words = "its only signature is not by that key for this digest";
    world.assert_stage("app/prod", State::Waiting, words).await;
    for (text, words) in [
        ("nothing\n", "it holds no public key in PEM"),
        ("-----BEGIN PRIVATE KEY-----\n", "it holds a private key"),
    ] {
        world.person_commits(&[("keys/release.pub", text)], "No key");
        world.settle().await;
        world.assert_stage("app/prod", State::Refused, words).await;
    }
    world.person_deletes(&["keys/release.pub"], "No file");
    world.settle().await;
    let words = "there is no key keys/release.pub";
    world.assert_stage("app/prod", State::Refused, words).await;
    assert_eq!(world.head("app", "prod"), None);
}
