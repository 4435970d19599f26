//! Times by days of the week: `Mon-Thu 09:00-16:00`, `Sat,Sun`, `22:00-02:00`.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::instant;
use crate::model::time::Timestamp;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY: u16 = 24 * 60;
/// Days around an instant at which times may begin that matter for it.
const AROUND: std::ops::RangeInclusive<i64> = -2..=9;

/// Days and a time of the day; an end that is not after the begin is on the next day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Weekly {
    text: String,
    days: [bool; 7],
    /// Minutes after midnight.
    from: u16,
    /// Likewise; more than a day's where it ends on the next day.
    to: u16,
}

/// Why a text says no times.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}: write days, times, or both, as `Mon-Thu 09:00-16:00`, `Sat,Sun` or `22:00-02:00`")]
pub struct WeeklyError(String);

impl FromStr for Weekly {
    type Err = WeeklyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shown: String = text.chars().take(60).collect();
        let fail = |what: &str| WeeklyError(format!("`{shown}` {what}"));
        let parts: Vec<&str> = text.split_ascii_whitespace().collect();
        let (days, times) = match parts.as_slice() {
            [one] if one.contains(':') => (None, Some(*one)),
            [one] => (Some(*one), None),
            [days, times] => (Some(*days), Some(*times)),
            _ => return Err(fail("says no times of the week")),
        };
        let days = match days {
            Some(days) => {
                read_days(days).map_err(|word| fail(&format!("names no day in `{word}`")))?
            }
            None => [true; 7],
        };
        let (from, to) = match times {
            None => (0, DAY),
            Some(times) => {
                let (from, to) = times
                    .split_once('-')
                    .and_then(|(from, to)| Some((minute(from)?, minute(to)?)))
                    .filter(|(from, _)| *from < DAY)
                    .ok_or_else(|| fail("has no times of the day"))?;
                if from == to {
                    return Err(fail("begins when it ends; a whole day is 00:00-24:00"));
                }
                (from, if to < from { to + DAY } else { to })
            }
        };
        Ok(Self {
            text: parts.join(" "),
            days,
            from,
            to,
        })
    }
}

/// `Mon-Thu,Sat`: names by their first three letters or in full. A range may go on after Sunday.
fn read_days(text: &str) -> Result<[bool; 7], String> {
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let index = |word: &str| day(word).ok_or_else(|| word.to_owned());
        let (first, last) = (index(first)?, index(last)?);
        let length = (last + 7 - first) % 7;
        for step in 0..=length {
            days[(first + step) % 7] = true;
        }
    }
    Ok(days)
}

fn day(word: &str) -> Option<usize> {
    const FULL: [&str; 7] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    let word = word.to_ascii_lowercase();
    let in_full = || FULL.iter().position(|name| *name == word);
    DAYS.iter().position(|name| *name == word).or_else(in_full)
}

/// `HH:MM` in minutes; `24:00` is the end of a day.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |digits: &str| {
        let sound = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        sound.then(|| digits.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let at = hours * 60 + minutes;
    (minutes < 60 && at <= DAY).then_some(at)
}

impl Weekly {
    /// Whether they hold, and their next edge.
    pub(super) fn at(&self, now: Timestamp, zone: &TimeZone) -> (bool, Option<Timestamp>) {
        let today = now.to_zoned(zone.clone()).date();
        let begins = AROUND.filter_map(|days| today.checked_add(days.days()).ok());
        let mut holds = false;
        let mut next: Option<Timestamp> = None;
        for date in begins.filter(|date| self.days[of_week(date.weekday())]) {
            let (Some(from), Some(to)) = (edge(date, self.from, zone), edge(date, self.to, zone))
            else {
                continue;
            };
            holds |= from <= now && now < to;
            let later = [from, to].into_iter().filter(|edge| *edge > now).min();
            next = [next, later].into_iter().flatten().min();
        }
        (holds, next)
    }
}

fn of_week(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap_or(0)
}

fn edge(date: Date, minutes: u16, zone: &TimeZone) -> Option<Timestamp> {
    let date = date.checked_add(i64::from(minutes / DAY).days()).ok()?;
    let minutes = minutes % DAY;
    let (hour, minute) = ((minutes / 60) as i8, (minutes % 60) as i8);
    instant(date.at(hour, minute, 0, 0), zone)
}

impl fmt::Display for Weekly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Weekly {
    type Error = WeeklyError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Weekly> for String {
    fn from(weekly: Weekly) -> Self {
        weekly.text
    }
}
