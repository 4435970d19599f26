//! Names of Git objects and places in the repository: commit and blob ids, and paths that cannot leave it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// Why a text names no Git object or no place in the repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {why}")]
pub struct ObjectError {
    text: String,
    why: &'static str,
}

fn fail<T>(text: &str, why: &'static str) -> Result<T, ObjectError> {
    Err(ObjectError {
        text: text
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(200)
            .collect(),
        why,
    })
}

macro_rules! object_id {
    ($(#[$doc:meta])* $type:ident, $why:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type([u8; 40]);

        impl $type {
            /// All forty hex digits.
            pub fn as_str(&self) -> &str {
                // Hex digits and nothing else, checked when it was made.
                std::str::from_utf8(&self.0).unwrap_or_default()
            }

            /// The first eight hex digits, for people's eyes.
            pub fn short(&self) -> &str {
                &self.as_str()[..8]
            }
        }

        impl FromStr for $type {
            type Err = ObjectError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let is_hex = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
                match text.as_bytes().try_into() {
                    Ok(digits) if text.as_bytes().iter().all(is_hex) => Ok(Self(digits)),
                    _ => fail(text, $why),
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = ObjectError;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(id: $type) -> Self {
                id.as_str().to_owned()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($type)).field(&self.as_str()).finish()
            }
        }
    };
}

object_id! {
    /// A Git commit.
    CommitId, "is not a commit id: forty lower-case hex digits"
}
object_id! {
    /// A Git blob: the content of one file at one time.
    BlobId, "is not a blob id: forty lower-case hex digits"
}

const HEX: &[u8; 16] = b"0123456789abcdef";

impl BlobId {
    /// The id Git gives to these bytes, so that an output can be compared without reading it.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Sha1::new();
        hasher.update(format!("blob {}\0", bytes.len()).as_bytes());
        hasher.update(bytes);
        let mut digits = [b'0'; 40];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(hasher.finalize()) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        Self(digits)
    }
}

/// A file or folder of the repository: relative, with `/`, and unable to leave it or to enter `.git`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoPath(pub(super) Arc<str>);

impl RepoPath {
    /// The path as text, without a leading `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This path with more components behind it.
    pub fn join(&self, more: &str) -> Result<Self, ObjectError> {
        format!("{}/{more}", self.0).parse()
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The folder that holds it; `None` at the top of the repository.
    pub fn parent(&self) -> Option<Self> {
        self.0
            .rsplit_once('/')
            .map(|(parent, _)| Self(parent.into()))
    }

    /// Whether it lies below (or is) `folder`.
    pub fn is_below(&self, folder: &Self) -> bool {
        self.0
            .strip_prefix(&*folder.0)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether any component begins with a dot (`.github`, `.headwater`): places nobody here may write.
    pub fn has_dot_component(&self) -> bool {
        self.0.split('/').any(|part| part.starts_with('.'))
    }
}

impl FromStr for RepoPath {
    type Err = ObjectError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > 4096 {
            return fail(text, "is empty or too long for a path");
        }
        if text.starts_with('/') {
            return fail(text, "is absolute; paths are relative to the repository");
        }
        if text.bytes().any(|b| b < 0x20 || b == 0x7f || b == b'\\') {
            return fail(text, "holds a control character or a backslash");
        }
        for part in text.split('/') {
            match part {
                "" => return fail(text, "holds an empty path component"),
                "." | ".." => {
                    return fail(text, "leaves its folder; `.` and `..` are not used here");
                }
                part if part
                    .trim_end_matches(['.', ' '])
                    .eq_ignore_ascii_case(".git") =>
                {
                    return fail(text, "reaches into `.git`");
                }
                _ => {}
            }
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for RepoPath {
    type Error = ObjectError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RepoPath> for String {
    fn from(path: RepoPath) -> Self {
        path.0.as_ref().to_owned()
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// First eight hex digits of the sha256 of some text: the tail of names that are derived, never drawn.
pub fn hash8(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..4])
}

/// The first sixteen: for keys of memories that may grow large.
pub fn hash16(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blob_ids_are_those_of_git() {
        assert_eq!(
            BlobId::of(b"hello\n").as_str(),
            "ce013625030ba8dba906f756967f9e9ca394464a"
        );
    }

    #[test]
    fn a_path_cannot_leave_the_repository() {
        for bad in [
            "",
            "/a",
            "../a",
            "a/../b",
            "a//b",
            "./a",
            "a/",
            ".git/config",
            "a/.GIT/x",
            "a/.git./x",
            "a\0",
            "a\\b",
        ] {
            assert!(bad.parse::<RepoPath>().is_err(), "{bad:?}");
        }
        let path: RepoPath = "environments/prod/values.yaml".parse().unwrap();
        assert!(path.is_below(&"environments".parse().unwrap()));
        assert!(!path.is_below(&"env".parse().unwrap()));
        assert!(path.join("../x").is_err());
    }
}
