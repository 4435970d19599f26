//! Content digests: the identity of an image. A malformed digest cannot be built.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A content digest as the OCI image spec writes it (`algorithm:hex`, lower case, full length).
///
/// Only `sha256` and `sha512` exist here; anything else is refused before it can reach a path or a URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(Arc<str>);

/// Why a text is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a digest: {why}")]
pub struct DigestError {
    text: String,
    why: &'static str,
}

impl Digest {
    /// The sha256 digest of some bytes.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self(format!("sha256:{}", hex::encode(Sha256::digest(bytes))).into())
    }

    /// The whole digest, `algorithm:hex`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the colon.
    pub fn hex(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, hex)| hex)
    }

    /// The part before the colon: `sha256` or `sha512`.
    pub fn algorithm(&self) -> &str {
        self.0
            .split_once(':')
            .map_or("", |(algorithm, _)| algorithm)
    }

    /// The first twelve hex digits, for people's eyes only.
    pub fn short(&self) -> &str {
        &self.hex()[..12]
    }

    /// Whether `prefix` (with or without `sha256:`) abbreviates this digest, as upstream resolves image ids.
    pub fn has_prefix(&self, prefix: &str) -> bool {
        !prefix.is_empty() && (self.0.starts_with(prefix) || self.hex().starts_with(prefix))
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |why| {
            Err(DigestError {
                text: text.chars().take(100).collect(),
                why,
            })
        };
        let Some((algorithm, hex)) = text.split_once(':') else {
            return fail("it has the form sha256:<64 hex digits>");
        };
        let length = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return fail("only sha256 and sha512 are known"),
        };
        if hex.len() != length {
            return fail("it has the wrong number of hex digits");
        }
        if !hex
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        {
            return fail("it holds something else than lower-case hex digits");
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0.as_ref().to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lower_case_digests_of_known_algorithms_exist() {
        let good = Digest::sha256(b"x");
        assert_eq!(good.as_str().parse::<Digest>(), Ok(good.clone()));
        assert!(
            format!("sha512:{}", "a".repeat(128))
                .parse::<Digest>()
                .is_ok()
        );
        for bad in [
            "".to_owned(),
            "sha256:".to_owned(),
            format!("md5:{}", "a".repeat(32)),
            format!("sha256:{}", "a".repeat(63)),
            format!("sha256:{}", "A".repeat(64)),
            "sha256:../../etc/passwd".to_owned(),
            good.hex().to_owned(),
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_prefix_abbreviates_with_or_without_the_algorithm() {
        let digest = Digest::sha256(b"x");
        assert!(digest.has_prefix(digest.short()));
        assert!(digest.has_prefix(&digest.as_str()[..15]));
        assert!(!digest.has_prefix(""));
    }
}
