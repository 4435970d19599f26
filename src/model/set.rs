//! A set: the digests of a pipeline's streams that travel together. The unit of promotion.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::digest::Digest;
use super::name::StreamKey;

/// One digest for each stream of a pipeline. Never empty in a promotion.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Set(BTreeMap<StreamKey, Digest>);

impl Set {
    /// Builds a set of stream and digest pairs.
    pub fn new(members: impl IntoIterator<Item = (StreamKey, Digest)>) -> Self {
        Self(members.into_iter().collect())
    }

    /// Its members, sorted by stream.
    pub fn members(&self) -> impl Iterator<Item = (&StreamKey, &Digest)> {
        self.0.iter()
    }

    /// The digest of one stream.
    pub fn digest(&self, stream: &StreamKey) -> Option<&Digest> {
        self.0.get(stream)
    }

    /// Whether the set has no member.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Identity: sha256 of the lines `<namespace>/<stream>=<digest>\n`, sorted bytewise.
    pub fn id(&self) -> SetId {
        let mut lines: Vec<String> = self
            .0
            .iter()
            .map(|(stream, digest)| format!("{stream}={digest}\n"))
            .collect();
        lines.sort();
        SetId(hex::encode(Sha256::digest(lines.concat().as_bytes())))
    }
}

/// The identity of a set: 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SetId(String);

impl SetId {
    /// All 64 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight hex digits, as in branch names.
    pub fn short(&self) -> &str {
        &self.0[..8]
    }
}

/// The text is no set id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a set id: 64 lower-case hex digits")]
pub struct SetIdError(String);

impl FromStr for SetId {
    type Err = SetIdError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == 64
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(SetIdError(text.chars().take(100).collect()))
        }
    }
}

impl TryFrom<String> for SetId {
    type Error = SetIdError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SetId> for String {
    fn from(id: SetId) -> Self {
        id.0
    }
}

impl fmt::Display for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_hangs_on_content_not_on_order() {
        let a: StreamKey = "default/a".to_owned().try_into().unwrap();
        let b: StreamKey = "default/b".to_owned().try_into().unwrap();
        let (one, two) = (Digest::sha256(b"1"), Digest::sha256(b"2"));
        let forward = Set::new([(a.clone(), one.clone()), (b.clone(), two.clone())]);
        let backward = Set::new([(b.clone(), two.clone()), (a.clone(), one.clone())]);
        assert_eq!(forward.id(), backward.id());
        assert_ne!(forward.id(), Set::new([(a, two), (b, one)]).id());
    }
}
