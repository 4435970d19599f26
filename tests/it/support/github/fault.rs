//! What can be made to happen to a request.

use std::time::Duration;

/// What happens to a request; the table in the parent's documentation tells which to take when.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Answered with this; nothing is done.
    Answer {
        /// Its status.
        status: u16,
        /// Its headers.
        headers: Vec<(String, String)>,
        /// Its body.
        body: String,
    },
    /// Done, and the connection breaks before the answer.
    LoseAnswer,
    /// Not done, and the connection breaks.
    LoseRequest,
    /// Done after this long.
    Delay(Duration),
    /// A reading answered as it would have been before the last so many changes.
    Stale(usize),
    /// The hourly limit is used up until so many seconds from now, by the model's clock.
    PrimaryLimit(i64),
    /// Too much at once; `retry-after` in seconds, where GitHub says one.
    SecondaryLimit(Option<u64>),
}

impl Fault {
    /// An error as GitHub words it.
    pub(crate) fn status(status: u16) -> Self {
        let message = match status {
            401 => "Bad credentials",
            403 => "Resource not accessible by integration",
            404 => "Not Found",
            410 => "Issues are disabled for this repo",
            422 => "Validation Failed",
            451 => "Repository access blocked",
            502 => "Server Error",
            503 => "Service unavailable",
            _ => "Something went wrong",
        };
        let body = serde_json::json!({
            "message": message,
            "documentation_url": "https://docs.github.com/rest",
            "status": status.to_string(),
        });
        Self::reply(
            status,
            &[("content-type", "application/json; charset=utf-8")],
            &body.to_string(),
        )
    }

    /// Any answer.
    pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self::Answer {
            status,
            headers: headers.iter().map(owned).collect(),
            body: body.to_owned(),
        }
    }
}
