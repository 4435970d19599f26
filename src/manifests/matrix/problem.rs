//! A problem of a matrix and the bytes it is about.

use std::ops::Range;

use crate::manifests::diagnostic::{Diagnostic, Severity};
use crate::manifests::yaml::{Id, Tree, place_of};
use crate::model::RepoPath;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub at: Range<usize>,
    pub severity: Severity,
    pub code: &'static str,
    pub message: String,
    pub label: Option<String>,
    pub help: Option<String>,
}

impl Problem {
    pub(super) fn new(at: Range<usize>, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            at,
            severity: Severity::Error,
            code,
            message: message.into(),
            label: None,
            help: None,
        }
    }

    /// About the entry of a map, shown at its value where that is one line, else at its key.
    pub(super) fn of_entry(
        tree: &Tree<'_>,
        (key, value): (Id, Id),
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        let range = tree.range(value);
        let plain = !range.is_empty() && !tree.text[range.clone()].contains('\n');
        let at = if plain { range } else { tree.range(key) };
        Self::new(at, code, message)
    }

    /// One that takes nothing away but what it says.
    pub(super) fn warning(self) -> Self {
        Self {
            severity: Severity::Warning,
            ..self
        }
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn into_diagnostic(self, path: &RepoPath, text: &str) -> Diagnostic {
        let mut found = Diagnostic::error(path, self.code, self.message);
        found.severity = self.severity;
        found.label = self.label;
        found.help = self.help;
        found.at(Some(place_of(text, &self.at)))
    }
}
