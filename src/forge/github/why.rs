//! Why GitHub did not do what was asked: its answers, and what became of those that are none, as one typed error.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::http::Answered;
use super::stopped::Stopped;
use crate::config::known::hide;
use crate::forge::error::ForgeError;
use crate::model::time::stamp;
use crate::model::{Fault, Party, Timestamp};

/// A call that failed.
pub(super) fn failed(what: &str, message: &str, reason: &'static str, fault: Fault) -> ForgeError {
    ForgeError::Api {
        forge: "GitHub",
        what: what.to_owned(),
        message: message.to_owned(),
        reason,
        fault,
    }
}

/// Why a call failed, sorted by whose fault it is.
pub(super) fn why(what: &str, error: &octocrab::Error) -> ForgeError {
    match error {
        octocrab::Error::GitHub { source, .. } => {
            let said = Said {
                status: source.status_code,
                headers: source.headers.as_ref(),
                message: &source.message,
                details: source.errors.as_deref().unwrap_or_default(),
            };
            answered(what, &said)
        }
        octocrab::Error::Serde { source, .. } => unreadable(what, source),
        octocrab::Error::Json { source, .. } => unreadable(what, source),
        other => match stopped(other) {
            Some(stopped) => refused(what, stopped),
            None => unreadable(what, &innermost(other)),
        },
    }
}

/// What the way to GitHub did not let through.
pub(super) fn refused(what: &str, stopped: &Stopped) -> ForgeError {
    match stopped {
        Stopped::Refused {
            status,
            headers,
            message,
        } => {
            let said = Said {
                status: StatusCode::from_u16(*status).unwrap_or(StatusCode::FORBIDDEN),
                headers: Some(headers),
                message,
                details: &[],
            };
            answered(what, &said)
        }
        stopped => failed(
            what,
            &stopped.to_string(),
            stopped.reason(),
            stopped.fault(),
        ),
    }
}

/// JSON, but not what was asked for.
fn unreadable(what: &str, error: &dyn std::fmt::Display) -> ForgeError {
    let message = format!(
        "its answer is not one of GitHub's API ({}): is `forge.github.api` the address of the API, and does nothing on the way change answers?",
        one_line(&error.to_string())
    );
    let fault = Fault::of(Party::Remote).later(None);
    failed(what, &message, "Malformed", fault)
}

/// Why the way there let nothing through.
fn stopped(error: &octocrab::Error) -> Option<&Stopped> {
    let mut cause: &dyn std::error::Error = error;
    loop {
        if let Some(stopped) = cause.downcast_ref() {
            return Some(stopped);
        }
        cause = cause.source()?;
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// An answer that is a refusal.
struct Said<'a> {
    status: StatusCode,
    headers: Option<&'a HeaderMap>,
    message: &'a str,
    details: &'a [Value],
}

/// GitHub's own words, sorted by whose fault they are.
fn answered(what: &str, error: &Said<'_>) -> ForgeError {
    let operator = Fault::of(Party::Operator);
    let remote = Fault::of(Party::Remote);
    if let Some(until) = limited_until(error, Timestamp::now()) {
        let message = format!("its limit is used up until {}", stamp(until));
        return failed(what, &message, "TooManyRequests", remote.later(Some(until)));
    }
    let (hint, reason, fault) = match error.status {
        StatusCode::UNAUTHORIZED => (
            ": the token is not (or no longer) valid: look at `forge.github.token`, or at the App's installation",
            "Unauthorized",
            operator,
        ),
        StatusCode::FORBIDDEN if error.message.contains("suspended") => (
            ": an owner lifts that in the settings of the organization (GitHub Apps > Configure)",
            "AppSuspended",
            operator,
        ),
        StatusCode::FORBIDDEN if error.message.contains("by integration") => (
            ": the App was not granted this; it needs contents, pull requests and commit statuses to write, and an owner has to accept what its page asks for anew",
            "AppPermissions",
            operator,
        ),
        StatusCode::FORBIDDEN => (
            ": the token may not do this; it needs to write contents, pull requests and commit statuses",
            "Forbidden",
            operator,
        ),
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => (
            ": it is not there, or the token cannot see it",
            "NotFound",
            operator,
        ),
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            ("", "Unavailable", remote.later(None))
        }
        // Rules of the branch, a conflict, or that GitHub has not found out yet: its words say which.
        StatusCode::METHOD_NOT_ALLOWED => ("", "NotMergeable", Fault::of(Party::User).later(None)),
        StatusCode::CONFLICT => ("", "Conflict", Fault::of(Party::User).now()),
        _ => ("", "Invalid", operator),
    };
    let mut message = format!(
        "{} ({}){hint}",
        one_line(error.message),
        error.status.as_u16()
    );
    for detail in error.details.iter().take(3) {
        let text = detail["message"].as_str().or_else(|| detail.as_str());
        let text = text.map_or_else(|| detail.to_string(), str::to_owned);
        message.push_str("; ");
        message.push_str(&one_line(&text));
    }
    failed(what, &message, reason, fault)
}

