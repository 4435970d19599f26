//! What GraphQL answers: data, or errors that come with the status of success.

use serde::Deserialize;

use super::why::{failed, one_line};
use crate::forge::error::ForgeError;
use crate::model::{Fault, Party};

/// An answer.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Answer<T> {
    data: Option<T>,
    #[serde(default)]
    errors: Vec<Problem>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Problem {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: String,
}

impl<T> Answer<T> {
    /// What was asked for, or why there is none.
    pub(super) fn data(self, what: &str) -> Result<T, ForgeError> {
        match (self.errors.first(), self.data) {
            (None, Some(data)) => Ok(data),
            (problem, _) => Err(problem.cloned().unwrap_or_default().said(what)),
        }
    }
}

impl Problem {
    fn said(&self, what: &str) -> ForgeError {
        let operator = Fault::of(Party::Operator);
        let remote = Fault::of(Party::Remote).later(None);
        let (hint, reason, fault) = match self.kind.as_deref() {
            Some("STALE_DATA") => ("", "Conflict", Fault::of(Party::User).now()),
            Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => (
                ": the token or the App may not do this; it needs to write contents",
                "Forbidden",
                operator,
            ),
            Some("NOT_FOUND") => (
                ": it is not there, or the token cannot see it",
                "NotFound",
                operator,
            ),
            Some("RATE_LIMITED" | "RATE_LIMIT") => ("", "TooManyRequests", remote),
            Some("UNPROCESSABLE") => ("", "Invalid", operator),
            // It says nothing more of trouble of its own.
            _ => ("", "Unavailable", remote),
        };
        let words = match self.message.is_empty() {
            true => "its answer holds nothing",
            false => &self.message,
        };
        failed(what, &format!("{}{hint}", one_line(words)), reason, fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Faulty as _;

    #[test]
    fn errors_with_the_status_of_success_are_errors() {
        let read = |text: &str| {
            let answer: Answer<u32> = serde_json::from_str(text).unwrap();
            answer.data("count")
        };
        assert_eq!(read(r#"{"data": 3}"#).unwrap(), 3);
        let stale = read(r#"{"data": null, "errors": [{"type": "STALE_DATA", "message": "no"}]}"#);
        assert!(stale.unwrap_err().is_race());
        for (kind, heals) in [
            ("FORBIDDEN", false),
            ("UNPROCESSABLE", false),
            ("RATE_LIMITED", true),
            ("SOMETHING_NEW", true),
        ] {
            let text =
                format!(r#"{{"data": 3, "errors": [{{"type": "{kind}", "message": "no"}}]}}"#);
            assert_eq!(read(&text).unwrap_err().fault().heals(), heals, "{kind}");
        }
        assert!(read("{\"data\": null}").unwrap_err().is_transient());
    }
}
