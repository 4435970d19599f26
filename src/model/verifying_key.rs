//! Public keys that signatures of images are checked with: ECDSA on P-256, as `cosign generate-key-pair` makes them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A larger file holds no key.
pub const MOST_BYTES: usize = 16 << 10;
/// How the DER of every such key begins (RFC 5480): algorithm, curve, and a bit string with a whole point in it.
const P256: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
const LENGTH: usize = P256.len() + 64;

/// A public key, in the form in which it is compared and asked with.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VerifyingKey(Vec<u8>);

/// Why a text is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no key in it at all.
    #[error("it holds no public key in PEM (`-----BEGIN PUBLIC KEY-----`)")]
    NoPem,
    /// It holds what nobody but its owner may see.
    #[error(
        "it holds a private key: whoever reads the repository could sign with it; write its public key instead, and make a new pair"
    )]
    Private,
    /// A key of another kind.
    #[error(
        "its key is of a kind that is not understood: ECDSA on P-256, as `cosign generate-key-pair` makes it, is"
    )]
    Kind,
    /// Several keys.
    #[error("it holds more than one key")]
    Several,
}

impl VerifyingKey {
    /// Reads a key from PEM.
    ///
    /// # Errors
    /// When there is none, or none of a kind that is understood.
    pub fn of_pem(text: &str) -> Result<Self, KeyError> {
        if text.len() > MOST_BYTES {
            return Err(KeyError::NoPem);
        }
        if text.contains("PRIVATE KEY-----") {
            return Err(KeyError::Private);
        }
        let parts: Vec<&str> = text.split("-----BEGIN PUBLIC KEY-----").collect();
        let body = match parts.as_slice() {
            [_, body] => body,
            [_] => return Err(KeyError::NoPem),
            _ => return Err(KeyError::Several),
        };
        let (body, _) = body
            .split_once("-----END PUBLIC KEY-----")
            .ok_or(KeyError::NoPem)?;
        let body: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(body).map_err(|_| KeyError::NoPem)?;
        Self::of_der(der)
    }

    fn of_der(der: Vec<u8>) -> Result<Self, KeyError> {
        let sound = der.len() == LENGTH && der.starts_with(&P256);
        sound.then_some(Self(der)).ok_or(KeyError::Kind)
    }

    /// The uncompressed point, as signatures are verified with it.
    pub fn point(&self) -> &[u8] {
        &self.0[P256.len() - 1..]
    }

    /// By which people and files tell keys apart.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(hex::encode(Sha256::digest(&self.0)))
    }
}

/// SHA-256 of a key's DER (SubjectPublicKeyInfo): 64 hex digits, with or without `sha256:` before them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Its first sixteen digits.
    pub fn short(&self) -> &str {
        &self.0[..16]
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let hex = text.strip_prefix("sha256:").unwrap_or(&text);
        match hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            true => Ok(Self(hex.to_ascii_lowercase())),
            false => Err(format!(
                "`{}` is no fingerprint of a key: write the 64 hex digits of the SHA-256 of its DER form",
                text.chars().take(100).collect::<String>()
            )),
        }
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.fingerprint().short())
    }
}

impl TryFrom<String> for VerifyingKey {
    type Error = KeyError;
    fn try_from(text: String) -> Result<Self, KeyError> {
        Self::of_der(STANDARD.decode(text).map_err(|_| KeyError::Kind)?)
    }
}

impl From<VerifyingKey> for String {
    fn from(key: VerifyingKey) -> Self {
        STANDARD.encode(key.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
";

    #[test]
    fn a_key_is_read_with_whatever_stands_around_it_and_comes_back_the_same() {
        let key = VerifyingKey::of_pem(PEM).unwrap();
        assert_eq!(key.point().len(), 65);
        let commented = format!("our key\r\n{}", PEM.replace('\n', "\r\n"));
        assert_eq!(VerifyingKey::of_pem(&commented), Ok(key.clone()));
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<VerifyingKey>(&json).unwrap(), key);
    }

    #[test]
    fn a_fingerprint_is_what_openssl_makes_of_the_key_however_it_is_written() {
        // openssl pkey -pubin -in FILE -outform DER | openssl dgst -sha256
        let made = "5cd252fb0ce8932436faf8ccd1040981b89ee4ad6b9fe9e2a2b7e71aacb27cd3";
        let key = VerifyingKey::of_pem(PEM).unwrap().fingerprint();
        let read = |text: &str| Fingerprint::try_from(text.to_owned());
        for text in [made, &made.to_uppercase(), &format!("sha256:{made}")] {
            assert_eq!(read(text), Ok(key.clone()), "{text}");
        }
        for bad in [
            "",
            "sha256:",
            &made[1..],
            &format!("md5:{made}"),
            &made.replace('a', "g"),
        ] {
            assert!(read(bad).unwrap_err().contains("no fingerprint"), "{bad}");
        }
    }

    #[test]
    fn what_is_no_such_key_is_refused_in_words() {
        let read = |text: &str| VerifyingKey::of_pem(text).unwrap_err();
        assert_eq!(read(""), KeyError::NoPem);
        assert_eq!(read("ssh-ed25519 AAAA"), KeyError::NoPem);
        assert_eq!(
            read(&PEM.replace("-----END PUBLIC KEY-----", "")),
            KeyError::NoPem
        );
        assert_eq!(read(&PEM.replace("MFkw", "M!kw")), KeyError::NoPem);
        assert_eq!(read(&format!("{PEM}{PEM}")), KeyError::Several);
        assert_eq!(read(&PEM.replace("MFkw", "MFkx")), KeyError::Kind);
        let private = "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\nAAAA\n";
        assert_eq!(read(private), KeyError::Private);
        assert_eq!(read(&"x".repeat(MOST_BYTES + 1)), KeyError::NoPem);
    }
}
