//! Times for people: in their zone on a terminal, in UTC (marked `Z`) elsewhere, in the zone of `HEADWATER_TZ` or `TZ`
//! when one is set.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::model::Timestamp;

/// Seconds within which a minute is too coarse to wait for.
const SOON: i64 = 120;

/// The zone that times are shown in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// UTC.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// The zone for this environment. A name that is none means UTC.
    pub fn choose(variables: &BTreeMap<String, String>, terminal: bool) -> Self {
        let named = ["HEADWATER_TZ", "TZ"]
            .iter()
            .find_map(|name| variables.get(*name).filter(|zone| !zone.is_empty()));
        match named {
            Some(name) => Self::named(name).unwrap_or(Self::UTC),
            None if terminal => Self(TimeZone::try_system().unwrap_or(TimeZone::UTC)),
            None => Self::UTC,
        }
    }

    /// A zone by its IANA name or POSIX rule.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim_start_matches(':');
        TimeZone::get(name)
            .or_else(|_| TimeZone::posix(name))
            .ok()
            .map(Self)
    }

    fn show(&self, at: Timestamp, format: &str) -> String {
        let zoned = at.to_zoned(self.0.clone());
        let mark = if self
            .0
            .to_fixed_offset()
            .is_ok_and(jiff::tz::Offset::is_zero)
        {
            "Z"
        } else {
            ""
        };
        format!("{}{mark}", zoned.strftime(format))
    }

    /// The instant at which clocks of this zone show a time; where they are set back, the first one.
    pub fn instant(&self, time: jiff::civil::DateTime) -> Option<Timestamp> {
        let zoned = self.0.to_ambiguous_timestamp(time).compatible();
        zoned.ok()
    }

    /// `14:02:11`.
    pub fn second(&self, at: Timestamp) -> String {
        self.show(at, "%H:%M:%S")
    }

    /// `14:10`.
    pub fn minute(&self, at: Timestamp) -> String {
        self.show(at, "%H:%M")
    }

    /// `Wed 18 Nov 15:31`, with the year if it is not that of `now`.
    pub fn day(&self, at: Timestamp, now: Timestamp) -> String {
        let year = |at: Timestamp| at.to_zoned(self.0.clone()).year();
        if year(at) == year(now) {
            self.show(at, "%a %-d %b %H:%M")
        } else {
            self.show(at, "%a %-d %b %Y %H:%M")
        }
    }

    /// The shortest that is plain: `14:10` on the day of `now`, else as [`Zone::day`]. What is about to come is shown to
    /// the second.
    pub fn near(&self, at: Timestamp, now: Timestamp) -> String {
        if (1..SOON).contains(&(at.as_second() - now.as_second())) {
            return self.second(at);
        }
        let date = |at: Timestamp| at.to_zoned(self.0.clone()).date();
        if date(at) == date(now) {
            self.minute(at)
        } else {
            self.day(at, now)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(zone: &str) -> BTreeMap<String, String> {
        [("HEADWATER_TZ".to_owned(), zone.to_owned())].into()
    }

    #[test]
    fn a_set_zone_decides_and_utc_is_marked() {
        let at: Timestamp = "2026-11-23T13:10:05Z".parse().unwrap();
        let now: Timestamp = "2026-11-23T15:00:00Z".parse().unwrap();
        let later: Timestamp = "2027-01-02T15:00:00Z".parse().unwrap();
        let berlin = Zone::choose(&variables("CET-1CEST,M3.5.0,M10.5.0/3"), false);
        assert_eq!(berlin.minute(at), "14:10");
        let utc = Zone::choose(&BTreeMap::new(), false);
        assert_eq!(utc.second(at), "13:10:05Z");
        assert_eq!(utc.near(at, now), "13:10Z");
        let soon: Timestamp = "2026-11-23T13:08:06Z".parse().unwrap();
        assert_eq!(utc.near(at, soon), "13:10:05Z");
        assert_eq!(utc.near(soon, at), "13:08Z");
        assert_eq!(utc.near(at, later), "Mon 23 Nov 2026 13:10Z");
        assert_eq!(utc.day(at, now), "Mon 23 Nov 13:10Z");
        assert_eq!(Zone::choose(&variables("Nowhere/Atall"), true), Zone::UTC);
    }
}
