//! Times by cron: `{cron: "0 9 1 * *", for: 8h}` begins at nine on the first of every month and holds for eight hours.

use std::fmt;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::instant;
use crate::model::time::{Period, Timestamp};

/// Longest expression.
const LONGEST: usize = 200;
/// The longest that times may hold, in seconds: a month.
const LONGEST_HOLD: u64 = 31 * 24 * 3600;

/// An expression of five fields, and for how long it holds from each time that it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct CronTimes {
    expression: Expression,
    hold: Period,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    cron: String,
    #[serde(rename = "for")]
    hold: Period,
}

/// An expression that names some time.
#[derive(Debug, Clone)]
struct Expression {
    text: String,
    cron: Box<Cron>,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expression {}

/// Why no times are said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// The expression is none.
    #[error(
        "`{0}` is no cron expression, {1}: write minute, hour, day, month and day of the week, as `0 9 1 * *`"
    )]
    Expression(String, String),
    /// It names no time.
    #[error("`{0}` names no time that ever comes: write a day that its month has")]
    Never(String),
    /// It holds not at all, or too long.
    #[error("`for` is more than nothing and at most 31d: write 8h or 2d")]
    Hold,
}

impl TryFrom<Written> for CronTimes {
    type Error = CronError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { cron: text, hold } = written;
        let shown = || text.chars().take(60).collect::<String>();
        if text.len() > LONGEST || text.split_ascii_whitespace().count() != 5 {
            return Err(CronError::Expression(
                shown(),
                "which has five fields".to_owned(),
            ));
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser.parse(&text);
        let cron = cron.map_err(|error| {
            let why = error.to_string();
            let why = why
                .trim_start_matches("Component error: ")
                .trim_end_matches('.');
            CronError::Expression(shown(), why.to_lowercase())
        })?;
        // Any year does, as long as it is the same for everybody.
        let start = date(2026, 1, 1).at(0, 0, 0, 0);
        let comes = cron.find_next_occurrence(&start, true);
        comes.map_err(|_| CronError::Never(shown()))?;
        if hold.as_seconds() == 0 || hold.as_seconds() > LONGEST_HOLD {
            return Err(CronError::Hold);
        }
        let expression = Expression {
            text,
            cron: Box::new(cron),
        };
        Ok(Self { expression, hold })
    }
}

impl From<CronTimes> for Written {
    fn from(times: CronTimes) -> Self {
        Self {
            cron: times.expression.text,
            hold: times.hold,
        }
    }
}

impl CronTimes {
    /// Whether they hold, and their next edge.
    pub(super) fn at(&self, now: Timestamp, zone: &TimeZone) -> (bool, Option<Timestamp>) {
        let local = now.to_zoned(zone.clone()).datetime();
        let cron = &self.expression.cron;
        let begin = |found: Result<DateTime, _>| {
            let found: Option<DateTime> = found.ok();
            found.and_then(|found| instant(found, zone))
        };
        let last = begin(cron.find_previous_occurrence(&local, true));
        let last = last.filter(|begin| *begin <= now);
        let end = last.map(|begin| self.hold.after(begin));
        let next = begin(cron.find_next_occurrence(&local, false));
        let holds = end.is_some_and(|end| now < end);
        let edges = [end, next].into_iter().flatten();
        (holds, edges.filter(|edge| *edge > now).min())
    }
}

impl fmt::Display for CronTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}", self.expression.text, self.hold)
    }
}
