//! A forge that has more pull requests than are read: what is not read holds nothing, which people should know.

use super::desk::Desk;
use super::report::{State, Subject};

/// Reports it, if it is so.
pub(super) fn report(desk: &mut Desk<'_>) {
    let Some(why) = desk.obs.facts.pulls_cut.clone() else {
        return;
    };
    let hold = desk.hold(Subject::Repository, State::Waiting, "PullRequestsCut", why);
    hold.help = Some(
        "write a Hold file for what must stay out (`headwater hold`): files are always read"
            .to_owned(),
    );
}
