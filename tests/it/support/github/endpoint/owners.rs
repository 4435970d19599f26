//! Code owners: GitHub itself asks those of the touched paths, by the file on the base, when a pull request is opened.

use crate::support::github::people::Permission;
use crate::support::github::state::State;
use crate::support::github::view::OWNER;

/// Places of the file, the first that is there counts.
const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// Asks the owners of what a new pull request changes; its author is not asked, nor who may not write.
pub(super) fn ask(state: &mut State, number: u64) {
    let pull = state.pull(number);
    let (base, author) = (pull.base_sha.clone(), pull.author.clone());
    let mut places = PLACES.iter();
    let Some(text) = places.find_map(|place| state.git.text(&base, place)) else {
        return;
    };
    let touched = state.git.difference(&base, &pull.head_sha).files;
    let (mut users, mut teams) = (Vec::new(), Vec::new());
    for path in touched {
        for owner in owners(&text, &path.0) {
            match owner.trim_start_matches('@').split_once('/') {
                Some((OWNER, slug)) if state.people.teams.contains_key(slug) => {
                    teams.push(slug.to_owned());
                }
                Some(_) => {}
                None => users.push(owner.trim_start_matches('@').to_owned()),
            }
        }
    }
    let may = |login: &String| {
        let user = state.people.find(login);
        *login != author && user.is_some_and(|user| user.permission >= Permission::Write)
    };
    users.retain(may);
    if !users.is_empty() || !teams.is_empty() {
        state.asked(number, "github", users, teams);
    }
}

/// Owners by the last pattern that fits: `*`, a folder with a slash at both ends, or a path.
fn owners<'t>(text: &'t str, path: &str) -> Vec<&'t str> {
    let fits = |pattern: &str| {
        let pattern = pattern.trim_start_matches('/');
        pattern == "*" || pattern == path || pattern.ends_with('/') && path.starts_with(pattern)
    };
    let lines = text.lines().rev().map(str::split_whitespace);
    let mut found = lines.filter_map(|mut words| {
        let pattern = words.next().filter(|word| !word.starts_with('#'))?;
        fits(pattern).then(|| words.collect())
    });
    found.next().unwrap_or_default()
}