/// Until when a limit holds, if an answer tells of one.
pub(super) fn limit_of(answered: &Answered, now: Timestamp) -> Option<Timestamp> {
    let body: Value = serde_json::from_slice(&answered.body).unwrap_or_default();
    let said = Said {
        status: answered.status,
        headers: Some(&answered.headers),
        message: body["message"].as_str().unwrap_or_default(),
        details: &[],
    };
    limited_until(&said, now)
}

/// Until when a limit holds, if the answer is one: GitHub says so with 429, or with 403 and a header that no mere lack of
/// rights has (its documentation, "Rate limits for the REST API").
fn limited_until(error: &Said<'_>, now: Timestamp) -> Option<Timestamp> {
    let headers = error.headers;
    let number = |name: &str| -> Option<i64> {
        let value = headers?.get(name)?.to_str().ok()?;
        value.trim().parse().ok()
    };
    let status = error.status;
    if status != StatusCode::FORBIDDEN && status != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let later = |seconds: i64| {
        let seconds = seconds.clamp(1, 24 * 3_600);
        Timestamp::from_second(now.as_second().saturating_add(seconds)).ok()
    };
    if let Some(seconds) = number("retry-after") {
        return later(seconds);
    }
    let secondary = error
        .message
        .to_lowercase()
        .contains("secondary rate limit");
    if number("x-ratelimit-remaining") == Some(0)
        && let Some(reset) = number("x-ratelimit-reset")
    {
        return later(reset.saturating_sub(now.as_second()));
    }
    (status == StatusCode::TOO_MANY_REQUESTS || secondary)
        .then(|| later(60))
        .flatten()
}

/// What GitHub says, as one line that no text of a stranger can make longer or prettier.
pub(super) fn one_line(text: &str) -> String {
    // Before it is cut: half a secret is not known as one.
    let text = hide(text);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = line.chars().filter(|c| !c.is_control()).take(300);
    plain.collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::model::Faulty as _;

    fn map(headers: &[(&'static str, &str)]) -> HeaderMap {
        let value = |value: &str| HeaderValue::from_str(value).unwrap();
        let pairs = headers
            .iter()
            .map(|(name, text)| (name.parse().unwrap(), value(text)));
        pairs.collect()
    }

    fn said<'a>(status: u16, headers: &'a HeaderMap, message: &'a str) -> Said<'a> {
        Said {
            status: StatusCode::from_u16(status).unwrap(),
            headers: Some(headers),
            message,
            details: &[],
        }
    }

    #[test]
    fn limits_are_told_from_lacking_rights() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let until = |status: u16, headers: &[(&'static str, &str)], message: &str| {
            let at = limited_until(&said(status, &map(headers), message), now);
            at.map(|at| at.as_second() - 1_000_000)
        };
        assert_eq!(until(403, &[], "Resource not accessible"), None);
        assert_eq!(until(403, &[("retry-after", "7")], ""), Some(7));
        assert_eq!(until(429, &[], ""), Some(60));
        let remaining = "x-ratelimit-remaining";
        let reset = "x-ratelimit-reset";
        assert_eq!(
            until(403, &[(remaining, "0"), (reset, "1000090")], ""),
            Some(90)
        );
        let left = [(remaining, "12"), (reset, "1000090")];
        assert_eq!(until(403, &left, "Must have admin rights"), None);
        let secondary = "You have exceeded a secondary rate limit";
        assert_eq!(until(403, &left, secondary), Some(60));
        // A clock or a header that is wrong by years must not stop it for as long.
        let never = [(remaining, "0"), (reset, "99999999999")];
        assert_eq!(until(429, &never, ""), Some(24 * 3_600));
    }

    #[test]
    fn answers_are_sorted_by_whose_fault_they_are() {
        for (status, party, heals) in [
            (401, Party::Operator, false),
            (403, Party::Operator, false),
            (404, Party::Operator, false),
            (405, Party::User, true),
            (410, Party::Operator, false),
            (422, Party::Operator, false),
            (500, Party::Remote, true),
            (502, Party::Remote, true),
            (429, Party::Remote, true),
        ] {
            let headers = HeaderMap::new();
            let fault = answered("list pull requests", &said(status, &headers, "x")).fault();
            assert_eq!((fault.party, fault.heals()), (party, heals), "{status}");
        }
        assert!(answered("merge", &said(409, &HeaderMap::new(), "x")).is_race());
    }

    #[test]
    fn words_of_others_stay_on_one_line() {
        let long = format!("a\nb\t\u{1b}[31m{}", "x".repeat(1_000));
        let line = one_line(&long);
        assert!(line.starts_with("a b [31m") && line.len() == 300, "{line}");
    }
}
