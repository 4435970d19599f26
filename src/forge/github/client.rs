//! Calls to GitHub's API, one after the other where they change something: GitHub's limits ask for that, and none is
//! repeated here. Whether a call is made again is decided by the next pass, which looks before it creates.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use octocrab::service::middleware::retry::RetryConfig;
use octocrab::{FromResponse, Octocrab, Page};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

use super::cache::Answers;
use crate::forge::error::ForgeError;
use crate::model::{Fault, Party, Timestamp};

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(10);
/// So many pages of a list are read, of a hundred each.
pub(super) const MOST_PAGES: usize = 50;

/// What is added to a call's address.
pub(super) type Parameters<'a> = [(&'a str, &'a str)];

/// The API of one GitHub.
#[derive(Debug)]
pub(super) struct Client {
    octocrab: Octocrab,
    /// Held by whoever changes something.
    writing: Mutex<()>,
}

impl Client {
    /// Of a GitHub whose API is at `api`, with a token.
    pub(super) fn new(api: &str, token: &SecretString) -> Result<Self, ForgeError> {
        let invalid = |error: octocrab::Error| {
            ForgeError::Invalid(format!("`forge.github.api: {api}` cannot be used: {error}"))
        };
        let octocrab = Octocrab::builder()
            .base_uri(api)
            .map_err(invalid)?
            .personal_token(token.expose_secret())
            .add_retry_config(RetryConfig::None)
            .set_connect_timeout(Some(CONNECT))
            .set_read_timeout(Some(PATIENCE))
            .set_write_timeout(Some(PATIENCE))
            .cache(Answers::default())
            .build()
            .map_err(invalid)?;
        Ok(Self {
            octocrab,
            writing: Mutex::new(()),
        })
    }

    /// Reads one thing, or the first page of a list. An answer that is known already costs nothing.
    pub(super) async fn get<T: FromResponse>(
        &self,
        what: &str,
        route: &str,
        parameters: &Parameters<'_>,
    ) -> Result<T, ForgeError> {
        let call = self.octocrab.get(route, Some(parameters));
        within(what, call).await
    }

    /// Reads the page after one; `None` after the last.
    pub(super) async fn next_page<T: DeserializeOwned>(
        &self,
        what: &str,
        page: &Page<T>,
    ) -> Result<Option<Page<T>>, ForgeError> {
        within(what, self.octocrab.get_page(&page.next)).await
    }

    /// Creates something.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        what: &str,
        route: &str,
        body: &impl Serialize,
    ) -> Result<T, ForgeError> {
        let _one_at_a_time = self.writing.lock().await;
        within(what, self.octocrab.post(route, Some(body))).await
    }

    /// Changes something.
    pub(super) async fn patch<T: DeserializeOwned>(
        &self,
        what: &str,
        route: &str,
        body: &impl Serialize,
    ) -> Result<T, ForgeError> {
        let _one_at_a_time = self.writing.lock().await;
        within(what, self.octocrab.patch(route, Some(body))).await
    }

    /// Puts something in another's place, or carries it out.
    pub(super) async fn put<T: DeserializeOwned>(
        &self,
        what: &str,
        route: &str,
        body: &impl Serialize,
    ) -> Result<T, ForgeError> {
        let _one_at_a_time = self.writing.lock().await;
        within(what, self.octocrab.put(route, Some(body))).await
    }
}

async fn within<T>(
    what: &str,
    call: impl Future<Output = octocrab::Result<T>>,
) -> Result<T, ForgeError> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(why(what, &error)),
        Err(_) => Err(failed(
            what,
            "it did not answer in time",
            "Unavailable",
            Fault::of(Party::Remote).later(None),
        )),
    }
}

fn failed(what: &str, message: &str, reason: &'static str, fault: Fault) -> ForgeError {
    ForgeError::Api {
        forge: "GitHub",
        what: what.to_owned(),
        message: message.to_owned(),
        reason,
        fault,
    }
}

fn why(what: &str, error: &octocrab::Error) -> ForgeError {
    let remote = Fault::of(Party::Remote);
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
        octocrab::Error::Serde { source, .. } => {
            let message = format!("its answer cannot be read: {source}");
            failed(what, &message, "Malformed", remote.later(None))
        }
        octocrab::Error::Json { source, .. } => {
            let message = format!("its answer cannot be read: {source}");
            failed(what, &message, "Malformed", remote.later(None))
        }
        octocrab::Error::InvalidHeaderValue { .. } => failed(
            what,
            "the token holds characters that no token has: look at `forge.github.token`",
            "Unauthorized",
            Fault::of(Party::Operator),
        ),
        other => {
            let mut cause: &dyn std::error::Error = other;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            let message = format!("it cannot be reached: {cause}");
            failed(what, &message, "Unavailable", remote.later(None))
        }
    }
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
        let message = format!("its limit is used up until {until}");
        return failed(what, &message, "TooManyRequests", remote.later(Some(until)));
    }
    let (hint, reason, fault) = match error.status {
        StatusCode::UNAUTHORIZED => (
            ": the token is not (or no longer) valid: look at `forge.github.token`",
            "Unauthorized",
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
fn one_line(text: &str) -> String {
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
