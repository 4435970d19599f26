//! GitHub's word that it has heard enough for now: until then nothing is asked, for whoever goes on asking is shut out for
//! longer (its documentation, "Rate limits for the REST API").

use std::sync::{Mutex, PoisonError};

use tokio::time::{Duration, Instant};

use super::http::Answered;
use super::stopped::Stopped;
use super::why::limit_of;
use crate::model::Timestamp;

/// Until when nothing is asked, by our own clock and as GitHub has it.
#[derive(Debug, Default)]
pub(super) struct Shut(Mutex<Option<(Instant, Timestamp)>>);

impl Shut {
    /// Whether something may be asked now.
    pub(super) fn check(&self) -> Result<(), Stopped> {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((instant, until)) if Instant::now() < instant => Err(Stopped::Limited(until)),
            _ => Ok(()),
        }
    }

    /// Takes in what an answer says of limits.
    pub(super) fn learn(&self, answered: &Answered) {
        let now = Timestamp::now();
        if let Some(until) = limit_of(answered, now) {
            let seconds = until.as_second().saturating_sub(now.as_second());
            let instant = Instant::now() + Duration::from_secs(seconds.unsigned_abs());
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((instant, until));
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Answered {
        let mut headers = HeaderMap::new();
        headers.extend(retry_after.map(|s| (http::header::RETRY_AFTER, s.parse().unwrap())));
        Answered {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: br#"{"message": "no"}"#.to_vec().into(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_asked_before_github_says() {
        let shut = Shut::default();
        shut.learn(&answer(200, None));
        shut.learn(&answer(403, None));
        assert_eq!(shut.check(), Ok(()), "a mere lack of rights");
        shut.learn(&answer(403, Some("90")));
        let limited = shut.check();
        assert!(matches!(limited, Err(Stopped::Limited(_))), "{limited:?}");
        tokio::time::sleep(Duration::from_secs(89)).await;
        assert!(shut.check().is_err());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(shut.check(), Ok(()));
        shut.learn(&answer(429, None));
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert!(shut.check().is_err(), "a minute where it says nothing");
    }
}
