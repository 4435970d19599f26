//! Time as the core sees it: instants handed in from outside, and periods as people write them (`30m`, `4h`, `3d`).

use std::fmt;
use std::str::FromStr;

pub use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest period anybody may write: ten years.
const LONGEST: u64 = 10 * 366 * 24 * 3600;

/// A length of time in whole seconds, written like `20s`, `30m`, `1h30m`, `4h`, `3d` or `2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period(u64);

/// Why a text is no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of time: write 20s, 30m, 4h, 3d or 1h30m")]
pub struct PeriodError(String);

impl Period {
    /// A period of so many seconds (at most ten years).
    pub const fn seconds(seconds: u64) -> Self {
        Self(if seconds > LONGEST { LONGEST } else { seconds })
    }

    /// Its length in seconds.
    pub const fn as_seconds(self) -> u64 {
        self.0
    }

    /// As the standard library's duration.
    pub const fn as_std(self) -> std::time::Duration {
        std::time::Duration::from_secs(self.0)
    }

    /// The instant this much after `start`, or the last instant there is.
    pub fn after(self, start: Timestamp) -> Timestamp {
        start
            .checked_add(jiff::SignedDuration::from_secs(self.0 as i64))
            .unwrap_or(Timestamp::MAX)
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || PeriodError(text.chars().take(60).collect());
        let mut total: u64 = 0;
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number: u64 = rest[..digits].parse().map_err(|_| fail())?;
            let unit = match rest.as_bytes().get(digits) {
                Some(b's') => 1,
                Some(b'm') => 60,
                Some(b'h') => 3600,
                Some(b'd') => 24 * 3600,
                Some(b'w') => 7 * 24 * 3600,
                _ => return Err(fail()),
            };
            total = number
                .checked_mul(unit)
                .and_then(|n| n.checked_add(total))
                .ok_or_else(fail)?;
            rest = &rest[digits + 1..];
        }
        if text.is_empty() || total > LONGEST {
            Err(fail())
        } else {
            Ok(Self(total))
        }
    }
}

impl TryFrom<String> for Period {
    type Error = PeriodError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut text = String::new();
        for (unit, seconds) in [("d", 24 * 3600), ("h", 3600), ("m", 60), ("s", 1)] {
            if rest >= seconds {
                text.push_str(&format!("{}{unit}", rest / seconds));
                rest %= seconds;
            }
        }
        f.pad(if text.is_empty() { "0s" } else { &text })
    }
}

/// An instant as files and records hold it: RFC 3339, UTC, whole seconds.
pub fn stamp(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second())
        .unwrap_or(at)
        .to_string()
}

/// The seconds from `start` to `end`; nought if `end` comes first.
pub fn elapsed(start: Timestamp, end: Timestamp) -> Period {
    Period::seconds(u64::try_from(end.as_second() - start.as_second()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_read_as_people_write_them() {
        for (text, seconds) in [
            ("20s", 20),
            ("30m", 1800),
            ("1h30m", 5400),
            ("3d", 259_200),
            ("2w", 1_209_600),
        ] {
            assert_eq!(text.parse::<Period>().unwrap().as_seconds(), seconds);
        }
        assert_eq!(Period::seconds(5400).to_string(), "1h30m");
        for bad in [
            "",
            "30",
            "m",
            "-3m",
            "1.5h",
            "3 d",
            "99999999999999999999s",
            "900000000d",
        ] {
            assert!(bad.parse::<Period>().is_err(), "{bad}");
        }
    }

    #[test]
    fn stamps_have_whole_seconds() {
        let at = Timestamp::from_nanosecond(1_700_000_000_123_456_789).unwrap();
        assert_eq!(stamp(at), "2023-11-14T22:13:20Z");
    }
}
