//! What can be wrong with a template, its values, or the images it asks for. One error concerns one application.

use crate::model::PinnedImage;

/// Why an application could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The template or its values are wrong: the author's to mend.
    #[error("{}", .0.message)]
    Broken(Problem),
    /// A container would run an image that is not pinned by a digest: the author's to mend.
    #[error("container `{container}` in `{file}` uses `{image}`, which is not pinned by a digest")]
    NotPinned {
        /// Output file.
        file: String,
        /// Name of the container, or of the volume.
        container: String,
        /// What stands there; empty where nothing does.
        image: String,
    },
    /// Labels of these images must be read first; nobody's fault. Sorted, never empty.
    #[error("the labels of {} images have not been read yet", .0.len())]
    NeedsLabels(Vec<PinnedImage>),
    /// An image that is asked for has no digest yet; nobody's fault.
    #[error("{}", .0.message)]
    NotYet(Problem),
}

/// Where something is wrong, what, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// File below `templates/<kind>/`, or the name of an output.
    pub file: String,
    /// Line in that file, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The value that is missing, where that is all.
    pub missing: Option<String>,
}

impl Problem {
    pub(super) fn new(file: &str, line: Option<usize>, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: line.filter(|line| *line > 0),
            message: message.into(),
            help: None,
            missing: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<Problem> for TemplateError {
    fn from(problem: Problem) -> Self {
        Self::Broken(problem)
    }
}

impl TemplateError {
    /// Whether the same input may render later, without anybody changing a file.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::NeedsLabels(_) | Self::NotYet(_))
    }

    /// Place, words and help, where the error is about a file.
    pub const fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Broken(problem) | Self::NotYet(problem) => Some(problem),
            Self::NotPinned { .. } | Self::NeedsLabels(_) => None,
        }
    }
}
