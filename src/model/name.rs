//! Names of things: pipelines, stages, environments, streams, tags. Each is checked once, at the door.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text is not the name it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {what}: {rule}")]
pub struct NameError {
    text: String,
    what: &'static str,
    rule: &'static str,
}

impl NameError {
    /// The same about a text of which only a part was looked at.
    pub(super) fn of(self, text: &str) -> Self {
        let text = text.chars().take(100).collect();
        Self { text, ..self }
    }

    /// The same about a text that has a `*` where none is read.
    pub(super) fn of_star(self, text: &str) -> Self {
        Self {
            rule: STAR,
            ..self.of(text)
        }
    }
}

/// What a `*` in a pattern may do.
const STAR: &str = "one `*` may stand at the end, for any rest, and nowhere else";

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(pub(super) Arc<str>);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(NameError { text: text.chars().take(100).collect(), what: $what, rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name! {
    /// The name of one of our own things (pipeline, stage, environment, application, template, hold).
    /// Also safe as one component of a path and of a Git ref.
    Name, "name", "use lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit, at most 63 long, without `..` or a final `.lock`",
    |text| {
        text.len() <= 63
            && !text.contains("..")
            && !text.ends_with(".lock")
            && edges_alphanumeric(text)
            && text.bytes().all(|b| is_lower_alphanumeric(b) || b == b'-' || b == b'.')
    }
}

name! {
    /// The name of an ImageStream: `[a-z0-9]+(?:[._-][a-z0-9]+)*` (imagestream validation upstream).
    StreamName, "image stream name", "use lower-case letters and digits, joined by single `.`, `_` or `-`",
    |text| {
        let single = |pair: &[u8]| pair.iter().any(|b| is_lower_alphanumeric(*b));
        text.len() <= 253
            && edges_alphanumeric(text)
            && text.bytes().all(|b| is_lower_alphanumeric(b) || matches!(b, b'.' | b'_' | b'-'))
            && text.as_bytes().windows(2).all(single)
    }
}

name! {
    /// A namespace: an RFC 1123 label.
    Namespace, "namespace", "use lower-case letters, digits and `-`, at most 63",
    |text| {
        text.len() <= 63
            && edges_alphanumeric(text)
            && text.bytes().all(|b| is_lower_alphanumeric(b) || b == b'-')
    }
}

name! {
    /// The name of a tag that a command or a pipeline may create: `[\w][\w.-]{0,127}` (distribution spec).
    TagName, "tag", "use letters, digits, `_`, `.` and `-`, not beginning with `.` or `-`, at most 128 long",
    |text| {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        text.len() <= 128
            && text.bytes().next().is_some_and(word)
            && text.bytes().all(|b| word(b) || b == b'.' || b == b'-')
    }
}

fn is_lower_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn edges_alphanumeric(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().copied().is_some_and(is_lower_alphanumeric)
        && bytes.last().copied().is_some_and(is_lower_alphanumeric)
}

/// The identity of an ImageStream: its namespace (its own, or the repository's default) and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamKey {
    /// Namespace, never empty.
    pub namespace: Namespace,
    /// Name of the stream.
    pub name: StreamName,
}

impl fmt::Display for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl From<StreamKey> for String {
    fn from(key: StreamKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for StreamKey {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (namespace, name) = text.split_once('/').unwrap_or(("", &text));
        Ok(Self {
            namespace: namespace.parse()?,
            name: name.parse()?,
        })
    }
}

/// One tag of one stream. The tag is text, because a tag already in a file may be any text (upstream does not check it).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TagKey {
    /// The stream.
    pub stream: StreamKey,
    /// The tag's name within it.
    pub tag: String,
}

impl TagKey {
    /// Names a tag of a stream.
    pub fn new(stream: StreamKey, tag: impl Into<String>) -> Self {
        Self {
            stream,
            tag: tag.into(),
        }
    }

    /// All tags of a stream together, where something is about the repository that it imports as a whole.
    pub const fn all_of(stream: StreamKey) -> Self {
        let tag = String::new();
        Self { stream, tag }
    }

    /// Whether it is about all tags of its stream.
    pub const fn is_all(&self) -> bool {
        self.tag.is_empty()
    }
}

impl fmt::Display for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_all() {
            true => self.stream.fmt(f),
            false => write!(f, "{}:{}", self.stream, self.tag),
        }
    }
}

impl From<TagKey> for String {
    fn from(key: TagKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for TagKey {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (stream, tag) = text.split_once(':').unwrap_or((&text, ""));
        Ok(Self {
            stream: StreamKey::try_from(stream.to_owned())?,
            tag: tag.to_owned(),
        })
    }
}

/// A stage of a pipeline, written `pipeline/stage`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StageKey {
    /// The pipeline.
    pub pipeline: Name,
    /// The stage within it.
    pub stage: Name,
}

impl fmt::Display for StageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.pipeline, self.stage))
    }
}

impl FromStr for StageKey {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (pipeline, stage) = text.split_once('/').ok_or_else(|| NameError {
            text: text.chars().take(100).collect(),
            what: "stage",
            rule: "name it as pipeline/stage",
        })?;
        Ok(Self {
            pipeline: pipeline.parse()?,
            stage: stage.parse()?,
        })
    }
}

impl From<StageKey> for String {
    fn from(key: StageKey) -> Self {
        format!("{}/{}", key.pipeline, key.stage)
    }
}

impl TryFrom<String> for StageKey {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_names_are_safe_as_path_and_ref_components() {
        for good in ["a", "prod-eu", "my.app", "a1"] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in [
            "", ".", "..", "a..b", "-a", "a-", "A", "a/b", "a b", ".git", "x.lock", "a\0b", "é",
        ] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    #[test]
    fn stream_names_take_single_separators_only() {
        for good in ["my-app", "ocm-2.8", "2.4", "a_b"] {
            assert!(good.parse::<StreamName>().is_ok(), "{good}");
        }
        for bad in ["my--app", "my__app", "a/b", "a%b", "MyApp", "a.", ""] {
            assert!(bad.parse::<StreamName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn tag_names_follow_the_distribution_spec() {
        for good in ["latest-dev", "25.0", "_x", "V1"] {
            assert!(good.parse::<TagName>().is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a b", "a:b", &"a".repeat(129)] {
            assert!(bad.parse::<TagName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_read_back_as_they_are_written() {
        let tag = TagKey::try_from("team/my-app:v1".to_owned()).unwrap();
        assert_eq!(tag.to_string(), "team/my-app:v1");
        let stage: StageKey = "orders/prod-eu".parse().unwrap();
        assert_eq!(String::from(stage), "orders/prod-eu");
    }
}
