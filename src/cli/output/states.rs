//! The eight words for where something stands, the same in `status`, `why`, pull requests and JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::style::Style;

/// Where a pipeline or a stage stands. Ordered by who needs somebody first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Something does not work and somebody must mend it.
    Broken,
    /// A condition said no.
    Refused,
    /// A person stopped it.
    Held,
    /// A freeze stops it.
    Frozen,
    /// It goes on by itself or after an approval.
    Waiting,
    /// It is on its way.
    Moving,
    /// Nothing is to be done.
    Settled,
    /// There is nothing yet.
    None,
}

impl State {
    /// All of them, those that need somebody first.
    pub const ALL: [Self; 8] = [
        Self::Broken,
        Self::Refused,
        Self::Held,
        Self::Frozen,
        Self::Waiting,
        Self::Moving,
        Self::Settled,
        Self::None,
    ];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Refused => "refused",
            Self::Held => "held",
            Self::Frozen => "frozen",
            Self::Waiting => "waiting",
            Self::Moving => "moving",
            Self::Settled => "settled",
            Self::None => "none",
        }
    }

    /// Its colour.
    pub const fn style(self) -> Style {
        match self {
            Self::Broken => Style::BoldRed,
            Self::Refused => Style::Red,
            Self::Held | Self::Frozen => Style::Magenta,
            Self::Waiting => Style::Yellow,
            Self::Moving => Style::Cyan,
            Self::Settled => Style::Green,
            Self::None => Style::Dim,
        }
    }

    /// The word in its colour.
    pub fn paint(self) -> String {
        self.style().paint(self.word())
    }

    /// `1 broken  3 waiting  24 settled`: how many of each, in colour.
    pub fn count(states: impl IntoIterator<Item = Self>) -> String {
        let states: Vec<Self> = states.into_iter().collect();
        let counted = Self::ALL.iter().filter_map(|state| {
            let count = states.iter().filter(|other| *other == state).count();
            (count > 0).then(|| state.style().paint(&format!("{count} {state}")))
        });
        counted.collect::<Vec<_>>().join("  ")
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::style::render;

    #[test]
    fn words_are_the_same_in_text_and_json() {
        for state in State::ALL {
            let json = serde_json::to_string(&state).unwrap();
            assert_eq!(json, format!("\"{state}\""));
        }
    }

    #[test]
    fn counts_put_first_what_needs_somebody() {
        let text = State::count([State::Settled, State::Broken, State::Settled]);
        assert_eq!(render(&text, false), "1 broken  2 settled");
    }
}
