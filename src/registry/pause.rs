//! What a registry says about when and how often it may be asked: `Retry-After` and the many headers about quotas.

use std::time::Duration;

use reqwest::header::HeaderMap;

use crate::model::Timestamp;

/// The longest a registry may send us away for.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// How long a quota lasts that does not say it.
const UNSAID: Duration = Duration::from_secs(60);
/// A quota that does not say how large it was.
const UNSAID_LIMIT: u64 = 100;

/// The pause that a `Retry-After` header asks for: seconds or an HTTP date, nothing if it is neither. A date is held
/// against the registry's own clock, if it shows it.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Some(seconds) = number(text) {
        return Some(Duration::from_secs(seconds).min(LONGEST_PAUSE));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(between(their_clock(headers, now), at).min(LONGEST_PAUSE))
}

/// What is left of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quota {
    /// Requests that it still allows.
    remaining: u64,
    /// Requests that it allows in all.
    limit: u64,
    /// Until it is full again.
    resets_in: Duration,
}

impl Quota {
    /// What the headers say: the forms of Docker Hub (`100;w=21600`), of GitHub and its kin (`x-ratelimit-*`, with a
    /// time span or an instant), and of the IETF's draft (`"name";r=5;t=30`).
    pub(super) fn read(headers: &HeaderMap, now: Timestamp) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let of = |name: &str| {
            text(&format!("ratelimit-{name}")).or(text(&format!("x-ratelimit-{name}")))
        };
        let draft = text("ratelimit");
        let said = of("remaining");
        let remaining = said
            .and_then(leading)
            .or(draft.and_then(|d| parameter(d, "r")))?;
        let window = said
            .into_iter()
            .chain(of("limit"))
            .find_map(|text| parameter(text, "w"));
        let instant = |at: u64| {
            let at = Timestamp::from_second(i64::try_from(at).ok()?).ok()?;
            Some(between(their_clock(headers, now), at))
        };
        // A number that large is no time span but seconds since 1970.
        let reset = of("reset")
            .and_then(leading)
            .or(draft.and_then(|d| parameter(d, "t")))
            .and_then(|reset| match reset {
                1_000_000_000.. => instant(reset),
                _ => Some(Duration::from_secs(reset)),
            });
        Some(Self {
            remaining,
            limit: of("limit").and_then(leading).unwrap_or(UNSAID_LIMIT),
            resets_in: reset
                .or(window.map(Duration::from_secs))
                .unwrap_or(UNSAID)
                .min(LONGEST_PAUSE),
        })
    }

    /// The time to leave between requests so that what is left lasts; nothing while more than a tenth is left.
    pub(super) fn gap(self) -> Option<Duration> {
        let scarce = self.remaining <= self.limit / 10;
        let parts = u32::try_from(self.remaining)
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        scarce.then(|| self.resets_in / parts)
    }
}

/// The time that the registry believes it is.
fn their_clock(headers: &HeaderMap, now: Timestamp) -> Timestamp {
    let date = headers.get("date").and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date.trim()).ok());
    date.map_or(now, |date| date.timestamp())
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

/// A whole number and nothing else; too large ones are the largest.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The number before any parameter.
fn leading(text: &str) -> Option<u64> {
    number(text.split([';', ',']).next().unwrap_or_default().trim())
}

/// The number of `;name=number`.
fn parameter(text: &str, name: &str) -> Option<u64> {
    let first = text.split(',').next().unwrap_or_default();
    let mut parameters = first.split(';').filter_map(|p| p.split_once('='));
    let (_, value) = parameters.find(|(n, _)| n.trim() == name)?;
    number(value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let parsed = |(name, value): &(&'static str, &str)| {
            (
                reqwest::header::HeaderName::from_static(name),
                value.parse().unwrap(),
            )
        };
        pairs.iter().map(parsed).collect()
    }

    fn now() -> Timestamp {
        "2015-10-21T07:28:00Z".parse().unwrap()
    }

    fn after(text: &str) -> Option<Duration> {
        retry_after(&headers(&[("retry-after", text)]), now())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_more_than_an_hour() {
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(
            after("Wed, 21 Oct 2015 07:28:30 GMT"),
            Some(Duration::from_secs(30))
        );
        assert_eq!(after("Wed, 21 Oct 2015 07:00:00 GMT"), Some(Duration::ZERO));
        for long in [
            "999999999",
            "99999999999999999999999",
            "Wed, 21 Oct 2099 07:28:00 GMT",
        ] {
            assert_eq!(after(long), Some(LONGEST_PAUSE), "{long}");
        }
        for odd in ["soon", "-1", "", "1.5"] {
            assert_eq!(after(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_clock_that_is_a_year_off_changes_no_pause() {
        let said = headers(&[
            ("date", "Fri, 21 Oct 2016 07:28:00 GMT"),
            ("retry-after", "Fri, 21 Oct 2016 07:28:09 GMT"),
        ]);
        assert_eq!(retry_after(&said, now()), Some(Duration::from_secs(9)));
    }

    #[test]
    fn what_is_left_of_a_quota_is_spread_over_its_time() {
        let gap = |pairs: &[(&'static str, &str)]| {
            let quota = Quota::read(&headers(pairs), now())?;
            quota.gap().map(|gap| gap.as_secs())
        };
        let hub = [
            ("ratelimit-limit", "100;w=21600"),
            ("ratelimit-remaining", "9;w=21600"),
        ];
        assert_eq!(gap(&hub), Some(360), "an hour at most is looked ahead");
        for (remaining, reset, expected) in [
            ("0", "30", Some(30)),
            ("2", "30", Some(10)),
            ("6", "30", None),
            ("2", "1445412510", Some(10)),
            ("2", "", Some(20)),
            ("many", "30", None),
        ] {
            let said = [
                ("x-ratelimit-limit", "50"),
                ("x-ratelimit-remaining", remaining),
                ("x-ratelimit-reset", reset),
            ];
            assert_eq!(gap(&said), expected, "{remaining} {reset}");
        }
        assert_eq!(gap(&[("ratelimit", r#""burst";r=2;t=30"#)]), Some(10));
        assert_eq!(gap(&[("ratelimit", r#""burst";r=50;t=30"#)]), None);
        assert_eq!(gap(&[]), None);
    }
}
