//! How long something took or is ago: as `oc` says it, as tables do, and as sentences do.

use crate::model::time::elapsed;
use crate::model::{Period, Timestamp};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// As `oc describe` says it: `Less than a second`, `About a minute`, `3 hours`, `2 weeks`; hours are rounded.
pub fn spelled(period: Period) -> String {
    let seconds = period.as_seconds();
    let hours = (seconds + HOUR / 2) / HOUR;
    match seconds {
        0 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..MINUTE => format!("{seconds} seconds"),
        _ if seconds / MINUTE == 1 => "About a minute".to_owned(),
        _ if seconds / MINUTE < 60 => format!("{} minutes", seconds / MINUTE),
        _ if hours == 1 => "About an hour".to_owned(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        _ if hours < 24 * 60 => format!("{} weeks", hours / 24 / 7),
        _ if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", hours / 24 / 365),
    }
}

/// For tables: `9s`, `40m`, `12h`, `6d`.
pub fn short(period: Period) -> String {
    match period.as_seconds() {
        seconds @ ..MINUTE => format!("{seconds}s"),
        seconds @ ..HOUR => format!("{}m", seconds / MINUTE),
        seconds @ ..DAY => format!("{}h", seconds / HOUR),
        seconds => format!("{}d", seconds / DAY),
    }
}

/// For sentences, two units: `2h 51m`, `40m`, `6d 3h`, `9s`. Rounded up to the minute, as what is left should be.
pub fn fine(period: Period) -> String {
    let seconds = period.as_seconds();
    if seconds < MINUTE {
        return format!("{seconds}s");
    }
    let minutes = seconds.div_ceil(MINUTE);
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours, minutes) {
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, 0) => format!("{hours}h"),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, 0, _) => format!("{days}d"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

/// For tables: how long ago; nothing negative.
pub fn since(then: Timestamp, now: Timestamp) -> String {
    short(elapsed(then, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(say: fn(Period) -> String, rows: &[(u64, &str)]) {
        for (seconds, text) in rows {
            assert_eq!(say(Period::seconds(*seconds)), *text, "{seconds} s");
        }
    }

    #[test]
    fn spelled_ages_are_those_of_oc() {
        table(
            spelled,
            &[
                (0, "Less than a second"),
                (1, "1 second"),
                (59, "59 seconds"),
                (60, "About a minute"),
                (119, "About a minute"),
                (120, "2 minutes"),
                (3599, "59 minutes"),
                (3600, "About an hour"),
                (5399, "About an hour"),
                (5400, "2 hours"),
                (47 * 3600, "47 hours"),
                (48 * 3600, "2 days"),
                (13 * 86400, "13 days"),
                (14 * 86400, "2 weeks"),
                (59 * 86400, "8 weeks"),
                (60 * 86400, "2 months"),
                (729 * 86400, "24 months"),
                (730 * 86400, "2 years"),
            ],
        );
    }

    #[test]
    fn short_ages_have_one_unit_and_fine_ones_two() {
        table(
            short,
            &[(9, "9s"), (2400, "40m"), (86399, "23h"), (6 * 86400, "6d")],
        );
        table(
            fine,
            &[
                (9, "9s"),
                (2400, "40m"),
                (10260, "2h 51m"),
                (10201, "2h 51m"),
                (7200, "2h"),
                (3599, "1h"),
                (6 * 86400 + 3 * 3600, "6d 3h"),
            ],
        );
    }
}
