//! Signatures of images as cosign keeps them: a tag `sha256-<hex>.sig` beside the image, with a payload and its signature for
//! every one that signed. A payload counts for the digest that it names, and for no other.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::StatusCode;
use serde::Deserialize;

use super::client::{Access, Client, Question, check_status};
use super::error::RegistryError;
use super::manifest;
use crate::model::{Digest, PinnedImage, VerifyingKey};

/// More signatures of an image are not looked at (cosign's CVE-2024-29902 was a registry with millions).
const MOST_SIGNATURES: usize = 32;
/// A larger payload is none.
const MOST_PAYLOAD: u64 = 64 << 10;
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// What a payload says that it is; skopeo and others write the older words.
const TYPES: [&str; 2] = [
    "cosign container image signature",
    "atomic container signature",
];

/// What there is of signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signatures {
    /// How many were looked at.
    pub found: usize,
    /// Whether one of them is by the key, for this digest.
    pub by_key: bool,
}

#[derive(Deserialize)]
struct Signed {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: Digest,
    size: u64,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

impl Client {
    /// Whether an image is signed by a key. A registry without any signature of it is no failure.
    ///
    /// # Errors
    /// When the registry does not tell.
    pub async fn signatures(
        &self,
        image: &PinnedImage,
        key: &VerifyingKey,
        access: &Access,
    ) -> Result<Signatures, RegistryError> {
        let upstream = self.0.http.hosts.upstream(&image.repository.registry())?;
        let (algorithm, hex) = (image.digest.algorithm(), image.digest.hex());
        let tag = format!("{algorithm}-{hex}.sig");
        let subject = format!("{}:{tag}", image.repository);
        let question = Question {
            upstream: &upstream,
            repository: &image.repository,
            access,
            subject: &subject,
        };
        let answer = self.ask(&question, Method::GET, "manifests", &tag).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(Signatures {
                found: 0,
                by_key: false,
            });
        }
        check_status(&question, &answer)?;
        manifest::check_depth(&answer.body).map_err(|why| question.invalid(why))?;
        let signed: Signed = serde_json::from_slice(&answer.body)
            .map_err(|_| question.invalid("its list of signatures cannot be read"))?;
        let layers = signed.layers.into_iter();
        let layers =
            layers.filter(|layer| layer.media_type == PAYLOAD && layer.size <= MOST_PAYLOAD);
        let mut found = 0;
        for layer in layers.take(MOST_SIGNATURES) {
            found += 1;
            let Some(signature) = layer.annotations.get(SIGNATURE) else {
                continue;
            };
            let payload = match self.content(&question, "blobs", &layer.digest).await {
                Ok(answer) => answer.body,
                // One that is gone or wrong takes nothing from the others.
                Err(RegistryError::NotFound { .. } | RegistryError::DigestMismatch { .. }) => {
                    continue;
                }
                Err(error) => return Err(error),
            };
            if is_signed(&payload, signature, &image.digest, key) {
                return Ok(Signatures {
                    found,
                    by_key: true,
                });
            }
        }
        Ok(Signatures {
            found,
            by_key: false,
        })
    }
}

/// Whether a payload is about this digest, and signed by the key. Whatever cannot be read is not.
fn is_signed(payload: &[u8], signature: &str, digest: &Digest, key: &VerifyingKey) -> bool {
    let Ok(signature) = STANDARD.decode(signature.trim()) else {
        return false;
    };
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.point());
    if public.verify(payload, &signature).is_err() || manifest::check_depth(payload).is_err() {
        return false;
    }
    let Ok(Payload { critical }) = serde_json::from_slice::<Payload>(payload) else {
        return false;
    };
    critical.image.digest == digest.as_str() && TYPES.contains(&critical.kind.as_str())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

    use super::*;

    fn pair() -> (EcdsaKeyPair, VerifyingKey) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let prefix = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE";
        let mut der = STANDARD.decode(prefix).unwrap();
        der.extend_from_slice(&point[1..]);
        let key = VerifyingKey::try_from(STANDARD.encode(der)).unwrap();
        (pair, key)
    }

    fn sign(pair: &EcdsaKeyPair, payload: &str) -> String {
        let signature = pair.sign(&SystemRandom::new(), payload.as_bytes()).unwrap();
        STANDARD.encode(signature.as_ref())
    }

    fn payload(digest: &Digest, kind: &str) -> String {
        format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"x"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"{kind}"}},"optional":null}}"#
        )
    }

    #[test]
    fn a_signature_counts_for_the_digest_and_the_key_that_it_is_of() {
        let (ours, key) = pair();
        let (theirs, other) = pair();
        let (digest, another) = (Digest::sha256(b"image"), Digest::sha256(b"another"));
        let good = payload(&digest, TYPES[0]);
        let signature = sign(&ours, &good);
        let holds = |payload: &str, signature: &str, digest: &Digest, key: &VerifyingKey| {
            is_signed(payload.as_bytes(), signature, digest, key)
        };
        assert!(holds(&good, &signature, &digest, &key));
        assert!(holds(&good, &format!("{signature}\n"), &digest, &key));
        let atomic = payload(&digest, TYPES[1]);
        assert!(holds(&atomic, &sign(&ours, &atomic), &digest, &key));
        assert!(
            !holds(&good, &signature, &another, &key),
            "of another image"
        );
        assert!(!holds(&good, &signature, &digest, &other), "by another key");
        assert!(!holds(&good, &sign(&theirs, &good), &digest, &key));
        assert!(
            !holds(&good.replace("null", "true"), &signature, &digest, &key),
            "changed"
        );
        assert!(!holds(&good, "not base64!", &digest, &key));
        let odd = payload(&digest, "anything");
        assert!(
            !holds(&odd, &sign(&ours, &odd), &digest, &key),
            "of another kind"
        );
        let deep = "[".repeat(5_000);
        assert!(!holds(&deep, &sign(&ours, &deep), &digest, &key));
        let none = "signed, and no payload";
        assert!(!holds(none, &sign(&ours, none), &digest, &key));
    }
}
