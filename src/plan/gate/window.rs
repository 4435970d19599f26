//! `window`: a set enters at some times only. Shut, it keeps a set out and leaves its pull request open.

use super::Desk;
use crate::model::Verdict;
use crate::model::time::stamp;
use crate::model::window::{Times, Window};

pub(super) fn verdict(window: &Window, desk: &mut Desk<'_>) -> Verdict {
    let Some(standing) = window.standing(desk.now()) else {
        return Verdict::Refused {
            why: format!("there is no time zone `{}`", window.time_zone),
        };
    };
    if let Some(until) = standing.until {
        desk.expires(until);
    }
    let times = in_words(window);
    match (standing.open, standing.until) {
        (true, Some(until)) => Verdict::Open {
            why: format!("{times}, open until {}", stamp(until)),
        },
        (true, None) => Verdict::Open { why: times },
        (false, Some(until)) => Verdict::Waiting {
            why: format!("{times}, opens {}", stamp(until)),
            until: Some(until),
        },
        (false, None) => Verdict::Waiting {
            why: format!("{times}, and does not open soon"),
            until: None,
        },
    }
}

/// `Mon-Thu 09:00-16:00 but not 12:00-13:00 Europe/Berlin`.
fn in_words(window: &Window) -> String {
    let list = |times: &[Times]| {
        let times = times.iter().map(ToString::to_string);
        times.collect::<Vec<_>>().join(", ")
    };
    let zone = &window.time_zone;
    match (window.allow.as_slice(), window.deny.as_slice()) {
        (allow, []) => format!("{} {zone}", list(allow)),
        ([], deny) => format!("not {} {zone}", list(deny)),
        (allow, deny) => format!("{} but not {} {zone}", list(allow), list(deny)),
    }
}
