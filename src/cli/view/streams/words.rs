//! Words that the views of image streams share: ages, sizes, data for one line.

use crate::cli::output::age::spelled;
use crate::model::Timestamp;
use crate::model::time::elapsed;

/// What stands where there is no value.
pub(super) const NONE: &str = "<none>";

/// `5 minutes ago`.
pub(super) fn ago(then: Timestamp, now: Timestamp) -> String {
    format!("{} ago", spelled(elapsed(then, now)))
}

/// Data of several lines as one line: nothing in it can pass for a line of ours.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A size as `oc` says it: SI units, four digits, no zeros at the end (`0B`, `3.409kB`, `120.5MB`).
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let whole = if value < 1.0 {
        1
    } else {
        value.log10() as usize + 1
    };
    let digits = format!("{value:.*}", 4_usize.saturating_sub(whole));
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        &digits
    };
    format!("{digits}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_four_digits() {
        for (bytes, text) in [
            (0, "0B"),
            (7, "7B"),
            (999, "999B"),
            (1000, "1kB"),
            (1024, "1.024kB"),
            (3409, "3.409kB"),
            (4430, "4.43kB"),
            (120_512_345, "120.5MB"),
            (999_999, "1000kB"),
            (1_000_000_000_000, "1TB"),
            (u64::MAX, "18.45EB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn data_of_several_lines_becomes_one() {
        assert_eq!(one_line("a\n  * b\t c "), "a * b c");
    }
}
