//! `--at`: a commit of the base, or an instant, as people write them.

use std::str::FromStr;

use jiff::civil::{Date, DateTime};

use crate::cli::error::CliError;
use crate::cli::output::Zone;
use crate::model::{Period, Timestamp};

/// Fewest digits that name a commit, as Git has it.
const FEWEST_DIGITS: usize = 4;

/// When the base is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// At the commit whose id begins so.
    Commit(String),
    /// At a commit before the head of the base, or of a branch: `HEAD~2`, `main^`.
    Before(String),
    /// At an instant.
    Instant(Moment),
}

/// An instant that may hang on the zone and on the present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// An instant with its offset: `2026-11-20T14:00:00Z`.
    Exact(Timestamp),
    /// A time without an offset, in the zone that times are shown in: `2026-11-20 14:00`.
    Civil(DateTime),
    /// The end of a day: `2026-11-20`.
    Day(Date),
    /// So long before now: `2h ago`.
    Ago(Period),
}

impl Moment {
    /// The instant itself.
    ///
    /// # Errors
    /// When it lies beyond what a calendar can hold.
    pub fn resolve(&self, now: Timestamp, zone: &Zone) -> Result<Timestamp, CliError> {
        let found = match self {
            Self::Exact(at) => Some(*at),
            Self::Civil(time) => zone.instant(*time),
            Self::Day(day) => {
                let tomorrow = day.tomorrow().ok();
                let midnight = tomorrow.and_then(|day| zone.instant(day.at(0, 0, 0, 0)));
                midnight.and_then(|at| at.checked_sub(jiff::SignedDuration::from_secs(1)).ok())
            }
            Self::Ago(period) => {
                let seconds = i64::try_from(period.as_seconds()).ok();
                seconds.and_then(|seconds| {
                    now.checked_sub(jiff::SignedDuration::from_secs(seconds))
                        .ok()
                })
            }
        };
        found.ok_or_else(|| CliError::usage("this time is beyond the calendar"))
    }
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if hex && (FEWEST_DIGITS..=40).contains(&text.len()) {
            return Ok(Self::Commit(text.to_ascii_lowercase()));
        }
        if let Some(period) = text.strip_suffix("ago") {
            let period = period.trim().parse::<Period>();
            return period
                .map(|period| Self::Instant(Moment::Ago(period)))
                .map_err(|error| error.to_string());
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::Instant(Moment::Exact(at)));
        }
        // A date is also a time to the parser: its midnight, which is not what is meant.
        if text.len() == "2026-11-20".len()
            && let Ok(day) = text.parse::<Date>()
        {
            return Ok(Self::Instant(Moment::Day(day)));
        }
        if let Ok(time) = text.parse::<DateTime>() {
            return Ok(Self::Instant(Moment::Civil(time)));
        }
        if is_before(text) {
            return Ok(Self::Before(text.to_owned()));
        }
        Err(
            "write a commit (4 hex digits or more, or HEAD~2), a date (2026-11-20: its end), a time (2026-11-20T14:00, with Z or \
             an offset if it is not your zone's), or how long ago (\"2h ago\")"
                .to_owned(),
        )
    }
}

/// Whether a text is a branch, or `HEAD`, and steps back from it. Without steps it would be a misspelt word.
fn is_before(text: &str) -> bool {
    let (name, steps) = text.split_at(text.find(['~', '^']).unwrap_or(text.len()));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte);
    let step = |byte: u8| byte.is_ascii_digit() || b"~^".contains(&byte);
    (text == "HEAD" || !steps.is_empty())
        && !name.is_empty()
        && text.len() <= 200
        && name.bytes().all(plain)
        && steps.bytes().all(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_past_is_a_commit_a_day_a_time_or_so_long_ago() {
        let now: Timestamp = "2026-11-27T08:00:00Z".parse().unwrap();
        let zone = Zone::named("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        for (text, instant) in [
            ("2026-11-20T14:00:00Z", "2026-11-20T14:00:00Z"),
            ("2026-11-20T14:00:00+05:00", "2026-11-20T09:00:00Z"),
            ("2026-11-20T14:00", "2026-11-20T13:00:00Z"),
            ("2026-11-20 14:00:30", "2026-11-20T13:00:30Z"),
            ("2026-11-20", "2026-11-20T22:59:59Z"),
            ("2h ago", "2026-11-27T06:00:00Z"),
            ("3d ago", "2026-11-24T08:00:00Z"),
        ] {
            let At::Instant(moment) = text.parse().unwrap() else {
                panic!("{text} is no commit")
            };
            let found = moment.resolve(now, &zone).unwrap();
            assert_eq!(found.to_string(), instant, "{text}");
        }
        for digits in ["3f9c", "3F9C2AB", &"a".repeat(40)] {
            let commit = At::Commit(digits.to_ascii_lowercase());
            assert_eq!(digits.parse(), Ok(commit));
        }
        for before in ["HEAD", "HEAD~1", "HEAD^", "main~12^", "release/1.2~1"] {
            assert_eq!(before.parse(), Ok(At::Before(before.to_owned())));
        }
        for bad in [
            "",
            "~1",
            "HEAD~1:file",
            "HEAD@{1}~1",
            ":/words~1",
            "3f9",
            "main",
            "yesterday",
            "2h",
            "ago",
            "2026-13-01",
            &"a".repeat(41),
        ] {
            assert!(bad.parse::<At>().is_err(), "{bad}");
        }
        let beyond = Moment::Day(Date::MAX).resolve(now, &Zone::UTC);
        assert!(beyond.is_err());
    }
}
