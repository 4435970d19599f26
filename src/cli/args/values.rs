//! Values of arguments, checked where they are typed.

use std::fmt;
use std::str::FromStr;

use crate::cli::output::clean::is_unsafe;
use crate::model::{Name, StageKey};

/// Longest reason, in characters: it becomes a line of a commit and of a file.
const LONGEST_REASON: usize = 500;
/// Fewest hex digits that name a digest.
const FEWEST_DIGITS: usize = 8;

/// Why somebody does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reason {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            Err("say why".to_owned())
        } else if text.chars().count() > LONGEST_REASON {
            Err(format!("at most {LONGEST_REASON} characters"))
        } else if text.chars().any(is_unsafe) {
            Err("one line, without control characters".to_owned())
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A set as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetName {
    /// The one before the present one.
    Previous,
    /// A digest from its beginning, with `sha256:`: these hex digits, 8 to 64 of them.
    Digest(String),
    /// A version or a tag; if it is 8 hex digits or more it may be a digest, too (see [`SetName::digits`]).
    Word(String),
}

impl SetName {
    /// The hex digits a digest may begin with, if this can name one.
    pub fn digits(&self) -> Option<&str> {
        match self {
            Self::Previous => None,
            Self::Digest(digits) => Some(digits),
            Self::Word(word) => is_digits(word).then_some(word),
        }
    }
}

fn is_digits(text: &str) -> bool {
    (FEWEST_DIGITS..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

impl FromStr for SetName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "previous" {
            Ok(Self::Previous)
        } else if let Some(digits) = text.strip_prefix("sha256:") {
            if is_digits(digits) {
                Ok(Self::Digest(digits.to_owned()))
            } else {
                Err(format!(
                    "a digest is named by at least {FEWEST_DIGITS} lower-case hex digits"
                ))
            }
        } else if text.is_empty()
            || text.len() > 128
            || text.chars().any(|c| is_unsafe(c) || c.is_whitespace())
        {
            Err(
                "a set is named by version, tag, `previous`, or at least 8 hex digits of a digest"
                    .to_owned(),
            )
        } else {
            Ok(Self::Word(text.to_owned()))
        }
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Previous => f.write_str("previous"),
            Self::Digest(digits) => write!(f, "sha256:{digits}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// What goes back: a stage, or a tag of an image stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RollbackTarget {
    /// `PIPELINE/STAGE`.
    Stage(StageKey),
    /// `[NAMESPACE/]STREAM:TAG`.
    Tag(String),
}

impl FromStr for RollbackTarget {
    type Err = crate::model::name::NameError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains(':') {
            Ok(Self::Tag(text.to_owned()))
        } else {
            text.parse().map(Self::Stage)
        }
    }
}

/// An environment, or one application of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderTarget {
    /// The environment.
    pub environment: Name,
    /// The application; absent means all of them.
    pub application: Option<Name>,
}

impl FromStr for RenderTarget {
    type Err = crate::model::name::NameError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (environment, application) = match text.split_once('/') {
            Some((environment, application)) => (environment, Some(application)),
            None => (text, None),
        };
        Ok(Self {
            environment: environment.parse()?,
            application: application.map(str::parse).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_named_in_four_ways() {
        assert_eq!("previous".parse(), Ok(SetName::Previous));
        let digest: SetName = "sha256:3f9a12c4".parse().unwrap();
        assert_eq!(digest.digits(), Some("3f9a12c4"));
        let word: SetName = "3f9a12c4".parse().unwrap();
        assert_eq!(word.digits(), Some("3f9a12c4"));
        let version: SetName = "1.42.7".parse().unwrap();
        assert_eq!(version.digits(), None);
        for bad in ["", "sha256:3f9a", "sha256:XYZ", "a b", "a\u{1b}"] {
            assert!(bad.parse::<SetName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_reason_is_one_line_that_says_something() {
        assert!("login 500s, INC-2291".parse::<Reason>().is_ok());
        for bad in ["", "  ", "a\nHeadwater-Set: x", &"x".repeat(501)] {
            assert!(bad.parse::<Reason>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_render_target_is_an_environment_and_perhaps_an_application() {
        let target: RenderTarget = "prod/myapp".parse().unwrap();
        assert_eq!(target.application.unwrap().as_str(), "myapp");
        assert!("prod/".parse::<RenderTarget>().is_err());
        assert!("prod/a/b".parse::<RenderTarget>().is_err());
    }
}
