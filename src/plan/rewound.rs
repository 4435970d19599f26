//! A base that was moved back by force: said for a day, because what lay between is derived anew from what is left.

use super::desk::Desk;
use super::report::{HoldReport, State, Subject};
use crate::model::{Period, Timestamp};

/// How long it is said, in seconds.
const SAID_FOR: u64 = 24 * 3600;

/// Until when a base that was moved back at `at` is worth a word.
pub fn said_until(at: Timestamp) -> Timestamp {
    Period::seconds(SAID_FOR).after(at)
}

/// Says it, as long as it is news.
pub fn report(desk: &mut Desk<'_>) {
    let facts = &desk.obs.facts;
    let (Some(from), Some(at)) = (&facts.moved_back, facts.moved_back_at) else {
        return;
    };
    let until = said_until(at);
    if desk.now() >= until {
        return;
    }
    let branch = &desk.obs.snapshot.branch;
    desk.holds.push(HoldReport {
        subject: Subject::Repository,
        reason: "BaseMovedBack".to_owned(),
        why: format!(
            "{branch} was moved by force at {at}: {} is no part of it any more, and everything is derived from what is left; merged promotions that were lost are not repeated",
            from.short()
        ),
        until: Some(until),
        help: Some(format!(
            "if nobody meant that, push {} to {branch} again",
            from.short()
        )),
        state: State::Waiting,
    });
}
