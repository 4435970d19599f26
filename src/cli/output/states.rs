//! How the eight words for where something stands look, the same in `status`, `why`, plans and pull requests.

use super::style::Style;
use crate::plan::State;

/// Its colour.
pub const fn style(state: State) -> Style {
    match state {
        State::Broken => Style::BoldRed,
        State::Refused => Style::Red,
        State::Held | State::Frozen => Style::Magenta,
        State::Waiting => Style::Yellow,
        State::Moving => Style::Cyan,
        State::Settled => Style::Green,
        State::None => Style::Dim,
    }
}

/// The word in its colour.
pub fn paint(state: State) -> String {
    style(state).paint(state.as_str())
}

/// `1 broken  3 waiting  24 settled`: how many of each, in colour.
pub fn count(states: impl IntoIterator<Item = State>) -> String {
    let states: Vec<State> = states.into_iter().collect();
    let counted = State::ALL.iter().filter_map(|state| {
        let count = states.iter().filter(|other| *other == state).count();
        (count > 0).then(|| style(*state).paint(&format!("{count} {state}")))
    });
    counted.collect::<Vec<_>>().join("  ")
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
        let text = count([State::Settled, State::Broken, State::Settled]);
        assert_eq!(render(&text, false), "1 broken  2 settled");
    }
}
