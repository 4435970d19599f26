//! A problem in a user's file: where it is, what is wrong, what to do. Plain data; drawing it is the terminal's work.

use serde::{Deserialize, Serialize};

use crate::model::RepoPath;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document, or what depends on it, cannot be used.
    Error,
    /// It works, but hardly as meant.
    Warning,
}

/// A place in a file, with the line it is on so that it can be shown without reading the file again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How many characters to underline, at least 1.
    pub length: usize,
    /// The line itself, cut to 200 characters, control characters replaced.
    pub text: String,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Diagnostic {
    /// File the problem is in.
    pub path: RepoPath,
    /// Where in it, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// How bad it is.
    pub severity: Severity,
    /// Stable code such as `HW0112`.
    pub code: String,
    /// What is wrong: lower case, no full stop, the thing in backticks.
    pub message: String,
    /// What stands under the underlined text (`this pipeline has dev, staging, prod`), if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error in a file, without a place yet.
    pub fn error(path: &RepoPath, code: &str, message: impl Into<String>) -> Self {
        Self {
            path: path.clone(),
            place: None,
            severity: Severity::Error,
            code: code.to_owned(),
            message: message.into(),
            label: None,
            help: None,
        }
    }

    /// A warning in a file, without a place yet.
    pub fn warning(path: &RepoPath, code: &str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(path, code, message)
        }
    }

    /// The message with every line number left out, so that it stays the same when lines above come and go.
    pub fn without_lines(&self) -> String {
        let mut text = String::with_capacity(self.message.len());
        for part in self.message.split_inclusive([' ', ':']) {
            let digits = part.trim_end_matches([' ', ':', ',', ')']);
            let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            let line = text.ends_with("line ")
                || [".yaml:", ".yml:", ".json:", ".hbs:"]
                    .iter()
                    .any(|end| text.ends_with(end));
            match number && line {
                true => text.push_str(&part.replacen(digits, "_", 1)),
                false => text.push_str(part),
            }
        }
        text
    }

    /// With a place.
    #[must_use]
    pub fn at(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }

    /// With words under the underlined text.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// With what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_numbers_and_nothing_else_are_left_out() {
        let path = "a.yaml".parse().unwrap();
        let said = |text: &str| Diagnostic::error(&path, "HW1", text).without_lines();
        assert_eq!(said("twice, as in b.yaml:12"), "twice, as in b.yaml:_");
        assert_eq!(
            said("see line 3, and b.yml:4:5"),
            "see line _, and b.yml:_:5"
        );
        assert_eq!(said("`app:12` has 3 of 4"), "`app:12` has 3 of 4");
    }
}
