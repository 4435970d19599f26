//! Commit statuses: what a forge shows beside a commit, and may ask for before it lets anybody merge.

use serde::{Deserialize, Serialize};

/// Characters of the words beside a status that a forge shows at least.
const WORDS: usize = 140;

/// One status of a commit. A commit has at most one of each context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitStatus {
    /// Its name, `headwater/<environment>`.
    pub context: String,
    /// Whether the commit may be merged as far as this is concerned.
    pub state: CommitState,
    /// Why, in a few words that stay the same as long as it stays so.
    pub words: String,
}

/// Whether a commit may be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommitState {
    /// Yes.
    Success,
    /// Not yet.
    Pending,
    /// No.
    Failure,
}

impl CommitState {
    /// The word for it, which is GitHub's.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Pending => "pending",
            Self::Failure => "failure",
        }
    }
}

impl CommitStatus {
    /// How contexts of ours begin.
    pub const PREFIX: &'static str = "headwater/";

    /// For an environment, or for a stage that has none.
    pub fn of(place: &str, state: CommitState, words: &str) -> Self {
        let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
        Self {
            context: format!("{}{place}", Self::PREFIX),
            state,
            words: line.chars().take(WORDS).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_line_of_a_length_that_every_forge_shows() {
        let status = CommitStatus::of("prod", CommitState::Pending, &"wait\n ü".repeat(100));
        assert_eq!(status.context, "headwater/prod");
        assert_eq!(status.words.chars().count(), WORDS);
        assert!(!status.words.contains('\n'));
    }
}
