//! Patterns of names: a name itself, or a beginning followed by `*` that stands for any rest.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::name::{Name, NameError};

/// Whether a pattern means a name.
pub fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => pattern == name,
    }
}

/// A pattern that could mean some name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamePattern(String);

impl NamePattern {
    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it means this name.
    pub fn fits(&self, name: &Name) -> bool {
        fits(&self.0, name.as_str())
    }
}

impl FromStr for NamePattern {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let beginning = text.strip_suffix('*');
        match beginning {
            // What a name may end with after such a beginning.
            Some(beginning) => format!("{beginning}x").parse::<Name>(),
            None => text.parse(),
        }
        .map(|_| Self(text.to_owned()))
        .map_err(|error| match beginning.unwrap_or(text).contains('*') {
            true => error.of_star(text),
            false => error.of(text),
        })
    }
}

impl TryFrom<String> for NamePattern {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<NamePattern> for String {
    fn from(pattern: NamePattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_at_the_end_stands_for_any_rest_and_nowhere_else() {
        let means = |pattern: &str, name: &str| {
            let pattern: NamePattern = pattern.parse().unwrap();
            pattern.fits(&name.parse().unwrap())
        };
        assert!(means("prod", "prod") && !means("prod", "prod-eu"));
        assert!(means("prod-*", "prod-eu") && !means("prod-*", "prod"));
        assert!(means("prod*", "prod") && means("*", "dev"));
        for bad in ["", "Prod", "*-eu", "prod-*-eu", "prod**", "a..*"] {
            let error = bad.parse::<NamePattern>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{bad}` is not")), "{error}");
        }
    }
}
