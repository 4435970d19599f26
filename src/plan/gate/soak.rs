//! `soak`: the set stayed in the stage without interruption for long enough. The longest stay counts, so that leaving
//! and coming back loses nothing.

use super::{Asked, Desk};
use crate::model::time::{elapsed, stamp};
use crate::model::{Period, Verdict};

pub(super) fn verdict(period: Period, asked: &Asked<'_>, desk: &Desk<'_>) -> Verdict {
    let now = desk.now();
    let longest = asked
        .stays
        .stays_of(asked.id)
        .filter_map(|stay| {
            let since = stay.since?;
            let end = stay.left.map(|(_, at)| at).unwrap_or(now);
            Some((elapsed(since, end), since, end, stay.left.is_none()))
        })
        .max_by_key(|(length, ..)| *length);
    match longest {
        Some((length, since, _, _)) if length >= period => Verdict::Open {
            why: format!(
                "{} - {}, not interrupted",
                stamp(since),
                stamp(period.after(since))
            ),
        },
        _ => match asked
            .stays
            .current()
            .filter(|s| s.id == *asked.id)
            .and_then(|s| s.since)
        {
            Some(since) => {
                let until = period.after(since);
                Verdict::Waiting {
                    why: format!("since {}, until {}", stamp(since), stamp(until)),
                    until: Some(until),
                }
            }
            None if asked.stays.current().is_some_and(|s| s.id == *asked.id) => Verdict::Waiting {
                why: "its clock has not started: nothing of ours followed a move by hand yet"
                    .to_owned(),
                until: None,
            },
            None => Verdict::Refused {
                why: "it left before the time was up; it can never complete unless it comes back"
                    .to_owned(),
            },
        },
    }
}
