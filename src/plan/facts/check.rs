//! What is remembered of the checks of a tag: when a registry was asked last, and with what luck.

use serde::{Deserialize, Serialize};

use crate::model::{Digest, Party, Timestamp};

/// What is remembered of the checks of one tag.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CheckMemory {
    /// The last time the registry was asked.
    pub last_check: Option<Timestamp>,
    /// The last time it answered well.
    pub last_success: Option<Timestamp>,
    /// Failures in a row.
    pub failures: u32,
    /// When the row of failures with this reason began.
    pub failing_since: Option<Timestamp>,
    /// Upstream's word for the failure.
    pub reason: String,
    /// The failure in words.
    pub message: String,
    /// Who has to do something about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party: Option<Party>,
    /// Whether a retry may mend it with nobody doing anything.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub heals: bool,
    /// No check before this instant.
    pub next_try: Option<Timestamp>,
    /// What was asked for: `from.name` of the tag as it was at the last check.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// A digest that differs from the recorded one, and since when it is seen.
    pub seen: Option<(Digest, Timestamp)>,
    /// How many checks, one after the other, have seen it.
    #[serde(skip_serializing_if = "is_zero")]
    pub times: u32,
    /// Of a tag that follows a rule: what is known of newer tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follow: Option<Box<FollowMemory>>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over what is to be skipped by reference"
)]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What is remembered of the tags that a rule chooses from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FollowMemory {
    /// How asking for the list went. Its source is the repository and the rule.
    pub list: CheckMemory,
    /// The newest tag by the rule, of the last list that came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// How many tags that list had.
    pub tags: usize,
    /// How asking for the newest tag went, before the image stream has it.
    pub next: CheckMemory,
}

impl CheckMemory {
    /// How many checks, one after the other, have seen this digest once that of `now` is counted, which has.
    pub fn times_seen(&self, digest: &Digest, now: Timestamp) -> u32 {
        let same = self.seen.as_ref().is_some_and(|(seen, _)| seen == digest);
        let before = if same { self.times } else { 0 };
        // Several answers of one instant are one check.
        let counted = same && self.last_check == Some(now);
        before.saturating_add(u32::from(!counted)).max(1)
    }

    /// Whether it was written by a clock that ran ahead.
    pub fn is_ahead(&self, now: Timestamp) -> bool {
        self.last_check.is_some_and(|last| last > now)
    }
}
