//! `age`: the set has been known for long enough, since import or since it entered the source.

use super::{Asked, Desk};
use crate::model::gate::{Age, Since};
use crate::model::time::stamp;
use crate::model::{Timestamp, Verdict};

pub(super) fn verdict(age: &Age, asked: &Asked<'_>, desk: &Desk<'_>) -> Verdict {
    let (start, what) = match age.since {
        Since::Imported => (first_seen(asked), "imported"),
        Since::Entered => (
            asked.stays.latest(asked.id).and_then(|s| s.since),
            "in its source since",
        ),
    };
    let Some(start) = start else {
        return Verdict::Waiting {
            why: "its clock has not started: nothing of ours followed a move by hand yet"
                .to_owned(),
            until: None,
        };
    };
    let due = age.min.after(start);
    if due <= desk.now() {
        Verdict::Open {
            why: format!("{what} {}", stamp(start)),
        }
    } else {
        Verdict::Waiting {
            why: format!("{what} {}, {} old at {}", stamp(start), age.min, stamp(due)),
            until: Some(due),
        }
    }
}

/// When the set was first current in the pipeline's first stage. Where the past is cut off, what is left of it can only
/// make the set younger, never older.
fn first_seen(asked: &Asked<'_>) -> Option<Timestamp> {
    asked.first.stays_of(asked.id).find_map(|s| s.since)
}
