//! The machine's clock, read so that no time it may be put to ends the process: what no calendar holds is the last instant that
//! one does.

use std::time::SystemTime;

use crate::model::Timestamp;

/// What the machine's clock says.
pub fn now() -> Timestamp {
    told(SystemTime::now()).unwrap_or(Timestamp::MAX)
}

/// Whether the machine's clock can be worked with.
///
/// # Errors
/// What it says, in words.
pub fn check() -> Result<(), String> {
    usable(SystemTime::now())
}

/// Between 1970 and the year 9000, so that times may be added to it.
fn usable(at: SystemTime) -> Result<(), String> {
    const YEAR_9000: i64 = 221_845_392_000;
    match told(at) {
        Some(at) if (0..YEAR_9000).contains(&at.as_second()) => Ok(()),
        Some(at) => Err(format!("it says {at}")),
        None => Err("it says a time beyond the year 9999".to_owned()),
    }
}

fn told(at: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(at).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_no_calendar_follows_is_told_and_ends_nothing() {
        let year = Duration::from_secs(31_556_952);
        let after = |years: u32| SystemTime::UNIX_EPOCH + year * years;
        assert_eq!(usable(after(56)), Ok(()));
        for years in [8_000, 31_700, 200_000] {
            let said = usable(after(years)).unwrap_err();
            assert!(said.starts_with("it says "), "{said}");
        }
        assert!(usable(SystemTime::UNIX_EPOCH - year).is_err());
        assert_eq!(told(after(31_700)), None);
        assert!(check().is_ok());
        assert!(now() < Timestamp::MAX);
    }
}
