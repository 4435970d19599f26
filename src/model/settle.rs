//! How long a changed digest waits before it is imported, so that one which moves again and again is taken once.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::time::Period;

/// More checks than these are a slip of the pen.
const MOST_CHECKS: u32 = 100;

/// What a changed digest waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Settle {
    /// Until it was seen for so long.
    Time(Period),
    /// Until so many checks of its tag, one after the other, have seen it.
    Checks(u32),
}

/// Why a text says nothing of the kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a length of time such as 20s nor a number of checks such as `2 checks`")]
pub struct SettleError(String);

impl FromStr for Settle {
    type Err = SettleError;

    fn from_str(text: &str) -> Result<Self, SettleError> {
        let fail = || SettleError(text.chars().take(60).collect());
        match text.split_once(' ') {
            None => text.parse().map(Self::Time).map_err(|_| fail()),
            Some((number, "check" | "checks")) => {
                let number: u32 = number.parse().map_err(|_| fail())?;
                let sane = (1..=MOST_CHECKS).contains(&number);
                sane.then_some(Self::Checks(number)).ok_or_else(fail)
            }
            Some(_) => Err(fail()),
        }
    }
}

impl fmt::Display for Settle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(period) => period.fmt(f),
            Self::Checks(1) => f.write_str("1 check"),
            Self::Checks(number) => write!(f, "{number} checks"),
        }
    }
}

impl TryFrom<String> for Settle {
    type Error = SettleError;

    fn try_from(text: String) -> Result<Self, SettleError> {
        text.parse()
    }
}

impl From<Settle> for String {
    fn from(settle: Settle) -> Self {
        settle.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_waits_for_a_time_or_for_a_number_of_checks() {
        for text in ["20s", "0s", "1h30m", "1 check", "2 checks"] {
            assert_eq!(text.parse::<Settle>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "2",
            "0 checks",
            "-1 checks",
            "101 checks",
            "two checks",
            "2  checks",
            "2 times",
            "20 s",
        ] {
            let error = text.parse::<Settle>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("`{text}` is neither")),
                "{error}"
            );
        }
    }
}
