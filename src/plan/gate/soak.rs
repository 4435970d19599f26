//! `soak`: the set stayed in the stage without interruption for long enough. The longest stay counts, so that leaving
//! and coming back loses nothing. Where the environment tells when a set runs, the latest stay counts, and from then.

use super::{Asked, Desk, Runs};
use crate::model::time::{elapsed, stamp};
use crate::model::{Period, Timestamp, Verdict};

pub(super) fn verdict(period: Period, asked: &Asked<'_>, desk: &Desk<'_>) -> Verdict {
    let now = desk.now();
    match asked.runs {
        Runs::NobodyTells => {}
        Runs::NotYet => {
            return Verdict::Waiting {
                why: "it counts from when the environment says that the set runs".to_owned(),
                until: None,
            };
        }
        Runs::Since(since) => return of_latest(period, since, asked, now),
    }
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

/// The latest stay, from when the environment said that the set runs.
fn of_latest(period: Period, runs: Timestamp, asked: &Asked<'_>, now: Timestamp) -> Verdict {
    let stay = asked.stays.latest(asked.id);
    let since = stay
        .and_then(|stay| stay.since)
        .map_or(runs, |since| since.max(runs));
    let until = period.after(since);
    match stay.and_then(|stay| stay.left) {
        Some((_, left)) if left < until => Verdict::Refused {
            why: "it left before the time was up; it can never complete unless it comes back"
                .to_owned(),
        },
        _ if until <= now => Verdict::Open {
            why: format!("{} - {}, not interrupted", stamp(since), stamp(until)),
        },
        _ => Verdict::Waiting {
            why: format!("runs since {}, until {}", stamp(since), stamp(until)),
            until: Some(until),
        },
    }
}
