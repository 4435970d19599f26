//! Windows: times at which a set may enter a stage. A window is open where one of `allow` holds (or none is written) and
//! none of `deny` does; its begin belongs to it, its end does not.

mod cron;
mod weekly;

use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize, de};

use super::time::Timestamp;
pub use cron::CronTimes;
pub use weekly::Weekly;

/// So many edges are looked at, at most and at least, until windows count as such that never open or shut; fewer where
/// they have many times.
const MOST_EDGES: usize = 5_000;
const LEAST_EDGES: usize = 300;
/// Edges that are looked at for an instant of today.
const NEXT_EDGES: usize = 100;
/// More times of one list are not read.
const MOST_TIMES: usize = 50;

/// Times in a time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// Open at these times (`Mon-Thu 09:00-16:00`, or `{cron: "0 9 1 * *", for: 8h}`); none: always.
    #[serde(default, deserialize_with = "times")]
    pub allow: Vec<Times>,
    /// Shut at these times, whatever `allow` says.
    #[serde(default, deserialize_with = "times")]
    pub deny: Vec<Times>,
    /// IANA name of the time zone; there is no default, because a guess would be wrong somewhere.
    pub time_zone: String,
}

/// Times that come again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Times {
    /// By days of the week.
    Weekly(Weekly),
    /// By the five fields of cron, each for some time.
    Cron(CronTimes),
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Times;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("times like `Mon-Thu 09:00-16:00`, or {cron: \"0 9 1 * *\", for: 8h}")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Times, E> {
                Ok(Times::Weekly(text.parse().map_err(E::custom)?))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Times, A::Error> {
                let map = de::value::MapAccessDeserializer::new(map);
                Ok(Times::Cron(CronTimes::deserialize(map)?))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

fn times<'de, D: de::Deserializer<'de>>(deserializer: D) -> Result<Vec<Times>, D::Error> {
    let times = Vec::<Times>::deserialize(deserializer)?;
    if times.len() > MOST_TIMES {
        let words = format!(
            "more than {MOST_TIMES} times: write several days in one, as `Mon-Thu 09:00-16:00`"
        );
        return Err(de::Error::custom(words));
    }
    Ok(times)
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Weekly(weekly) => weekly.fmt(f),
            Self::Cron(cron) => cron.fmt(f),
        }
    }
}

impl Times {
    /// Whether they hold at an instant, and the first instant after it at which that may change.
    fn at(&self, now: Timestamp, zone: &TimeZone) -> (bool, Option<Timestamp>) {
        match self {
            Self::Weekly(weekly) => weekly.at(now, zone),
            Self::Cron(cron) => cron.at(now, zone),
        }
    }
}

/// Whether a window is open, and until when it stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is.
    pub open: bool,
    /// When it shuts or opens next; `None` where that is never, as far as anybody looks.
    pub until: Option<Timestamp>,
}

impl Window {
    /// Its time zone from the bundled database, so that it is the same on every machine; `None` where there is none of
    /// that name.
    pub fn zone(&self) -> Option<TimeZone> {
        TimeZoneDatabase::bundled().get(&self.time_zone).ok()
    }

    /// How it stands at an instant, as far as the next hundred of its begins and ends tell; `None` without a time zone.
    pub fn standing(&self, now: Timestamp) -> Option<Standing> {
        Together(std::slice::from_ref(&self)).standing(now, NEXT_EDGES)
    }

    fn at(&self, now: Timestamp, zone: &TimeZone) -> (bool, Option<Timestamp>) {
        let mut next: Option<Timestamp> = None;
        let mut any = |times: &[Times]| {
            let mut holds = false;
            for times in times {
                let (here, edge) = times.at(now, zone);
                holds |= here;
                next = [next, edge].into_iter().flatten().min();
            }
            holds
        };
        let allowed = any(&self.allow) || self.allow.is_empty();
        let denied = any(&self.deny);
        (allowed && !denied, next)
    }
}

/// Several windows that must all be open.
#[derive(Debug, Clone, Copy)]
pub struct Together<'w>(pub &'w [&'w Window]);

impl Together<'_> {
    /// Whether they are ever open together from an instant on; `None` where one has no time zone.
    pub fn ever_open(&self, from: Timestamp) -> Option<bool> {
        let times = self.0.iter().map(|w| w.allow.len() + w.deny.len());
        let times = times.sum::<usize>().max(1);
        let most = (4 * MOST_EDGES / times).clamp(LEAST_EDGES, MOST_EDGES);
        let standing = self.standing(from, most)?;
        Some(standing.open || standing.until.is_some())
    }

    fn standing(&self, now: Timestamp, most: usize) -> Option<Standing> {
        let zones: Vec<TimeZone> = self.0.iter().map(|w| w.zone()).collect::<Option<_>>()?;
        let at = |instant: Timestamp| {
            let mut open = true;
            let mut next: Option<Timestamp> = None;
            for (window, zone) in self.0.iter().zip(&zones) {
                let (here, edge) = window.at(instant, zone);
                open &= here;
                next = [next, edge].into_iter().flatten().min();
            }
            (open, next)
        };
        let (open, mut edge) = at(now);
        for _ in 0..most {
            let Some(instant) = edge else { break };
            let (then, next) = at(instant);
            if then != open {
                let until = Some(instant);
                return Some(Standing { open, until });
            }
            edge = next;
        }
        Some(Standing { open, until: None })
    }
}

/// The instant of a local time. What a clock change skips is read by the offset before it, and what it repeats is the
/// first of both.
fn instant(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let zoned = zone.to_ambiguous_zoned(local).compatible();
    zoned.ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests;
