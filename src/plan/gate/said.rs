//! What is said of a set's commit by a check of some name: on the commit that brought it, or on a later one with the same
//! content, because agents report on the commit that they saw, which is rarely ours.

use super::Desk;
use crate::model::time::stamp;
use crate::model::{CommitCheck, CommitState, Timestamp};
use crate::plan::desk::Known;
use crate::plan::road::timeline::Stay;

/// So many commits are looked at from the one that brought the content, and so many of the newest: each costs requests.
const FIRST: usize = 4;
const NEWEST: usize = 2;

/// What is known of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// It is well since then, in these words.
    Well(Option<Timestamp>, String),
    /// It is not.
    Bad(String),
    /// Nothing that counts was said yet.
    Nothing(String),
    /// It cannot be told; nobody can wait for that to change by itself where it does not heal.
    Untold(String),
    /// The forge is asked.
    Asking,
}

/// What was said last, of the set that a stay brought, by the check `name`. Of what is in the environment only since the
/// commit at `from` nothing that was said before counts.
pub(super) fn said(name: &str, stay: &Stay, from: usize, desk: &mut Desk<'_>) -> Said {
    let last = desk.obs.history.commits.len().saturating_sub(1);
    let to = stay.left.map_or(last, |(left, _)| left.saturating_sub(1));
    let mut asking = false;
    let mut pending = None;
    let mut found = None;
    for at in looked_at(from.max(stay.at), to) {
        let Some(commit) = desk.obs.history.commit(at).map(|c| c.id.clone()) else {
            continue;
        };
        let checks = match desk.checks(&commit) {
            Known::NotYet => {
                asking = true;
                continue;
            }
            Known::Failed(failure) => return Said::Untold(format!("{name}: {}", failure.message)),
            Known::Yes(checks) => checks,
        };
        if found.is_some() {
            continue;
        }
        let on = commit.short();
        match of_one(name, checks) {
            None => {}
            Some((CommitState::Success, at, _)) => {
                found = Some(Said::Well(
                    at,
                    format!("{name}: success{} on {on}", since(at)),
                ));
            }
            Some((CommitState::Failure, at, words)) => {
                let words = words_beside(&words);
                found = Some(Said::Bad(format!(
                    "{name}: failed{} on {on}{words}",
                    since(at)
                )));
            }
            Some((CommitState::Pending, _, words)) => {
                pending.get_or_insert_with(|| {
                    format!("{name} is not done on {on}{}", words_beside(&words))
                });
            }
        }
    }
    match (asking, found) {
        (true, _) => Said::Asking,
        (false, Some(found)) => found,
        (false, None) => Said::Nothing(pending.unwrap_or_else(|| {
            format!(
                "{name} has said nothing yet of {} or what came after",
                stay.commit.short()
            )
        })),
    }
}

/// The commits to look at, newest first.
fn looked_at(from: usize, to: usize) -> Vec<usize> {
    let first = from..=to.min(from.saturating_add(FIRST - 1));
    let newest = (to + 1).saturating_sub(NEWEST).max(from)..=to;
    let mut all: Vec<usize> = first.chain(newest).collect();
    all.sort_unstable();
    all.dedup();
    all.reverse();
    all
}

/// What all checks of one name on one commit come to: one that is bad outweighs one that is not done, and that one which is
/// well; with when the last of them said so.
fn of_one(name: &str, checks: &[CommitCheck]) -> Option<(CommitState, Option<Timestamp>, String)> {
    let weight = |state: CommitState| match state {
        CommitState::Failure => 2,
        CommitState::Pending => 1,
        CommitState::Success => 0,
    };
    let named = checks.iter().filter(|check| check.name == name);
    let decides = named.max_by_key(|check| (weight(check.state), check.at))?;
    Some((decides.state, decides.at, decides.words.clone()))
}

fn since(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| format!(" {}", stamp(at)))
}

/// The words of a stranger, on one line and no longer than a line.
fn words_beside(words: &str) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).take(120).collect();
    match line.is_empty() {
        true => line,
        false => format!(" ({line})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_commits_and_the_newest_are_looked_at_newest_first() {
        assert_eq!(looked_at(3, 3), [3]);
        assert_eq!(looked_at(3, 5), [5, 4, 3]);
        assert_eq!(looked_at(3, 90), [90, 89, 6, 5, 4, 3]);
        assert_eq!(looked_at(3, 2), [0; 0], "it left at once");
    }

    #[test]
    fn of_several_checks_of_a_name_the_worst_counts() {
        let check = |state, second: i64| CommitCheck {
            name: "e2e".to_owned(),
            state,
            at: Timestamp::from_second(second).ok(),
            words: String::new(),
        };
        use CommitState::{Failure, Pending, Success};
        let of = |states: &[(CommitState, i64)]| {
            let checks: Vec<_> = states
                .iter()
                .map(|(state, at)| check(*state, *at))
                .collect();
            of_one("e2e", &checks).map(|(state, at, _)| (state, at.unwrap().as_second()))
        };
        assert_eq!(of(&[(Success, 9), (Success, 7)]), Some((Success, 9)));
        assert_eq!(of(&[(Success, 9), (Pending, 7)]), Some((Pending, 7)));
        assert_eq!(
            of(&[(Failure, 1), (Pending, 7), (Success, 9)]),
            Some((Failure, 1))
        );
        assert_eq!(of(&[]), None);
    }
}
